"""Tonight's dump in the landing bucket: what lies there, and whether it is whole.

The verdict is the one that the loader comes to (shelfweek/night_files.py), but for a night without
a manifest, which the check does not trust. Here the bucket is listed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shelfweek.manifest import MAX_BYTES, BusinessDates
from shelfweek.night_files import Listing, Problem, State, Verdict, judge, manifest_path
from shelfweek.places import folder_date, is_root_folder, manifest_paths

_GONE = ("NoSuchKey", "404")
_DENIED = ("AccessDenied", "AllAccessDisabled", "403", "KMS")


class LandingError(Exception):
    """The landing cannot be listed or read; the message names bucket and right."""


@dataclass(frozen=True)
class Table:
    """One raw table tonight.

    Attributes:
        uris: the files that the manifest names, in its order.
        ignored: names of tonight's files that the manifest does not name. They do not hold the
            night up, and the run does not read them: a leftover of an earlier unload.
    """

    name: str
    uris: tuple[str, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The state that tells the most."""
        order = list(State)
        return min((p.state for p in self.problems), key=order.index, default=State.READY)


@dataclass(frozen=True)
class Dump:
    """The dump of one night.

    Attributes:
        manifest_problem: why the manifest cannot be used; None where it can.
    """

    landing_uri: str
    manifest_uri: str
    manifest_problem: str | None
    tables: tuple[Table, ...]

    @property
    def is_ready(self) -> bool:
        """Whether the manifest and every file that it names are there as it says.

        Without a manifest that can be used no table is ready.
        """
        return all(table.state is State.READY for table in self.tables)


def read_dump(
    s3: Any, bucket: str, prefix: str, load_date: date, raw_tables: BusinessDates
) -> Dump:
    """Judge the dump of a night by the names and sizes in the bucket and by its manifest.

    raw_tables: those that a night has, in the order in which people are told of them.

    Raises:
        LandingError: the bucket cannot be listed or read.
    """
    landing_uri = f"s3://{bucket}/{prefix}"
    try:
        listing = _list_night(s3, bucket, f"{prefix}/", load_date, raw_tables)
    except (ClientError, BotoCoreError) as error:
        right = f"s3:ListBucket on the bucket {bucket} for the prefix {prefix}/*"
        raise LandingError(
            _refused(f"the landing {landing_uri}/", "listed", error, right)
        ) from error
    # Asked for an object that is not there, S3 says "denied" to those who may list only a
    # prefix. So the list tells whether it is there.
    path = manifest_path(load_date, listing)
    content = _read(s3, bucket, f"{prefix}/{path}") if path else None
    verdict = judge(load_date, raw_tables, listing, content)
    problem = None
    if content is None:
        problem = "missing: the unload has not finished, or not even started"
    elif verdict.manifest_problem:
        problem = f"{verdict.manifest_problem.state}: {verdict.manifest_problem.text}"
    tables = tuple(
        _table(name, landing_uri, verdict, is_confirmed=problem is None) for name in raw_tables
    )
    manifest_uri = f"{landing_uri}/{path or manifest_paths(load_date)[0]}"
    return Dump(landing_uri, manifest_uri, problem, tables)


def _list_night(
    s3: Any, bucket: str, root: str, load_date: date, raw_tables: BusinessDates
) -> Listing:
    """List the landing's own folder and those of one night, not those of a year of others."""
    sizes, folders = _list(s3, bucket, root, Delimiter="/")
    for folder in folders:
        if not is_root_folder(_name(folder), raw_tables):
            continue
        loose, nights = _list(s3, bucket, folder, Delimiter="/")
        sizes |= loose
        for night in nights:
            if folder_date(_name(night)) == load_date:
                sizes |= _list(s3, bucket, night)[0]
    return Listing({key.removeprefix(root): size for key, size in sizes.items()})


def _list(s3: Any, bucket: str, prefix: str, **options: str) -> tuple[dict[str, int], list[str]]:
    """Bytes of the objects below a prefix by their keys, and the folders that were not entered."""
    sizes, folders = {}, []
    paginator = s3.get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket=bucket, Prefix=prefix, **options):
        sizes.update({item["Key"]: item["Size"] for item in page.get("Contents", [])})
        folders += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
    return sizes, folders


def _read(s3: Any, bucket: str, key: str) -> bytes | None:
    """The manifest's content; None where it is gone, because an unload has begun anew.

    Raises:
        LandingError: it cannot be read.
    """
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read(MAX_BYTES + 1)
    except (ClientError, BotoCoreError) as error:
        if _code(error) in _GONE:
            return None
        right = (
            f"s3:GetObject on it, and kms:Decrypt on its key if the bucket {bucket} is encrypted "
            "with a key of your own"
        )
        raise LandingError(_refused(f"s3://{bucket}/{key}", "read", error, right)) from error
    return content


def _refused(what: str, verb: str, error: Exception, right: str) -> str:
    needed = f". The check's role needs {right}" if _code(error).startswith(_DENIED) else ""
    return f"{what} cannot be {verb}: {error}{needed}"


def _code(error: Exception) -> str:
    """S3's code of an error; empty where it gave no answer."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def _name(folder: str) -> str:
    return folder.rstrip("/").rpartition("/")[2]


def _table(name: str, landing_uri: str, verdict: Verdict, *, is_confirmed: bool) -> Table:
    files = [file for file in verdict.files if file.table == name]
    problems = [problem for problem in verdict.problems if problem.table == name]
    if not is_confirmed:
        problems += [
            Problem(
                name,
                State.UNCONFIRMED,
                file.path,
                f"has {file.size:,} bytes, which no manifest confirms",
            )
            for file in files
            if file.size
        ]
    return Table(
        name=name,
        uris=tuple(f"{landing_uri}/{file.path}" for file in files) if is_confirmed else (),
        problems=tuple(problems),
        ignored=tuple(file.name for file in verdict.ignored if file.table == name),
    )
