"""Images as frames, and what a video reference may be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from trackwire.pipeline.sources import FileSource, ImageSource, SyntheticSource, resolve_sources
from trackwire.specs import SourceError, SourceFormatError, SourceNotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """A folder of three images whose pixels are their numbers."""
    images = tmp_path / "holiday"
    images.mkdir()
    for number in (10, 2, 1):
        cv2.imwrite(str(images / f"f{number}.png"), np.full((4, 6, 3), number, np.uint8))
    return images


def test_images_come_in_natural_order(folder: Any) -> None:
    """Frame 2 comes before frame 10, and the frame number tells the time."""
    (source,) = resolve_sources(folder)
    assert isinstance(source, ImageSource)
    assert (source.name, source.frame_count, source.comes_from_video_file) == ("holiday", 3, True)
    source.open()
    frames = list(iter(source.read, None))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 10]
    assert [frame.media_time_s for frame in frames] == [0, Fraction(1, 30), Fraction(2, 30)]


def test_unreadable_image_is_named_and_the_next_still_comes(folder: Any) -> None:
    """A bad image costs itself, names itself, and not the rest."""
    (folder / "f2.png").write_bytes(b"")
    cv2.imwrite(str(folder / "f11.png"), np.zeros((8, 8), np.uint8))
    source = ImageSource(folder, fps=10)
    source.open()
    assert source.read() is not None
    with pytest.raises(SourceFormatError, match=r"f2\.png"):
        source.read()
    frames = list(iter(source.read, None))
    assert [frame.epoch for frame in frames] == [0, 1]
    assert frames[1].image.shape == (8, 8, 3)


def test_references_of_every_kind(folder: Any, make_clip: Callable[..., Path]) -> None:
    """Paths, globs, folders, lists, synthetic clips and sources all resolve."""
    clip = make_clip("a.mp4")
    make_clip("b10.mkv")
    make_clip("b9.mkv")
    own = SyntheticSource()
    sources = resolve_sources(
        [
            str(clip),
            clip.parent / "*.mkv",
            str(folder / "*.png"),
            "synthetic",
            own,
            folder / "f1.png",
        ]
    )
    assert [source.name for source in sources[:4]] == ["a", "b9", "b10", "holiday"]
    assert isinstance(sources[0], FileSource)
    assert isinstance(sources[4], SyntheticSource)
    assert sources[5] is own
    assert sources[6].name == "f1"


def test_references_to_nothing_say_so(
    tmp_path: Path, make_clip: Callable[..., Path], folder: Any
) -> None:
    """Empty folders and globs, mixed globs and unknown schemes are refused with a way on."""
    make_clip("a.mp4")
    cases: list[tuple[Any, type[Exception], str]] = [
        (tmp_path / "*.mov", SourceNotFoundError, "nothing matches"),
        (tmp_path, SourceFormatError, r"holds no images, found 1 other files \(\.mp4\)"),
        ([], SourceError, "empty list"),
        ("gopher://cam/live", SourceError, "found scheme 'gopher'"),
    ]
    for reference, error, message in cases:
        with pytest.raises(error, match=message):
            resolve_sources(reference)
    (folder / "notes.txt").touch()
    with pytest.raises(SourceFormatError, match=r"such as notes\.txt"):
        resolve_sources(str(folder / "*"))
    with pytest.raises(TypeError, match="found float"):
        resolve_sources(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_no_credential_is_in_the_error() -> None:
    """Passwords and tokens in URLs never reach a message."""
    with pytest.raises(SourceError, match="gopher://cam:8554/live") as caught:
        resolve_sources("gopher://admin:hunter2@cam:8554/live?token=abc")
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)
