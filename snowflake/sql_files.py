"""The numbered SQL files: which they are, with their parameters' values, and their statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from snowflake.settings import DeployError, Settings

FOLDER = Path(__file__).resolve().parent
UNLOAD_SOURCE = FOLDER / "procedures" / "unload.py"
LOAD_FILE = FOLDER / "sql" / "09_load_raw_tables.sql"

# What an integration is made with once and for all.
_FIXED = ("type", "storage_provider", "direction", "notification_provider")
_VALUE = r"'(?:[^'\\]|''|\\.)*'|\([^()]*\)|[\w.]+"
_SETTING = re.compile(rf"(\w+)\s*=\s*({_VALUE})")
_CREATE = re.compile(
    r"create (?:or alter |or replace )?"
    r"(?P<kind>(?:storage |notification )?integration|file format|\w+) (?:if not exists )?"
    r"(?P<name>[\w.]+)\s*(?P<rest>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Created:
    """What a `create` statement says of its object.

    Attributes:
        settings: as they are written, by name; of a procedure and a task also its `body`.
        columns: type and `not null` by name, of a table.
        argument_types: of a procedure.
    """

    kind: str
    name: str
    settings: dict[str, str]
    columns: dict[str, str]
    argument_types: tuple[str, ...]

    @classmethod
    def of(cls, statement: str) -> Created | None:
        """Read a statement; None where it creates nothing."""
        match = _CREATE.fullmatch(statement)
        if match is None:
            return None
        kind, rest = match["kind"], match["rest"]
        columns: dict[str, str] = {}
        types: tuple[str, ...] = ()
        if kind == "table":
            inside, _, rest = rest.rpartition("\n)\n")
            lines = [line.strip().rstrip(",") for line in inside.splitlines()[1:]]
            columns = dict(
                line.split(" ", 1) for line in lines if not line.startswith("primary key")
            )
        rest, _, body = re.sub(r"\nas\n", "\0", rest, count=1).partition("\0")
        if kind == "procedure":
            arguments, _, rest = rest.partition("\n)\n")
            types = tuple(line.split()[1] for line in arguments.splitlines()[1:])
            body = body.strip("$")
            rest = rest.replace("execute as caller", "execute_as = caller")
        settings = dict(_SETTING.findall(rest)) | ({"body": body.strip()} if body else {})
        return cls(kind, match["name"], settings, columns, types)

    @property
    def alteration(self) -> str | None:
        """The statement that brings an object that was there to these settings, if one is needed.

        Where Snowflake has `create or alter` or the object may be replaced, none is.
        """
        if not self.kind.endswith("integration") and self.kind != "table":
            return None
        settings = {name: text for name, text in self.settings.items() if name not in _FIXED}
        told = "".join(f"\n    {name} = {text}" for name, text in settings.items())
        return f"alter {self.kind} {self.name} set{told}"


def value_of(text: str) -> str:
    """What a setting's text stands for: a literal without its quotes and escapes."""
    if len(text) < 2 or not text.startswith("'"):
        return text
    return re.sub(r"''|\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1] or "'"), text[1:-1])


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


def deployment(path: Path, settings: Settings) -> list[str]:
    """The statements of a file as they are deployed.

    After what is created only where it is not there yet follows what brings it to its settings.
    """
    found = []
    for statement in statements(rendered(path, settings)):
        found.append(statement)
        if " if not exists " in statement and (created := Created.of(statement)):
            found += [created.alteration] if created.alteration else []
    return found
