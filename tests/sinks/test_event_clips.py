"""Clips of events: what comes before and after, bounded memory, and both files after a crash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.frames import count_frames, make_frame
from trackwire import Frame
from trackwire.sinks import EventClipSink
from trackwire.sinks.packet_ring import EncodedPicture, PacketRing
from trackwire.specs import SinkError


def run(sink: EventClipSink, frames: range, true_on: range, **how: Any) -> None:
    """Give a sink frames of which each is as grey as its number."""
    for number in frames:
        frame = make_frame(number, grey=number % 200, **how)
        sink({"alarm": number in true_on, "n": number}, frame)


def clips(folder: Path) -> list[dict[str, Any]]:
    """What the JSON of the clips says, in order."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def greys_in(video: Path) -> list[float]:
    """Decode a video and tell how grey each frame is."""
    with av.open(str(video)) as container:
        return [
            float(frame.to_ndarray(format="bgr24").mean()) for frame in container.decode(video=0)
        ]


def test_a_clip_begins_before_its_event_and_ends_after_it(tmp_path: Path) -> None:
    """One MP4 and one JSON, the frames of the source at their times, from a keyframe on."""
    sink = EventClipSink(tmp_path, "alarm", pre_roll_s=2, post_roll_s=1)
    run(sink, range(200), range(110, 120))
    sink.close()
    folder = tmp_path / "clip/events"
    assert sorted(path.name for path in folder.iterdir()) == [
        "event-000110.json",
        "event-000110.mp4",
    ]
    (clip,) = clips(folder)
    assert clip["schema"] == "trackwire.event_clip/1"
    assert (clip["video"], clip["status"]) == ("event-000110.mp4", "finished")
    assert (clip["event_frame"], clip["media_time_s"]) == (110, 4.4)
    assert clip["event_time"] == "2030-01-02T03:04:09.400+00:00"
    assert clip["outputs"] == {"alarm": True, "n": 110}
    assert clip["ended_by"] == "event_over"
    # Two seconds before is frame 60, and a keyframe at most one second older. Frame 144 is one on.
    first = clip["first_frame"]
    assert 36 <= first <= 60
    assert 143 <= clip["last_frame"] <= 144
    greys = greys_in(folder / "event-000110.mp4")
    assert len(greys) == clip["frames"] == clip["last_frame"] - first + 1
    assert np.abs(np.array(greys) - np.arange(first, first + len(greys))).max() < 4
    assert clip["length_s"] == pytest.approx((len(greys) - 1) / 25)
    with av.open(str(folder / "event-000110.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([n / 25 for n in range(len(greys))], abs=0.001)


def test_an_event_at_the_start_and_one_that_the_end_cuts(tmp_path: Path) -> None:
    """A clip holds what there was, to the very last frame."""
    sink = EventClipSink(tmp_path, "alarm", post_roll_s=0)
    run(sink, range(60), range(3))
    run(sink, range(60, 70), range(68, 99))
    sink.close()
    first, second = clips(tmp_path / "clip/events")
    assert (first["first_frame"], first["ended_by"]) == (0, "event_over")
    assert (second["last_frame"], second["ended_by"]) == (69, "closed")
    assert count_frames(sink.paths[1]) == second["frames"] == 70 - second["first_frame"]


def test_a_long_event_gets_further_clips(tmp_path: Path) -> None:
    """No clip is longer than allowed, and together they show the whole event."""
    sink = EventClipSink(tmp_path, "alarm", pre_roll_s=0, post_roll_s=1, max_clip_s=2)
    run(sink, range(200), range(20, 180))
    sink.close()
    found = clips(tmp_path / "clip/events")
    assert {clip["ended_by"] for clip in found[:-1]} == {"max_clip"}
    assert all(clip["length_s"] <= 2 + 1 + 0.1 for clip in found)
    shown: set[int] = set()
    for clip in found:
        shown.update(range(clip["first_frame"], clip["last_frame"] + 1))
    assert shown >= set(range(20, 200))


def test_a_reconnect_and_a_new_size_end_a_clip(tmp_path: Path) -> None:
    """What follows has a clip of its own, since its pictures need another decoder."""
    sink = EventClipSink(tmp_path, "alarm")
    run(sink, range(10), range(5, 99), live=True)
    run(sink, range(10, 20), range(99), live=True, epoch=1)
    run(sink, range(20, 30), range(99), live=True, epoch=1, size_wh=(32, 32))
    sink.close()
    found = clips(tmp_path / "clip/events")
    assert [clip["ended_by"] for clip in found] == ["gap", "size", "closed"]
    assert [(clip["first_frame"], clip["last_frame"]) for clip in found] == [
        (0, 9),
        (10, 19),
        (20, 29),
    ]
    assert found[0]["video"] == "event-20300102T030405.200Z.mp4"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """However long the seconds before the event are, and however restless the picture."""
    noise = np.random.default_rng(1)
    sink = EventClipSink(tmp_path, "alarm", pre_roll_s=1000, buffer_bytes=100_000)
    most = 0
    for number in range(300):
        frame = make_frame(number)
        image = noise.integers(0, 255, frame.image.shape, np.uint8)
        sink({"alarm": False}, Frame(image, frame.video))
        most = max(most, sink.buffered_bytes)
    assert 0 < most <= 100_000
    sink({"alarm": True}, make_frame(300))
    sink.close()
    assert count_frames(sink.paths[0]) == clips(tmp_path / "clip/events")[0]["frames"]


def test_callables_and_steps_that_were_not_run(tmp_path: Path) -> None:
    """A callable decides on outputs and frame; an output that is null is no event."""

    def is_third(outputs: Mapping[str, Any], frame: Frame) -> bool:
        return bool(outputs["n"] == 3 == frame.video.frame_number)

    for when in (is_third, "alarm"):
        sink = EventClipSink(tmp_path / str(when == "alarm"), when)
        run(sink, range(6), range(3, 4))
        sink({"alarm": None, "n": 0}, make_frame(6))
        sink.close()
        assert len(sink.paths) == 1


def test_events_of_a_second_run_stand_beside_those_of_the_first(tmp_path: Path) -> None:
    """No clip is ever replaced."""
    for _ in range(2):
        sink = EventClipSink(tmp_path, "alarm")
        run(sink, range(5), range(2, 4))
        sink.close()
    names = sorted(path.name for path in (tmp_path / "clip/events").glob("*.mp4"))
    assert names == ["event-000002-002.mp4", "event-000002.mp4"]


def test_a_killed_process_leaves_a_clip_that_plays(tmp_path: Path) -> None:
    """The video ends less than a second before the crash, and the JSON says it was recording."""
    script = f"""
        import os, signal
        from tests.sinks.frames import make_frame
        from trackwire.sinks import EventClipSink
        sink = EventClipSink({str(tmp_path)!r}, "alarm")
        for number in range(100):
            sink({{"alarm": number > 50}}, make_frame(number))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    (clip,) = clips(tmp_path / "clip/events")
    assert clip["status"] == "recording"
    assert count_frames(tmp_path / "clip/events" / clip["video"]) > 75


def test_refusals(tmp_path: Path) -> None:
    """Values out of range, outputs that are no boolean, a closed sink."""
    for wrong in ({"pre_roll_s": -1}, {"max_clip_s": 0}, {"buffer_bytes": 0}, {"quality": 52}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            EventClipSink(tmp_path, "alarm", **wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sink = EventClipSink(tmp_path, "n")
    with pytest.raises(SinkError, match="'n' is no boolean but int; outputs that are: alarm"):
        sink({"n": 3, "alarm": True}, make_frame())
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink({"n": True}, make_frame())


@given(
    sizes=st.lists(st.integers(1, 400), max_size=80),
    every=st.integers(1, 20),
    max_bytes=st.integers(1, 3000),
    length=st.integers(0, 40),
)
def test_the_ring_is_bounded_and_begins_at_a_keyframe(
    sizes: list[int], every: int, max_bytes: int, length: int
) -> None:
    """Whatever comes: at most its bytes, a run of the latest pictures, long enough if it may."""
    ring = PacketRing(Fraction(length), max_bytes)
    for number, size in enumerate(sizes):
        ring.append(
            EncodedPicture(
                b"x" * size, number, Fraction(1), number % every == 0, number, Fraction(number)
            )
        )
        held = list(ring)
        assert ring.nbytes == sum(len(each.payload) for each in held) <= max_bytes
        assert [each.frame_number for each in held] == list(
            range(number + 1 - len(held), number + 1)
        )
        assert not held or held[0].is_keyframe
        if sum(sizes[max(0, number - length - every) : number + 1]) <= max_bytes:
            assert len(held) >= min(number, length) + 1
