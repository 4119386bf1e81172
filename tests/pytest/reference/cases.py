"""Dumps for tests: a writer, calendars, and hypothesis strategies dense in edge cases.

Rows are dicts from upper-case column to raw text, None or a missing column being an empty field.
A plain string in place of a dict is written as it stands: a malformed line.
"""

import csv
import gzip as gzip_module
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

from hypothesis import strategies as st

from reference.contract import TABLES, Kind, Table
from reference.reading import date_range

TextRow = dict[str, str | None]
Tables = dict[str, list[TextRow | str]]
Covers = Mapping[str, tuple[date, date] | None]

ONE_DAY = timedelta(days=1)
SUNDAY = 6
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EXTRA_TEXT = 'extra, "quoted"'


class Layout(TypedDict, total=False):
    """The keyword arguments of `write_dump` that change how a dump looks, not what it says."""

    header_order: Mapping[str, Sequence[str]]
    extra_columns: Mapping[str, Sequence[str]]
    newline: str
    bom: bool
    gzip: bool
    parts: int
    flat: bool
    quote_all: bool


class Night(NamedTuple):
    """One night: its tables as text, and the dates its manifest covers (None: no manifest)."""

    load_date: date
    tables: Tables
    covers: Covers | None


# --- writing -------------------------------------------------------------------------------------


def write_dump(
    folder: Path,
    load_date: date,
    tables: Mapping[str, Sequence[TextRow | str]],
    *,
    header_order: Mapping[str, Sequence[str]] | None = None,
    extra_columns: Mapping[str, Sequence[str]] | None = None,
    newline: str = "\n",
    bom: bool = False,
    gzip: bool = False,
    parts: int = 1,
    manifest: Covers | None = None,
    flat: bool = False,
    quote_all: bool = False,
) -> list[Path]:
    """Write one night into the landing folder and return its files, the manifest last.

    `header_order` gives a table's column names as they shall stand in the header, in any letter
    case (leave one out to lose it); `extra_columns` names columns to add at the end. `manifest`
    maps sales and inventory to the first and last date covered; None writes no manifest. Only
    the given tables are written; a table without rows becomes a file with a header only.
    """
    written, entries = [], []
    for name, rows in tables.items():
        header = [*(header_order or {}).get(name, TABLES[name].columns)]
        extra = [*(extra_columns or {}).get(name, ())]
        for number, part_rows in enumerate(_split(rows, parts), start=1):
            part = f"_{number}" if parts > 1 else ""
            file_name = f"{name}_{load_date:%Y%m%d}{part}.csv" + (".gz" if gzip else "")
            text = _csv_text(header, extra, part_rows, newline, quote_all)
            content = text.encode("utf-8-sig" if bom else "utf-8")
            content = gzip_module.compress(content, mtime=0) if gzip else content
            written.append(_write(_folder(folder, name, load_date, flat) / file_name, content))
            cover = (manifest or {}).get(name)
            entries.append(_entry(name, file_name, len(content), len(part_rows), cover))
    if manifest is not None:
        path = _folder(folder, "manifest", load_date, flat) / f"manifest_{load_date:%Y%m%d}.json"
        document = {"load_date": load_date.isoformat(), "files": entries}
        written.append(_write(path, json.dumps(document, indent=2).encode()))
    return written


def write_nights(folder: Path, nights: Sequence[Night], **layout: Unpack[Layout]) -> None:
    """Write nights with `write_dump`, all in one layout (its keyword arguments)."""
    for night in nights:
        write_dump(folder, night.load_date, night.tables, manifest=night.covers, **layout)


def trailing_window(load_date: date, days: int = 35) -> dict[str, tuple[date, date] | None]:
    """The covers of a night whose sales and inventory hold the last `days` business dates."""
    window = (load_date - timedelta(days=days), load_date - ONE_DAY)
    return {"sales": window, "inventory": window}


def _folder(landing: Path, name: str, load_date: date, flat: bool) -> Path:
    return landing if flat else landing / name / f"load_date={load_date}"


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _entry(
    table: str, file_name: str, size: int, rows: int, cover: tuple[date, date] | None
) -> dict[str, str | int | None]:
    first, last = cover or (None, None)
    return {
        "table": table,
        "file_name": file_name,
        "bytes": size,
        "rows": rows,
        "first_business_date": first.isoformat() if first else None,
        "last_business_date": last.isoformat() if last else None,
    }


def _split(rows: Sequence[TextRow | str], parts: int) -> list[Sequence[TextRow | str]]:
    """Rows dealt out like cards, so that every part has some of every date."""
    return [rows[part::parts] for part in range(parts)]


