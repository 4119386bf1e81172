"""What a person reads when something fails: no trace, no control signs, true commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from domains import RETAIL
from dumps import LOAD_DATE, night_tables
from lakes import Lake
from reference.cases import write_dump

from shelfweek.engine import Engine, EngineError
from shelfweek.landing import Landing
from shelfweek.make_command import make_command
from shelfweek.night import DbtError, DbtProject, NightError, register
from shelfweek.printable import printable, printable_lines
from shelfweek.reason import MAX_LENGTH, reason_of

TORN_GZIP = """\
Runtime Error in model base_retail__sales (models/staging/retail/base_retail__sales.sql)
  Database Error
    org.apache.hive.service.cli.HiveSQLException: Error running query: \
org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 52.0 failed
    \tat org.apache.spark.sql.errors.QueryExecutionErrors$.x(QueryExecutionErrors.scala:775)
    Caused by: java.io.EOFException: Unexpected end of input stream
    \tat org.apache.hadoop.io.compress.DecompressorStream.x(DecompressorStream.java:165)
    \t... 17 more

    Driver stacktrace:
    \tat org.apache.spark.scheduler.DAGScheduler.x(DAGScheduler.scala:2898)
    Caused by: java.io.EOFException: Unexpected end of input stream
    \t... 17 more"""

SYNTAX = """\
Encountered an error while running operation: Runtime Error
  Runtime Error
    Database Error
      org.apache.hive.service.cli.HiveSQLException: Error running query: [PARSE_SYNTAX_ERROR] \
org.apache.spark.sql.catalyst.parser.ParseException:\x20
      [PARSE_SYNTAX_ERROR] Syntax error at or near ')'.(line 2, pos 183)

      == SQL ==
      create or replace view"""

MACRO = """\
Encountered an error while running operation: Compilation Error
  The Thrift Server runs without spark.sql.ansi.enabled=true.

  > in macro register_run (macros/loading/register_run.sql)"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TORN_GZIP, "EOFException: Unexpected end of input stream"),
        (SYNTAX, "[PARSE_SYNTAX_ERROR] Syntax error at or near ')'.(line 2, pos 183)"),
        (MACRO, "The Thrift Server runs without spark.sql.ansi.enabled=true."),
        ("Runtime Error\n  Could not connect to any of", "Could not connect to any of"),
        ("", "no reason was given"),
    ],
)
def test_a_reason_is_the_root_cause_in_one_line(text: str, reason: str) -> None:
    assert reason_of(text) == reason


def test_a_long_reason_is_cut() -> None:
    assert len(reason_of("word " * 1000)) == MAX_LENGTH


def test_a_refused_statement_is_told_in_one_line(port: int) -> None:
    with pytest.raises(EngineError) as refused:
        Engine(port=port).query("select * from absent.table_of_nobody")
    assert str(refused.value).startswith("[TABLE_OR_VIEW_NOT_FOUND] The table or view `absent`")
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_registered_are_told_with_the_reason(
    fresh_lake: Lake, tmp_path: Path
) -> None:
    """A folder of the lake is a file."""
    write_dump(tmp_path / "landing", LOAD_DATE, night_tables())
    landing = Landing.scan(str(tmp_path / "landing"), RETAIL)
    night = landing.open_night(LOAD_DATE)
    fresh_lake.home.mkdir(parents=True)
    (fresh_lake.home / "marts").touch()
    with pytest.raises(NightError) as refused:
        register([night], landing, fresh_lake.project, fresh_lake.uri)
    first, log = str(refused.value).splitlines()
    assert first.startswith("the run could not be registered: ")
    assert f"{fresh_lake.home}/marts" in first
    assert log == f"(log: {fresh_lake.project.log})"
    assert fresh_lake.project.log.exists()
    # What --debug shows.
    assert isinstance(refused.value.__cause__, DbtError)
    assert "\tat org.apache" in str(refused.value.__cause__)
    assert not (fresh_lake.folder / "format.json").exists()


def test_a_lake_that_cannot_be_written_to_is_told(fresh_lake: Lake, tmp_path: Path) -> None:
    write_dump(tmp_path / "landing", LOAD_DATE, night_tables())
    landing = Landing.scan(str(tmp_path / "landing"), RETAIL)
    night = landing.open_night(LOAD_DATE)
    fresh_lake.home.mkdir(parents=True)
    (fresh_lake.home / "raw").touch()
    with pytest.raises(NightError, match=r"^the run could not be registered: .*raw"):
        register([night], landing, fresh_lake.project, fresh_lake.uri)


def test_dbts_variables_of_the_shell_do_not_reach_our_dbt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of another project; afterwards they are there again."""
    foreign = {"DBT_TARGET": "prod", "DBT_PROFILES_DIR": "/none", "DBT_ENGINE_WARN_ERROR": "1"}
    for name, text in foreign.items():
        monkeypatch.setenv(name, text)
    DbtProject(Engine(), tmp_path).parse(lambda what, seconds: None)
    assert {name: os.environ.get(name) for name in foreign} == foreign


@pytest.mark.parametrize("name", ["Retail", "a-b", "1a", "_a", "a; drop schema b", "a\n"])
def test_a_prefix_of_schemas_is_a_plain_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWEEK_SCHEMA", name)
    with pytest.raises(EngineError, match="is no beginning of a schema's name"):
        Engine.from_environment()


def test_a_prefix_of_schemas_is_no_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWEEK_SCHEMA", "retail")
    with pytest.raises(EngineError, match="as in retailretail_marts: unset it"):
        Engine.from_environment()


@pytest.mark.parametrize(
    ("prefix", "told"),
    [("a b", "is no beginning of a schema's name"), ("retail", "is a domain, and would stand")],
)
def test_dbt_refuses_the_same_prefixes(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, prefix: str, told: str
) -> None:
    """Without the engine's class, as in a shell."""
    project = DbtProject(Engine(port=port, prefix="a"), tmp_path)
    object.__setattr__(project.engine, "prefix", prefix)
    built = project.invoke("build", "--select", "base_retail__run")
    assert not built.is_success
    assert built.reason.startswith(f"SHELFWEEK_SCHEMA {prefix} {told}")


def test_a_port_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWEEK_THRIFT_PORT", "ten")
    with pytest.raises(EngineError, match="SHELFWEEK_THRIFT_PORT 'ten' is no number"):
        Engine.from_environment()


def test_what_a_screen_would_obey_is_shown_as_a_code() -> None:
    assert printable("Québec\x1b[31m\n\u202e\t") == r"Québec\x1b[31m\n\u202e\t"
    assert printable_lines("a\x07\nb") == "a\\x07\nb"


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "select 1 from t where name = 'sales'",
        "a \"b\" and 'c'",
        "$HOME $(shell date) $$ ${x}",
        r"back\slash `date` !",
        "# no comment",
        "/my lake's $HOME",
    ],
)
def test_a_command_that_is_pasted_keeps_its_values(value: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("export Q\nsql:\n\t@printf '%s' \"$$Q\"\n")
    shell = shutil.which("bash") or "sh"
    # A make within the make that runs the tests would print which folder it enters.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(  # noqa: S603
        [shell, "-c", make_command("sql", Q=value)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == value
