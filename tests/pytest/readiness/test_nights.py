"""Whole nights and broken ones, played on the deployed check."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from domains import RETAIL
from nights import (
    BUCKET,
    DAG_ID,
    OTHER_RECIPIENT,
    PREFIX,
    RECIPIENT,
    SENDER,
    Invoke,
    Mails,
    NightDump,
    Put,
    leaks,
    starts,
)  # fmt: skip

from sandbox.airflow_api import AirflowApi
from sandbox.aws import Aws
from sandbox.emulated_account import upload
from sandbox.sample.__main__ import main as write_sample
from shelfweek.landing import Landing


def test_a_whole_night_starts_its_run_at_the_first_check(
    dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    outcome = invoke(check=1)
    assert outcome.status == "started"
    assert set(outcome.answer["tables"].values()) == {"ready"}
    run = airflow.runs[DAG_ID, f"nightly__{dump.load_date}"]
    assert run["logical_date"] is None
    assert run["conf"] == {
        "load_date": str(dump.load_date),
        "landing_uri": f"s3://{BUCKET}/{PREFIX}",
        "files": {
            table: dump.uris(table)
            for table in ("sales", "inventory", "store", "product", "calendar")
        },
        "manifest": f"s3://{BUCKET}/{PREFIX}/manifest/load_date={dump.load_date}/"
        f"manifest_{dump.load_date:%Y%m%d}.json",
        "emr": {
            "release": "emr-7.13.0",
            "market": "ON_DEMAND",
            "primary_instance_type": "m7g.xlarge",
            "core_instance_type": "r7g.xlarge",
            "core_instance_count": 2,
            "task_instance_count": 0,
        },
    }
    assert not mails()


def test_the_log_is_one_json_line_per_event_with_load_date_and_run_id(
    dump: NightDump, put: Put, check_here: Invoke
) -> None:
    put()
    outcome = check_here(check=1)
    assert outcome.events == ["dump_checked", "night_started"]
    assert {line["load_date"] for line in outcome.log} == {str(dump.load_date)}
    assert {line["run_id"] for line in outcome.log} == {f"nightly__{dump.load_date}"}
    assert {line["level"] for line in outcome.log} == {"INFO"}


def test_a_dump_of_the_sample_generator_is_ready_and_the_run_gets_all_its_parts(
    account: Aws, load_date: date, tmp_path: Path, invoke: Invoke, airflow: AirflowApi
) -> None:
    size = ["--stores", "2", "--products", "3", "--days", "9", "--nights", "1", "--parts", "3"]
    write_sample(["--to", str(tmp_path), "--end", str(load_date), "--gzip", *size])
    upload(account.client("s3"), tmp_path)
    assert invoke(check=1).status == "started"
    files = airflow.runs[DAG_ID, f"nightly__{load_date}"]["conf"]["files"]
    night = Landing.scan(str(tmp_path), RETAIL).open_night(load_date)
    assert {uri.rpartition("/")[2] for uris in files.values() for uri in uris} == {
        file.name for file in night.files
    }
    assert len(files["sales"]) == 3


def test_a_flat_landing_is_ready_with_the_rights_that_the_check_has(
    account: Aws, dump: NightDump, tmp_path: Path, invoke: Invoke, airflow: AirflowApi
) -> None:
    dump.write()
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in dump.folder.rglob("*.*"):
        if path.is_file():
            path.rename(flat / path.name)
    upload(account.client("s3"), flat)
    assert invoke(check=1).status == "started"
    conf = airflow.runs[DAG_ID, f"nightly__{dump.load_date}"]["conf"]
    assert conf["files"]["sales"] == [f"s3://{BUCKET}/{PREFIX}/{dump.name('sales')}"]
    assert conf["manifest"] == f"s3://{BUCKET}/{PREFIX}/{dump.manifest.name}"


def test_a_file_that_nearly_fits_is_to_be_renamed(
    dump: NightDump, put: Put, invoke: Invoke, mails: Mails
) -> None:
    dump.contents["store", dump.name("store", "-2")] = b"?"
    put()
    assert invoke(check=1).status == "not_ready"
    (mail,) = mails()
    assert f"does not fit  store/load_date={dump.load_date}/{dump.name('store', '-2')}" in mail.text
    assert "2. Rename the files that do not fit, or move them out of tonight's folders." in (
        mail.text
    )


def test_a_late_file_means_a_mail_at_the_first_check_and_a_run_at_the_second(
    dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    late = dict(dump.contents)
    dump.drop("inventory")
    put()
    assert invoke(check=1).status == "not_ready"
    (mail,) = mails()
    assert "not ready, next check at 3:30 EST (8:30 UTC)" in mail.subject
    assert f"inventory  missing  {dump.name('inventory')} is not there" in mail.text
    assert "Another check follows at 3:30 EST (8:30 UTC)" in mail.text
    assert not airflow.runs

    dump.contents = late
    put()
    assert invoke(check=2).status == "started"
    assert len(airflow.runs) == 1
    assert len(mails()) == 1


def test_a_night_that_never_comes_means_two_mails_and_the_last_says_so(
    dump: NightDump, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    assert [invoke(check=number).status for number in (1, 2)] == ["not_ready", "not_ready"]
    first, last = mails()
    assert (first.sender, last.sender) == (SENDER, SENDER)
    assert first.recipients == last.recipients == (RECIPIENT, OTHER_RECIPIENT)
    assert "not loaded, no check follows" in last.subject
    assert "Both checks of this night have failed and no other follows" in last.text
    assert f'--payload \'{{"load_date": "{dump.load_date}"}}\'' in last.text
    assert "missing: the unload has not finished" in last.text
    assert starts(airflow) == 0


def test_the_second_check_does_nothing_after_a_success(
    put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    assert invoke(check=1).status == "started"
    assert invoke(check=2).status == "already_started"
    assert len(airflow.runs) == 1
    assert not mails()


def test_files_that_change_after_the_start_wake_nobody(
    account: Aws, dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    assert invoke(check=1).status == "started"
    key = f"{PREFIX}/{dump.manifest.relative_to(dump.folder).as_posix()}"
    account.client("s3").delete_object(Bucket=BUCKET, Key=key)
    assert invoke(check=2).status == "already_started"
    assert starts(airflow) == 1
    assert not mails()


def test_five_checks_at_once_start_one_run(
    put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(lambda _: invoke(check=1), range(5)))
    statuses = sorted(outcome.status or outcome.error for outcome in outcomes)
    assert statuses == ["already_started"] * 4 + ["started"]
    assert starts(airflow) == 5
    assert len(airflow.runs) == 1
    assert not mails()


def test_a_prefix_with_1500_files_is_listed_to_its_end(
    dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    dump.drop("sales")
    dump.forget("sales")
    for part in range(1, 1501):
        dump.add("sales", dump.name("sales", f"_{part:04}"), rows=1)
    put()
    assert invoke(check=1).status == "started"
    files = airflow.runs[DAG_ID, f"nightly__{dump.load_date}"]["conf"]["files"]
    assert files["sales"] == dump.uris("sales")
    assert len(files["sales"]) == 1500


def test_a_check_by_hand_says_that_no_other_follows(invoke: Invoke, mails: Mails) -> None:
    assert invoke().status == "not_ready"
    (mail,) = mails()
    assert mail.subject.endswith("not ready, no check follows")
    assert "checked by hand" in mail.text


def test_a_stale_file_is_to_be_moved_away(
    dump: NightDump, put: Put, invoke: Invoke, mails: Mails
) -> None:
    dump.contents["store", dump.name("store", day=date(2026, 11, 20))] = b"old"
    put()
    assert invoke(check=1).status == "not_ready"
    (mail,) = mails()
    assert "store_20261120.csv lies in tonight's folder but is of 2026-11-20" in mail.text
    assert "2. Move files of other nights out of tonight's folders." in mail.text
    assert "An unload that is merely late needs nobody." in mail.text


def test_a_long_list_of_problems_is_cut_short(
    dump: NightDump, put: Put, invoke: Invoke, mails: Mails
) -> None:
    for part in range(1, 21):
        dump.add("sales", dump.name("sales", f"_{part:04}"))
    dump.drop("sales")
    put()
    assert invoke(check=1).status == "not_ready"
    (mail,) = mails()
    assert "and 16 more" in mail.text
    assert mail.text.count("is not there") == 5


def test_the_mail_as_html_is_the_same_text_with_its_columns_kept(
    invoke: Invoke, mails: Mails
) -> None:
    invoke(check=1)
    (mail,) = mails()
    assert mail.html.startswith("<pre>The dump of")
    assert "--payload &#x27;{&quot;load_date&quot;" in mail.html


@pytest.mark.parametrize("check", [1, 2])
def test_no_secret_is_in_what_a_night_leaves_behind(
    check: int, dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    invoke(check=check)  # asserts that neither log nor answer holds one
    put()
    invoke(check=check)
    (mail,) = mails()
    ((_, run),) = airflow.runs.items()
    assert not leaks([mail, run["conf"]])