def _csv_text(
    header: Sequence[str],
    extra: Sequence[str],
    rows: Sequence[TextRow | str],
    newline: str,
    quote_all: bool,
) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream,
        lineterminator=newline,
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerow([*header, *extra])
    for row in rows:
        if isinstance(row, str):
            stream.write(row + newline)
        else:
            fields = [row.get(column.upper()) or "" for column in header]
            writer.writerow([*fields, *(_EXTRA_TEXT for _ in extra)])
    return stream.getvalue()


# --- calendars and dimensions --------------------------------------------------------------------


def calendar_rows(
    first: date,
    last: date,
    week_starts_on: int = SUNDAY,
    *,
    split_years: bool = False,
    calendar_type: str = "Fiscal",
) -> list[TextRow]:
    """A calendar from `first` to `last`; weeks start on `week_starts_on` (Monday is 0).

    A week belongs to the year of its last day, so that years of 52 and 53 whole weeks occur. With
    `split_years` it breaks at New Year instead: short weeks, and years of 53 or 54 weeks.
    """
    return [
        _calendar_row(
            day, *_week_of(day, week_starts_on, split_years), week_starts_on, calendar_type
        )
        for day in date_range(first, last)
    ]


def _week_of(day: date, week_starts_on: int, split_years: bool) -> tuple[int, int]:
    """Year and number of a day's week."""
    week_end = _week_end(day, week_starts_on)
    year = day.year if split_years else week_end.year
    first_end = _week_end(date(year, 1, 1), week_starts_on)
    return year, (week_end - first_end).days // 7 + 1


def _week_end(day: date, week_starts_on: int) -> date:
    return day + timedelta(days=6 - (day.weekday() - week_starts_on) % 7)


def _calendar_row(
    day: date, year: int, week: int, week_starts_on: int, calendar_type: str
) -> TextRow:
    quarter = (day.month + 2) // 3
    return {
        "CAL_DT": day.isoformat(),
        "CAL_TYPE_DESC": calendar_type,
        "DAY_OF_WK_NUM": str((day.weekday() - week_starts_on) % 7 + 1),
        "DAY_OF_WK_DESC": _WEEKDAYS[day.weekday()],
        "YR_NUM": str(year),
        "WK_NUM": str(week),
        "YR_WK_NUM": f"{year}{week:02}",
        "MNTH_NUM": str(day.month),
        "YR_MNTH_NUM": f"{day.year}{day.month}",
        "QTR_NUM": str(quarter),
        "YR_QTR_NUM": f"{day.year}{quarter}",
    }


def store_rows(keys: Sequence[int]) -> list[TextRow]:
    """A store dimension with quotes, commas, line ends and nulls among its texts."""
    return [
        {
            "STORE_KEY": str(key),
            "STORE_NUM": f"{key:05}",
            "STORE_DESC": f'Store "{key}", Québec',
            "ADDR": f"{key} Rue Principale\nSuite 2",
            "CITY": "Montréal",
            "CNTRY_CD": "CA",
            "LATITUDE": "45.5",
        }
        for key in keys
    ]


def product_rows(keys: Sequence[int]) -> list[TextRow]:
    """A product dimension with quotes, commas, line ends and nulls among its texts."""
    return [
        {
            "PROD_KEY": str(key),
            "PROD_NAME": f'Prüfling 12" x 3, no. {key}',
            "BRAND_NAME": "Two\r\nLines" if key % 2 else None,
            "CATEGORY_KEY": "1",
            "CATEGORY_NAME": "Food",
        }
        for key in keys
    ]


# --- strategies: layouts -------------------------------------------------------------------------


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """How a dump looks: column order and letter case, extra columns, parts, encoding, folders."""
    shuffled = draw(st.sets(st.sampled_from(sorted(TABLES))))
    return {
        "header_order": {name: draw(_headers(TABLES[name])) for name in sorted(shuffled)},
        "extra_columns": draw(
            st.dictionaries(st.sampled_from(sorted(TABLES)), st.just(("NEXTVAL", "Note, more")))
        ),
        "newline": draw(st.sampled_from(["\n", "\r\n"])),
        "bom": draw(st.booleans()),
        "gzip": draw(st.booleans()),
        "parts": draw(st.integers(1, 3)),
        "flat": draw(st.booleans()),
        "quote_all": draw(st.booleans()),
    }


@st.composite
def _headers(draw: st.DrawFn, table: Table) -> list[str]:
    columns = draw(st.permutations(table.columns))
    change_case = draw(st.sampled_from([str.upper, str.lower, str.title]))
    return [change_case(column) for column in columns]


