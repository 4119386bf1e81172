"""The dashboards on Athena, through its own driver, as readers on AWS see them.

The engine is Athena's, behind the sandbox's rebuilt API: make test-athena.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboards.browser import Browser
from dashboards.test_pages import CHARTS, ERRORS, log_in, show, shown_number
from served_lakes import SERVING_BUCKET, WORK_GROUP, ServedLake

from sandbox.aws import REGION
from sandbox.dashboard.server import PROGRAMS, Dashboards, environment, import_assets, serving

pytestmark = pytest.mark.athena

DATABASE_URI = (
    f"awsathena+rest://@athena.{REGION}.amazonaws.com:443/retail_serving"
    f"?s3_staging_dir=s3://{SERVING_BUCKET}/results/&work_group={WORK_GROUP}"
)
# The lake has no week of last year: charts may say so.
IS_ANSWERED = """
    const charts = [...document.querySelectorAll('.slice_container')]
    return charts.length === arguments[0]
        && !document.querySelector('[data-test="loading-indicator"], .loading')
        && charts.every(chart => chart.querySelector('canvas, table, .header-line, [role=alert]')
            || /No (data|results)/.test(chart.innerText))
"""


@pytest.fixture(scope="module")
def dashboards(
    served: ServedLake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboards]:
    """Superset on the served lake."""
    if not (PROGRAMS / "gunicorn").exists():
        pytest.skip("Superset is not installed: make test-athena installs it")
    home = tmp_path_factory.mktemp("superset")
    variables = environment(home, DATABASE_URI) | served.athena.environment
    import_assets(variables)
    with serving(home, variables) as dashboards:
        yield dashboards


@pytest.mark.parametrize("slug", CHARTS)
def test_no_chart_has_an_error(dashboards: Dashboards, browser: Browser, slug: str) -> None:
    log_in(browser, dashboards)
    show(browser, dashboards, slug, IS_ANSWERED)
    assert browser.run(ERRORS) == []


def test_the_first_number_is_that_of_the_tables_that_spark_wrote(
    served: ServedLake, dashboards: Dashboards, browser: Browser
) -> None:
    with served.as_spark_wrote_it() as spark:
        ((wanted,),) = spark.execute(
            "select cast(sum(total_sales_amt) as double) from latest_complete_week"
        ).fetchall()
    log_in(browser, dashboards)
    show(browser, dashboards, "how-did-the-week-go", IS_ANSWERED)
    assert shown_number(browser, "Sales amount") == pytest.approx(wanted, abs=0.5)
