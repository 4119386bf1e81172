"""What holds for all tests."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from served_lakes import ServedLake

# A shell starts its background jobs with Ctrl-C ignored, and their children inherit that: the
# commands that the tests interrupt would not notice.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, which has every component and all rights, a test that misses one fails."""
    report = yield
    is_missing = re.search("not installed|cannot be mounted", str(report.longrepr))
    if os.environ.get("CI") and report.skipped and is_missing:
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLake]:
    """A lake that Spark wrote, with the views of target athena over it, built once."""
    from served_lakes import served_lake

    with served_lake(tmp_path_factory.mktemp("served")) as served:
        built = served.dbt("build")
        assert built.returncode == 0, built.stdout
        yield served
