"""What CI, the dev container and the hooks before a commit call is there, and pinned."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shelfweek.project import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def steps_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps of all jobs."""
    for job in workflow["jobs"].values():
        yield from job["steps"]


def make_targets() -> set[str]:
    """Return the targets that `make` lists."""
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))


def assert_it_can_be_called(command: str) -> None:
    """A line of shell names a target of the Makefile, or a script that hands its target to make."""
    program, *targets = command.split()
    if program != "make":
        assert os.access(PROJECT / program, os.X_OK), command
        assert 'make "${1:-test}"' in (PROJECT / program).read_text(encoding="utf-8")
    assert set(targets) <= make_targets(), command


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_is_there_and_may_only_read(path: Any) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    commands = [step["run"] for step in steps_of(workflow) if "run" in step]
    assert len(commands) == len(workflow["jobs"])
    for command in commands:
        assert_it_can_be_called(command)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_and_images_are_pinned(path: Any) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    for step in steps_of(workflow):
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v0")), step
    for job in workflow["jobs"].values():
        assert re.search(r"-\d+\.\d+$", job["runs-on"])


def test_one_image_of_python_is_used_in_all_places() -> None:
    """The oldest version that pyproject.toml allows, on Debian 12."""
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())
    images = {container["image"].replace("-slim", "")}
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            given = job["container"]
            images.add(given["image"] if isinstance(given, dict) else given)
    oldest = re.search(r'requires-python = ">=([\d.]+)', (PROJECT / "pyproject.toml").read_text())
    assert oldest
    assert images == {f"python:{oldest[1]}-bookworm"}
    assert_it_can_be_called(container["postCreateCommand"])


def test_the_hooks_before_a_commit_are_the_checks_of_make_lint() -> None:
    """Each check belongs to one hook, and no hook names another one."""
    script = (PROJECT / "tests" / "lint.sh").read_text(encoding="utf-8")
    checks = re.findall(r"^check ([a-z-]+) ", script, re.MULTILINE)
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = config["repos"]
    called = []
    for hook in local["hooks"]:
        program, *names = hook["entry"].split()
        assert program == "tests/lint.sh"
        called += names
    assert sorted(called) == sorted(checks)


def test_owners_are_given_to_folders_that_are_there() -> None:
    lines = (PROJECT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    assert owned[0] == "*"
    assert [folder for folder in owned[1:] if not (PROJECT / folder.strip("/")).is_dir()] == []


def test_a_release_has_one_version() -> None:
    """dbt's project and Python's have it, and the changelog tells of it."""
    (declared,) = re.findall(r'^version = "(.+)"', (PROJECT / "pyproject.toml").read_text(), re.M)
    dbt_project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert dbt_project["version"] == declared
    headings = re.findall(r"^## (.+)", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert next(heading for heading in headings if heading != "Unreleased") == declared
