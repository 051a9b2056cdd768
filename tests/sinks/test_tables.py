"""CSV and MOTChallenge text: stable columns, quoting, empty frames, and reading back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from tests.sinks.frames import make_detections, make_frame
from trackwire.blocks.detect.recording import open_recording
from trackwire.sinks import CSV_COLUMNS, CsvSink, MotSink
from trackwire.specs import SinkError


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_has_the_documented_columns(tmp_path: Path) -> None:
    """One row per detection, quoted as RFC 4180 wants it, on disk before the sink is closed."""
    frame = make_frame(3)
    sink = CsvSink(tmp_path)
    sink({"n": 1, "dets": make_detections(frame), "other": make_detections(frame, 1)}, frame)
    path = tmp_path / "clip/detections.csv"
    text = path.read_bytes()
    sink.close()
    assert text.startswith(",".join(CSV_COLUMNS).encode() + b"\r\n")
    assert b',"dog, ""big""",' in text
    table = rows(path)
    assert [(row["output"], row["detection"]) for row in table] == [
        ("dets", "0"),
        ("dets", "1"),
        ("other", "0"),
    ]
    assert table[1] == {
        "video_identifier": "clip",
        "frame_number": "3",
        "epoch": "0",
        "media_time_s": "0.12",
        "frame_timestamp": "2030-01-02T03:04:05.120+00:00",
        "output": "dets",
        "detection": "1",
        "tracker_id": "8",
        "class_id": "1",
        "class": 'dog, "big"',
        "confidence": "0.625",
        "x_min": "10.25",
        "y_min": "5.0",
        "x_max": "18.75",
        "y_max": "20.0",
        "mask_pixels": "",
        "detection_id": table[1]["detection_id"],
    }
    assert table[1]["detection_id"].startswith("clip/3/")


def test_what_is_not_known_is_an_empty_cell(tmp_path: Path) -> None:
    """Detections with a mask and nothing else, in crops and in wildcard outputs, have rows."""
    mask = np.zeros((1, 48, 64), bool)
    mask[0, 2:4, 2:5] = True
    bare = sv.Detections(xyxy=np.array([[2, 2, 5, 4]], np.float32), mask=mask)
    sink = CsvSink(tmp_path / "all.csv")
    sink({"crops": [bare, None], "all": {"inner": bare}}, make_frame())
    sink.close()
    table = rows(tmp_path / "all.csv")
    assert [row["output"] for row in table] == ["crops[0]", "all.inner"]
    assert [table[0][name] for name in ("tracker_id", "class", "confidence", "mask_pixels")] == [
        *[""] * 3,
        "6",
    ]


def test_empty_frames_have_a_row_only_where_asked_for(tmp_path: Path) -> None:
    """A table can tell nothing found from nothing seen; an empty stream has a header."""
    for empty_frames in (False, True):
        sink = CsvSink(tmp_path / f"{empty_frames}.csv", output="a", empty_frames=empty_frames)
        for number in range(3):
            frame = make_frame(number)
            found = make_detections(frame, 1 if number == 1 else 0)
            sink({"a": found, "b": make_detections(frame)}, frame)
        sink.close()
    assert [row["frame_number"] for row in rows(tmp_path / "False.csv")] == ["1"]
    table = rows(tmp_path / "True.csv")
    assert [(row["frame_number"], row["x_min"]) for row in table] == [
        ("0", ""),
        ("1", "0.0"),
        ("2", ""),
    ]


def test_a_table_goes_on_without_a_second_header(tmp_path: Path) -> None:
    """Appending cuts off a half row and repeats no header; replacing begins anew."""
    path = tmp_path / "all.csv"
    for number, append in enumerate((False, True, True, False)):
        frame = make_frame(number)
        sink = CsvSink(path, append=append)
        sink({"a": make_detections(frame, 1)}, frame)
        sink.close()
        numbers = [row["frame_number"] for row in rows(path)]
        assert numbers == (["3"] if number == 3 else [str(n) for n in range(number + 1)])
        with path.open("ab") as file:
            file.write(b"clip,9,0,0.")


def test_tracks_written_as_mot_text_read_back(tmp_path: Path) -> None:
    """Frames from 1, ids, boxes to a thousandth, confidences: our own reader finds them again."""
    sink = MotSink(tmp_path, class_column=True)
    written = []
    for number in range(4):
        frame = make_frame(number)
        written.append((frame, make_detections(frame, number)))
        sink({"tracks": written[-1][1], "boxes": make_detections(frame, 3, tracked=False)}, frame)
    sink.close()
    path = tmp_path / "clip.txt"
    assert sink.paths == (path,)
    assert path.read_text().splitlines()[0] == "2,7,0,5,8.5,15,0.5,0,-1,-1"
    recording = open_recording(path)
    for frame, detections in written:
        again = recording.read(frame, "test")
        assert np.abs(again.xyxy - detections.xyxy).max(initial=0) < 0.001
        for name in ("tracker_id", "class_id", "confidence"):
            assert getattr(again, name).tolist() == getattr(detections, name).tolist()
    recording.close()


def test_mot_text_without_ids_classes_and_boxes(tmp_path: Path) -> None:
    """Unknown is -1, also the class unless asked for; a stream of nothing has an empty file."""
    frame = make_frame()
    sink = MotSink(tmp_path)
    sink({"a": make_detections(frame, 1, tracked=False)}, frame)
    sink({"a": None}, make_frame(0, "empty"))
    sink.close()
    assert (tmp_path / "clip.txt").read_text() == "1,-1,0,5,8.5,15,0.5,-1,-1,-1\n"
    assert (tmp_path / "empty.txt").read_text() == ""


def test_mot_sink_refuses_what_is_not_clear(tmp_path: Path) -> None:
    """Two outputs that might be meant, two streams for a file, a closed sink."""
    frame = make_frame()
    both = {"a": make_detections(frame), "b": make_detections(frame), "n": 3}
    with pytest.raises(SinkError, match="several outputs are detections: a, b; say which"):
        MotSink(tmp_path / "x.txt")(both, frame)
    with pytest.raises(SinkError, match="'n' is no detections; those that are: a, b"):
        MotSink(tmp_path / "x.txt", output="n")(both, frame)
    sink = MotSink(tmp_path / "y.txt", output="b")
    sink(both, frame)
    with pytest.raises(SinkError, match="give a folder"):
        sink(both, make_frame(0, "other"))
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink(both, frame)
    with pytest.raises(SinkError, match="cannot name a folder"):
        MotSink(tmp_path, output="a")(both, make_frame(0, "../up"))
