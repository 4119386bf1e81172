"""What cannot be listed or read stops the night with its name, and is never passed over."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dumps import LOAD_DATE
from landings import DAY, MANIFEST, SALES, fault, opened, written

NOBODY = 65534


@pytest.mark.parametrize("path", [SALES, f"{SALES}.gz", "sales", f"sales_{DAY}_2.csv", MANIFEST])
def test_a_link_that_leads_nowhere_stops_the_night(by_manifest: Path, path: str) -> None:
    target = by_manifest / path
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.symlink_to("nowhere")
    assert f"{path} cannot be read: a link that leads nowhere" in fault(by_manifest)


def test_one_that_has_nothing_to_do_with_the_night_does_not(landing: Path) -> None:
    for path in ("notes", "backup", "sales/old", "sales/load_date=2026-01-13", "sales/_SUCCESS"):
        (landing / path).symlink_to("nowhere")
    assert opened(landing).warnings == ()
    text = fault(landing, date(2026, 1, 13))
    assert "sales/load_date=2026-01-13 cannot be read: a link that leads nowhere" in text


def test_what_is_no_file_stops_the_night(by_names: Path) -> None:
    os.mkfifo((by_names / SALES).with_name(f"sales_{DAY}_2.csv"))
    assert "cannot be read: it is neither a file nor a folder" in fault(by_names)


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A whole night with a manifest in a folder that every user may read."""
    with tempfile.TemporaryDirectory(prefix="shelfweek-landing-") as folder:
        Path(folder).chmod(0o755)
        yield written(Path(folder), manifest=True)


def fault_without_rights(folder: Path) -> str:
    """What is wrong with the night for a user for whom rights count, which root is not."""
    if os.geteuid() != 0:
        return fault(folder)
    reader, writer = os.pipe()
    if not os.fork():
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, fault(folder).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    os.wait()
    if "Operation not permitted" in told:
        pytest.skip("root may not become another user here")
    return told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (SALES, SALES),
        (MANIFEST, f"manifest {MANIFEST}"),
        ("sales", "sales"),
        ("manifest", "manifest"),
        (f"sales/load_date={LOAD_DATE}", f"sales/load_date={LOAD_DATE}"),
        (f"sales/load_date={LOAD_DATE}/more", f"sales/load_date={LOAD_DATE}/more"),
    ],
)
def test_without_rights_the_night_stops(for_all: Path, path: str, told: str) -> None:
    target = for_all / path
    if not target.exists():
        target.mkdir()
    target.chmod(0)
    assert f"{told} cannot be read: permission denied" in fault_without_rights(for_all)
    target.chmod(0o755)


def test_an_unreadable_folder_of_another_night_does_not_matter(for_all: Path) -> None:
    target = for_all / "sales" / "load_date=2026-01-13"
    target.mkdir(mode=0)
    assert "DID NOT RAISE" in fault_without_rights(for_all)
    target.chmod(0o755)


def test_without_rights_to_the_landing_itself_it_is_told(for_all: Path) -> None:
    for_all.chmod(0o711)
    assert fault_without_rights(for_all).endswith("cannot be read: permission denied")
    for_all.chmod(0o755)
