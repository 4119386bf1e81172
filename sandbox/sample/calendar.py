"""The retail calendar: weeks run from Sunday to Saturday and belong to exactly one year.

A week belongs to the year of its Saturday, so week 1 is the week that holds January 1st, and a
year has a week 53 when it has 53 Saturdays (2022, 2028).
"""

from datetime import date, timedelta

import polars as pl

DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def first_day_of_year(year: int) -> date:
    """The Sunday that starts week 1 of retail year `year`."""
    new_year = date(year, 1, 1)
    return new_year - timedelta(days=new_year.isoweekday() % 7)


def calendar_frame(first_year: int, last_year: int) -> pl.DataFrame:
    """Table `calendar`: one row per day of the whole retail years, in date order."""
    rows = []
    for year in range(first_year, last_year + 1):
        start = first_day_of_year(year)
        for offset in range((first_day_of_year(year + 1) - start).days):
            day = start + timedelta(days=offset)
            week, weekday = offset // 7 + 1, offset % 7
            quarter = (day.month + 2) // 3
            rows.append(
                {
                    "CAL_DT": day,
                    "CAL_TYPE_DESC": "Retail 52/53 weeks",
                    "DAY_OF_WK_NUM": weekday + 1,
                    "DAY_OF_WK_DESC": DAY_NAMES[weekday],
                    "YR_NUM": year,
                    "WK_NUM": week,
                    "YR_WK_NUM": year * 100 + week,
                    "MNTH_NUM": day.month,
                    "YR_MNTH_NUM": day.year * 100 + day.month,
                    "QTR_NUM": quarter,
                    "YR_QTR_NUM": day.year * 10 + quarter,
                }
            )
    return pl.DataFrame(rows)
