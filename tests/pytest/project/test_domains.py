"""A domain is what its own folders declare; what they lack is told with file and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from domains import RETAIL

import sandbox.command
from sandbox.__main__ import main as command
from sandbox.dashboard.__main__ import main as dashboard
from sandbox.lambda_package import main as package
from sandbox.sample.__main__ import main as sample
from shelfweek.domain import Domain, DomainError, RawTable, domain

SOURCES = "models/staging/shop/_shop__sources.yml"
SALES = "models/marts/shop/fct_sales.yml"
STORES = "models/marts/shop/dim_store.yml"

DECLARED = {
    SOURCES: """
        sources:
          - name: shop_run
            tables: [{name: run_files}]
          - name: shop_raw
            tables:
              - name: order_lines
                config: {meta: {business_date: day, encoding: ISO-8859-1}}
                columns:
                  - {name: day, data_type: date, config: {meta: {key: true}}}
                  - {name: amount}
              - name: store
                config: {meta: {multi_line: true}}
                columns: [{name: store_no, config: {meta: {key: true}}}]
        """,
    SALES: """
        models:
          - name: fct_sales
            config: {partition_by: month}
            columns: [{name: month}, {name: amount}]
        """,
    STORES: """
        models:
          - name: dim_store
            columns: [{name: store_no}]
        """,
}


def declared(project: Path, spoiled: str = "", old: str = "", new: str = "") -> Path:
    """A project with one domain, in one of whose files a text is replaced."""
    for file, content in DECLARED.items():
        path = project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        assert file != spoiled or old in content
        path.write_text(content.replace(old, new) if file == spoiled else content, "utf-8")
    return project


def test_a_domain_is_read_from_its_own_folders(tmp_path: Path) -> None:
    shop = domain("shop", declared(tmp_path))
    assert list(shop.raw_tables.values()) == [
        RawTable("order_lines", ("day", "amount"), False, "ISO-8859-1", "day", SOURCES),
        RawTable("store", ("store_no",), True, "UTF-8", None, SOURCES),
    ]
    assert shop.published_tables == {"dim_store": None, "fct_sales": "month"}
    assert shop.business_dates == {"order_lines": "day", "store": None}


def test_retail_is_told_of_in_its_order() -> None:
    assert list(RETAIL.business_dates.items()) == [
        ("sales", "trans_dt"),
        ("inventory", "cal_dt"),
        ("store", None),
        ("product", None),
        ("calendar", None),
    ]
    partitioned = {name: column for name, column in RETAIL.published_tables.items() if column}
    assert partitioned == {
        "fct_weekly_sales_inventory": "week_end_date",
        "rejected_rows": "load_date",
    }


def test_an_unknown_domain_is_refused_with_those_there_are(tmp_path: Path) -> None:
    project = declared(tmp_path)
    (project / "models" / "staging" / "post").mkdir()
    for name in ("shoe", "", "../staging/shop"):
        told = f"there is no domain {name!r}; there are: post, shop"
        with pytest.raises(DomainError, match=f"^{re.escape(told)}$"):
            domain(name, project)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (SOURCES, "sources:", "tables:", f"{SOURCES} lacks `sources`, a list"),
        (SOURCES, "name: shop_raw", "name: rows", f"{SOURCES} declares no source named shop_raw"),
        (SOURCES, "- name: shop_run\n", "- label: run\n", f"{SOURCES}: a source lacks its `name`"),
        (
            SOURCES, "[{name: store_no, config: {meta: {key: true}}}]", "[]",
            f"{SOURCES}: source shop_raw: table store lacks `columns`, a list",
        ),
        (
            SOURCES, "{name: amount}", "amount",
            f"{SOURCES}: source shop_raw: table order_lines: a column lacks its `name`",
        ),
        (
            SOURCES, "business_date: day", "business_date: date",
            f"{SOURCES}: source shop_raw: table order_lines: `business_date` is 'date', "
            "which is none of its columns",
        ),
        (
            SOURCES, "ISO-8859-1", "latin-7",
            f"{SOURCES}: source shop_raw: table order_lines: there is no encoding 'latin-7'",
        ),
        (
            SOURCES, "{name: store_no, config: {meta: {key: true}}}", "{name: store_no}",
            f"{SOURCES}: source shop_raw: table store: no column has `key: true` in its meta",
        ),
        (
            SOURCES, "name: amount", "name: row_id",
            f"{SOURCES}: source shop_raw: table order_lines: the engine has a column row_id of its "
            "own",
        ),
        (
            SOURCES, "{multi_line: true}", "{delimiter: '||'}",
            f"{SOURCES}: source shop_raw: table store: `delimiter` is '||', one visible sign is "
            "expected",
        ),
        (
            SOURCES, "data_type: date", "data_type: timestamp",
            f"{SOURCES}: source shop_raw: table order_lines: column day: a business date is a "
            "date, not timestamp",
        ),
        (
            SOURCES, "name: amount", "name: amount, config: {meta: {control_total: true}}",
            f"{SOURCES}: source shop_raw: table order_lines: column amount: a control total is a "
            "decimal or a whole number, not string",
        ),
        (
            SOURCES, "{multi_line: true}", "{decimal_sign: ' '}",
            f"{SOURCES}: source shop_raw: table store: `decimal_sign` is ' ', . or , is expected",
        ),
        (
            SOURCES, "business_date: day,", "business_date: day, period: week,",
            f"{SOURCES}: source shop_raw: table order_lines: `period` is 'week', month or year is "
            "expected",
        ),
        (
            SOURCES, "{multi_line: true}", "{period: year}",
            f"{SOURCES}: source shop_raw: table store: a `period` needs a `business_date` too",
        ),
        (SOURCES, "sources:", "sources: [", f"{SOURCES} is no YAML: while parsing a flow "),
        (
            SALES, "partition_by: month", "partition_by: week",
            f"{SALES}: model fct_sales: `partition_by` is 'week', which is none of its columns",
        ),
        (SALES, "- name: fct_sales", "- label: fct_sales", f"{SALES}: a model lacks its `name`"),
        (STORES, "models:", "seeds:", f"{STORES} lacks `models`, a list"),
    ],
)  # fmt: skip
def test_a_declaration_that_lacks_something_is_refused(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(DomainError, match=f"^{re.escape(told)}"):
        domain("shop", declared(tmp_path, file, old, new))


def test_a_domain_without_its_files_is_refused(tmp_path: Path) -> None:
    project = declared(tmp_path)
    for file in (SALES, STORES):
        (project / file).unlink()
    told = "models/marts/shop has no YAML file that declares a published table"
    with pytest.raises(DomainError, match=told):
        domain("shop", project)
    (project / SOURCES).unlink()
    with pytest.raises(DomainError, match=f"{SOURCES} cannot be read: No such file"):
        domain("shop", project)


COMMANDS = {
    "run": (command, ["run"]),
    "sql": (command, ["sql"]),
    "docs": (command, ["docs"]),
    "export": (command, ["export", "--to", "x"]),
    "rebuild": (command, ["rebuild"]),
    "rollback": (command, ["rollback", "--load-date", "2026-11-20"]),
    "dashboard": (dashboard, []),
    "sample": (sample, ["--to", "x"]),
    "readiness package": (package, []),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_an_unknown_domain_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main, arguments = COMMANDS[name]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--domain", "shoe"])
    assert ended.value.code == 2
    told = "error: argument --domain: there is no domain 'shoe'; there are: retail\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("name", "what"), [("sample", "sample dumps"), ("dashboard", "dashboards")]
)
def test_what_only_retail_has_is_refused_for_others(
    name: str,
    what: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox.command, "domain", lambda name: Domain(name, {}, {}))
    main, arguments = COMMANDS[name]
    with pytest.raises(SystemExit):
        main([*arguments, "--domain", "shop"])
    told = f"error: argument --domain: domain shop has no {what}, only retail has\n"
    assert capsys.readouterr().err == told


def test_a_domain_without_a_sample_asks_for_its_dumps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.command, "domain", lambda name: Domain(name, {}, {}))
    assert command(["run", "--lake", str(tmp_path / "lake"), "--domain", "shop"]) == 1
    told = "domain shop has no sample dumps: name its own, make run LANDING=folder DOMAIN=shop"
    assert told in capsys.readouterr().err
