"""The dashboards in a real browser, as the viewer sees them."""

from __future__ import annotations

import duckdb
import pytest
from dashboards.browser import Browser
from dashboards.site import Site
from dashboards.tables import FORMULA
from dashboards.test_viewer import newest_week

from sandbox.dashboard.server import Dashboards

pytestmark = pytest.mark.dashboards

CHARTS = {
    "how-did-the-week-go": 11,
    "where-are-we-losing-sales": 11,
    "what-to-order": 8,
    "can-i-trust-it": 11,
}
IS_DRAWN = """
    const charts = [...document.querySelectorAll('.slice_container')]
    return charts.length === arguments[0]
        && !document.querySelector('[data-test="loading-indicator"], .loading')
        && charts.every(chart => chart.querySelector('canvas, table, .header-line'))
"""
ERRORS = """
    const boxes = '[role=alert], .ant-alert-error, [data-test=error-container]'
    return [...document.querySelectorAll(boxes)]
        .map(box => box.innerText).filter(text => text.trim())
"""
NUMBER = """
    const holder = [...document.querySelectorAll('.dashboard-component-chart-holder')]
        .find(each => each.innerText.trim().startsWith(arguments[0]))
    return holder.querySelector('.header-line').innerText
"""
CHOOSE = """
    const box = [...document.querySelectorAll('[data-test="form-item-value"]')][arguments[0]]
    const field = box.querySelector('input')
    field.focus()
    field.dispatchEvent(new MouseEvent('mousedown', {bubbles: true}))
"""
OPTION = """
    const option = [...document.querySelectorAll('.ant-select-item-option')]
        .find(each => each.innerText.trim() === arguments[0])
    if (option) option.click()
    return Boolean(option)
"""


def log_in(browser: Browser, dashboards: Dashboards) -> None:
    """Log in as the viewer, in the form."""
    browser.open(f"{dashboards.url}/login/")
    browser.wait_for("return Boolean(document.querySelector('#password, input[name=password]'))")
    browser.type("#username, input[name=username]", "viewer")
    browser.type("#password, input[name=password]", dashboards.password)
    browser.click("button[type=submit], input[type=submit]")
    browser.wait_for("return !location.pathname.startsWith('/login')")


def show(browser: Browser, dashboards: Dashboards, slug: str, is_complete: str = IS_DRAWN) -> None:
    """Open a dashboard in a window as high as the page, so that every chart is drawn."""
    browser.resize(1600, 3800)
    browser.open(f"{dashboards.url}/superset/dashboard/{slug}/")
    browser.wait_for(is_complete, CHARTS[slug])


def shown_number(browser: Browser, chart: str) -> float:
    """The number of a chart that is one number."""
    return float(browser.run(NUMBER, chart).replace(",", ""))


def sales_of_newest_week(site: Site, where: str = "true") -> float:
    """What the file says."""
    with duckdb.connect(site.file, read_only=True) as database:
        row = database.execute(
            f"""
            select cast(sum(total_sales_amt) as double)
            from retail_serving.latest_complete_week where {where}
            """
        ).fetchone()
    assert row
    return float(row[0])


@pytest.mark.parametrize("slug", CHARTS)
def test_every_chart_has_data_and_no_error(site: Site, browser: Browser, slug: str) -> None:
    """All charts of the dashboard are drawn; no box tells of an error."""
    log_in(browser, site.dashboards)
    show(browser, site.dashboards, slug)
    assert browser.run(ERRORS) == []
    assert "No results" not in browser.run("return document.body.innerText")


def test_numbers_are_those_of_the_file_and_a_filter_changes_them(
    site: Site, browser: Browser
) -> None:
    """The newest complete week at first, then one region of it."""
    log_in(browser, site.dashboards)
    show(browser, site.dashboards, "how-did-the-week-go")
    year, week = newest_week(site)
    page = browser.run("return document.body.innerText")
    assert f"Year\n{year}" in page
    assert f"Week\n{week}" in page
    assert shown_number(browser, "Sales amount") == pytest.approx(
        sales_of_newest_week(site), abs=0.5
    )
    browser.run(CHOOSE, 2)
    browser.wait_for(OPTION, "North")
    browser.click('[data-test="filter-bar__apply-button"]')
    north = sales_of_newest_week(site, "region = 'North'")
    browser.wait_for("return document.body.innerText.includes(arguments[0])", f"{north:,.0f}")
    browser.wait_for(IS_DRAWN, CHARTS["how-did-the-week-go"])
    assert shown_number(browser, "Sales amount") == pytest.approx(north, abs=0.5)


def test_a_formula_is_shown_as_text(site: Site, browser: Browser) -> None:
    """No link is made of it."""
    log_in(browser, site.dashboards)
    show(browser, site.dashboards, "where-are-we-losing-sales")
    assert FORMULA in browser.run("return document.body.innerText")
    links = browser.run("return [...document.querySelectorAll('a')].map(each => each.href)")
    assert not [link for link in links if "evil.example" in link]


def test_sql_lab_is_no_page_for_the_viewer(site: Site, browser: Browser) -> None:
    """Its address leads elsewhere, and no menu leads to it."""
    log_in(browser, site.dashboards)
    browser.open(f"{site.dashboards.url}/sqllab/")
    browser.wait_for("return document.readyState === 'complete'")
    assert "/sqllab" not in browser.address or "Run" not in browser.run(
        "return document.body.innerText"
    )


def test_an_unreachable_database_is_told_on_the_page(site: Site, browser: Browser) -> None:
    """Words in the place of the charts, not a stack trace."""
    log_in(browser, site.dashboards)
    away = site.file.with_suffix(".away")
    site.file.rename(away)
    try:
        browser.open(f"{site.dashboards.url}/superset/dashboard/can-i-trust-it/?force=1")
        browser.wait_for("return document.body.innerText.includes('cannot be reached')")
        text = browser.run("return document.body.innerText")
    finally:
        away.rename(site.file)
    assert "Traceback" not in text
    assert str(site.file) not in text
