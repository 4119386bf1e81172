"""What the account's objects are set to: CREATE and ALTER keep it, SHOW and DESCRIBE tell it.

Only what has no data: roles, warehouses, databases, schemas, integrations, file formats, stages,
procedures; and who was granted what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import statements
from .session import Session
from .statements import Result, full_name, options_of, pattern, refused

_KIND = r"(?P<kind>role|warehouse|database|schema|(storage|notification)\s+integration)"
CREATE = pattern(
    rf"create\s+(?P<how>or\s+alter\s+)?{_KIND}\s+(?P<once>if\s+not\s+exists\s+)?(?P<name>[\w.]+)"
    r"(\s+with\s+managed\s+access)?\s*(?P<options>.*)"
)
ALTER = pattern(
    r"alter\s+(?P<kind>(storage|notification)\s+integration|warehouse|table)\s+(?P<name>\w+)\s+"
    r"set\s+(?P<options>.*)"
)
SHOW = pattern(
    r"show\s+(?P<kind>role|warehouse|database|schema|stage)s\s+like\s+'(?P<name>\w+)'"
    r"(\s+in\s+(database|schema)\s+(?P<place>[\w.]+))?"
)
DESCRIBE = pattern(
    r"describe\s+(?P<kind>integration|file\s+format|procedure)\s+(?P<name>[\w.]+)(\(.*\))?"
)
GRANT = pattern(
    r"(?P<verb>grant|revoke)\s+(?P<what>.+?)(\s+on\s+(?P<on>.+?))?\s+(to|from)\s+"
    r"(?P<kind>role|user)\s+(?P<name>\w+)"
)
SHOW_GRANTS = pattern(r"show\s+grants\s+to\s+role\s+(?P<name>\w+)")

# Columns of SHOW that are named otherwise than the setting.
_COLUMNS = {"warehouse_size": "size"}
_SIZES = {"x-small": "X-Small", "xsmall": "X-Small", "small": "Small", "medium": "Medium"}
# No names of the stand-in's own: they lie in a schema.
_IN_A_SCHEMA = ("file format", "stage", "procedure", "table")


@dataclass
class Objects:
    """Settings by kind and whole name, and rights by role: privilege, kind and name."""

    settings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    rights: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)

    def keep(self, session: Session, kind: str, name: str, options: dict[str, Any]) -> None:
        """Note what a statement that is run elsewhere has set."""
        self.settings[kind, _whole(session, kind, name)] = options

    def create(self, session: Session, match: re.Match[str]) -> Result:
        """CREATE OR ALTER sets all; CREATE IF NOT EXISTS leaves alone what is there."""
        kind = _words(match["kind"])
        key = (kind, _whole(session, kind, match["name"]))
        options = options_of(match["options"])
        if key not in self.settings or match["how"]:
            self.settings[key] = options
        elif not match["once"]:
            raise refused(f"Object '{match['name'].upper()}' already exists.", (2002, "42710"))
        return statements.done()

    def alter(self, session: Session, match: re.Match[str]) -> Result:
        """ALTER ... SET: the settings that it names."""
        kind = _words(match["kind"])
        key = (kind, _whole(session, kind, match["name"]))
        if kind != "table" and key not in self.settings:
            raise refused(f"Object '{match['name'].upper()}' does not exist.", statements.NOT_FOUND)
        self.settings.setdefault(key, {}).update(options_of(match["options"]))
        return statements.done()

    def show(self, session: Session, match: re.Match[str]) -> Result:
        """SHOW ... LIKE: the one object of the name, or nothing."""
        kind = match["kind"].lower()
        name = ".".join(part for part in (match["place"], match["name"]) if part)
        options = self.settings.get((kind, _whole(session, kind, name)))
        if options is None:
            return Result(("name",), ())
        shown = {_COLUMNS.get(setting, setting): value for setting, value in options.items()}
        shown["size"] = _SIZES.get(shown.get("size", ""), shown.get("size"))
        return Result(
            ("name", *shown), ((match["name"].upper(), *(_told(v) for v in shown.values())),)
        )

    def describe(self, session: Session, match: re.Match[str]) -> Result:
        """DESCRIBE: a line for each setting."""
        kind = _words(match["kind"])
        kinds = ("storage integration", "notification integration") if "int" in kind else (kind,)
        for each in kinds:
            options = self.settings.get((each, _whole(session, each, match["name"])))
            if options is not None:
                rows = tuple((name.upper(), _told(value)) for name, value in options.items())
                return Result(("property", "property_value"), rows)
        raise refused(
            f"{kind.title()} '{match['name'].upper()}' does not exist or not authorized.",
            statements.NOT_FOUND,
        )

    def grant(self, session: Session, match: re.Match[str], tables: list[str]) -> None:
        """Note a GRANT to a role, or a REVOKE; tables: those of the schema that it names."""
        if match["on"] is None:
            given = {("USAGE", "ROLE", match["what"].split()[-1].upper())}
        else:
            given = {
                (privilege.strip().upper(), kind, name)
                for privilege in match["what"].split(",")
                for kind, name in _objects(session, _words(match["on"]), tables)
            }
        rights = self.rights.setdefault(match["name"].upper(), set())
        if match["verb"].lower() == "grant":
            rights |= given
        else:
            rights -= given

    def show_grants(self, session: Session, match: re.Match[str]) -> Result:
        """SHOW GRANTS TO ROLE."""
        rows = tuple(sorted(self.rights.get(match["name"].upper(), set())))
        return Result(("privilege", "granted_on", "name"), rows)


def _objects(session: Session, on: str, tables: list[str]) -> list[tuple[str, str]]:
    if on == "account":
        return [("ACCOUNT", "SANDBOX")]
    kind, _, name = on.rpartition(" ")
    if kind.startswith("all tables"):
        return [("TABLE", table) for table in tables]
    return [(kind.replace(" ", "_").upper(), _whole(session, kind, name))]


def _whole(session: Session, kind: str, name: str) -> str:
    if kind in _IN_A_SCHEMA:
        return full_name(name, session.database, session.schema)
    return name.upper()


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _told(value: Any) -> str:
    """A value as SHOW and DESCRIBE write it."""
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).replace("\n", "\\n") if value == "\n" else str(value)
