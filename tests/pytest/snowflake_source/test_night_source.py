"""`make night-source` tells the whole story and leaves nothing running."""

from __future__ import annotations

import io
from contextlib import nullcontext
from pathlib import Path

import pytest
from accounts import MISSING, REASON
from owners import children
from rich.console import Console

from sandbox import aws, night_source, snowflake_server


@pytest.mark.skipif(MISSING, reason=REASON)
def test_a_night_is_played_up_to_its_run() -> None:
    before = children()
    told = io.StringIO()
    night_source.play(Console(file=told, width=100))
    story = told.getvalue()
    chapters = [title for title, _ in night_source.CHAPTERS]
    assert [line for line in story.splitlines() if line in chapters] == chapters
    assert "last run: SUCCEEDED" in story
    rows = [line.split() for line in story.splitlines() if "/load_date=" in line]
    objects = [row[0] for row in rows if "/load_date=" in row[0]]
    assert objects[-1].startswith("manifest/")
    assert {name.split("/")[0] for name in objects[:-1]} == {
        "sales", "inventory", "store", "product", "calendar",
    }  # fmt: skip
    assert sum(name.startswith("sales/") for name in objects) > 1
    assert "check 1: not_ready; store missing" in story
    assert "check 2: started; all tables ready" in story
    assert "Airflow has run nightly__" in story
    assert children() <= before


def test_a_failed_step_ends_the_story_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account that it talks to is not there."""
    emulated = aws.Aws("http://127.0.0.1:1")
    account = snowflake_server.SnowflakeServer("http://127.0.0.1:1", Path("absent"))
    monkeypatch.setattr(aws, "running", lambda _: nullcontext(emulated))
    monkeypatch.setattr(snowflake_server, "running", lambda _: nullcontext(account))
    assert night_source.main([]) == 1
    said = capsys.readouterr()
    assert "error: key absent cannot be read" in said.out
    assert said.err == "error: deploy.py deploy failed\n"
