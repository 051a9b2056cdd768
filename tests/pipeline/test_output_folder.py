"""The output folder: one run claims it, and nothing in it is lost unasked."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trackwire.pipeline.output_folder import OutputFolder, new_run_folder
from trackwire.specs import SinkError


def _with_results(folder: Path) -> None:
    (folder / "clip").mkdir(parents=True)
    for name in ("run.json", "clip/predictions.jsonl", "clip/annotated.mp4", "clip/notes.txt"):
        (folder / name).write_text("old")


def test_a_claimed_folder_says_so_at_once(tmp_path: Path) -> None:
    """A run that is killed leaves a report that it was running."""
    OutputFolder(tmp_path / "a" / "b").claim({"status": "running"})
    assert json.loads((tmp_path / "a" / "b" / "run.json").read_text()) == {"status": "running"}


def test_a_second_run_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """Results are never replaced by accident."""
    _with_results(tmp_path)
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SinkError, match="--overwrite") as caught:
        OutputFolder(tmp_path).claim({})
    assert caught.value.code == "output_taken"
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize("result", ["run.json", "x/predictions.jsonl", "x/annotated-002.mp4"])
def test_any_result_alone_makes_a_folder_taken(tmp_path: Path, result: str) -> None:
    """A crash may leave only some of the files; they count."""
    (tmp_path / result).parent.mkdir(exist_ok=True)
    (tmp_path / result).write_text("old")
    with pytest.raises(SinkError, match=re.escape(Path(result).name)):
        OutputFolder(tmp_path).require_free()


def test_overwriting_replaces_results_and_leaves_other_files(tmp_path: Path) -> None:
    """Only what a run writes is removed, so a stale video cannot pass for a new one."""
    _with_results(tmp_path)
    OutputFolder(tmp_path, overwrite=True).claim({"status": "running"})
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["notes.txt", "run.json"]


def test_other_files_do_not_make_a_folder_taken(tmp_path: Path) -> None:
    """A folder may hold what is no result."""
    (tmp_path / "readme.txt").write_text("mine")
    OutputFolder(tmp_path).require_free()


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    """The message says what is there."""
    (tmp_path / "out").write_text("")
    with pytest.raises(SinkError, match="is a file"):
        OutputFolder(tmp_path / "out").require_free()


def test_the_report_is_replaced_in_one_step(tmp_path: Path) -> None:
    """No part file stays behind, and what cannot be written leaves the old report."""
    folder = OutputFolder(tmp_path)
    folder.claim({"status": "running"})
    folder.write_report({"status": "done"})
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert json.loads((tmp_path / "run.json").read_text()) == {"status": "done"}


def test_new_run_folders_never_collide(tmp_path: Path) -> None:
    """Two runs in one second get two folders."""
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    first = new_run_folder(tmp_path, now)
    assert first.name == "run-20300102-030405"
    first.mkdir()
    assert new_run_folder(tmp_path, now).name == "run-20300102-030405-2"
