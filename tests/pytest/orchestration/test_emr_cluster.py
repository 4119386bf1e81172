"""The cluster of a night follows its conf, and what changes results is as on a laptop."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from account import MAIL_FORMS, AccountSettings, SettingsError, expect_triggerer
from emr_cluster import THRIFT_SERVER_STEP, job_flow
from sandbox.emulated_account import AIRFLOW_SETTINGS, LAKE_URI
from shelfweek import spark_settings

VARIABLES = [*AccountSettings.variables().values(), *MAIL_FORMS]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> AccountSettings:
    """Settings of an account that does not exist."""
    for name, value in AIRFLOW_SETTINGS.items():
        monkeypatch.setenv(name, value)
    return AccountSettings.from_environment()


def test_a_cluster_is_what_the_conf_asks_for(account: AccountSettings, conf: Any) -> None:
    flow = job_flow(conf["emr"], account, "nightly_retail", "nightly__2026-11-20")
    primary, core = flow["Instances"]["InstanceGroups"]
    assert flow["ReleaseLabel"] == "emr-7.13.0"
    assert (primary["InstanceType"], primary["Market"]) == ("m7g.xlarge", "ON_DEMAND")
    assert (core["InstanceType"], core["Market"], core["InstanceCount"]) == (
        "r7g.2xlarge", "SPOT", 2,
    )  # fmt: skip
    limits = flow["ManagedScalingPolicy"]["ComputeLimits"]
    assert (limits["MinimumCapacityUnits"], limits["MaximumCapacityUnits"]) == (2, 5)
    assert limits["MaximumOnDemandCapacityUnits"] == 0
    tags = {tag["Key"]: tag["Value"] for tag in flow["Tags"]}
    assert tags.pop("shelfweek:request")
    assert tags == {
        "project": "shelfweek",
        "shelfweek:dag_id": "nightly_retail",
        "shelfweek:lake": LAKE_URI,
        "shelfweek:run_id": "nightly__2026-11-20",
    }
    assert flow["SecurityConfiguration"] == "shelfweek"
    assert flow["Name"] == f"shelfweek nightly_retail nightly__2026-11-20 {LAKE_URI}"


def test_each_request_has_a_mark_of_its_own(account: AccountSettings, conf: Any) -> None:
    assert job_flow(conf["emr"], account, "nightly_retail", "run") != job_flow(
        conf["emr"], account, "nightly_retail", "run"
    )


@pytest.mark.parametrize("written", [f"{LAKE_URI}/", LAKE_URI.replace("s3://", "s3a://")])
def test_a_lake_has_one_tag_however_it_is_written(
    account: AccountSettings, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """The reaper would not know its own clusters otherwise."""
    monkeypatch.setenv("SHELFWEEK_LAKE", written)
    assert AccountSettings.from_environment() == account


def test_emr_is_told_a_folder_by_a_name_that_it_knows(account: AccountSettings, conf: Any) -> None:
    written = replace(account, log_uri="s3a://logs/emr/")
    assert job_flow(conf["emr"], written, "nightly_retail", "run")["LogUri"] == "s3://logs/emr"


def test_a_cluster_stands_behind_the_accounts_own_security_groups(
    account: AccountSettings, conf: Any
) -> None:
    """Those that EMR makes by itself let whole networks in."""
    instances = job_flow(conf["emr"], account, "nightly_retail", "run")["Instances"]
    assert instances["EmrManagedMasterSecurityGroup"] == "sg-0"
    assert instances["EmrManagedSlaveSecurityGroup"] == "sg-1"
    assert instances["ServiceAccessSecurityGroup"] == "sg-2"


def test_the_thrift_server_has_no_more_rights_on_its_node_than_spark() -> None:
    step: dict[str, Any] = THRIFT_SERVER_STEP
    assert step["HadoopJarStep"]["Args"][:3] == ["sudo", "-u", "spark"]


def test_boto3_takes_the_definition(account: AccountSettings, conf: Any) -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("emr")
    shape = model.operation_model("RunJobFlow").input_shape
    assert shape
    report = ParamValidator().validate(
        job_flow(conf["emr"], account, "nightly_retail", "run"), shape
    )
    assert not report.has_errors(), report.generate_report()


def test_settings_that_change_results_are_the_same_everywhere() -> None:
    laptop, emr = spark_settings.on_laptop(), spark_settings.on_emr()
    for name, value in spark_settings.CORRECTNESS.items():
        assert laptop[name] == emr[name] == value
    assert "Glue" in emr["spark.hadoop.hive.metastore.client.factory.class"]
    assert "spark.hadoop.hive.metastore.client.factory.class" not in laptop


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("text", [None, "", " "])
def test_a_missing_or_empty_setting_is_named(
    account: AccountSettings, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None
) -> None:
    monkeypatch.delenv(name)
    if text is not None:
        monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=name):
        AccountSettings.from_environment()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SHELFWEEK_COSMOS_MODE", "watched"),
        ("SHELFWEEK_THRIFT_PORT", "ten"),
        ("SHELFWEEK_SCHEMA", "a schema"),
    ],
)
def test_a_wrong_setting_is_named(
    account: AccountSettings, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=f"{name}.*{text}"):
        AccountSettings.from_environment()


@pytest.mark.parametrize(
    "name", ["SHELFWEEK_COSMOS_MODE", "SHELFWEEK_THRIFT_HOST", "SHELFWEEK_THRIFT_PORT"]
)
def test_an_empty_optional_setting_is_none(
    account: AccountSettings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    assert AccountSettings.from_environment() == account


def test_a_night_without_a_triggerer_is_refused(
    dag_bag: Any, account: AccountSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks that watch the build would wait for ever."""
    health: dict[str, Any] = {"triggerer": {"status": "unhealthy"}}
    asked: list[str] = []

    def answer(url: str, **_: Any) -> Any:
        asked.append(url)
        return SimpleNamespace(json=lambda: health)

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:1/")
    expect_triggerer()  # Nobody answers there: nothing is known.
    monkeypatch.setattr("account.httpx.get", answer)
    with pytest.raises(SettingsError, match="no triggerer is at work"):
        expect_triggerer()
    assert asked == ["http://127.0.0.1:1/api/v2/monitor/health"]
    health["triggerer"]["status"] = "healthy"
    expect_triggerer()
    health.clear()
    expect_triggerer()
