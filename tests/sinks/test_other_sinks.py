"""JSON Lines, memory, several sinks as one, and the screen."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trackwire.sinks
from trackwire import Frame, VideoMetadata
from trackwire.blocks import build_detections, detections_from_json
from trackwire.sinks import InMemoryBufferSink, JsonLinesSink, multi_sink, render_boxes, write_json
from trackwire.sinks.screen import display_problem
from trackwire.specs import SinkError


def make_frame(number: int = 0, name: str = "clip") -> Any:
    """Make a black frame."""
    metadata = VideoMetadata(
        name, 0, number, 2, Fraction(number, 25), datetime.now(UTC), 0.0, Fraction(25)
    )
    return Frame(np.zeros((20, 30, 3), np.uint8), metadata)


def lines(path: Path) -> Any:
    """Read JSON Lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_name_of_the_front_door_loads() -> None:
    """__all__ is the truth."""
    for name in trackwire.sinks.__all__:
        assert getattr(trackwire.sinks, name) is not None


def test_a_line_has_the_documented_fields(tmp_path: Path) -> None:
    """One line per frame, images left out, detections as JSON that reads back."""
    frame = make_frame(7)
    detections = build_detections(frame, [[1, 2, 11, 12]], confidence=[0.5], producer="d")
    outputs = {
        "dets": detections,
        "picture": frame,
        "pixels": frame.image,
        "nested": {
            "list": [frame, float("nan"), np.int64(3)],
            "when": datetime(2024, 1, 2, tzinfo=UTC),
        },
        "half": Fraction(1, 2),
        "vector": np.arange(3),
        "nothing": None,
    }
    with_sink = JsonLinesSink(tmp_path)
    with_sink(outputs, frame)
    (line,) = lines(tmp_path / "clip/predictions.jsonl")  # on disk although not closed
    with_sink.close()
    assert list(line) == [
        "schema",
        "video_identifier",
        "frame_number",
        "epoch",
        "media_time_s",
        "outputs",
    ]
    assert (line["frame_number"], line["epoch"], line["media_time_s"]) == (7, 2, 0.28)
    written = line["outputs"]
    dets = written.pop("dets")
    assert dets["predictions"][0]["x"] == 6
    assert written == {
        "nested": {"list": [None, None, 3], "when": "2024-01-02T00:00:00+00:00"},
        "half": 0.5,
        "vector": [0, 1, 2],
        "nothing": None,
    }
    again = detections_from_json(dets, frame, producer="d")
    assert again.xyxy.tolist() == detections.xyxy.tolist()


def test_streams_get_a_file_each_or_share_one(tmp_path: Path) -> None:
    """A folder gives a file per stream, a file name takes all; None is passed over."""
    frames = [make_frame(0, "a"), None, make_frame(0, "b")]
    for target in (tmp_path / "folder", tmp_path / "all.jsonl"):
        sink = JsonLinesSink(target)
        sink([{"n": 1}, None, {"n": 2}], frames)
        sink.close()
    assert lines(tmp_path / "folder/b/predictions.jsonl")[0]["outputs"] == {"n": 2}
    assert [line["video_identifier"] for line in lines(tmp_path / "all.jsonl")] == ["a", "b"]


def test_what_json_cannot_say_is_refused_and_leaves_no_half_line(tmp_path: Path) -> None:
    """An output without a JSON form is named, and the file stays whole lines."""
    sink = JsonLinesSink(tmp_path / "out.jsonl")
    sink({"n": 1}, make_frame(0))
    with pytest.raises(SinkError, match="output 'bad' of clip/1 is a object"):
        sink({"n": 2, "bad": object()}, make_frame(1))
    with pytest.raises(SinkError, match="dict of outputs"):
        sink(3, make_frame(2))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink({}, make_frame(3))
    assert len(lines(tmp_path / "out.jsonl")) == 1


def test_memory_is_bounded_and_counts() -> None:
    """The oldest result goes, and is counted."""
    sink = InMemoryBufferSink(buffer_size=3)
    for number in range(5):
        sink({"n": number}, make_frame(number))
    assert (len(sink), sink.dropped) == (3, 2)
    kept: list[tuple[Any, Any]] = list(sink.consume())
    assert [predictions["n"] for predictions, _ in kept] == [2, 3, 4]
    assert len(sink) == 0
    with pytest.raises(ValueError, match="at least 1"):
        InMemoryBufferSink(0)


def test_multi_sink_calls_all_although_one_fails(tmp_path: Path) -> None:
    """A sink that fails does not keep the result from the ones behind it; all are closed."""
    memory, written = InMemoryBufferSink(), JsonLinesSink(tmp_path / "out.jsonl")

    def broken(predictions: dict[str, Any], frame: Frame) -> None:
        raise OSError("disk full")

    sink = multi_sink(broken, memory, written)
    with pytest.raises(OSError, match="disk full"):
        sink({"n": 1}, make_frame())
    with pytest.raises(ExceptionGroup):
        multi_sink(broken, broken)({}, make_frame())
    sink.close()
    assert len(memory) == 1
    with pytest.raises(SinkError, match="closed"):
        written({}, make_frame())
    with pytest.raises(TypeError):
        multi_sink(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_without_a_screen_it_says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without windows or display the process lives on, and one warning says nothing is shown."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if display_problem() is None:
        pytest.skip("this machine has a display that answers")
    monkeypatch.setattr("trackwire.sinks.screen._WINDOWS._told", False)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            render_boxes({}, make_frame(number))
    assert caplog.text.count("nothing is shown") == 1


def test_an_unwritable_place_is_a_sink_error(tmp_path: Path) -> None:
    """An operating system's error comes with the path."""
    with pytest.raises(SinkError, match=re.escape("nowhere/x.json")):
        write_json(tmp_path / "nowhere" / "x.json", {})


def test_appended_lines_stand_behind_whole_ones(tmp_path: Path) -> None:
    """What a crash left of a line is cut off, however long it is; the lines before it stay."""
    path = tmp_path / "out.jsonl"
    for number in range(3):
        sink = JsonLinesSink(path, append=number > 0)
        sink({"n": number}, make_frame(number))
        sink.close()
        with path.open("ab") as file:
            file.write(b"x" * (number * 100_000))
    sink = JsonLinesSink(path, append=True)
    sink({}, make_frame(9))
    sink.close()
    assert [line["frame_number"] for line in lines(path)] == [0, 1, 2, 9]
    path.write_bytes(b"x" * 70_000)
    sink = JsonLinesSink(path, append=True)
    sink({}, make_frame(1))
    sink.close()
    assert len(lines(path)) == 1
