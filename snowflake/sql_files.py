"""The numbered SQL files: which they are, with their parameters' values, and their statements."""

from __future__ import annotations

import re
from pathlib import Path

from snowflake.settings import DeployError, Settings

FOLDER = Path(__file__).resolve().parent
UNLOAD_SOURCE = FOLDER / "procedures" / "unload.py"
LOAD_FILE = FOLDER / "sql" / "09_load_raw_tables.sql"


def sql_files(first: str = "") -> list[Path]:
    """The files to deploy in their order, from the one that begins with `first` on.

    Raises:
        DeployError: no file begins so.
    """
    files = [path for path in sorted((FOLDER / "sql").glob("*.sql")) if path != LOAD_FILE]
    places = [place for place, path in enumerate(files) if path.name.startswith(first)]
    if not places:
        raise DeployError(f"no file in {FOLDER / 'sql'} begins with {first}")
    return files[places[0] :]


def rendered(path: Path, settings: Settings) -> str:
    """A file's text with the values of its parameters."""
    values = {**settings, "unload_source": UNLOAD_SOURCE.read_text(encoding="utf-8").strip()}
    text = path.read_text(encoding="utf-8")
    return re.sub(r"&\{(\w+)\}", lambda match: values[match[1]], text)


def statements(text: str) -> list[str]:
    """The statements of a file: semicolons end them, except in quotes, comments and bodies."""
    found, statement = [], ""
    pieces = re.finditer(
        r"(?P<kept>\$\$.*?\$\$|'(?:[^'\\]|''|\\.)*')|(?P<comment>--[^\n]*\n?)|(?P<end>;)|.",
        text,
        re.DOTALL,
    )
    for piece in pieces:
        if piece["end"]:
            found.append(statement.strip())
            statement = ""
        elif not piece["comment"]:
            statement += piece[0]
    return found
