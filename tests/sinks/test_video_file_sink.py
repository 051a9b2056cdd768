"""Video files: exact rates, every size, crash safety, and the right picture."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import supervision as sv

from trackwire import Frame, VideoMetadata
from trackwire.sinks import VideoFileSink
from trackwire.specs import SinkError


def make_frame(
    number: int = 0,
    size_wh: tuple[int, int] = (64, 48),
    *,
    color: tuple[int, int, int] = (0, 0, 0),
    name: str = "clip",
    time: Any = "by rate",
    fps: Fraction = Fraction(25),
) -> Any:
    """Make a frame of one colour."""
    image = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
    image[:] = color
    metadata = VideoMetadata(
        video_identifier=name,
        source_id=0,
        frame_number=number,
        epoch=0,
        media_time_s=number / fps if time == "by rate" else time,
        frame_timestamp=datetime.now(UTC),
        received_s=0.0,
        fps=fps,
    )
    return Frame(image, metadata)


def read(path: Path) -> Any:
    """Read a video: its stream, pictures and times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames: list[Any] = list(container.decode(stream))
        times = [frame.pts * frame.time_base for frame in frames]
        return stream, [frame.to_ndarray(format="bgr24") for frame in frames], times


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(25), Fraction(24000, 1001)])
def test_rate_is_exact_although_times_are_rounded(tmp_path: Path, fps: Fraction) -> None:
    """29.97 stays 30000/1001, also where the container rounded the times to milliseconds."""
    sink = VideoFileSink(tmp_path / "out.mp4")
    for number in range(50):
        time = Fraction(round(1000 * number / fps), 1000)
        sink({}, make_frame(number, time=time, fps=fps))
    sink.close()
    stream, images, times = read(tmp_path / "out.mp4")
    assert stream.average_rate == fps
    assert stream.codec_context.name == "h264"
    assert (len(images), stream.frames) == (50, 50)
    assert times == [number / fps for number in range(50)]


def test_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    """Frames are shown when the source showed them, counted from the first."""
    offsets = [Fraction(n, 100) for n in (0, 10, 50, 61, 200)]
    sink = VideoFileSink(tmp_path / "out.mp4")
    for number, offset in enumerate(offsets):
        sink({}, make_frame(number, time=5 + offset, fps=Fraction(7)))
    sink.close()
    _, _, times = read(tmp_path / "out.mp4")
    assert [abs(a - b) <= Fraction(1, 50) for a, b in zip(times, offsets, strict=True)] == [
        True
    ] * 5
    assert times[2] - times[1] == pytest.approx(0.4, abs=0.02)


def test_unknown_and_reversed_times_go_on(tmp_path: Path) -> None:
    """No time, or time that runs backwards, moves on by one frame and never back."""
    sink = VideoFileSink(tmp_path / "out.mp4")
    for number, time in enumerate([None, None, Fraction(9), Fraction(1), Fraction(1), None]):
        sink({}, make_frame(number, time=time))
    sink.close()
    _, _, times = read(tmp_path / "out.mp4")
    assert times == [Fraction(n, 25) for n in range(6)]


@pytest.mark.parametrize(
    ("size_wh", "written_wh"),
    [((17, 33), (18, 34)), ((16, 16), (16, 16)), ((3, 100), (16, 100)), ((1, 1), (16, 16))],
)
def test_every_size_is_padded_to_one_that_plays(
    tmp_path: Path, size_wh: tuple[int, int], written_wh: tuple[int, int]
) -> None:
    """Odd sizes become even, tiny ones 16 pixels, the edge repeated."""
    sink = VideoFileSink(tmp_path / "out.mp4")
    for number in range(3):
        sink({}, make_frame(number, size_wh, color=(40, 80, 200)))
    sink.close()
    _, images, _ = read(tmp_path / "out.mp4")
    assert images[0].shape[1::-1] == written_wh
    assert np.abs(images[0].astype(int) - (40, 80, 200)).max() < 12


def test_change_of_size_begins_a_new_file(tmp_path: Path) -> None:
    """A new size goes on in annotated-002.mp4, in the folder of its stream."""
    sink = VideoFileSink(tmp_path)
    for number, size_wh in enumerate([(64, 48)] * 3 + [(32, 48)] * 2 + [(64, 48)]):
        sink({}, make_frame(number, size_wh))
    sink.close()
    names = ["annotated.mp4", "annotated-002.mp4", "annotated-003.mp4"]
    assert [path.relative_to(tmp_path / "clip").name for path in sink.paths] == names
    assert [len(read(path)[1]) for path in sink.paths] == [3, 2, 1]


def test_a_killed_process_loses_less_than_a_second(tmp_path: Path) -> None:
    """What was written up to a second before a crash can be played."""
    script = f"""
        import importlib.util, os, signal
        spec = importlib.util.spec_from_file_location("frames", {__file__!r})
        frames = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(frames)
        sink = frames.VideoFileSink({str(tmp_path / "out.mp4")!r})
        for number in range(100):
            sink({{}}, frames.make_frame(number))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert result.returncode == -9
    _, images, _ = read(tmp_path / "out.mp4")
    assert len(images) > 75


def test_the_picture_is_the_named_the_only_or_the_drawn_one(tmp_path: Path) -> None:
    """Named output first, else the only image output, else detections on the frame."""
    frame = make_frame()
    green, blue = make_frame(color=(0, 200, 0)), make_frame(color=(200, 0, 0))
    box = sv.Detections(
        xyxy=np.array([[8, 8, 40, 40]], np.float32),
        tracker_id=np.array([1]),
        class_id=np.array([0]),
    )
    cases = [
        ({"a": green, "b": blue}, "b", blue.image),
        ({"a": green, "n": 3}, None, green.image),
        ({"a": None}, "a", frame.image),
    ]
    for number, (outputs, name, expected) in enumerate(cases):
        path = tmp_path / f"{number}.mp4"
        sink = VideoFileSink(path, image_output=name)
        sink(outputs, frame)
        sink.close()
        _, images, _ = read(path)
        assert np.abs(images[0].astype(int) - expected).max() < 12
    sink = VideoFileSink(tmp_path / "drawn.mp4")
    sink({"tracks": box}, frame)
    sink.close()
    assert read(tmp_path / "drawn.mp4")[1][0].max() > 100
    assert frame.image.max() == 0
    with pytest.raises(SinkError, match="no image output 'c'; allowed: a"):
        VideoFileSink(tmp_path / "c.mp4", image_output="c")({"a": green}, frame)


def test_refusals(tmp_path: Path) -> None:
    """Two streams for one file, a folder that cannot be, a closed sink, names that climb out."""
    sink = VideoFileSink(tmp_path / "out.mp4")
    sink({}, make_frame())
    with pytest.raises(SinkError, match="give a folder"):
        sink({}, make_frame(name="other"))
    sink.close()
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink({}, make_frame())
    for name in ("../up", "..", "/etc"):
        with pytest.raises(SinkError, match="cannot name a folder"):
            VideoFileSink(tmp_path)({}, make_frame(name=name))
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="folder"):
        VideoFileSink(tmp_path / "file")({}, make_frame())
    with pytest.raises(ValueError, match="quality"):
        VideoFileSink(tmp_path, quality=52)
