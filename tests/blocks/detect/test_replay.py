"""Replayed detections: files are read by frame, and wrong lines are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from trackwire.blocks import Frame, build_detections, detections_to_json
from trackwire.blocks.detect.replay import ReplayedDetections, ReplayedDetectionsManifest
from trackwire.specs import Batch, BlockError, Failure, Resources

MakeFrame: TypeAlias = Callable[..., Frame]


def open_block(
    path: Path | str, resources: Resources | None = None, **properties: Any
) -> ReplayedDetections:
    """Open the block on a file."""
    step = ReplayedDetectionsManifest(
        name="replay", images="$inputs.image", path=str(path), **properties
    )
    return ReplayedDetections.open(step, resources or Resources())


def look(block: ReplayedDetections, frame: Any, least: float = 0.0) -> Any:
    """Ask a block for the detections of one frame."""
    columns = {"images": (frame,), "min_confidence": (least,)}
    (outcome,) = block.run(Batch((frame.video.video_identifier,), columns))
    if isinstance(outcome, Failure):
        return outcome.error
    assert isinstance(outcome, dict)
    return outcome["predictions"]


def line(frame: Any, outputs: dict[str, Any] | None = None, **other: Any) -> str:
    """Write a frame as a run writes it."""
    found = build_detections(
        frame,
        [[1, 2, 10, 20], [3, 4, 5, 6]],
        confidence=[0.9, 0.3],
        tracker_id=[4, 7],
        producer="first",
    )
    entry = {
        "schema": "x",
        "video_identifier": frame.video.video_identifier,
        "frame_number": frame.video.frame_number,
        "outputs": {"predictions": detections_to_json(found), "count": 2}
        if outputs is None
        else outputs,
    }
    return json.dumps({**entry, **other})


def test_json_lines_by_frame(tmp_path: Path, make_frame: MakeFrame) -> None:
    """Detections come back by frame number, whatever the stream's name; others are empty."""
    path = tmp_path / "predictions.jsonl"
    frames = [make_frame("cam", number) for number in (3, 5)]
    path.write_text("\n".join(line(frame) for frame in frames) + "\n")
    block = open_block(path)
    found = look(block, make_frame("renamed", 5))
    assert found.xyxy.tolist() == [[1, 2, 10, 20], [3, 4, 5, 6]]
    assert found.tracker_id.tolist() == [4, 7]
    assert found.data["detection_id"].tolist() == ["cam/5/first/0", "cam/5/first/1"]
    assert len(look(block, make_frame("cam", 4))) == 0
    assert look(block, make_frame("cam", 3), least=0.5).tracker_id.tolist() == [4]
    block.close()


def test_several_videos_are_kept_apart(tmp_path: Path, make_frame: MakeFrame) -> None:
    """A file of several videos is read by video, and a video it lacks is an error."""
    path = tmp_path / "both.jsonl"
    empty = {"p": {"image": {"width": 64, "height": 48}, "predictions": []}}
    path.write_text(line(make_frame("a")) + "\n\n" + line(make_frame("b"), empty))
    block = open_block(path, output="predictions")
    assert len(look(block, make_frame("a"))) == 2
    assert len(look(block, make_frame("b"))) == 0
    error = look(block, make_frame("c"))
    assert error.code == "recording_video"
    block.close()


def test_output_must_be_clear(tmp_path: Path, make_frame: MakeFrame) -> None:
    """With several outputs that hold detections one must be named, and must be there."""
    path = tmp_path / "p.jsonl"
    path.write_text(line(make_frame(), {"x": {"predictions": []}, "y": {"predictions": []}}))
    wrong: tuple[dict[str, Any], ...] = ({}, {"output": "z"})
    for properties in wrong:
        with pytest.raises(BlockError, match="x, y") as caught:
            open_block(path, **properties)
        assert caught.value.code == "recording_output"
    block = open_block(path, output="x")
    assert len(look(block, make_frame())) == 0
    block.close()


def test_frame_of_another_size_names_the_line(tmp_path: Path, make_frame: MakeFrame) -> None:
    """Detections of a picture of another size are refused with the line they stand in."""
    path = tmp_path / "p.jsonl"
    path.write_text("\n" + line(make_frame()))
    block = open_block(path)
    error = look(block, make_frame(size_wh=(10, 10)))
    assert "line 2" in str(error)
    assert "image.width" in str(error)
    block.close()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"frame_number": 0, "outputs": {}}\n{"frame', "line 2 is not JSON"),
        ('{"outputs": {}}', "line 1 needs frame_number"),
        ('{"frame_number": -1, "outputs": {}}', "line 1 needs frame_number"),
        ('{"frame_number": 0}', "line 1 needs outputs"),
        ('{"frame_number": 0, "outputs": {}}\n' * 2, "line 2 repeats frame 0 of line 1"),
        ("1,1,0,0,5,5\n1,1,0,0,5", "line 2 must hold at least six"),
        ("1,1,0,0,5,x", "line 1 must hold numbers"),
        ("0,1,0,0,5,5", "line 1 must begin with the frame"),
        ("1,1,0,0,-5,5", "line 1 has a box of negative"),
        ("1,1,0,0,5,5,90", "line 1 has a confidence"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, what: str) -> None:
    """A line that is not well formed is an error when the block opens, with its number."""
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(BlockError, match=what):
        open_block(path)


def test_mot_text_counts_from_one(tmp_path: Path, make_frame: MakeFrame) -> None:
    """MOTChallenge frames count from 1; its ids, confidences and classes are taken over."""
    path = tmp_path / "gt.txt"
    path.write_text("1,9,10,20,30,40,1,2,0.5\n3,9,11,20,30,40,-1,-1\n3,4,1,1,2,2\n")
    block = open_block("gt.txt", Resources(base_directory=tmp_path), class_name="person")
    first = look(block, make_frame(number=0))
    assert first.xyxy.tolist() == [[10, 20, 40, 60]]
    assert (first.tracker_id.tolist(), first.class_id.tolist()) == ([9], [2])
    assert first.data["class_name"].tolist() == ["person"]
    assert len(look(block, make_frame(number=1))) == 0
    third = look(block, make_frame(number=2))
    assert third.tracker_id.tolist() == [9, 4]
    np.testing.assert_array_equal(third.confidence, [1, 1])
    block.close()


def test_detector_output_has_no_ids(tmp_path: Path, make_frame: MakeFrame) -> None:
    """MOTChallenge detections, whose id is -1, have no tracker ids."""
    path = tmp_path / "det.txt"
    path.write_text("1 -1 10 20 30 40 0.5\n")
    found = look(open_block(path), make_frame())
    assert found.tracker_id is None
    assert found.confidence.tolist() == [0.5]


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is one clear error."""
    with pytest.raises(BlockError, match="cannot read") as caught:
        open_block(tmp_path / "none.jsonl")
    assert caught.value.code == "recording_not_found"
