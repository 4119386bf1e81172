"""One stand-in account and one emulator of S3 for all tests of this folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from accounts import BUCKET, MISSING, REASON, Account

from sandbox import aws, snowflake_server

AccountMaker = Callable[[], Account]


@pytest.fixture(scope="session")
def new_account() -> Iterator[AccountMaker]:
    """Gives databases of their own, in which nothing has been deployed yet."""
    if MISSING:
        pytest.skip(REASON)
    numbers = itertools.count(1)
    with aws.running(["s3"]) as emulated, snowflake_server.running(emulated) as server:
        emulated.client("s3").create_bucket(Bucket=BUCKET)
        yield lambda: Account(server, emulated, f"shop_{next(numbers)}")


@pytest.fixture(scope="module")
def shared_account(new_account: AccountMaker) -> Account:
    """A deployed account for all tests of a module; each fills the raw tables as it needs them."""
    account = new_account()
    outcome = account.deploy("deploy")
    assert outcome.code == 0, outcome.errors
    return account


@pytest.fixture
def account(shared_account: Account) -> Iterator[Account]:
    """The deployed account with an empty landing and one row in each raw table."""
    s3 = shared_account.aws.client("s3")
    for path in shared_account.landing():
        s3.delete_object(Bucket=BUCKET, Key=f"{shared_account.database}/landing/{path}")
    shared_account.fill(
        sales=[[1, 9, 1, "2026-01-13", 10, "2", "4.5", "9"]],
        inventory=[["2026-01-13", 1, 9, "5"]],
        calendar=[["2026-01-13"]],
        store=[[1]],
        product=[[9]],
    )
    yield shared_account
    shared_account.server.set_faults([])
