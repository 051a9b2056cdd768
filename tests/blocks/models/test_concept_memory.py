"""A concept session of any length holds what its objects need, and nothing of those that left."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from trackwire.blocks import ConceptQuery

PERIOD = 40

pytestmark = pytest.mark.timeout(600)  # whoever comes first waits for the model to learn


def come_and_go(lab: ModuleType, frames: int) -> Any:
    """Two things that stay, and two that come and leave every 40 frames."""
    thing, disc, square = lab.Thing, lab.DISC, lab.SQUARE
    visitors = [
        visitor
        for start in range(0, frames, PERIOD)
        for visitor in (
            thing(disc, 3, first=start, last=start + 20),
            thing(square, 2, first=start + 12, last=start + 32),
        )
    ]
    return lab.World((thing(disc, 0), thing(square, 1), *visitors), seed=101)


def follow(
    lab: ModuleType, live_tensors: Any, frames: int, look_at: tuple[int, ...]
) -> tuple[list[Any], int]:
    """Bytes, tensors, tracks and notes at some frames, and how many tracks there were in all."""
    world = come_and_go(lab, frames)
    model = lab.wrap(lab.trained_module())
    state, last, found = model.open(), 0, []
    for number in range(frames + 1):
        features = model.encode([world.frame(number)])
        query = ConceptQuery(lab.PHRASES, next_id=last + 1, lost_after=6, unconfirmed_after=6)
        (seen,) = model.look([state], features, [query])
        model.remember([state], features, [seen])
        assert all(each > last for each in seen.born), "ids are never used again"
        last = max([last, *seen.born])
        if number in look_at:
            tracks = len(state.objects)
            del features, seen
            found.append((model.nbytes(state) / tracks, live_tensors.count() - 2 * tracks, tracks))
            assert len(state.notes) == tracks
    model.close(state)
    assert model.nbytes(state) == 0
    return found, last


def check(found: list[Any]) -> None:
    """Bytes for each track are one constant, and nothing else is held that grows."""
    assert len({nbytes for nbytes, _, _ in found}) == 1, found
    assert len({tensors for _, tensors, _ in found}) == 1, found
    assert max(tracks for *_, tracks in found) <= min(tracks for *_, tracks in found) + 1, found


def test_bytes_stay_where_they_are(concept_lab: ModuleType, live_tensors: Any) -> None:
    """Equal bytes for each track at frames 30 and 70, with visitors in between."""
    found, born = follow(concept_lab, live_tensors, 70, (30, 70))
    check(found)
    assert born >= 4, "things must come and go"


@pytest.mark.soak
def test_bytes_stay_where_they_are_for_500_frames(
    concept_lab: ModuleType, live_tensors: Any
) -> None:
    """Bytes at frame 510 are those at frame 110, for each track to the byte."""
    found, born = follow(concept_lab, live_tensors, 510, (110, 310, 510))
    check(found)
    assert born >= 20
