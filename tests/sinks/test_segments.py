"""Recordings in segments: boundaries, names, files that go together, and what is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sinks.frames import START, count_frames, make_frame
from trackwire.sinks import CsvSink, JsonLinesSink, Segments, VideoFileSink
from trackwire.sinks.segments import Segment
from trackwire.specs import SinkError


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


def names(folder: Path, pattern: str) -> list[str]:
    """Files that match, in order."""
    return sorted(path.name for path in folder.glob(pattern))


def write_lines(target: Path, segments: Segments, numbers: range, *, live: bool = False) -> None:
    """Write frames as JSON Lines and close."""
    sink = JsonLinesSink(target, segments=segments)
    for number in numbers:
        sink({"n": number}, make_frame(number, live=live))
    sink.close()


def test_video_and_lines_change_files_at_the_same_frames(tmp_path: Path) -> None:
    """Each file holds its second of the clip, begins with a keyframe, and is numbered."""
    segments = Segments(1)
    sinks: list[Any] = [
        JsonLinesSink(tmp_path, segments=segments),
        VideoFileSink(tmp_path, segments=segments),
        CsvSink(tmp_path, segments=segments),
    ]
    for sink in sinks:  # one after the other: as far apart as sinks can be
        for number in range(60):
            sink({"n": number}, make_frame(number, grey=number))
    for sink in sinks:
        sink.close()
    folder = tmp_path / "clip"
    stems = ["000001", "000002", "000003"]
    assert names(folder, "*.mp4") == [f"annotated-{stem}.mp4" for stem in stems]
    assert names(folder, "*.csv") == [f"detections-{stem}.csv" for stem in stems]
    assert [count_frames(folder / f"annotated-{stem}.mp4") for stem in stems] == [25, 25, 10]
    for stem, first in zip(stems, (0, 25, 50), strict=True):
        lines = (folder / f"predictions-{stem}.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["frame_number"] == first
        with av.open(str(folder / f"annotated-{stem}.mp4")) as container:
            frame = next(container.decode(video=0))
            assert frame.key_frame
            assert frame.pts == 0
    listed = json.loads((folder / "segments.json").read_text())["segments"]
    assert [(each["name"], each["first_frame"]) for each in listed] == [
        ("000001", 0),
        ("000002", 25),
        ("000003", 50),
    ]
    assert all(each["ended_at"] and len(each["files"]) == 3 for each in listed)


def test_segments_of_a_camera_follow_the_wall_clock(tmp_path: Path) -> None:
    """They are named by time and end at multiples of their length, and at a reconnect."""
    segments = Segments(10)  # the camera begins at 03:04:05
    sink = VideoFileSink(tmp_path, segments=segments)
    for number in range(0, 400, 20):
        epoch = int(number >= 240)
        sink({}, make_frame(number, live=True, epoch=epoch))
    sink.close()
    assert [path.name for path in sink.paths] == [
        "annotated-20300102T030405.000Z.mp4",
        "annotated-20300102T030410.600Z.mp4",
        "annotated-20300102T030414.600Z.mp4",
        "annotated-20300102T030420.200Z.mp4",
    ]


def test_a_new_size_within_a_segment_has_a_file_of_its_own(tmp_path: Path) -> None:
    """It belongs to the same segment, and is deleted with it."""
    segments = Segments(1, keep_segments=1)
    sink = VideoFileSink(tmp_path, segments=segments)
    for number in range(10):
        sink({}, make_frame(number, size_wh=(32, 32) if number > 4 else (64, 48)))
    assert names(tmp_path / "clip", "*.mp4") == ["annotated-000001-002.mp4", "annotated-000001.mp4"]
    sink({}, make_frame(30))
    sink.close()
    assert names(tmp_path / "clip", "*.mp4") == ["annotated-000002.mp4"]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({"keep_segments": 2}, 2), ({"keep_s": 2.5}, 3), ({"keep_bytes": 7000}, 2)],
)
def test_the_oldest_segments_are_deleted(tmp_path: Path, limits: dict[str, Any], kept: int) -> None:
    """By number, age and size; files that nobody noted are left alone."""
    clock = Clock()
    segments = Segments(1, now=clock, **limits)
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "predictions-000000.jsonl").write_text("not ours")
    sink = JsonLinesSink(tmp_path, segments=segments)
    for number in range(250):
        clock.now = START + timedelta(seconds=number / 25)
        sink({"text": "x"}, make_frame(number))
    sink.close()
    left = names(folder, "predictions-*.jsonl")
    assert left[0] == "predictions-000000.jsonl"
    assert left[1:] == [f"predictions-{n:06d}.jsonl" for n in range(11 - kept, 11)]


def test_a_restart_goes_on_and_keeps_what_it_may(tmp_path: Path) -> None:
    """Segments of earlier runs count, numbers go on, a killed run's last segment is complete."""
    write_lines(tmp_path, Segments(1), range(75))
    folder = tmp_path / "clip"
    ledger = json.loads((folder / "segments.json").read_text())
    ledger["segments"][-1]["ended_at"] = None  # as SIGKILL leaves it
    (folder / "segments.json").write_text(json.dumps(ledger))
    write_lines(tmp_path, Segments(1, keep_segments=3), range(50))
    assert names(folder, "*.jsonl") == [f"predictions-{n:06d}.jsonl" for n in (3, 4, 5)]


