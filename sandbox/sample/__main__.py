"""`python -m sandbox.sample`: write nightly dumps to a landing folder."""

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from sandbox import places
from sandbox.command import Parser, add_debug, add_domain, run_command

from .landing import Layout, Night
from .real import read_sales, read_text, real_sample, sale_dates
from .sample import Sample
from .simulated import Scope, simulated_sample
from .writing import Summary, write_sample

DEFAULT_END = date(2026, 11, 20)
DEFAULT_STORES, DEFAULT_PRODUCTS, DEFAULT_DAYS, DEFAULT_NIGHTS = 8, 60, 70, 3


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m sandbox.sample",
        description="Write believable nightly dumps (sales, inventory, calendar, store, product) "
        "to a landing folder. The same arguments give the same bytes.",
    )
    parser.add_argument(
        "--to", type=places.output, required=True, metavar="LANDING", help="landing folder"
    )
    parser.add_argument("--seed", type=int, default=7, help="random seed (default: %(default)s)")
    parser.add_argument("--clean", action="store_true", help="no dirty rows and headers")

    size = parser.add_argument_group("size of a simulated sample")
    for name, default, text in (
        ("--stores", DEFAULT_STORES, "number of stores"),
        ("--products", DEFAULT_PRODUCTS, "number of products, all of them in every store"),
        ("--days", DEFAULT_DAYS, "days of history before the first night"),
    ):
        size.add_argument(name, type=_positive, metavar="N", help=f"{text} (default: {default})")

    nights = parser.add_argument_group("nights")
    nights.add_argument(
        "--nights",
        type=_positive,
        metavar="N",
        help=f"number of nights (default: {DEFAULT_NIGHTS}; 1 with --sales)",
    )
    nights.add_argument(
        "--end",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help=f"newest load date (default: {DEFAULT_END}; with --sales the day after the newest "
        "sale)",
    )
    nights.add_argument(
        "--window",
        type=_positive,
        default=35,
        metavar="DAYS",
        help="business dates that a night's sales and inventory hold (default: %(default)s)",
    )
    nights.add_argument(
        "--first-night-whole",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the first night holds the whole history, not only the window (default: yes)",
    )

    files = parser.add_argument_group("files")
    files.add_argument("--gzip", action="store_true", help="write .csv.gz")
    files.add_argument(
        "--parts",
        type=_positive,
        default=1,
        metavar="N",
        help="files per night for sales and for inventory (default: %(default)s)",
    )
    files.add_argument(
        "--flat",
        action="store_true",
        help="all files in LANDING itself and no manifest, as in a folder made by hand",
    )

    real = parser.add_argument_group(
        "real sales",
        "Keep real sales lines as they are and simulate only stock (for the store-products that "
        "sold) and calendar around them.",
    )
    real.add_argument(
        "--sales", type=places.input_file, metavar="CSV", help="sales in the raw schema"
    )
    for table in ("store", "product"):
        real.add_argument(
            f"--{table}",
            type=places.input_file,
            metavar="CSV",
            help=f"{table} list (default: the sales file's sibling of that name)",
        )
    add_domain(parser, only_default_has="sample dumps")
    add_debug(parser)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Write the sample and print what was written."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.sales:
        for name in ("stores", "products", "days"):
            if getattr(options, name) is not None:
                parser.error(f"--{name} is the size of a simulated sample: not with --sales")
    elif options.store or options.product:
        parser.error("--store and --product belong to --sales")
    try:
        sample = _real(options) if options.sales else _simulated(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    layout = Layout(options.to, options.parts, options.gzip, options.flat)
    summary = write_sample(sample, layout, seed=options.seed, dirty=not options.clean)
    _print_summary(summary, options.to)
    return 0


def make_nights(end: date, count: int, window: int, oldest: date, *, whole: bool) -> list[Night]:
    """`count` load dates up to `end`; no night reaches back before `oldest`.

    With whole, the first night reaches back to `oldest` whatever the window is.
    """
    nights = []
    for index in range(count):
        load_date = end - timedelta(days=count - 1 - index)
        first = max(oldest, load_date - timedelta(days=window))
        nights.append(Night(load_date, oldest if whole and index == 0 else first))
    return nights


def _simulated(options: argparse.Namespace) -> Sample:
    end, count = options.end or DEFAULT_END, options.nights or DEFAULT_NIGHTS
    oldest = end - timedelta(days=count - 1 + (options.days or DEFAULT_DAYS))
    nights = make_nights(end, count, options.window, oldest, whole=options.first_night_whole)
    scope = Scope(
        stores=options.stores or DEFAULT_STORES,
        products=options.products or DEFAULT_PRODUCTS,
        seed=options.seed,
        dirty=not options.clean,
    )
    return simulated_sample(scope, nights)


def _real(options: argparse.Namespace) -> Sample:
    sales = read_sales(options.sales)
    store = read_text(options.store or _sibling(options.sales, "store"))
    product = read_text(options.product or _sibling(options.sales, "product"))
    oldest, newest = sale_dates(sales)
    end, count = options.end or newest + timedelta(days=1), options.nights or 1
    nights = make_nights(end, count, options.window, oldest, whole=options.first_night_whole)
    if nights[0].last_date < oldest:
        raise ValueError(f"the first night, {nights[0].load_date}, is before any sale ({oldest})")
    return real_sample(sales, store, product, options.seed, nights)


def _sibling(sales: Path, table: str) -> Path:
    """The file of another table that lies beside the sales file and is named like it."""
    path = sales.with_name(sales.name.replace("sales", table, 1))
    if path == sales or not path.exists():
        raise ValueError(f"no {table} file beside {sales}: name one with --{table}")
    return path


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _print_summary(summary: Summary, landing: Path) -> None:
    for night, entries in summary.files.items():
        rows: dict[str, int] = {}
        for entry in entries:
            rows[entry.table] = rows.get(entry.table, 0) + entry.rows
        counts = ", ".join(f"{table} {count:,}" for table, count in rows.items())
        size = sum(entry.bytes for entry in entries) / 1e6
        print(
            f"{night.load_date}: {night.first_date} to {night.last_date}: {counts}; {size:.1f} MB"
        )
    print(f"in stock on {summary.in_stock_rate:.1%} of the counted days; written to {landing}")


def _write(_console: Console) -> None:
    main()


if __name__ == "__main__":
    stopped = "What was written so far is left in the landing."
    is_debug = make_parser().parse_args().debug
    sys.exit(run_command(_write, (OSError,), stopped, is_debug=is_debug))
