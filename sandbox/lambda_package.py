"""`python -m sandbox.lambda_package`: zip the readiness check's code as Lambda wants it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CODE = PROJECT / "lambda" / "readiness"
SHARED = ("__init__", "failures", "forms", "manifest", "night_files", "places")
"""The modules of the package `shelfweek` by which loader and DAG judge and tell of a night too."""

TARGET = PROJECT / "target"

# The oldest time that a zip file can hold: the same code gives the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644 << 16


def _modules() -> dict[str, Path]:
    """Each module by its name in the zip file."""
    shared = {f"shelfweek/{name}.py": PROJECT / "shelfweek" / f"{name}.py" for name in SHARED}
    return {path.name: path for path in CODE.glob("*.py")} | shared


def package(to: Path = TARGET) -> Path:
    """Write the zip file into a folder and return its path.

    It is named after its content, so that a stack notices changed code by the changed key.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(_modules().items()):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _READABLE_FILE
            archive.writestr(info, path.read_bytes())
    digest = hashlib.sha256(content.getvalue()).hexdigest()[:12]
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"readiness-{digest}.zip"
    path.write_bytes(content.getvalue())
    return path


if __name__ == "__main__":
    print(package().relative_to(PROJECT))
