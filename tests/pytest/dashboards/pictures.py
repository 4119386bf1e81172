"""Take the pictures of docs/dashboards.md, of dashboards that run.

make dashboard LAKE=...     prints the address and the password
PYTHONPATH=.:tests/pytest .venv/bin/python -m dashboards.pictures <address> <password>
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from dashboards import browser as chromium
from dashboards.test_pages import CHARTS, log_in, show

from sandbox.dashboard.server import Dashboards
from shelfweek.project import PROJECT

IMAGES = PROJECT / "docs" / "images"
WIDTH, MARGIN = 1600, 140
SETTLE_SECONDS = 3
LOWEST_EDGE = """
    const holders = [...document.querySelectorAll('.dashboard-component-chart-holder')]
    return Math.ceil(Math.max(...holders.map(each => each.getBoundingClientRect().bottom)))
"""


def take(url: str, password: str) -> None:
    """Save one picture for each dashboard, as high as its page."""
    dashboards = Dashboards(url, password)
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium.running(Path(profile)) as browser,
    ):
        log_in(browser, dashboards)
        for slug in CHARTS:
            show(browser, dashboards, slug)
            browser.resize(WIDTH, browser.run(LOWEST_EDGE) + MARGIN)
            time.sleep(SETTLE_SECONDS)  # bars grow
            browser.screenshot(IMAGES / f"dashboard-{slug}.png")
            print(f"docs/images/dashboard-{slug}.png")


if __name__ == "__main__":
    address = urlsplit(sys.argv[1])
    take(f"{address.scheme}://{address.netloc}", sys.argv[2])
