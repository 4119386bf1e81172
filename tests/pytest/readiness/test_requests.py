"""Which night is checked, and what is refused before anything is done."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from domains import RETAIL
from nights import DAG_ID, Invoke, Mails, NightDump, Put

import handler
from request import CHECK_TIMES, Request, RequestError
from sandbox.airflow_api import AirflowApi
from sandbox.aws import Aws
from sandbox.emulated_account import upload
from sandbox.lambda_package import CODE
from settings import Emr, Settings, SettingsError

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

BAD_DATES = [
    "2026-11-21; rm -rf /",
    "$(curl http://169.254.169.254/)",
    "`id`",
    "2026-11-21' OR '1'='1",
    '2026-11-21"; DROP TABLE sales; --',
    "../../2026-11-21",
    "2026-11-21/../../other",
    "2026-11-21\n",
    " 2026-11-21",
    "2026-02-29",
    "2026-13-01",
    "20261121",
    "2026-W47-6",
    "2026-11-2",
    "٢٠٢٦-١١-٢١",  # noqa: RUF001
    "",
    None,
    20261121,
    ["2026-11-21"],
    {"$gt": ""},
]


@pytest.mark.parametrize("load_date", BAD_DATES, ids=repr)
def test_a_load_date_that_is_none_is_refused(load_date: Any) -> None:
    with pytest.raises(RequestError, match="load_date must be a date like 2026-11-21"):
        Request.of({"load_date": load_date}, NOW)


@pytest.mark.parametrize("load_date", [BAD_DATES[0], BAD_DATES[3]])
def test_the_function_refuses_it_before_it_does_anything(
    load_date: str, invoke: Invoke, account: Aws, airflow: AirflowApi
) -> None:
    before = len(account.mails())
    assert "load_date must be a date like 2026-11-21" in invoke(load_date=load_date).error
    assert not airflow.requests
    assert len(account.mails()) == before


def test_a_refusal_is_logged_on_one_line(check_here: Invoke) -> None:
    outcome = check_here(load_date="2026-11-21\n; rm -rf /")
    assert outcome.error.startswith("RequestError: load_date must be a date")
    (line,) = outcome.log
    assert (line["event"], line["level"], line["load_date"]) == ("event_refused", "ERROR", None)


@pytest.mark.parametrize(
    "event",
    [None, [], "2026-11-21", {"load-date": "2026-11-21"}, {"check": 0}, {"check": 3},
     {"check": "1"}, {"check": True}, {"check": 1.0}],
)  # fmt: skip
def test_other_events_are_refused(event: Any) -> None:
    with pytest.raises(RequestError):
        Request.of(event, NOW)


@pytest.mark.parametrize("check", [1, 2])
@pytest.mark.parametrize(
    ("clock_time", "load_date"),
    [
        # New York puts its clocks forward: there is no 2:00 to 3:00 on this night.
        ("2026-03-08", date(2026, 3, 8)),
        # It puts them back: 1:00 to 2:00 comes twice.
        ("2026-11-01", date(2026, 11, 1)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2028-03-01", date(2028, 3, 1)),
        ("2027-01-01", date(2027, 1, 1)),
    ],
)
def test_a_scheduled_check_is_of_the_night_at_utc_minus_5(
    clock_time: str, load_date: date, check: int
) -> None:
    fired = datetime.combine(date.fromisoformat(clock_time), CHECK_TIMES[check - 1], UTC)
    for zone in (UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")):
        assert Request.of({"check": check}, fired.astimezone(zone)).load_date == load_date


@pytest.mark.parametrize(
    ("utc", "load_date"),
    [
        ("2026-03-08T04:59:59", date(2026, 3, 7)),
        ("2026-03-08T05:00:00", date(2026, 3, 8)),
        ("2026-07-01T04:59:59", date(2026, 6, 30)),  # 0:59 in New York, where it is July already
        ("2026-11-01T05:00:00", date(2026, 11, 1)),
        ("2028-02-29T04:59:59", date(2028, 2, 28)),
        ("2028-03-01T04:59:59", date(2028, 2, 29)),
    ],
)
def test_the_load_date_changes_at_midnight_est_all_year(utc: str, load_date: date) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert Request.of({}, now).load_date == load_date


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2028-02-29"])
def test_a_whole_night_is_started_on_the_odd_days_of_the_year(
    day: str,
    tmp_path: Path,
    account: Aws,
    settings: Settings,
    services: handler.Services,
    airflow: AirflowApi,
) -> None:
    dump = NightDump(tmp_path, date.fromisoformat(day))
    dump.write()
    upload(account.client("s3"), tmp_path)
    now = datetime.combine(dump.load_date, CHECK_TIMES[0], UTC)
    answer = handler.check({"check": 1}, settings, services, now, 60)
    assert answer["status"] == "started"
    assert list(airflow.runs) == [(DAG_ID, f"nightly__{day}")]


def test_which_check_follows() -> None:
    events: list[dict[str, int]] = [{"check": 1}, {"check": 2}, {}]
    follows = [Request.of(event, NOW).next_check for event in events]
    assert follows == [CHECK_TIMES[1], None, None]


def test_a_night_is_checked_by_hand_on_another_day(
    dump: NightDump, put: Put, invoke: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    assert invoke().answer["run_id"] == f"nightly__{dump.load_date}"
    assert (DAG_ID, f"nightly__{dump.load_date}") in airflow.runs
    assert not mails()


ENVIRONMENT = {
    "LANDING_URI": "s3://lake/land/ing",
    "AIRFLOW_DAG_ID": "nightly_retail",
    "AIRFLOW_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:shelfweek/airflow",
    "MAIL_FROM": "night@shop.example",
    "MAIL_TO": "data@shop.example,lead@shop.example",
    "EMR_RELEASE": "emr-7.13.0",
    "EMR_MARKET": "SPOT",
    "EMR_PRIMARY_INSTANCE_TYPE": "m7g.xlarge",
    "EMR_CORE_INSTANCE_TYPE": "r7gd.16xlarge",
    "EMR_CORE_INSTANCE_COUNT": "12",
    "EMR_TASK_INSTANCE_COUNT": "0",
    "AWS_LAMBDA_FUNCTION_NAME": "readiness",
}


def test_settings_are_read_from_the_environment() -> None:
    settings = Settings.of(ENVIRONMENT, RETAIL.business_dates)
    assert (settings.bucket, settings.prefix) == ("lake", "land/ing")
    assert settings.mail_to == ("data@shop.example", "lead@shop.example")
    assert settings.emr == Emr("emr-7.13.0", "SPOT", "m7g.xlarge", "r7gd.16xlarge", 12, 0)


@pytest.mark.parametrize(
    "written", ["s3://lake/land/ing/", "s3a://lake/land/ing", "s3a://lake/land/ing/"]
)
def test_the_landing_may_be_written_in_more_than_one_way(written: str) -> None:
    assert Settings.of(
        {**ENVIRONMENT, "LANDING_URI": written}, RETAIL.business_dates
    ) == Settings.of(ENVIRONMENT, RETAIL.business_dates)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        Settings.of(
            {key: value for key, value in ENVIRONMENT.items() if key != name}, RETAIL.business_dates
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANDING_URI", "lake/landing"),
        ("LANDING_URI", "s3://lake"),
        ("MAIL_FROM", "night"),
        ("MAIL_TO", "data@shop.example, lead@shop.example"),
        ("MAIL_TO", "data@shop.example\nBcc:x@y.example"),
        ("AIRFLOW_SECRET_ARN", "shelfweek/airflow"),
        ("AIRFLOW_DAG_ID", "nightly/../other"),
        ("EMR_RELEASE", "7.13"),
        ("EMR_MARKET", "spot"),
        ("EMR_PRIMARY_INSTANCE_TYPE", "large"),
        ("EMR_CORE_INSTANCE_COUNT", "0"),
        ("EMR_CORE_INSTANCE_COUNT", "two"),
        ("EMR_TASK_INSTANCE_COUNT", "-1"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is .*, not "):
        Settings.of({**ENVIRONMENT, name: value}, RETAIL.business_dates)


def test_the_schedules_fire_at_the_times_that_the_mail_names() -> None:
    template = yaml.load((CODE / "template.yaml").read_text(encoding="utf-8"), _Loader)  # noqa: S506
    resources, parameters = template["Resources"], template["Parameters"]
    for number, (name, time) in enumerate(zip(("First", "Second"), CHECK_TIMES, strict=True), 1):
        schedule = resources[f"{name}Schedule"]["Properties"]
        assert parameters[f"{name}Check"]["Default"] == f"cron({time.minute} {time.hour} * * ? *)"
        assert schedule["ScheduleExpression"] == f"{name}Check"
        assert schedule["ScheduleExpressionTimezone"] == "UTC"
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert json.loads(schedule["Target"]["Input"]) == {"check": number}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref Name`) as what follows them."""


_Loader.add_multi_constructor("!", lambda loader, _, node: getattr(node, "value", None))
