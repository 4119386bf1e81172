"""Write a sample to a landing folder, all its nights in one pass over its blocks."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from .columns import COLUMNS
from .dirt import Row, dirty_inventory, dirty_sales, pick_rows, within_share
from .landing import (
    TABLES_WITH_DATES,
    DumpFile,
    FileEntry,
    Layout,
    Night,
    TableDump,
    manifest_path,
    write_manifest,
)
from .sample import Block, Sample
from .versions import FOREVER, UNTIL, rows_of_night

PROGRESS_SECONDS = 2.0
SALES_MADE_DIRTY = 6
INVENTORY_MADE_DIRTY = 5


@dataclass
class Summary:
    """What was written. stock_rows and out_of_stock_rows count each store-product-day once."""

    files: dict[Night, list[FileEntry]] = field(default_factory=dict)
    stock_rows: int = 0
    out_of_stock_rows: int = 0

    @property
    def in_stock_rate(self) -> float:
        """Share of the inventory rows whose product was in stock."""
        return 1 - self.out_of_stock_rows / self.stock_rows if self.stock_rows else 1.0


@dataclass(frozen=True)
class Victims:
    """Rows of a night that its dirt is made from."""

    sales: list[Row]
    inventory: list[Row]
    uncounted: list[Row]


class Progress:
    """A line on stderr every two seconds of work."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = self._reported = time.monotonic()

    def report(self, done: int, rows: int) -> None:
        """Say how far it is, unless that was just said."""
        now = time.monotonic()
        if now - self._reported >= PROGRESS_SECONDS:
            self._reported = now
            text = f"sample: {done} of {self._total} blocks, {rows:,} rows"
            print(f"{text}, {now - self._started:.0f} s", file=sys.stderr)


def write_sample(sample: Sample, layout: Layout, *, seed: int, dirty: bool) -> Summary:
    """Write all files, then per night the manifest (a flat folder has none)."""
    summary = Summary()
    if not layout.flat:
        for night in sample.nights:
            # From here on the night is being rewritten, so nobody may take it for complete.
            manifest_path(layout.landing, night.load_date).unlink(missing_ok=True)
    dumps = [_open_dated(sample, layout, night, dirty=dirty) for night in sample.nights]
    victims: list[Victims] = []
    progress = Progress(sample.block_count)
    for number, block in enumerate(sample.blocks):
        for index, tables in enumerate(dumps):
            sales = rows_of_night(block.sales, sample.nights, index)
            inventory = rows_of_night(block.inventory, sample.nights, index)
            tables["sales"].append(sales)
            tables["inventory"].append(inventory)
            if dirty and number == 0:
                uncounted = rows_of_night(block.uncounted, sample.nights, index)
                rng = np.random.default_rng([seed, index])
                victims.append(_pick_victims(sales, inventory, uncounted, rng))
        _count_stock(block, summary)
        progress.report(number + 1, sum(t.rows for tables in dumps for t in tables.values()))

    for index, (night, tables) in enumerate(zip(sample.nights, dumps, strict=True)):
        if dirty:
            _soil(tables, victims[index], night, sales_too=not sample.sales_are_real)
        entries = [entry for dump in tables.values() for entry in dump.finish()]
        entries += _write_whole(sample, layout, night, shuffle=dirty)
        for table in COLUMNS:
            layout.remove_others(table, night.load_date)
        if not layout.flat:
            write_manifest(layout.landing, night.load_date, entries)
        summary.files[night] = entries
    return summary


def _open_dated(
    sample: Sample, layout: Layout, night: Night, *, dirty: bool
) -> dict[str, TableDump]:
    """Open sales and inventory of a night.

    A dirty sample has one extra column in one sales file and another column order in one
    inventory file, both in the newest night.
    """
    odd = dirty and night == sample.nights[-1]
    dumps = {}
    for table in TABLES_WITH_DATES:
        columns = sample.sales_columns if table == "sales" else list(COLUMNS[table])
        files = []
        for number, path in enumerate(layout.paths(table, night.load_date)):
            first = odd and number == 0
            turned = first and table == "inventory"
            extra = first and table == "sales" and not sample.sales_are_real
            constants = {"LOAD_BATCH": f"{night.load_date:%Y%m%d}"} if extra else None
            files.append(
                DumpFile(path, columns[3:] + columns[:3] if turned else columns, constants)
            )
        dumps[table] = TableDump(table, night, files)
    return dumps


def _pick_victims(
    sales: pl.DataFrame, inventory: pl.DataFrame, uncounted: pl.DataFrame, rng: np.random.Generator
) -> Victims:
    return Victims(
        sales=pick_rows(sales, SALES_MADE_DIRTY, rng),
        inventory=pick_rows(inventory, 1, rng),
        uncounted=pick_rows(uncounted, INVENTORY_MADE_DIRTY, rng),
    )


def _soil(dumps: dict[str, TableDump], victims: Victims, night: Night, *, sales_too: bool) -> None:
    """Append dirt to the last files of a night; a sample too small for it stays clean."""
    dirt = {}
    if sales_too and len(victims.sales) == SALES_MADE_DIRTY:
        dirt["sales"] = dirty_sales(victims.sales, night.load_date)
    if victims.inventory and len(victims.uncounted) == INVENTORY_MADE_DIRTY:
        dirt["inventory"] = dirty_inventory(victims.inventory[0], victims.uncounted)
    for table, groups in dirt.items():
        dump = dumps[table]
        for row in within_share(groups, dump.rows):
            dump.files[-1].append_row(row.values, row.fields)


def _write_whole(
    sample: Sample, layout: Layout, night: Night, *, shuffle: bool
) -> Sequence[FileEntry]:
    """Write store, product and calendar; real calendars come in no order, so a dirty one does."""
    calendar = sample.calendar
    if shuffle:
        calendar = calendar[np.random.default_rng(0).permutation(calendar.height).tolist()]
    entries: list[FileEntry] = []
    for table, frame in (
        ("store", sample.store),
        ("product", sample.product),
        ("calendar", calendar),
    ):
        file = DumpFile(layout.paths(table, night.load_date)[0], frame.columns)
        file.append(frame)
        entries += TableDump(table, night, [file]).finish()
    return entries


def _count_stock(block: Block, summary: Summary) -> None:
    newest = block.inventory.filter(pl.col(UNTIL) == FOREVER)
    summary.stock_rows += newest.height
    summary.out_of_stock_rows += int(newest["OUT_OF_STOCK_FLG"].sum())
