"""Trino's folder in the cache: whole, from here or from another process, or not there."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from sandbox import trino
from sandbox.trino import HIVE, VERSION, TrinoError

HOME = f"trino-{VERSION}"


def write_archive(url: str, checksum: str, target: Path) -> None:
    """Write an archive with the folders of the real one, in place of fetching it."""
    if url.endswith(HIVE):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(f"trino-hive-{VERSION}/hive.jar", "")
        return
    plugin = target.parent / "plugin"
    plugin.mkdir()
    with tarfile.open(target, "w:gz") as archive_of_server:
        archive_of_server.add(plugin, f"trino-server-core-{VERSION}/plugin/other")
        archive_of_server.add(plugin, f"trino-server-core-{VERSION}/lib")


@pytest.fixture(autouse=True)
def archives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trino, "download", write_archive)


def refuse_to_move_home(monkeypatch: pytest.MonkeyPatch, *, another_was_quicker: bool) -> None:
    """Let the last step fail."""
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if target.name != HOME:
            return rename(path, target)
        if another_was_quicker:
            (target / "lib").mkdir(parents=True)
        raise OSError("Directory not empty" if another_was_quicker else "No space left")

    monkeypatch.setattr(Path, "rename", refuse)


def test_trino_is_unpacked_with_the_one_plugin_that_is_needed(tmp_path: Path) -> None:
    home = trino.install(tmp_path)
    assert [each.name for each in (home / "plugin").iterdir()] == ["hive"]
    assert (home / "lib").exists()
    assert [each.name for each in tmp_path.iterdir()] == [HOME]


def test_the_copy_of_a_quicker_process_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_move_home(monkeypatch, another_was_quicker=True)
    assert (trino.install(tmp_path) / "lib").exists()


def test_a_folder_that_cannot_be_kept_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_move_home(monkeypatch, another_was_quicker=False)
    with pytest.raises(TrinoError, match="No space left"):
        trino.install(tmp_path)
