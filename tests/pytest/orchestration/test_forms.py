"""Check, API and tasks agree on what a value looks like, and EMR and SES can take it."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from dag_tasks import function_of
from domains import RETAIL
from policies import parameters

import account as account_settings
from account import AccountSettings
from emr_cluster import job_flow
from sandbox.emulated_account import AIRFLOW_SETTINGS
from sandbox.lambda_package import CODE
from settings import Settings, SettingsError
from shelfweek import forms
from shelfweek.forms import CORE_COUNT, TASK_COUNT, Count, Form, FormError, mail_addresses
from shelfweek.nightly_request import NightlyRequest, RequestError

# The same value by its names in the function's environment, its template, and the conf.
NAMES: list[tuple[str, str, str, Form | Count]] = [
    ("EMR_RELEASE", "EmrRelease", "release", forms.RELEASE),
    ("EMR_MARKET", "EmrMarket", "market", forms.MARKET),
    ("EMR_PRIMARY_INSTANCE_TYPE", "EmrPrimaryInstanceType", "primary_instance_type",
     forms.INSTANCE_TYPE),
    ("EMR_CORE_INSTANCE_TYPE", "EmrCoreInstanceType", "core_instance_type", forms.INSTANCE_TYPE),
    ("EMR_CORE_INSTANCE_COUNT", "EmrCoreInstanceCount", "core_instance_count", CORE_COUNT),
    ("EMR_TASK_INSTANCE_COUNT", "EmrTaskInstanceCount", "task_instance_count", TASK_COUNT),
]  # fmt: skip
TEXTS = [
    ("release", "emr-7.13.0", True),
    ("release", "emr-7.13.0\n", False),
    ("release", "emr-6.15.0", False),
    ("release", "emr-8.0.0", False),
    ("release", "emr-7.13.0 ", False),
    ("release", "emr-7.١٣.0", False),
    ("market", "ON_DEMAND", True),
    ("market", "SPOT\n", False),
    ("market", "XSPOT", False),
    ("core_instance_type", "r7gd.16xlarge", True),
    ("core_instance_type", "r7g.xlarge\n", False),
    ("core_instance_type", "\nr7g.xlarge", False),
    ("core_instance_type", " r7g.xlarge", False),
    ("primary_instance_type", "m7g.xlarge\r\n", False),
    ("core_instance_count", "1", True),
    ("core_instance_count", "999", True),
    ("core_instance_count", "0", False),
    ("core_instance_count", "1000", False),
    ("core_instance_count", "2.0", False),
    ("core_instance_count", "1e2", False),
    ("core_instance_count", "2\n", False),
    ("core_instance_count", "٢", False),
    ("core_instance_count", "9" * 5000, False),
    ("task_instance_count", "0", True),
    ("task_instance_count", "-1", False),
]


def validated(night: Any, conf: dict[str, Any]) -> dict[str, Any]:
    """The params of a run with this conf, as Airflow's API checks them."""
    params = deepcopy(night.params)
    params.update(conf)
    result: dict[str, Any] = params.validate()
    return result


def is_accepted(night: Any, conf: dict[str, Any]) -> bool:
    from airflow.exceptions import ParamValidationError

    try:
        validated(night, conf)
    except ParamValidationError:
        return False
    return True


@pytest.fixture
def environment(conf: dict[str, Any]) -> dict[str, str]:
    """The readiness check's variables, with the values of the conf."""
    return {
        "LANDING_URI": conf["landing_uri"],
        "AIRFLOW_DAG_ID": "nightly_retail",
        "AIRFLOW_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x",
        "MAIL_FROM": "night@shop.example",
        "MAIL_TO": "data@shop.example",
        "AWS_LAMBDA_FUNCTION_NAME": "readiness",
        **{variable: str(conf["emr"][key]) for variable, _, key, _ in NAMES},
    }


@pytest.mark.parametrize(("key", "text", "fits"), TEXTS)
def test_the_check_and_the_api_accept_the_same(
    key: str, text: str, fits: bool, night: Any, conf: dict[str, Any], environment: dict[str, str]
) -> None:
    variable, _, _, form = next(names for names in NAMES if names[2] == key)
    if isinstance(form, Form):
        assert is_accepted(night, {**conf, "emr": {**conf["emr"], key: text}}) == fits
    if fits:
        Settings.of({**environment, variable: text}, RETAIL.business_dates)
        return
    with pytest.raises(SettingsError, match=f"{variable} is .*, not {re.escape(form.expected)}"):
        Settings.of({**environment, variable: text}, RETAIL.business_dates)


def test_the_template_accepts_the_same() -> None:
    declared = parameters(CODE / "template.yaml")
    for _, name, _, form in NAMES:
        told = declared[name]
        if isinstance(form, Count):
            assert (told["MinValue"], told["MaxValue"]) == (form.least, form.most)
        else:
            allowed = told.get("AllowedPattern") or "|".join(told["AllowedValues"])
            assert allowed == form.pattern
    landing = declared["LandingPrefix"]["AllowedPattern"].replace(r"\w", "A-Za-z0-9_")
    assert forms.LANDING.pattern.endswith("/[A-Za-z0-9_.=-]+)+")
    assert landing == "[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*"


