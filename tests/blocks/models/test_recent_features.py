"""Features of frames are kept while the frame lives, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from trackwire.blocks import Frame
from trackwire.blocks.models.recent_features import RecentFeatures

MakeFrame: TypeAlias = Callable[..., Frame]


class Encoder:
    """Numbers frames, and counts how many it was given."""

    def __init__(self) -> None:
        self.seen: list[Frame] = []

    def __call__(self, frames: Sequence[Frame]) -> list[int]:
        self.seen += frames
        return [id(frame) for frame in frames]


def test_a_frame_is_encoded_once(make_frame: MakeFrame) -> None:
    """A second reader of a frame gets the same features; a frame that looks the same does not."""
    recent: RecentFeatures[int] = RecentFeatures()
    encoder = Encoder()
    one, other = make_frame(), make_frame()
    assert recent.encode([one, other, one], encoder) == [id(one), id(other), id(one)]
    assert recent.encode([other, one], encoder) == [id(other), id(one)]
    assert [id(frame) for frame in encoder.seen] == [id(one), id(other)]


def test_features_go_with_their_frame(make_frame: MakeFrame) -> None:
    """When nobody holds a frame any more, nobody holds its features."""
    recent: RecentFeatures[Any] = RecentFeatures()
    frames = [make_frame(number=number) for number in range(3)]
    recent.encode(frames, lambda new: [object() for _ in new])
    gc.disable()  # counting references must do
    try:
        del frames[1]
        assert len(recent) == 2
        frames.clear()
        assert len(recent) == 0
    finally:
        gc.enable()


@given(calls=st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=12))
def test_what_is_kept_is_bounded(make_frame: MakeFrame, calls: list[list[int]]) -> None:
    """However many frames live, few features do; what is returned is right all the same."""
    recent: RecentFeatures[int] = RecentFeatures(least=4)
    frames = [make_frame(number=number) for number in range(31)]
    encoder = Encoder()
    for numbers in calls:
        wanted = [frames[number] for number in numbers]
        assert recent.encode(wanted, encoder) == list(map(id, wanted))
        assert len(recent) <= max(4, 2 * len(wanted))
        encoder.seen.clear()
        recent.encode(wanted, encoder)
        assert not encoder.seen, "what was just asked for is kept"
    recent.clear()
    assert len(recent) == 0
