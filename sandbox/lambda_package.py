"""`python -m sandbox.lambda_package`: zip a domain's readiness check as Lambda wants it."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

from sandbox.command import Parser, add_domain
from shelfweek.domain import Domain
from shelfweek.project import PROJECT

CODE = PROJECT / "lambda" / "readiness"
SHARED = ("__init__", "failures", "forms", "manifest", "night_files", "places")
"""The modules of the package `shelfweek` by which loader and DAG judge and tell of a night too."""

RAW_TABLES = "raw_tables.json"
"""What the check reads of the domain, for Lambda has nothing that reads YAML."""

TARGET = PROJECT / "target"

# The oldest time that a zip file can hold: the same code gives the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644 << 16


def _contents(domain: Domain) -> dict[str, bytes]:
    """Each file by its name in the zip file."""
    modules = {path.name: path for path in CODE.glob("*.py")} | {
        f"shelfweek/{name}.py": PROJECT / "shelfweek" / f"{name}.py" for name in SHARED
    }
    tables = json.dumps(domain.business_dates, indent=2) + "\n"
    return {name: path.read_bytes() for name, path in modules.items()} | {
        RAW_TABLES: tables.encode()
    }


def package(domain: Domain, to: Path = TARGET) -> Path:
    """Write the zip file of a domain's check into a folder and return its path.

    It is named after its content, so that a stack notices changed code by the changed key.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(_contents(domain).items()):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _READABLE_FILE
            archive.writestr(info, data)
    digest = hashlib.sha256(content.getvalue()).hexdigest()[:12]
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"readiness-{digest}.zip"
    path.write_bytes(content.getvalue())
    return path


def main(arguments: list[str] | None = None) -> int:
    """Build the package, print where it lies, and return the exit code."""
    parser = Parser(prog="python -m sandbox.lambda_package", description=__doc__)
    add_domain(parser)
    print(package(parser.parse_args(arguments).domain).relative_to(PROJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