# --- strategies: nights --------------------------------------------------------------------------

# Days just after a week, year or leap day ends; in 2028 and 2033 calendars reach week 53.
_ANCHORS = tuple(
    date.fromisoformat(day)
    for day in ("2026-01-04", "2024-01-02", "2024-03-01", "2026-11-02", "2029-01-01", "2034-01-01")
)
_KNOWN_KEYS = (1, 2)
_UNKNOWN_KEY = 99
_PADDING_KEY = 10_000

_keys = st.sampled_from((*_KNOWN_KEYS, *_KNOWN_KEYS, _UNKNOWN_KEY))
_quantities = st.one_of(
    st.sampled_from(["1", "2", "-1", "-2", "0", "3", "0.5", "0.3333", "-0.2500", "7.00000", "+4"]),
    st.integers(-50_000, 200_000).map(lambda units: f"{units / 10_000:.4f}"),
)
_amounts = st.one_of(
    st.sampled_from(["10", "20.00", "-10", "0", "9.99", "0.0001", ".5", "33.3333", "-4.1"]),
    st.integers(-200_000, 2_000_000).map(lambda units: f"{units / 10_000:.4f}"),
)
_flags = st.sampled_from([None, "0", "1", "0", "1", "true", "FALSE", "True", "false"])


def _or_null(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    """Values, and now and then none at all."""
    return st.integers(0, 7).flatmap(lambda number: values if number else st.none())


@dataclass(frozen=True)
class _Frame:
    """What the nights of one example share."""

    calendar: list[TextRow]
    load_dates: list[date]


@st.composite
def small_nights(
    draw: st.DrawFn,
    *,
    dirty: bool = False,
    duplicates: bool = True,
    max_nights: int = 3,
) -> list[Night]:
    """One to three nights over overlapping windows, oldest first, a few stores and products.

    Clean nights have no rejects; `duplicates` allows repeated rows, also in other spellings.
    `dirty` nights hold rows of every reason, padded so that they stay below 1 % of each table.
    """
    frame = draw(_frames(max_nights))
    return draw(nights_within(frame.calendar, frame.load_dates, dirty=dirty, duplicates=duplicates))


@st.composite
def nights_within(
    draw: st.DrawFn,
    calendar: list[TextRow],
    load_dates: list[date],
    *,
    dirty: bool = False,
    duplicates: bool = True,
) -> list[Night]:
    """As `small_nights`, of the given load dates and calendar."""
    frame = _Frame(calendar, load_dates)
    nights = [draw(_clean_night(frame, day, duplicates)) for day in load_dates]
    return [draw(_soiled(night)) for night in nights] if dirty else nights


@st.composite
def _frames(draw: st.DrawFn, max_nights: int) -> _Frame:
    anchor = draw(st.sampled_from(_ANCHORS))
    offsets = draw(st.sets(st.integers(-2, 6), min_size=1, max_size=max_nights))
    calendar = calendar_rows(
        anchor - timedelta(days=40),
        anchor + timedelta(days=draw(st.sampled_from([6, 20]))),
        draw(st.integers(0, 6)),
        split_years=draw(st.booleans()),
    )
    return _Frame(
        calendar=calendar[::-1] if draw(st.booleans()) else calendar,
        load_dates=[anchor + timedelta(days=offset) for offset in sorted(offsets)],
    )


@st.composite
def _clean_night(draw: st.DrawFn, frame: _Frame, load_date: date, duplicates: bool) -> Night:
    window = draw(st.integers(1, 10))
    days = st.integers(1, window).map(lambda age: load_date - timedelta(days=age))
    cells = st.tuples(days, _keys, _keys)
    sold_cells = draw(st.lists(cells, max_size=8))
    sales = _numbered([line for cell in sold_cells for line in draw(_sales_day(*cell))])
    stock_cells = cells | st.sampled_from(sold_cells) if sold_cells else cells
    stock = draw(st.dictionaries(stock_cells, _stock_values(), max_size=12))
    inventory = [
        {"CAL_DT": day.isoformat(), "STORE_KEY": str(store), "PROD_KEY": str(product), **values}
        for (day, store, product), values in stock.items()
    ]
    tables: Tables = {
        "sales": [*sales],
        "inventory": [*inventory],
        "calendar": [*frame.calendar],
        "store": [*store_rows(_KNOWN_KEYS)],
        "product": [*product_rows(_KNOWN_KEYS)],
    }
    if duplicates:
        for name, rows in tables.items():
            tables[name] = rows + draw(_repeats(TABLES[name], rows))
    covers = trailing_window(load_date, window) if draw(st.booleans()) else None
    return Night(load_date, tables, covers)


@st.composite
def _sales_day(draw: st.DrawFn, day: date, store: int, product: int) -> list[TextRow]:
    """The sales lines of one store, product and day: some lines, or a sale and its return."""
    key = {"TRANS_DT": day.isoformat(), "STORE_KEY": str(store), "PROD_KEY": str(product)}
    lines = [{**key, **values} for values in draw(st.lists(_sale_values(), min_size=1, max_size=3))]
    if draw(st.integers(0, 3)) == 0:
        lines += [{**line, "SALES_QTY": _negated(line["SALES_QTY"])} for line in lines]
    return lines


def _sale_values() -> st.SearchStrategy[TextRow]:
    return st.fixed_dictionaries(
        {
            "TRANS_TIME": st.sampled_from([None, "0", "9", "23"]),
            "SALES_QTY": _or_null(_quantities),
            "SALES_PRICE": st.sampled_from([None, "4.99"]),
            "SALES_AMT": _or_null(_amounts),
            "DISCOUNT": st.sampled_from([None, "0", "-0.5"]),
            "SALES_COST": _or_null(_amounts | st.just("99999999999999.9999")),
        }
    )


def _stock_values() -> st.SearchStrategy[TextRow]:
    return st.fixed_dictionaries(
        {
            "INVENTORY_ON_HAND_QTY": _or_null(
                st.one_of(_quantities, st.sampled_from(["0", "31.36"]))
            ),
            "INVENTORY_ON_ORDER_QTY": _or_null(_quantities),
            "OUT_OF_STOCK_FLG": _flags,
            "WASTE_QTY": st.sampled_from([None, "0", "1.5"]),
            "PROMOTION_FLG": _flags,
            "NEXT_DELIVERY_DT": st.sampled_from([None, "2019-05-01", "2026-12-31"]),
        }
    )


def _negated(text: str | None) -> str | None:
    if not text or text.strip("+-.0") == "":
        return text
    return text[1:] if text.startswith("-") else "-" + text.removeprefix("+")


def _numbered(lines: list[TextRow]) -> list[TextRow]:
    """Lines with transaction numbers that repeat across days and products, never within a key."""
    seen: Counter[tuple[str | None, ...]] = Counter()
    numbered = []
    for line in lines:
        key = (line["TRANS_DT"], line["STORE_KEY"], line["PROD_KEY"])
        seen[key] += 1
        numbered.append({"TRANS_ID": str(seen[key]), **line})
    return numbered


@st.composite
def _repeats(draw: st.DrawFn, table: Table, rows: list[TextRow | str]) -> list[TextRow | str]:
    """Some rows once more, now and then with other spellings of the same values."""
    if not rows:
        return []
    picked = draw(st.lists(st.sampled_from(rows), max_size=2))
    respell = draw(st.booleans())
    return [_respelled(table, row) if respell and isinstance(row, dict) else row for row in picked]


def _respelled(table: Table, row: TextRow) -> TextRow:
    """The same row with its typed values written in another way."""
    return {column: _other_spelling(table.kinds[column], text) for column, text in row.items()}


def _other_spelling(kind: Kind, text: str | None) -> str | None:
    if not text:
        return text
    if kind is Kind.DECIMAL:
        return text + "00" if "." in text else text + ".0"
    if kind is Kind.FLAG:
        return {"0": "FALSE", "1": "true", "false": "0", "true": "1"}[text.lower()]
    if kind in (Kind.BIGINT, Kind.INT) and text[0] not in "+-":
        return "0" + text
    return text


# --- strategies: dirty rows ----------------------------------------------------------------------

_BAD_TEXT: dict[Kind, tuple[str, ...]] = {
    Kind.BIGINT: ("12.0", "x", "9223372036854775808", "1 2", "--1"),
    Kind.INT: ("7.0", "noon", "2147483648"),
    Kind.DECIMAL: ("abc", "1.00005", "123456789012345", "1,5", "--2", "$3", "."),
    Kind.DATE: ("2026-02-30", "2026-1-04", "20260104", "2026-01-04 00:00:00", "04.01.2026"),
    Kind.FLAG: ("2", "yes", "Y", "1.0", "-1"),
}
_WEEKLESS_DATE = date(1980, 1, 1)
_OTHER_VALUE = {"sales": "SALES_AMT", "inventory": "WASTE_QTY", "calendar": "CAL_TYPE_DESC"}


@st.composite
def _soiled(draw: st.DrawFn, night: Night) -> Night:
    """The night with dirty rows of every reason in every table, and its padding."""
    tables: Tables = {}
    for name, rows in night.tables.items():
        dirty_rows = draw(_dirty_rows(TABLES[name], night))
        padding = _padding(TABLES[name], night, 100 * len(dirty_rows) + 1)
        tables[name] = [*rows, *dirty_rows, *padding]
    tables["calendar"].append({"CAL_DT": _WEEKLESS_DATE.isoformat(), "YR_NUM": "1980"})
    return night._replace(tables=tables)


@st.composite
def _dirty_rows(draw: st.DrawFn, table: Table, night: Night) -> list[TextRow | str]:
    rows: list[TextRow | str] = [
        draw(st.sampled_from(["1,2", ",".join(["1"] * 50)])),
        draw(_bad_row(table, night, flags=False)),
        {**_dirty_base(table, night), draw(st.sampled_from(table.key)): None},
    ]
    if Kind.FLAG in table.kinds.values():
        rows.append(draw(_bad_row(table, night, flags=True)))
    rows += draw(st.lists(st.sampled_from(rows), max_size=1))
    rows += draw(_conflict(table, night))
    if table.business_date:
        rows += draw(_misdated(table, night))
    return rows


@st.composite
def _bad_row(draw: st.DrawFn, table: Table, night: Night, flags: bool) -> TextRow:
    wanted = [
        column
        for column, kind in table.kinds.items()
        if kind is not Kind.TEXT and (kind is Kind.FLAG) == flags
    ]
    column = draw(st.sampled_from(wanted))
    return {
        **_dirty_base(table, night),
        column: draw(st.sampled_from(_BAD_TEXT[table.kinds[column]])),
    }


@st.composite
def _conflict(draw: st.DrawFn, table: Table, night: Night) -> list[TextRow | str]:
    """Two rows of one key with different values, now and then one of them twice."""
    base = {**_dirty_base(table, night), table.key[-1]: _conflict_key(table, night)}
    column = _OTHER_VALUE.get(table.name, table.columns[1])
    return [{**base, column: "1"}, *[{**base, column: "2"}] * draw(st.integers(1, 2))]


def _conflict_key(table: Table, night: Night) -> str:
    """A last key part that no clean row has, so that only the conflicting rows are lost."""
    if table.name == "sales":
        return (night.load_date - ONE_DAY).isoformat()
    if table.name == "calendar":
        return "1990-01-02"
    return "555"


@st.composite
def _misdated(draw: st.DrawFn, table: Table, night: Night) -> list[TextRow | str]:
    """Rows on dates of the future, outside the calendar, and outside the covered dates."""
    assert table.business_date
    known = {row["CAL_DT"] for row in night.tables["calendar"] if isinstance(row, dict)}
    first_known = date.fromisoformat(min(day for day in known if day))
    days = [
        night.load_date + timedelta(days=draw(st.integers(0, 400))),
        first_known - timedelta(days=draw(st.integers(1, 400))),
        _WEEKLESS_DATE,
    ]
    cover = (night.covers or {}).get(table.name)
    if cover:
        days.append(cover[0] - timedelta(days=draw(st.integers(1, 9))))
    return [{**_dirty_base(table, night), table.business_date: day.isoformat()} for day in days]


def _dirty_base(table: Table, night: Night) -> TextRow:
    """A row that is clean by itself, with a key of its own."""
    return {**_padding(table, night, 1)[0], table.key[0]: _own_key(table, night)}


def _own_key(table: Table, night: Night) -> str:
    if table.name == "inventory":
        return (night.load_date - ONE_DAY).isoformat()
    return "1990-01-01" if table.name == "calendar" else "777"


def _padding(table: Table, night: Night, count: int) -> list[TextRow]:
    """Clean rows that share no key with the rows that the strategies draw."""
    numbers = range(_PADDING_KEY, _PADDING_KEY + count)
    day = (night.load_date - ONE_DAY).isoformat()
    if table.name == "sales":
        base: TextRow = {"PROD_KEY": "1", "STORE_KEY": "1", "TRANS_DT": day, "SALES_QTY": "1"}
        return [{**base, "TRANS_ID": str(number), "SALES_AMT": "2.5"} for number in numbers]
    if table.name == "inventory":
        base = {"CAL_DT": day, "STORE_KEY": "1", "INVENTORY_ON_HAND_QTY": "5"}
        return [{**base, "PROD_KEY": str(number)} for number in numbers]
    if table.name == "calendar":
        return calendar_rows(date(1995, 1, 1), date(1995, 1, 1) + timedelta(days=count - 1))
    return store_rows(numbers) if table.name == "store" else product_rows(numbers)
