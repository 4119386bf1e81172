"""A place that a command cannot reach is refused in one line, with the command that can."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import places
from sandbox.__main__ import main as sandbox
from sandbox.dashboard.__main__ import main as dashboard
from sandbox.sample.__main__ import main as sample
from sandbox.thrift_server import main as thrift_server
from shelfweek.project import PROJECT

ELSEWHERE = (
    "s3://bucket/x",
    "s3:/bucket/x",
    "S3A://bucket/x",
    "hdfs://host:8020/x",
    "gs://bucket/x",
    "abfss://container@account/x",
    "https://host/x.csv",
    "simplecache::s3://bucket/x",
    "file://another-host/x",
)

COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str], str]] = {
    "run LAKE": (sandbox, ["run", "--lake"], "the DAG of the night writes lakes on S3"),
    "run LANDING": (sandbox, ["run", "--landing"], "aws s3 sync"),
    "server LAKE": (sandbox, ["server", "--lake"], "the DAG of the night"),
    "stop LAKE": (sandbox, ["stop", "--lake"], "the DAG of the night"),
    "sql LAKE": (sandbox, ["sql", "--lake"], "Athena reads them"),
    "rollback LAKE": (sandbox, ["rollback", "--lake"], "the DAG of the night"),
    "docs LAKE": (sandbox, ["docs", "--lake"], "the DAG of the night"),
    "export LAKE": (sandbox, ["export", "--lake"], "Athena reads them"),
    "export TO": (sandbox, ["export", "--to"], "aws s3 sync FOLDER"),
    "dashboard LAKE": (dashboard, ["--lake"], "Athena reads them"),
    "sample TO": (sample, ["--to"], "aws s3 sync FOLDER"),
    "sample SALES": (sample, ["--to", "x", "--sales"], "aws s3 cp"),
    "sample store": (sample, ["--to", "x", "--store"], "aws s3 cp"),
    "thrift_server": (thrift_server, ["start", "--lake"], "the DAG of the night"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("address", ELSEWHERE)
def test_an_address_elsewhere_is_refused(
    name: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, arguments, remedy = COMMANDS[name]
    with pytest.raises(SystemExit) as ended:
        command([*arguments, address])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert f"{address} is not on this machine" in line
    assert remedy in line


def test_make_passes_the_refusal_on() -> None:
    done = subprocess.run(
        ["make", "-o", ".venv/.run", "run", "LAKE=s3://bucket/lake"],  # noqa: S607
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "s3://bucket/lake is not on this machine" in done.stderr
    assert not (PROJECT / "s3:").exists()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/data/my lake", "/data/my lake"),
        ("file:///data/my%20lake", "/data/my lake"),
        ("file:/data/lake", "/data/lake"),
        ("FILE://localhost/data", "/data"),
        ("/data/100%", "/data/100%"),
        ("~/lake", str(Path.home() / "lake")),
        ("lake", str(Path.cwd() / "lake")),
        # A folder's name, not a scheme.
        ("night: first", str(Path.cwd() / "night: first")),
    ],
)
def test_a_folder_of_this_machine_is_taken(text: str, path: str) -> None:
    for kind in (places.lake, places.landing, places.output, places.input_file):
        assert kind(text) == Path(path)
