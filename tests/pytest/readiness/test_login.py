"""The secret with the login to Airflow: what is accepted, read anew, refused, and never told."""

from __future__ import annotations

from typing import Any

import pytest
from logins import Secret, secret_of
from nights import CANARIES, DAG_ID, Invoke, Mails, Put, leaks

from airflow_login import Login, LoginSecret
from sandbox.airflow_api import AirflowApi, Fault
from sandbox.aws import Aws
from settings import Settings

RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"


def test_a_rotated_password_is_read_anew_once(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    secret = Secret(secret_of(airflow, password="old"), secret_of(airflow))  # noqa: S106
    outcome = check_here(check=1, secret=secret.login())
    assert outcome.status == "started"
    assert secret.reads == 2
    assert "airflow_login_refused" in outcome.events
    assert not mails()


def test_a_wrong_password_fails_after_it_was_read_anew(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    secret = Secret(secret_of(airflow, password="wrong"))  # noqa: S106
    outcome = check_here(check=1, secret=secret.login())
    assert outcome.error == "UnauthorizedError: Airflow answered 401: Invalid credentials"
    assert secret.reads == 2
    assert [path for _, path, _ in airflow.requests] == ["/auth/token"] * 2
    assert "Airflow answered 401: Invalid credentials" in mails()[0].text


def test_a_token_that_is_refused_is_asked_for_once_more(
    put: Put, check_here: Invoke, airflow: AirflowApi
) -> None:
    put()
    airflow.faults.append(Fault(RUNS, 401, "Invalid JWT token"))
    assert check_here(check=1).status == "started"


def test_the_secret_is_read_once_for_many_checks(airflow: AirflowApi) -> None:
    secret = Secret(secret_of(airflow))
    login = secret.login()
    assert login.read() is login.read()
    assert secret.reads == 1


@pytest.mark.parametrize(
    "value",
    [
        "canary-password-0815",
        "",
        [],
        {"url": "https://airflow.example", "username": "u"},
        {"url": "https://airflow.example", "username": "u", "password": ""},
        {"url": "https://airflow.example", "username": "u", "password": None},
        {"url": 7, "username": "u", "password": "canary-password-0815"},
        {"url": "http://airflow.example", "username": "u", "password": "canary-password-0815"},
        {"url": "file:///etc/passwd", "username": "u", "password": "canary-password-0815"},
        {"url": "https://u:canary-password-0815@airflow.example", "username": "u", "password": "p"},
        {"url": "https://a.example/?t=canary-password-0815", "username": "u", "password": "p"},
        "[" * 100_000,
        {"url": "https://airflow.example", "token": ""},
        {"url": "https://airflow.example", "token": "canary-password-0815\n"},
        {"url": "https://airflow.example", "token": "canary-password-0815 é"},
    ],
)
def test_a_secret_that_is_no_login_is_refused_without_quoting_it(
    value: Any, put: Put, check_here: Invoke, mails: Mails
) -> None:
    put()
    outcome = check_here(check=1, secret=Secret(value).login())
    assert "the secret arn:secret does not hold JSON with url" in outcome.error
    (mail,) = mails()
    assert not leaks([mail])


@pytest.mark.parametrize(
    "url",
    [
        "https://airflow.example\n",
        "https://airflow.example\r\nHost: other",
        "https://air flow.example",
        " https://airflow.example",
        "https://airflow..example",
        "https://.airflow.example",
        "https://airflöw.example",
        f"https://{'a' * 64}.example",
        "https://" + "a." * 127 + "example",
        "https://airflow.example:",
        "https://airflow.example:0",
        "https://airflow.example:65536",
        "https://airflow.example:https",
        "https://airflow.example:８０80",  # noqa: RUF001
        "https://[::1",
        "https://airflow.example#x",
        "https://airflow.example/a b",
        "https://airflow.example//evil",
        "http://127.0.0.1@airflow.example",
        "https://",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_by_name(
    url: str, put: Put, check_here: Invoke, mails: Mails
) -> None:
    put()
    login = Secret({"url": url, "username": CANARIES[0], "password": CANARIES[1]}).login()
    outcome = check_here(check=1, secret=login)
    assert outcome.error.startswith("AirflowError: the secret arn:secret does not hold JSON")
    assert outcome.error.endswith("missing or malformed: url")
    (mail,) = mails()
    assert "missing or malformed: url" in mail.text
    assert not leaks([mail])


@pytest.mark.parametrize(
    "url",
    [
        "https://airflow.example",
        "https://airflow.example:8443/",
        "https://airflow_1.internal/deployments/retail/",
        "https://10.0.0.7",
        "http://127.0.0.1:8080",
    ],
)
def test_an_address_is_read_without_a_slash_at_its_end(url: str) -> None:
    secret = Secret({"url": url, "username": "u", "password": "p"}).login()
    assert secret.read().url == url.rstrip("/")


def test_a_token_takes_the_place_of_a_password(
    put: Put, check_here: Invoke, airflow: AirflowApi
) -> None:
    put()
    token = airflow.answer("POST", "/auth/token", "", secret_of(airflow))[1]["access_token"]
    secret = Secret({"url": airflow.url, "token": token})
    assert check_here(check=1, secret=secret.login()).status == "started"
    assert "/auth/token" not in [path for _, path, _ in airflow.requests]


def test_a_token_that_has_expired_is_read_anew_and_never_told(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    secret = Secret({"url": airflow.url, "token": CANARIES[1]})
    airflow.faults.append(Fault("/api", 401, f"Bearer {CANARIES[1]} has expired"))
    airflow.faults.append(Fault("/api", 401, f"Bearer {CANARIES[1]} has expired"))
    outcome = check_here(check=1, secret=secret.login())
    assert "Airflow answered 401: Bearer *** has expired" in outcome.error
    assert secret.reads == 2
    assert not leaks(mails())


@pytest.mark.parametrize("status", [302, 403, 404, 405])
def test_an_airflow_without_a_login_by_password_is_told(
    status: int, put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(Fault("/auth", status, headers={"Location": "https://sso.example/"}))
    outcome = check_here(check=1)
    assert "A managed Airflow may have no such login: docs/readiness.md" in outcome.error
    assert len(mails()) == 1


def test_a_token_that_no_header_can_carry_is_none(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(Fault("/auth", 201, content=b'{"access_token": "a\\r\\nHost: b"}'))
    assert "gave no token" in check_here(check=1).error
    assert len(mails()) == 1


def test_a_secret_that_cannot_be_read_is_told(
    account: Aws, put: Put, check_here: Invoke, mails: Mails
) -> None:
    put()
    nothing = LoginSecret(account.client("secretsmanager"), "shelfweek/nothing")
    outcome = check_here(check=1, secret=nothing)
    assert "the secret shelfweek/nothing cannot be read" in outcome.error
    assert "ResourceNotFoundException" in mails()[0].text


def test_a_login_does_not_show_its_secrets() -> None:
    login = Login("https://airflow.example", *CANARIES)
    assert not leaks([login, repr(login), f"{login}", [login], {"login": login}])


def test_what_airflow_repeats_of_our_login_is_not_told(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails
) -> None:
    put()
    airflow.faults.append(Fault("/auth", 403, f"user {CANARIES[0]} with {CANARIES[1]} is locked"))
    outcome = check_here(check=1)
    assert "user *** with *** is locked" in outcome.error
    assert not leaks(mails())


def test_the_input_that_a_422_repeats_is_not_told(
    put: Put, check_here: Invoke, airflow: AirflowApi, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    # What it repeats is another spelling than the secret's, so that no search would find it.
    spelled = list(CANARIES[1])
    detail = [{"type": "x", "loc": ["body"], "msg": "Field required", "input": spelled}]
    airflow.faults.append(Fault("/auth", 422, detail))
    outcome = check_here(check=1)
    assert outcome.error == "AirflowError: Airflow answered 422: ['body']: Field required"
    assert "'c', 'a', 'n'" not in mails()[0].text


def test_settings_hold_no_secret(settings: Settings) -> None:
    assert not leaks([settings])
