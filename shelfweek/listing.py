"""What lies in a landing, on whatever file system, and which nights that makes."""

from __future__ import annotations

import os
import posixpath
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from shelfweek.night_files import Listing
from shelfweek.places import (
    Kind,
    Place,
    folder_date,
    is_root_folder,
    manifest_paths,
    nights_behind,
)

_DEEPEST = 8
"""Folders below a night's own; a link that leads far away is not followed without end."""


@dataclass(frozen=True)
class Nights:
    """The nights of a landing.

    Attributes:
        listings: what lies there of each night, and what may be of any.
        homeless: files that look like those of a night, where no night is.
    """

    listings: Mapping[date, Listing]
    homeless: tuple[str, ...]


def find_nights(tables: Collection[str], listing: Listing) -> Nights:
    """Tell which nights lie in a landing.

    A night is a load date with a file that fits, a manifest, or anything in its own folders that
    its verdict refuses by name.
    """
    by_day: dict[date, list[Place]] = defaultdict(list)
    anybodys: dict[str, int] = {}
    for path, size in listing.sizes.items():
        if place := Place.of(path, tables):
            for day in place.days:
                by_day[day].append(place)
            if not place.days:
                anybodys[path] = size
    unreadable: dict[date, dict[str, str]] = defaultdict(dict)
    everyones: dict[str, str] = {}
    for path, reason in listing.unreadable.items():
        if is_root_folder(path, tables):
            everyones[path] = reason
        for day in nights_behind(path, tables):
            unreadable[day][path] = reason
    nights = unreadable.keys() | {day for day, places in by_day.items() if _is_night(day, places)}
    return Nights(
        listings={
            day: Listing(
                sizes={p.path: listing.sizes[p.path] for p in by_day[day]} | anybodys,
                unreadable=unreadable[day] | everyones,
            )
            for day in sorted(nights)
        },
        homeless=tuple(sorted({p.path for day in by_day.keys() - nights for p in by_day[day]})),
    )


def _is_night(load_date: date, places: Iterable[Place]) -> bool:
    def makes_a_night(place: Place) -> bool:
        kind = place.kind(load_date)
        is_refused = place.folder_day is not None and kind in (Kind.MISPLACED, Kind.UNFIT)
        return (
            is_refused
            or kind in (Kind.FITTING, Kind.OTHER_DATE)
            or place.path in manifest_paths(load_date)
        )

    return any(makes_a_night(place) for place in places)


def list_landing(file_system: AbstractFileSystem, root: str, tables: Collection[str]) -> Listing:
    """List the landing's own folder and the folders of its tables and manifests, and no others.

    Raises:
        OSError: the landing's own folder cannot be listed.
    """
    sizes: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    if isinstance(file_system, LocalFileSystem):
        info = Path(root).stat()
        _Walk(tables, sizes, unreadable).walk(root, "", frozenset([(info.st_dev, info.st_ino)]))
    else:
        _list_remotely(file_system, root, tables, sizes, unreadable)
    return Listing(sizes, unreadable)


def in_words(error: Exception) -> str:
    """Why a file or folder cannot be read, in one line and without its path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return (str(error) or type(error).__name__).splitlines()[0]


@dataclass(frozen=True)
class _Walk:
    """A walk of a local folder that follows links: fsspec's own passes over what it cannot list."""

    tables: Collection[str]
    sizes: dict[str, int]
    unreadable: dict[str, str]

    def walk(self, folder: str, path: str, above: frozenset[tuple[int, int]]) -> None:
        """List a folder and those below it; `path` is relative to the landing, empty for it.

        above: device and inode of the folders around it: a link to one of them is a circle.

        Raises:
            OSError: it is the landing, and cannot be listed.
        """
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not path:
                raise
            self.unreadable[path] = in_words(error)
            return
        for entry in entries:
            # A terminal cannot print what is no UTF-8; a name that fits is.
            name = os.fsencode(entry.name).decode(errors="backslashreplace")
            self._visit(entry, posixpath.join(path, name), above)

    def _visit(self, entry: os.DirEntry[str], path: str, above: frozenset[tuple[int, int]]) -> None:
        try:
            info = entry.stat()
        except OSError as error:
            is_loose = isinstance(error, FileNotFoundError) and entry.is_symlink()
            self.unreadable[path] = "a link that leads nowhere" if is_loose else in_words(error)
            return
        if stat.S_ISREG(info.st_mode):
            self.sizes[path] = info.st_size
        elif not stat.S_ISDIR(info.st_mode):
            self.unreadable[path] = "it is neither a file nor a folder"
        elif not self._is_of_a_night(path):
            self.sizes[f"{path}/"] = 0
        elif path.count("/") > _DEEPEST:
            self.unreadable[path] = "it lies too deep"
        elif (info.st_dev, info.st_ino) not in above:
            self.walk(entry.path, path, above | {(info.st_dev, info.st_ino)})

    def _is_of_a_night(self, path: str) -> bool:
        first, *others = path.split("/")
        return is_root_folder(first, self.tables) and (
            not others or folder_date(others[0]) is not None
        )


def _list_remotely(
    file_system: AbstractFileSystem,
    root: str,
    tables: Collection[str],
    sizes: dict[str, int],
    unreadable: dict[str, str],
) -> None:
    """List by prefix: an object store then answers with a thousand keys at once."""
    file_system.invalidate_cache()
    for info in file_system.ls(root, detail=True):
        path = posixpath.relpath(info["name"], root)
        if info["type"] != "directory":
            sizes[path] = int(info["size"] or 0)
        elif is_root_folder(path, tables):
            try:
                found = file_system.find(info["name"], detail=True)
            except OSError as error:
                unreadable[path] = in_words(error)
                continue
            for name, file in found.items():
                sizes[posixpath.relpath(name, root)] = int(file["size"] or 0)
        elif path != ".":
            sizes[f"{path}/"] = 0