def test_two_runs_of_a_camera_within_a_millisecond_do_not_collide(tmp_path: Path) -> None:
    """No file is ever replaced."""
    for _ in range(3):
        write_lines(tmp_path, Segments(60), range(2), live=True)
    assert names(tmp_path / "clip", "*.jsonl") == [
        f"predictions-20300102T030405.{n:03d}Z.jsonl" for n in range(3)
    ]


ELSEWHERE = {
    "name": "1",
    "first_frame": 0,
    "epoch": 0,
    "began_at": START.isoformat(),
    "ended_at": None,
    "files": ["../../other-1.mp4"],
}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        json.dumps({"schema": "other", "segments": []}),
        json.dumps({"schema": "trackwire.segments/1", "segments": [ELSEWHERE]}),
    ],
)
def test_a_list_that_is_none_of_ours_deletes_nothing(tmp_path: Path, text: str) -> None:
    """What says which files may be deleted is believed only if it is as we write it."""
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/segments.json").write_text(text)
    with pytest.raises(SinkError, match="does not list segments") as caught:
        write_lines(tmp_path, Segments(1, keep_segments=1), range(1))
    assert caught.value.code == "segment_ledger"


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    """Lengths and limits are positive, and a file cannot take segments."""
    with pytest.raises(ValueError, match="segment_s must be more than 0, found 0"):
        Segments(0)
    with pytest.raises(ValueError, match="keep_bytes must be more than 0"):
        Segments(1, keep_bytes=-1)
    for sink, name in ((VideoFileSink, "x.mp4"), (JsonLinesSink, "x.jsonl"), (CsvSink, "x.csv")):
        with pytest.raises(ValueError, match="needs a folder"):
            sink(tmp_path / name, segments=Segments(1))


@settings(max_examples=40, deadline=None)
@given(
    order=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), min_size=2, max_size=20),
    dropped=st.sets(st.integers(0, 399)),
)
def test_sinks_at_different_frames_agree_on_every_frame_of_both(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[int, int]], dropped: set[int]
) -> None:
    """However far apart two sinks are and whatever one misses, a frame has one segment."""
    folder = tmp_path_factory.mktemp("segments")
    segments = Segments(1)
    at = [0, 0]
    placed: list[dict[int, Segment]] = [{}, {}]
    for who, steps in order:
        for _ in range(steps):
            number, at[who] = at[who], at[who] + 1
            if not (who and number in dropped):
                placed[who][number] = segments.place(make_frame(number), folder)
    for number in placed[0].keys() & placed[1].keys():
        assert placed[0][number] == placed[1][number]
    for each in placed:
        starts = [each[number].first_frame for number in sorted(each)]
        assert starts == sorted(starts)


def test_a_killed_process_loses_one_frame_of_a_slow_stream(tmp_path: Path) -> None:
    """Of one frame per second at most the last is lost: the encoder holds none back."""
    script = f"""
        import os, signal
        from tests.sinks.frames import make_frame
        from trackwire.sinks import VideoFileSink
        sink = VideoFileSink({str(tmp_path / "slow.mp4")!r})
        for number in range(20):
            sink({{}}, make_frame(number, at_s=number))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert count_frames(tmp_path / "slow.mp4") >= 19
