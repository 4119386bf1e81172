"""Commands on a folder without a lake, and on lakes that cannot be read yet or not any more."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dumps import LOAD_DATE, night_tables
from reference.cases import write_dump
from rich.console import Console

import sandbox.__main__
import sandbox.dashboard.__main__
import sandbox.run
from sandbox.__main__ import main
from shelfweek.engine import Engine
from shelfweek.lake import LakeError
from shelfweek.lake_format import FORMAT, expect_own_lake, mark_lake

READING = {
    "sql": ["sql", "select 1"],
    "export": ["export", "--to", "an export"],
    "docs": ["docs"],
    "rebuild": ["rebuild"],
    "rollback": ["rollback", "--load-date", "2026-01-14"],
    "dashboard": [],
}
"""Commands that need a published night."""

Refuse = Callable[[str, Path], str]


@pytest.fixture
def refusal(
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refuse:
    """Runs a command on a lake, whose engine is that of the tests, and gives its one line."""

    @contextlib.contextmanager
    def engine_of(_console: Console, _lake: Path, **_: object) -> Iterator[Engine]:
        yield Engine(port=port, prefix="empty_")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sandbox.run, "LAST_LAKE", tmp_path / "last_lake")
    monkeypatch.setattr(sandbox.dashboard.__main__, "require_environment", lambda: None)
    for module in (sandbox.__main__, sandbox.dashboard.__main__, sandbox.run):
        monkeypatch.setattr(module, "engine_of", engine_of)

    def refuse(name: str, lake: Path) -> str:
        command = sandbox.dashboard.__main__.main if name == "dashboard" else main
        words = READING.get(name, [name])
        assert command([*words[:1], "--lake", str(lake), *words[1:]]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return refuse


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake whose server was up once, and nothing else."""
    (tmp_path / "my lake" / "metastore").mkdir(parents=True)
    return tmp_path / "my lake"


@pytest.mark.parametrize("name", READING)
def test_without_a_lake_the_command_that_makes_one_is_told(
    name: str, tmp_path: Path, refusal: Refuse
) -> None:
    told = f"error: there is no lake in {tmp_path}: make run LAKE={tmp_path} makes one"
    assert refusal(name, tmp_path) == told


@pytest.mark.parametrize("name", READING)
def test_a_lake_without_a_night_is_told_as_such(name: str, lake: Path, refusal: Refuse) -> None:
    """It is the same while the first night is being loaded."""
    told = refusal(name, lake)
    assert told.startswith(f"error: no night is published to {lake} yet: if a run is at work")
    assert told.endswith(f'otherwise make run LAKE="{lake}" loads one')


@pytest.mark.parametrize("name", [*READING, "run", "server"])
def test_a_newer_releases_lake_is_left_alone(name: str, lake: Path, refusal: Refuse) -> None:
    (lake / "format.json").write_text(json.dumps({"format": FORMAT + 1}))
    told = refusal(name, lake)
    assert f"has format {FORMAT + 1}" in told
    assert "update shelfweek" in told


def test_a_lake_that_is_no_folder_is_told(tmp_path: Path, refusal: Refuse) -> None:
    file = tmp_path / "file"
    file.touch()
    write_dump(tmp_path / "landing", LOAD_DATE, night_tables())
    assert "there is no lake in" in refusal("sql", file)
    assert main(["run", "--lake", str(file), "--landing", str(tmp_path / "landing")]) == 1


def test_results_are_plain_text(
    lake: Path, refusal: Refuse, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    """No markup of ours, and nothing that the terminal would obey."""
    engine = Engine(port=port, prefix="empty_")
    engine_session = engine.session()
    with engine_session as session:
        session.execute("create schema if not exists empty_retail_marts")
    try:
        query = "select '[red]x[/red]' as `[b]name`, concat('a', chr(27), '[31m') as code"
        assert main(["sql", "--lake", str(lake), query]) == 0
        printed = capsys.readouterr().out
    finally:
        with engine.session() as session:
            session.execute("drop schema empty_retail_marts")
    assert "[red]x[/red]" in printed
    assert "[b]name" in printed
    assert r"a\x1b[31m" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("content", ["[]", "{}", "one", '{"format": "x"}', "\xff"])
def test_a_marker_that_cannot_be_read_is_told(lake: Path, content: str) -> None:
    (lake / "format.json").write_text(content, encoding="latin-1")
    with pytest.raises(LakeError, match="does not tell the lake's format: delete it"):
        expect_own_lake(f"file:{lake}")


@pytest.mark.parametrize("content", [None, "", '{"format": 0}', '{"format": 1}'])
def test_older_lakes_are_marked_by_a_run(lake: Path, content: str | None) -> None:
    if content is not None:
        (lake / "format.json").write_text(content)
    expect_own_lake(f"file:{lake}")
    mark_lake(f"file:{lake}")
    marked = {"format": FORMAT, "lake": f"file:{lake.resolve()}"}
    assert json.loads((lake / "format.json").read_text()) == marked
    expect_own_lake(f"file:{lake}/")


@pytest.mark.parametrize("name", [*READING, "run", "server"])
def test_a_lake_that_was_moved_is_left_alone_with_the_way_back(
    name: str, lake: Path, refusal: Refuse, tmp_path: Path
) -> None:
    """Its catalog would have it read and written where it lay before."""
    before = tmp_path / "it was here"
    (lake / "format.json").write_text(json.dumps({"format": FORMAT, "lake": f"file:{before}"}))
    told = refusal(name, lake)
    assert f"the lake in {lake.resolve()} was made in {before}" in told
    assert f"`mv '{lake.resolve()}' '{before}'` brings it back" in told
    before.mkdir()
    assert "if this is a copy, use that one" in refusal(name, lake)


def test_a_lake_is_itself_behind_a_link(lake: Path, tmp_path: Path) -> None:
    mark_lake(f"file:{lake}")
    (tmp_path / "link").symlink_to(lake)
    expect_own_lake(f"file:{tmp_path / 'link'}")


def test_a_lake_on_an_unknown_scheme_is_told() -> None:
    with pytest.raises(LakeError, match="nosuch://x cannot be read"):
        expect_own_lake("nosuch://x")
