"""The synthetic source: a frame source whose truth is known."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from trackwire.pipeline.scene import build_scene
from trackwire.pipeline.sources.synthetic import SyntheticSource
from trackwire.specs import SourceError, SourceFormatError


def _small(frames: int = 5) -> SyntheticSource:
    return SyntheticSource(build_scene(size_wh=(160, 90), frame_count=frames))


def test_it_gives_every_frame_and_then_ends() -> None:
    """As many frames as announced, exact times, then None for good."""
    source = _small()
    source.open()
    frames = list(iter(source.read, None))
    assert len(frames) == source.frame_count == 5
    assert [frame.media_time_s for frame in frames] == [Fraction(n, 25) for n in range(5)]
    assert frames[0].image.shape == (90, 160, 3)
    assert source.read() is None
    source.close()


def test_opening_again_rewinds_to_the_same_pixels() -> None:
    """A source can be read twice, as a file can."""
    source = _small()
    pictures = []
    for _ in range(2):
        source.open()
        first = source.read()
        assert first is not None
        pictures.append(first.image)
        source.close()
    np.testing.assert_array_equal(pictures[0], pictures[1])


def test_the_truth_needs_no_open_source_and_fits_the_picture() -> None:
    """A judge may ask before, while and after the clip runs."""
    source = _small()
    truth = source.truth(3)
    assert truth.frame_number == 3
    assert truth.masks.shape[1:] == (90, 160)


def test_reading_before_opening_is_an_error() -> None:
    """A caller's mistake is not mistaken for the end of the clip."""
    with pytest.raises(SourceError, match=r"before open\(\)"):
        _small().read()


def test_a_reference_says_everything() -> None:
    """Scene, frames, size, rate and seed can be given in one string."""
    source = SyntheticSource.from_reference(
        "synthetic:pillar?frames=12&size=320x240&fps=30000/1001&seed=9"
    )
    assert source.name == "pillar"
    assert source.frame_count == 12
    assert source.fps == Fraction(30000, 1001)
    assert source.scene.size_wh == (320, 240)
    assert source.scene.seed == 9


def test_the_bare_word_is_the_crossing_scene() -> None:
    """``synthetic`` alone is enough for a first try."""
    assert SyntheticSource.from_reference("synthetic").name == "crossing"


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("synthetic:nowhere", "unknown scene 'nowhere'"),
        ("synthetic?length=5", "no option 'length'"),
        ("synthetic?size=big", "WIDTHxHEIGHT"),
        ("synthetic?frames=many", "invalid literal"),
        ("synthetic?frames=0", "at least one frame"),
        ("synthetic?fps=1/0", "Fraction"),
        ("synthetic?fps=-5", "positive rate"),
        ("syntheticals", "must begin with"),
    ],
)
def test_a_wrong_reference_says_what_is_allowed(reference: str, part: str) -> None:
    """The message names the mistake and every scene there is."""
    with pytest.raises(SourceFormatError, match=re.escape(part)) as caught:
        SyntheticSource.from_reference(reference)
    assert "crossing, handheld, pillar" in str(caught.value)
