"""deploy.py: what it runs, what it refuses, and what it says when something is wrong."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import LOAD_DATE, Account
from reference.contract import TABLES, Kind
from snowflake.connector.errors import Error

from sandbox.aws import Aws
from sandbox.processes import free_port
from sandbox.snowflake_server import USER, Fault, SnowflakeServer, write_key_pair
from shelfweek.project import PROJECT
from snowflake import deploy
from snowflake import sql_files as sql_source
from snowflake.settings import CONNECTION, PARAMETERS, read_settings
from snowflake.sql_files import sql_files, statements

PASSPHRASE = "canary-of-a-passphrase"  # noqa: S105
PROGRAM = PROJECT / "snowflake" / "deploy.py"
FILES = [
    "01_roles.sql",
    "02_integrations.sql",
    "03_warehouse.sql",
    "04_database.sql",
    "05_raw_tables.sql",
    "06_stages.sql",
    "07_unload_procedure.sql",
    "08_unload_task.sql",
]


def state_of(account: Account) -> dict[str, object]:
    """What the account keeps of a deployment."""
    tables = account.sql(
        "select table_name, column_name, data_type, is_nullable "
        f"from {account.database}.information_schema.columns where table_schema = 'RAW' "
        "order by table_name, ordinal_position"
    )
    return {
        "columns": tables,
        "statements": sorted({text for _, text in account.server.ledger()["statements"]}),
        "task": account.sql(f"show tasks like 'unload_night' in schema {account.database}.ops"),
    }


# --- plan and deploy -----------------------------------------------------------------------------


def test_the_sql_needs_no_connection_and_leaves_no_parameter_open(
    unconnected: Account,
) -> None:
    outcome = unconnected.with_settings(
        SNOWFLAKE_ACCOUNT="", SNOWFLAKE_PRIVATE_KEY_FILE="", SNOWFLAKE_LANDING_URL="s3://b00/x=1/"
    ).deploy("sql")
    assert outcome.code == 0, outcome.errors
    assert re.findall(r"^-- (\d\d_\w+\.sql)$", outcome.output, re.MULTILINE) == FILES
    assert "&{" not in outcome.output
    assert "url = 's3://b00/x=1/'" in outcome.output
    assert "def unload(" in outcome.output
    assert "copy into sales" not in outcome.output


def test_the_sql_can_leave_out_what_an_administrator_runs(unconnected: Account) -> None:
    output = unconnected.deploy("sql", "--from", "03").output
    assert re.findall(r"^-- (\d\d_\w+\.sql)$", output, re.MULTILINE) == FILES[2:]
    assert set(re.findall(r"^use role (\w+);", output, re.MULTILINE)) == {
        "shelfweek_deployer",
        "shelfweek_unloader",
    }
    outcome = unconnected.deploy("sql", "--from", "30")
    assert outcome.code == 1
    assert outcome.errors.endswith("begins with 30\n")


def test_a_second_deployment_changes_nothing(new_account: Callable[[], Account]) -> None:
    account = new_account()
    first = account.deploy("deploy")
    assert first.code == 0, first.errors
    assert re.findall(r"s  (\d\d_\w+\.sql): \d+ statements", first.output) == FILES
    account.fill(store=[[1, "kept"]])
    before = state_of(account)
    assert account.deploy("deploy").code == 0
    assert account.deploy("deploy", "--from", "03").code == 0
    assert state_of(account) == before
    assert account.sql("select store_num from store") == [("kept",)]
    status = account.deploy("status")
    assert (status.code, status.output.splitlines()) == (
        0,
        [
            "task unload_night: started, USING CRON 0 7 * * * UTC",
            "no run in the last seven days",
        ],
    )


def test_every_statement_can_be_run_again() -> None:
    """Nothing is created that might be there already, and no integration is replaced."""
    for path in sql_files():
        for statement in statements(path.read_text()):
            words = " ".join(statement.split())
            if words.startswith("create"):
                form = (
                    r"create (or replace (procedure|task|stage|file format)"
                    r"|or alter (role|warehouse|database|schema)"
                    r"|(table|\w+ integration) if not exists) .*"
                )
                assert re.fullmatch(form, words), words


def test_a_later_deployment_brings_the_account_to_its_settings(
    new_account: Callable[[], Account],
) -> None:
    account = new_account()
    name = account.database
    # The roles and the warehouse of the other accounts are those of one account in truth.
    account = account.with_settings(
        SNOWFLAKE_DEPLOYER_ROLE="own_deployer",
        SNOWFLAKE_UNLOADER_ROLE="own_unloader",
        SNOWFLAKE_LOADER_ROLE="own_loader",
        SNOWFLAKE_WAREHOUSE="own_wh",
    )
    plan = account.deploy("plan")
    assert plan.code == 0, plan.errors
    assert "warehouse own_wh: not there in the account" in plan.output
    assert f"storage integration {name}_landing: not there in the account" in plan.output
    assert "table sales: not there in the account, 'created by deploy' in the files" in plan.output
    assert account.deploy("deploy").code == 0
    assert account.deploy("plan").output == "differences: 0\n"

    topic, role = "arn:aws:sns:us-east-1:123456789012:other", "arn:aws:iam::123456789012:role/other"
    account.sql(
        "alter warehouse own_wh set warehouse_size = 'medium' auto_suspend = 600",
        f"use schema {name}.ops",
        "alter task unload_night suspend",
        f"alter notification integration {name}_alerts set enabled = false",
        f"grant delete on all tables in schema {name}.raw to role own_unloader",
        f"revoke select on all tables in schema {name}.raw from role own_loader",
        f"alter table {name}.raw.store add column opened_on date",
    )
    changed = account.with_settings(
        SNOWFLAKE_ALERT_TOPIC_ARN=topic,
        SNOWFLAKE_ALERT_ROLE_ARN=role,
        SNOWFLAKE_SOURCE_URL="s3://shelfweek/elsewhere",
    )
    lines = changed.deploy("plan").output.splitlines()
    was = account.environment
    differing = [
        f"storage integration {name}_source: storage_allowed_locations: "
        f"'[{was['SNOWFLAKE_SOURCE_URL']}]' in the account, \"('s3://shelfweek/elsewhere/')\" "
        "in the files",
        f"notification integration {name}_alerts: enabled: 'false' in the account, 'true' in the "
        "files",
        f"notification integration {name}_alerts: aws_sns_topic_arn: "
        f"'{was['SNOWFLAKE_ALERT_TOPIC_ARN']}' in the account, '{topic}' in the files",
        f"notification integration {name}_alerts: aws_sns_role_arn: "
        f"'{was['SNOWFLAKE_ALERT_ROLE_ARN']}' in the account, '{role}' in the files",
        "warehouse own_wh: warehouse_size: 'Medium' in the account, 'x-small' in the files",
        "warehouse own_wh: auto_suspend: '600' in the account, '60' in the files",
        "table store: column opened_on: 'DATE' in the account, not there in the files",
        f"stage source: url: '{was['SNOWFLAKE_SOURCE_URL']}' in the account, "
        "'s3://shelfweek/elsewhere/' in the files",
        "task unload_night: state: 'suspended' in the account, 'started' in the files",
        *(
            f"role own_unloader: delete on table {name}.raw.{table}: 'granted' in the "
            "account, not there in the files"
            for table in sorted(TABLES)
        ),
        *(
            f"role own_loader: select on table {name}.raw.{table}: not there in the "
            "account, 'granted' in the files"
            for table in sorted(TABLES)
        ),
    ]
    assert lines == [*differing, f"differences: {len(differing)}"]

    assert changed.deploy("deploy").code == 0
    # What a person gave, and columns that hold data, are a person's to take away.
    kept = [line for line in differing if "opened_on" in line or "delete on" in line]
    assert changed.deploy("plan").output.splitlines() == [*kept, f"differences: {len(kept)}"]


def test_a_changed_procedure_is_told_by_the_line_that_differs(
    shared_account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = sql_source.UNLOAD_SOURCE.read_text()
    changed = tmp_path / "unload.py"
    changed.write_text(source.replace("LONGEST_WINDOW = 3660", "LONGEST_WINDOW = 99"))
    monkeypatch.setattr(sql_source, "UNLOAD_SOURCE", changed)
    assert (
        "procedure unload: body: 'LONGEST_WINDOW = 3660' in the account, 'LONGEST_WINDOW = 99' in "
        "the files\n"
    ) in shared_account.deploy("plan").output


def test_raw_tables_have_the_columns_of_the_contract(shared_account: Account) -> None:
    types = {
        Kind.BIGINT: {"NUMBER(38,0)"},
        Kind.INT: {"NUMBER(38,0)"},
        Kind.DECIMAL: {"NUMBER(18,4)"},
        Kind.FLAG: {"NUMBER(1,0)"},
        Kind.DATE: {"DATE"},
        Kind.TEXT: {"VARCHAR(16777216)"},
    }
    for name, table in TABLES.items():
        described = shared_account.sql(f"describe table {name}")
        assert [row[0] for row in described] == list(table.columns)
        for row in described:
            assert row[1] in types[table.kinds[row[0]]], row
            assert (row[3] == "N") == (row[0] in table.key), row


def test_the_unloader_may_read_and_dump_and_nothing_else(shared_account: Account) -> None:
    name = shared_account.database
    granted = {
        text.removesuffix(" to role shelfweek_unloader")
        for _, text in shared_account.server.ledger()["statements"]
        if text.endswith(" to role shelfweek_unloader") and name in text
    }
    assert granted == {
        f"grant usage on integration {name}_alerts",
        f"grant usage on database {name}",
        f"grant usage on schema {name}.raw",
        f"grant usage on schema {name}.ops",
        f"grant create procedure on schema {name}.ops",
        f"grant create task on schema {name}.ops",
        f"grant select on all tables in schema {name}.raw",
    }


@pytest.mark.parametrize("folder", [PROJECT, PROJECT / "docs"])
def test_it_runs_as_a_program_from_any_folder(unconnected: Account, folder: Path) -> None:
    """The folder `snowflake` must not hide the connector's package."""
    result = subprocess.run(  # noqa: S603
        [sys.executable, os.path.relpath(PROGRAM, folder), "sql"],
        cwd=folder,
        env={**os.environ, **unconnected.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("-- 01_roles.sql\n")


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy.main(["--help"])
    text = capsys.readouterr().out
    for setting in (*CONNECTION, *PARAMETERS):
        assert setting.variable in text
        assert setting.meaning in text


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    text = (PROJECT / "docs" / "snowflake.md").read_text()
    documented = re.findall(r"^\| `(SNOWFLAKE_\w+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    assert documented == [
        (
            setting.variable,
            "required" if setting.default is None else f"`{setting.default}`",
            setting.meaning,
        )
        if setting.default != ""
        else (setting.variable, "none", setting.meaning)
        for setting in (*CONNECTION, *PARAMETERS)
    ]


def test_statements_end_at_semicolons_of_their_own() -> None:
    text = (
        "-- a; b\nselect ';', 'it''s', '\\';';\n\ncall p() as\n$$\nx = 1; -- kept\n$$;\n-- end;\n"
    )
    assert statements(text) == [
        "select ';', 'it''s', '\\';'",
        "call p() as\n$$\nx = 1; -- kept\n$$",
    ]


# --- settings ------------------------------------------------------------------------------------


@pytest.fixture
def unconnected(tmp_path: Path) -> Account:
    """Settings of an account that nobody answers for."""
    private_key, _ = write_key_pair(tmp_path)
    server = SnowflakeServer(f"http://127.0.0.1:{free_port()}", private_key)
    return Account(server, Aws("http://127.0.0.1:1"), "shop")


def test_all_missing_settings_are_named_at_once(unconnected: Account) -> None:
    outcome = unconnected.with_settings(
        SNOWFLAKE_ACCOUNT="", SNOWFLAKE_LANDING_URL="", SNOWFLAKE_PRIVATE_KEY_FILE=""
    ).deploy("deploy")
    assert outcome.code == 1
    assert outcome.errors == (
        "error: settings: not set: SNOWFLAKE_ACCOUNT, SNOWFLAKE_PRIVATE_KEY_FILE, "
        "SNOWFLAKE_LANDING_URL; see --help\n"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SNOWFLAKE_DATABASE", "shop; drop database shop"),
        ("SNOWFLAKE_DATABASE", '"shop"'),
        ("SNOWFLAKE_WAREHOUSE", "1st"),
        ("SNOWFLAKE_DEPLOYER_ROLE", "a'b"),
        ("SNOWFLAKE_USER", "x to role accountadmin"),
        ("SNOWFLAKE_LANDING_URL", "s3://bucket/it's/"),
        ("SNOWFLAKE_LANDING_URL", "https://bucket/x/"),
        ("SNOWFLAKE_SOURCE_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ("SNOWFLAKE_ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a'b"),
        ("SNOWFLAKE_WINDOW_DAYS", "0"),
        ("SNOWFLAKE_WINDOW_DAYS", "35 + 1"),
        ("SNOWFLAKE_MAX_FILE_BYTES", "1e9"),
    ],
)
def test_a_setting_that_does_not_look_right_never_reaches_sql(
    unconnected: Account, variable: str, value: str
) -> None:
    outcome = unconnected.with_settings(**{variable: value}).deploy("sql")
    assert (outcome.code, outcome.output) == (1, "")
    assert outcome.errors.startswith(f"error: settings: {variable} is not right")
    assert outcome.errors.count("\n") == 1


@pytest.mark.parametrize(
    "written", ["s3://b00/x=1", "s3://b00/x=1/", "s3a://b00/x=1", "s3a://b00/x=1//"]
)
def test_a_folder_may_be_written_in_more_than_one_way(unconnected: Account, written: str) -> None:
    account = unconnected.with_settings(SNOWFLAKE_LANDING_URL=written)
    settings = read_settings(PARAMETERS, account.environment)
    assert settings["landing_url"] == "s3://b00/x=1/"


@pytest.mark.parametrize(
    "url",
    [
        "http://account.snowflakecomputing.com:80",
        "ftp://x",
        "127.0.0.1:80",
        "https://account.example.com",
        "https://account.snowflakecomputing.com.example.com",
        "https://snowflakecomputing.com",
        "https://example.com/account.snowflakecomputing.com",
        "https://account.snowflakecomputing.com@example.com",
        "https://127.0.0.1:443",
    ],
)
def test_only_snowflake_and_this_machine_get_a_login(unconnected: Account, url: str) -> None:
    outcome = unconnected.with_settings(SNOWFLAKE_URL=url).deploy("status")
    assert outcome.errors.startswith("error: settings: SNOWFLAKE_URL is not right")


@pytest.mark.parametrize(
    "url",
    [
        "https://org-account.snowflakecomputing.com",
        "https://org-account.privatelink.snowflakecomputing.com:443",
        "https://account.cn-north-1.aws.snowflakecomputing.cn",
    ],
)
def test_snowflakes_own_hosts_are_known(unconnected: Account, url: str) -> None:
    environment = unconnected.with_settings(SNOWFLAKE_URL=url).environment
    assert read_settings(CONNECTION, environment)["url"] == url


# --- login and rights ----------------------------------------------------------------------------


def test_an_account_that_does_not_answer_is_named(
    unconnected: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "LOGIN_TIMEOUT", 1)
    outcome = unconnected.deploy("status")
    assert outcome.code == 1
    url = unconnected.server.url
    assert outcome.errors.startswith(f"error: account sandbox cannot be reached at {url}: ")


def der(public_key: Path) -> bytes:
    """What stands between the first and the last line of a public key's file."""
    return base64.b64decode("".join(public_key.read_text().splitlines()[1:-1]))


def fingerprint(public_key: Path) -> str:
    """The fingerprint of a public key, as Snowflake shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(der(public_key)).digest()).decode()


def test_an_underscore_of_the_account_is_a_hyphen_in_its_host_alone(
    unconnected: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def connect(**options: object) -> None:
        asked.append(options)
        raise Error("not here")

    monkeypatch.setattr("snowflake.connector.connect", connect)
    for url in ("", "https://org-my_account.snowflakecomputing.com"):
        account = unconnected.with_settings(SNOWFLAKE_ACCOUNT="org-my_account", SNOWFLAKE_URL=url)
        assert account.deploy("status").code == 1
    hosts = {(options["account"], options["host"]) for options in asked}
    assert hosts == {("org-my_account", "org-my-account.snowflakecomputing.com")}


def test_a_key_is_exchanged_without_a_moment_in_which_no_key_fits(
    shared_account: Account, tmp_path: Path
) -> None:
    new, public = write_key_pair(tmp_path)
    renewed = shared_account.with_settings(SNOWFLAKE_PRIVATE_KEY_FILE=str(new))
    text = base64.b64encode(der(public)).decode()
    shared_account.sql(f"alter user {USER} set rsa_public_key_2 = '{text}'")
    try:
        assert shared_account.deploy("status").code == 0
        assert renewed.deploy("status").code == 0
        old = shared_account.server.private_key
        renewed.sql(f"alter user {USER} unset rsa_public_key")
        assert renewed.deploy("status").code == 0
        assert shared_account.deploy("status").errors.startswith(f"error: wrong key: {old}")
    finally:
        first = base64.b64encode(der(shared_account.server.private_key.with_suffix(".pub")))
        renewed.sql(
            f"alter user {USER} set rsa_public_key = '{first.decode()}'",
            f"alter user {USER} unset rsa_public_key_2",
        )


def test_a_wrong_key_and_a_wrong_user_are_told(shared_account: Account, tmp_path: Path) -> None:
    other, public = write_key_pair(tmp_path)
    outcome = shared_account.with_settings(SNOWFLAKE_PRIVATE_KEY_FILE=str(other)).deploy("status")
    assert outcome.code == 1
    assert outcome.errors == (
        f"error: wrong key: {other} is not a key of user {USER} in account sandbox, or there is no "
        f"such user. Its fingerprint is {fingerprint(public)}: `describe user {USER}` must show it "
        "as RSA_PUBLIC_KEY_FP or RSA_PUBLIC_KEY_2_FP\n"
    )
    for changes in ({"SNOWFLAKE_USER": "nobody"}, {"SNOWFLAKE_ACCOUNT": "elsewhere"}):
        outcome = shared_account.with_settings(**changes).deploy("status")
        assert outcome.errors.startswith("error: wrong key: ")


def test_a_key_that_cannot_be_opened_is_named_without_its_secrets(
    shared_account: Account, tmp_path: Path
) -> None:
    locked, _ = write_key_pair(tmp_path, PASSPHRASE)
    no_key = tmp_path / "no_key"
    no_key.write_text("x")
    for path, passphrase, reason in (
        (tmp_path / "absent", "", "cannot be read: No such file or directory"),
        (no_key, "", "cannot be opened"),
        (locked, "", "cannot be opened"),
        (locked, PASSPHRASE + "x", "cannot be opened"),
        # It opens, and is another user's.
        (locked, PASSPHRASE, "is not a key of user"),
    ):
        outcome = shared_account.with_settings(
            SNOWFLAKE_PRIVATE_KEY_FILE=str(path), SNOWFLAKE_PRIVATE_KEY_PASSPHRASE=passphrase
        ).deploy("status")
        assert outcome.code == 1
        assert reason in outcome.errors
        assert outcome.errors.count("\n") == 1
        assert PASSPHRASE not in outcome.errors
        assert "PRIVATE KEY-----" not in outcome.errors


def test_no_secret_is_printed(
    shared_account: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    locked, _ = write_key_pair(tmp_path, PASSPHRASE)
    accounts = (
        shared_account,
        shared_account.with_settings(
            SNOWFLAKE_PRIVATE_KEY_FILE=str(locked), SNOWFLAKE_PRIVATE_KEY_PASSPHRASE=PASSPHRASE
        ),
    )
    secrets = [PASSPHRASE]
    for path in (shared_account.server.private_key, locked):
        secrets += [line for line in path.read_text().splitlines() if "-----" not in line]
    with caplog.at_level("DEBUG"):
        for account in accounts:
            for command in ("sql", "plan", "deploy", "status", "unload"):
                outcome = account.deploy(command)
                said = outcome.output + outcome.errors + caplog.text
                assert [secret for secret in secrets if secret in said] == []


def test_before_the_first_deployment_the_role_is_missing(unconnected_role: Account) -> None:
    outcome = unconnected_role.deploy("unload", "--load-date", LOAD_DATE.isoformat())
    assert outcome.errors == (
        "error: missing right: Role 'SHOP_ABSENT' specified in the connect string does not exist "
        f"or not authorized. The roles come with deploy, which gives them to {USER}\n"
    )


@pytest.fixture
def unconnected_role(shared_account: Account) -> Account:
    """The account with an unloader that does not exist."""
    return shared_account.with_settings(SNOWFLAKE_UNLOADER_ROLE="shop_absent")


def test_a_missing_right_names_file_and_statement(account: Account) -> None:
    account.server.set_faults(
        [
            Fault(
                "create or alter warehouse",
                3001,
                "42501",
                "SQL access control error:\nInsufficient privileges to operate on account 'X'",
            )
        ]
    )
    outcome = account.deploy("deploy")
    assert outcome.code == 1
    assert "02_integrations.sql" in outcome.output
    assert "03_warehouse.sql" not in outcome.output
    assert outcome.errors == (
        "error: missing right: 03_warehouse.sql, statement 2: SQL access control error: "
        "Insufficient privileges to operate on account 'X'\n"
    )


def test_status_tells_a_task_that_is_missing_or_off(account: Account) -> None:
    account.sql("alter task ops.unload_night suspend")
    outcome = account.deploy("status")
    assert outcome.code == 1
    assert "task unload_night: suspended" in outcome.output
    account.sql("alter task ops.unload_night resume")
    outcome = account.with_settings(SNOWFLAKE_DATABASE="nowhere").deploy("status")
    assert outcome.code == 1
    assert "there is no task unload_night in nowhere.ops" in outcome.errors


# --- load ----------------------------------------------------------------------------------------


def test_a_load_replaces_all_rows_or_none(account: Account, tmp_path: Path) -> None:
    headers = {name: ",".join(table.columns) for name, table in TABLES.items()}
    rows = {"sales": "5,9,1,2026-01-12", "inventory": "2026-01-12,1,9", "calendar": "2026-01-12"}
    rows |= {"store": '1,"a ""b""",""', "product": "9"}
    for name, row in rows.items():
        row += "," * (len(TABLES[name].columns) - 1 - row.count(","))
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text(f"{headers[name]}\n{row}\n")
    account.upload(tmp_path)
    outcome = account.deploy("load")
    assert outcome.code == 0, outcome.errors
    assert outcome.output.count(" 1 rows into ") == 5
    assert account.sql("select trans_id, sales_qty from sales") == [(5, None)]
    assert account.sql("select store_num, store_desc, addr from store") == [('a "b"', "", None)]

    account.fill(sales=[[6, 9, 1, "2026-01-11"]])
    bad = tmp_path / "calendar" / "rows.csv"
    bad.write_text(f"{headers['calendar']}\nno date{',' * 10}\n")
    account.upload(tmp_path)
    outcome = account.deploy("load")
    assert outcome.code == 1
    assert outcome.errors.startswith("error: copy into calendar: ")
    assert account.sql("select trans_id from sales") == [(6,)]

    source = "s3://shelfweek/nothing/here/"
    empty = account.with_settings(SNOWFLAKE_SOURCE_URL=source)
    assert empty.deploy("deploy").code == 0
    assert empty.deploy("load").errors == f"error: copy into sales: no rows in {source}\n"
    assert account.sql("select trans_id from sales") == [(6,)]
    assert account.deploy("deploy").code == 0
