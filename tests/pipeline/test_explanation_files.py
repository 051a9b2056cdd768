"""Explanations on disk."""

from __future__ import annotations

import json
from pathlib import Path

from trackwire.pipeline.explanation_files import ExplanationFiles
from trackwire.pipeline.output_folder import OutputFolder
from trackwire.pipeline.record import RecordOptions, record
from trackwire.specs import SinkError, compile_workflow, load_library


def test_each_stream_has_a_file_with_a_line_for_each_frame(tmp_path: Path) -> None:
    """What happened on a frame can be looked up beside its predictions."""
    record(
        compile_workflow(load_library("track-moving-objects")),
        "synthetic:crossing?frames=4&size=160x120",
        OutputFolder(tmp_path / "out"),
        RecordOptions(explain=True),
    )
    (path,) = (tmp_path / "out").glob("*/explain.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["frame_number"] for line in lines] == [0, 1, 2, 3]
    assert {line["step"] for line in lines} == {"tracker"}
    assert {line["video_identifier"] for line in lines} == {path.parent.name}


def test_a_file_that_cannot_be_written_ends_the_run_and_is_told_once(tmp_path: Path) -> None:
    """Tracking never sees the error; whoever started the run does."""
    (tmp_path / "street").write_text("a file where a folder should be")
    files, ended = ExplanationFiles(tmp_path), list[int]()
    files.on_failure = lambda: ended.append(1)
    for number in range(3):
        files({"video_identifier": "street", "frame_number": number})
    files.close()
    assert isinstance(files.error, SinkError)
    assert ended == [1]
