"""Video files: exact times, orientation, and what is said of broken ones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from trackwire.pipeline.sources import FileSource, SourceFrame
from trackwire.specs import Event, SourceError, SourceFormatError, SourceNotFoundError


def read_all(path: Path) -> tuple[FileSource, list[SourceFrame], list[Event]]:
    """Read a file to its end."""
    source = FileSource(path)
    events: list[Event] = []
    source.listen(events.append)
    source.open()
    frames = list(iter(source.read, None))
    source.close()
    return source, frames, events


def test_rate_and_times_are_exact(make_clip: Callable[..., Path]) -> None:
    """29.97 stays 30000/1001, and each frame has its exact time."""
    source, frames, events = read_all(make_clip(fps=Fraction(30000, 1001), frames=7))
    assert source.fps == Fraction(30000, 1001)
    assert source.frame_count == 7
    assert [frame.media_time_s for frame in frames] == [Fraction(1001 * n, 30000) for n in range(7)]
    assert events == []


def test_variable_rate_keeps_its_times(make_clip: Callable[..., Path]) -> None:
    """A variable frame rate is told by the frames' times, not flattened."""
    pts = [0, 10, 50, 60, 61, 200]
    path = make_clip(frames=6, pts=pts, time_base=Fraction(1, 100))
    _, frames, _ = read_all(path)
    assert [frame.media_time_s for frame in frames] == [Fraction(p, 100) for p in pts]


@pytest.mark.parametrize("size_wh", [(17, 33), (16, 16), (64, 48), (4, 4)])
def test_every_size_is_read_contiguous_and_in_bgr(
    make_clip: Callable[..., Path], size_wh: tuple[int, int]
) -> None:
    """Odd and tiny sizes come as contiguous BGR arrays of exactly that size."""
    _, frames, _ = read_all(make_clip(size_wh=size_wh, frames=3))
    assert len(frames) == 3
    image = frames[0].image
    assert image.shape == (size_wh[1], size_wh[0], 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    blue, _, red = image[0, 0]
    assert red > 180
    assert blue < 60


@pytest.mark.parametrize(
    ("rotation", "corner"),
    [
        ((0, False, False), "top left"),
        ((90, False, False), "bottom left"),
        ((180, False, False), "bottom right"),
        ((-90, False, False), "top right"),
        ((0, True, False), "top right"),
        ((0, False, True), "bottom left"),
    ],
)
def test_rotation_and_mirroring_are_applied(
    make_clip: Callable[..., Path], rotation: Any, corner: str
) -> None:
    """The display matrix is applied: degrees count counterclockwise."""
    path = make_clip(rotate=rotation, frames=2)
    with av.open(str(path)) as container:
        told = next(container.decode(video=0)).rotation
    _, frames, _ = read_all(path)
    image = frames[0].image
    turned = told % 180 != 0
    assert image.shape[:2] == ((64, 48) if turned else (48, 64))
    corners = {
        "top left": image[2, 2],
        "top right": image[2, -3],
        "bottom left": image[-3, 2],
        "bottom right": image[-3, -3],
    }
    red = [name for name, (b, _, r) in corners.items() if int(r) - int(b) > 100]
    assert red == [corner]


def test_change_of_size_raises_the_epoch(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    """Pictures that change size mid-stream go on at their new size under a new epoch."""
    small = make_clip("a.h264", size_wh=(64, 48), frames=5)
    large = make_clip("b.h264", size_wh=(96, 80), frames=5)
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes() + small.read_bytes())
    _, frames, events = read_all(path)
    assert [frame.image.shape[1] for frame in frames] == [64] * 5 + [96] * 5 + [64] * 5
    assert [frame.epoch for frame in frames] == [0] * 5 + [1] * 5 + [2] * 5
    assert [event.kind for event in events] == ["source.size_changed"] * 2
    # A stale scaler would have left the wrong picture in the right shape.
    for frame in frames:
        assert frame.image[0, 0, 2] > 180
        assert abs(int(frame.image[-1, -1, 2]) - int(frame.image[-1, -1, 0])) < 20


def test_one_bad_packet_costs_its_frame_and_an_event(make_clip: Callable[..., Path]) -> None:
    """A packet that cannot be decoded is reported; all other frames come."""
    path = make_clip("clip.mkv", size_wh=(320, 240), frames=20, gop=1)
    with av.open(str(path)) as container:
        bad = bytes([each for each in container.demux(video=0) if each.size][10])
    path.write_bytes(path.read_bytes().replace(bad, b"\xff" * len(bad)))
    _, frames, events = read_all(path)
    assert len(frames) == 19
    assert "source.packet_corrupt" in {event.kind for event in events}


def test_file_cut_short_in_the_middle_ends_with_an_event(make_clip: Callable[..., Path]) -> None:
    """A cut MKV ends cleanly, and it is said how much is missing."""
    path = make_clip("clip.mkv", frames=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, frames, events = read_all(path)
    assert 10 < len(frames) < 90
    assert "source.truncated" in {event.kind for event in events}


def test_reading_again_after_open_rewinds(make_clip: Callable[..., Path]) -> None:
    """open() starts over from the first frame."""
    source = FileSource(make_clip(frames=3))
    for _ in range(2):
        source.open()
        assert len(list(iter(source.read, None))) == 3
    source.close()
    source.close()
    with pytest.raises(SourceError, match="before open"):
        source.read()


def test_broken_files_say_what_they_are(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    """Missing, empty, text, cut MP4, folder, sound only: each error says which and names it."""
    make_clip("street.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 50)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    whole = make_clip("whole.mp4", frames=30).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        audio = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 44100
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    cases: list[tuple[str, type[SourceError], str]] = [
        ("steet.mp4", SourceNotFoundError, r"did you mean street\.mp4"),
        ("empty.mp4", SourceFormatError, "0 bytes"),
        ("text.mp4", SourceFormatError, "text file that begins with 'this is no video"),
        ("noise.mp4", SourceFormatError, "no video format"),
        ("cut.mp4", SourceFormatError, "'moov'"),
        ("sound.mp4", SourceFormatError, "holds no video: found audio"),
        (".", SourceFormatError, "is a folder"),
    ]
    for name, error, message in cases:
        with pytest.raises(error, match=message) as caught:
            FileSource(tmp_path / name).open()
        assert str(tmp_path) in str(caught.value)


def test_a_playlist_in_disguise_opens_nothing_else(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """A file cannot make the decoder open another file or address."""
    make_clip("other.ts")
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile other.ts\n")
    with pytest.raises(SourceFormatError):
        FileSource(path).open()


def test_a_colon_in_the_name_is_no_protocol(make_clip: Callable[..., Path]) -> None:
    """A file name with a colon is a file name."""
    _, frames, _ = read_all(make_clip("12:30:00.mkv", frames=2))
    assert len(frames) == 2
