"""What nobody foresees, and an account that refuses: one mail, an honest status, no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from domains import RETAIL
from nights import CANARIES, Mails, NightDump, Put, leaks

import handler
import settings as readiness_settings
from airflow_client import AirflowClient
from dump import LandingError
from request import RequestError
from sandbox.airflow_api import AirflowApi
from settings import Settings, SettingsError


class Spoiled:
    """A service of which one operation raises; everything else goes to the real one."""

    def __init__(self, real: Any, operation: str, error: Exception) -> None:
        self._real = real
        self._operation = operation
        self._error = error
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        if name != self._operation:
            return getattr(self._real, name)

        def refuse(*_: Any, **__: Any) -> None:
            self.calls += 1
            raise self._error

        return refuse


def refused(code: str, operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said S3"}}, operation)


Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(settings: Settings, services: handler.Services, load_date: Any) -> Check:
    """Check the test's night with other services than the account's."""

    def check(**other: Any) -> dict[str, Any]:
        event = {"load_date": str(load_date), "check": 2}
        used = replace(services, **other)
        return handler.check(event, settings, used, datetime.now(UTC), handler.MAIL_SECONDS + 5)

    return check


# The landing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "error", "told"),
    [
        ("get_object", refused("AccessDenied"), "needs s3:GetObject on it, and kms:Decrypt"),
        ("get_object", refused("KMS.DisabledException"), "kms:Decrypt on its key if the bucket"),
        ("get_object", refused("InvalidObjectState"), "cannot be read: An error occurred (Invalid"),
        ("get_object", EndpointConnectionError(endpoint_url="https://s3"), "cannot be read: Could"),
        ("get_paginator", refused("AccessDenied", "ListObjectsV2"), "needs s3:ListBucket on the"),
        ("get_paginator", refused("NoSuchBucket", "ListObjectsV2"), "cannot be listed: An error"),
        ("get_paginator", ReadTimeoutError(endpoint_url="https://s3"), "cannot be listed: Read t"),
    ],
)
def test_a_landing_that_refuses_is_one_mail_and_a_failed_invocation(
    operation: str, error: Exception, told: str, put: Put, check: Check,
    services: handler.Services, airflow: AirflowApi, mails: Mails,
) -> None:  # fmt: skip
    put()
    with pytest.raises(LandingError, match="s3://lake/landing/"):
        check(s3=Spoiled(services.s3, operation, error))
    (mail,) = mails()
    assert "landing not readable, no check follows" in mail.subject
    assert told in mail.text
    assert not airflow.requests


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "SlowDown"])
def test_a_right_is_named_only_where_it_is_what_lacks(
    code: str, check: Check, services: handler.Services, mails: Mails
) -> None:
    with pytest.raises(LandingError):
        check(s3=Spoiled(services.s3, "get_paginator", refused(code, "ListObjectsV2")))
    assert ("role needs" in mails()[0].text) == (code == "AccessDenied")


def test_a_connection_that_breaks_inside_the_manifest_is_told(
    put: Put, check: Check, services: handler.Services, mails: Mails
) -> None:
    put()
    body = Spoiled(None, "read", ReadTimeoutError(endpoint_url="https://s3"))
    s3 = SimpleNamespace(
        get_paginator=services.s3.get_paginator, get_object=lambda **_: {"Body": body}
    )
    with pytest.raises(LandingError, match="cannot be read: Read timeout"):
        check(s3=s3)
    assert len(mails()) == 1


@pytest.mark.parametrize("code", ["NoSuchKey", "404"])
def test_a_manifest_that_vanishes_after_it_was_listed_is_missing(
    code: str, put: Put, check: Check, services: handler.Services, mails: Mails
) -> None:
    put()
    answer = check(s3=Spoiled(services.s3, "get_object", refused(code)))
    assert answer["status"] == "not_ready"
    assert set(answer["tables"].values()) == {"not confirmed"}
    (mail,) = mails()
    assert "missing: the unload has not finished" in mail.text


# What nobody foresees -----------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["get_paginator", "get_object"])
def test_an_error_that_nobody_foresaw_is_one_mail_without_its_values(
    operation: str, put: Put, check: Check, services: handler.Services, mails: Mails,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    put()
    services.login.read()
    error = TypeError(f"unsupported operand for {CANARIES[1]}: 'value of a row'")
    with pytest.raises(handler.UnforeseenError) as raised:
        check(s3=Spoiled(services.s3, operation, error))
    told = "TypeError: unsupported operand for ***: ..."
    assert str(raised.value) == told
    assert raised.value.__context__ is None
    (mail,) = mails()
    assert mail.subject.endswith(": check failed, no check follows")
    assert told in mail.text
    log = capsys.readouterr().out
    failed, sent = map(json.loads, log.splitlines()[-2:])
    assert (failed["event"], failed["level"], failed["reason"]) == ("check_failed", "ERROR", told)
    assert failed["where"][-1].startswith("test_faults.py:")
    assert sent["event"] == "mail_sent"
    assert not leaks([log, mail])


def test_an_error_after_the_answer_of_airflow_is_one_too(
    put: Put, check: Check, mails: Mails, monkeypatch: pytest.MonkeyPatch, airflow: AirflowApi
) -> None:
    put()

    def fail(*_: Any, **__: Any) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(AirflowClient, "start", fail)
    with pytest.raises(handler.UnforeseenError, match="RecursionError: deep"):
        check()
    assert len(mails()) == 1


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_mail_that_is_refused_is_tried_once_logged_and_raised(
    is_whole: bool, put: Put, check: Check, services: handler.Services, airflow: AirflowApi,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if is_whole:
        put()
    ses = Spoiled(services.ses, "send_email", refused("MessageRejected", "SendEmail"))
    broken = Spoiled(services.s3, "get_object", TypeError("nobody foresaw"))
    with pytest.raises(ClientError, match="MessageRejected"):
        check(ses=ses, s3=broken)
    assert ses.calls == 1
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events[-1] == "mail_failed"


# The environment ----------------------------------------------------------------------------------


CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The function's variables, which a test may change; no client is left from before."""
    tables = tmp_path / "raw_tables.json"
    tables.write_text(json.dumps(RETAIL.business_dates), encoding="utf-8")
    monkeypatch.setattr(readiness_settings, "RAW_TABLES", tables)
    for name, value in {
        "LANDING_URI": "s3://lake/landing",
        "AIRFLOW_DAG_ID": "nightly_retail",
        "AIRFLOW_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x",
        "MAIL_FROM": "night@shop.example",
        "MAIL_TO": "data@shop.example",
        "EMR_RELEASE": "emr-7.13.0",
        "EMR_MARKET": "SPOT",
        "EMR_PRIMARY_INSTANCE_TYPE": "m7g.xlarge",
        "EMR_CORE_INSTANCE_TYPE": "r7g.xlarge",
        "EMR_CORE_INSTANCE_COUNT": "2",
        "EMR_TASK_INSTANCE_COUNT": "0",
        "AWS_LAMBDA_FUNCTION_NAME": "readiness",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    handler._services.cache_clear()
    return monkeypatch


@pytest.mark.parametrize("region", [None, "", "nowhere at all"])
def test_a_region_that_is_none_is_told_by_its_name(
    region: str | None, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("AWS_CONFIG_FILE", "/dev/null")
    environment.delenv("AWS_DEFAULT_REGION", raising=False)
    if region is not None:
        environment.setenv("AWS_DEFAULT_REGION", region)
    with pytest.raises(SettingsError, match="variable AWS_DEFAULT_REGION names no region"):
        handler.handle({"check": 1}, CONTEXT)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "settings_refused"


def test_code_that_was_zipped_by_hand_is_told_how_to_build_it(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    environment.delenv("MAIL_FROM")
    (tmp_path / "raw_tables.json").unlink()
    told = "the package has no raw_tables.json: build it with make readiness-package"
    with pytest.raises(SettingsError, match=told):
        handler.handle({"check": 1}, CONTEXT)
    assert told in capsys.readouterr().out


def test_a_wrong_event_is_refused_before_a_wrong_setting(
    environment: pytest.MonkeyPatch, dump: NightDump, mails: Mails
) -> None:
    environment.setenv("EMR_MARKET", "spot")
    with pytest.raises(RequestError):
        handler.handle({"load-date": str(dump.load_date)}, CONTEXT)
    assert not mails()