@pytest.mark.parametrize("number", [2, 2.0, 1e2, 999.0])
def test_a_count_that_the_api_accepts_is_one_that_emr_takes(
    number: float, night: Any, conf: dict[str, Any]
) -> None:
    """JSON schema takes 2.0 and 1e2 for integers, and boto3 does not."""
    counts = {"core_instance_count": number, "task_instance_count": number}
    conf["emr"] |= counts
    emr = NightlyRequest.of(validated(night, conf), RETAIL).emr
    account = AccountSettings(**dict.fromkeys(AccountSettings.__annotations__, "x"))
    asked = job_flow(emr, account, "nightly_retail", "run")
    found = [
        asked["Instances"]["InstanceGroups"][1]["InstanceCount"],
        asked["ManagedScalingPolicy"]["ComputeLimits"]["MinimumCapacityUnits"],
        emr["task_instance_count"],
    ]
    assert [(type(count), count) for count in found] == [(int, int(number))] * 3


@pytest.mark.parametrize("number", [2.5, 0, 1000, True, "2", None, float("nan"), float("inf")])
def test_a_count_that_is_none_is_refused_by_the_api_and_by_name(
    number: Any, night: Any, conf: dict[str, Any]
) -> None:
    conf["emr"] |= {"core_instance_count": number}
    assert not is_accepted(night, conf)
    with pytest.raises(RequestError, match=r"core_instance_count in the run's conf: .* is not a"):
        NightlyRequest.of(conf, RETAIL)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("load_date", "2026-11-20\n"),
        ("load_date", "٢٠٢٦-١١-٢٠"),  # noqa: RUF001
        ("load_date", "2026-02-30"),
        ("landing_uri", "s3://lake/landing\n"),
        ("manifest", "s3://lake/landing/m.json\n"),
        ("manifest", "\ns3://lake/landing/m.json"),
    ],
)
def test_a_line_end_is_part_of_no_value(
    key: str, value: str, night: Any, conf: dict[str, Any]
) -> None:
    assert not is_accepted(night, {**conf, key: value})


def test_a_line_end_is_part_of_no_file(night: Any, conf: dict[str, Any]) -> None:
    conf["files"]["sales"].append("s3://lake/landing/sales.csv\n")
    assert not is_accepted(night, conf)


PLAIN = [
    "data@shop.example",
    "data.o'neil+night@mail-1.shop.example",
    "a@b.example,c@d.example",
]
NOT_PLAIN = [
    "", " ", ",", "data@shop.example,", ",data@shop.example", "data@shop.example,,ops@shop.example",
    "data@shop.example\n", "data@shop.example\nBcc: x@y.example", "data@shop.example ",
    "data@shop.example, ops@shop.example", "data@shop.example;ops@shop.example",
    "Data <data@shop.example>", '"Shop, Ops" <ops@shop.example>', "<data@shop.example>",
    "Größe <night@shop.example>", "größe@shop.example", "data@größe.example", "data", "data@",
    "@shop.example", "data@shop", "data@@shop.example", "data@shop..example", "data@.shop.example",
    "data@shop.example.", ".data@shop.example", "da..ta@shop.example", "data@-shop.example",
    '"data"@shop.example',
]  # fmt: skip


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of an account that does not exist."""
    for name, value in AIRFLOW_SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_addresses_are_split_at_their_commas(
    text: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mail_addresses(text) == tuple(text.split(","))
    settings = Settings.of({**environment, "MAIL_TO": text}, RETAIL.business_dates)
    assert settings.mail_to == tuple(text.split(","))
    monkeypatch.setenv("SHELFWEEK_MAIL_FROM", text.split(",")[0])
    monkeypatch.setenv("SHELFWEEK_MAIL_TO", text)
    AccountSettings.from_environment()


@pytest.mark.parametrize("text", NOT_PLAIN)
@pytest.mark.parametrize("which", ["MAIL_FROM", "MAIL_TO"])
def test_what_ses_would_refuse_is_refused_by_name_in_the_check_and_in_the_dag(
    which: str, text: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FormError, match="is not plain e-mail addresses"):
        mail_addresses(text)
    with pytest.raises(SettingsError, match=f"{which} is "):
        Settings.of({**environment, which: text}, RETAIL.business_dates)
    monkeypatch.setenv(f"SHELFWEEK_{which}", text)
    with pytest.raises(account_settings.SettingsError, match=f"SHELFWEEK_{which}"):
        AccountSettings.from_environment()


@pytest.mark.parametrize("which", ["MailFrom", "MailTo"])
def test_the_template_accepts_plain_addresses_and_no_names(which: str) -> None:
    """It is looser than the check: a deployment is refused early, a setting for certain."""
    allowed = re.compile(parameters(CODE / "template.yaml")[which]["AllowedPattern"], re.ASCII)
    assert all(allowed.fullmatch(text) for text in PLAIN if which == "MailTo" or "," not in text)
    odd = ("", "data@shop.example,", "Data <data@shop.example>", "a@b.example;c@d.example")
    assert not any(allowed.fullmatch(text) for text in odd)


def test_two_senders_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWEEK_MAIL_FROM", "a@b.example,c@d.example")
    expected = r"SHELFWEEK_MAIL_FROM is .*one plain e-mail address"
    with pytest.raises(account_settings.SettingsError, match=expected):
        AccountSettings.from_environment()


def test_the_first_task_names_a_variable_that_holds_no_addresses(
    night: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the DAG is there: it was imported before anybody looked."""
    monkeypatch.setenv("SHELFWEEK_MAIL_TO", "Data <data@shop.example>")
    expected = "SHELFWEEK_MAIL_TO is 'Data <data@shop.example>'"
    with pytest.raises(account_settings.SettingsError, match=expected):
        function_of(night, "unpack_request")()


def test_a_pattern_means_the_same_by_ecma_rules() -> None:
    """No escape of Python's alone, and no class that Python widens to all of Unicode."""
    for form in vars(forms).values():
        if isinstance(form, Form):
            assert not re.search(r"\\[AZzdDwW]|\(\?[P<#aiLmsux]", form.schema["pattern"])
