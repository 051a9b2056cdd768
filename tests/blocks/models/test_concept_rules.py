"""Which detection is which track, what is new and what ends: the rules of the concept model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trackwire.blocks import ConceptEnd, ConceptQuery
from trackwire.blocks.models.sam3_concept.rules import (
    TrackNote,
    hidden_again,
    match,
    noted,
    over,
)
from trackwire.blocks.models.sam3_concept.thresholds import Thresholds

LIMITS = Thresholds()
QUERY = ConceptQuery(("thing",), lost_after=5, unconfirmed_after=12)


def overlaps(*rows: list[float]) -> Any:
    """Detections by tracks."""
    return np.array(rows, dtype=np.float32)


def scores(*values: float) -> Any:
    """Of detections."""
    return np.array(values, dtype=np.float32)


def seen(*values: int) -> Any:
    """Tracks that are seen, 1, or not, 0."""
    return np.array(values, dtype=bool)


def test_a_detection_on_a_track_is_nothing_new() -> None:
    """A detection is born only where no track overlaps it, and only if it is sure enough."""
    found = match(
        overlaps([0.6, 0.0], [0.09, 0.0], [0.0, 0.0]),
        scores(0.9, 0.9, 0.6),
        seen(1, 0),
        LIMITS,
        room=10,
    )
    assert found.new == (1,)
    assert found.unmatched.tolist() == [False, False], "what is not seen cannot be missed"
    assert found.groups == ((0,), (), ())


def test_before_there_are_tracks_every_detection_is_new() -> None:
    """The first ones need not be better than what counts as detected."""
    none = np.zeros((2, 0), np.float32)
    found = match(none, scores(0.55, 0.9), seen(), LIMITS, room=10)
    assert (found.new, found.refused) == ((0, 1), 0)


def test_of_too_many_the_best_are_born() -> None:
    """Where there is no room for all, the best come first, and the rest is counted."""
    none = np.zeros((3, 0), np.float32)
    found = match(none, scores(0.7, 0.95, 0.8), seen(), LIMITS, room=2)
    assert (found.new, found.refused) == ((1, 2), 1)
    assert match(none, scores(0.7, 0.95, 0.8), seen(), LIMITS, room=0).new == ()


def test_only_sure_detections_right_on_a_track_confirm_it() -> None:
    """Score and overlap must both be high; the last of several detections counts."""
    found = match(
        overlaps([0.85, 0.0], [0.79, 0.3], [0.0, 0.9]),
        scores(0.9, 0.95, 0.7),
        seen(1, 1),
        LIMITS,
        room=5,
    )
    assert found.confirmed == {0: 0}


def run(
    frames: int, *, missed: bool, visible: bool, **changes: Any
) -> tuple[int, ConceptEnd | None]:
    """Follow one track until it ends: frames it took, and how it ended."""
    notes = {1: TrackNote("thing", **{"born": 0, "detection_score": 0.9, **changes})}
    row = overlaps([0.0 if missed else 0.9])
    for number in range(1, frames + 1):
        found = match(row, scores(0.6), seen(visible), LIMITS, room=0)
        notes = noted(notes, found, seen(visible), number, LIMITS)
        ends = over(notes, number, LIMITS, QUERY)
        if ends:
            return number, ends[0]
    return frames, None


def test_a_track_that_is_detected_goes_on() -> None:
    """Nothing ends what is seen and detected."""
    assert run(200, missed=False, visible=True) == (200, None)


def test_a_track_on_probation_is_taken_back_sooner() -> None:
    """A young track ends after eight frames undetected, an old one when it was told to."""
    assert run(50, missed=True, visible=True) == (8, ConceptEnd(1, "unconfirmed"))
    assert run(50, missed=True, visible=True, born=-100) == (12, ConceptEnd(1, "unconfirmed"))


def test_a_track_out_of_sight_is_lost() -> None:
    """What is not seen is not missed, but it ends after a while."""
    assert run(50, missed=True, visible=False) == (5, ConceptEnd(1, "lost"))


def test_a_second_track_on_one_thing_merges_into_the_first() -> None:
    """Eight frames on one detection within probation: the younger lies on the older."""
    notes = {1: TrackNote("thing", -50, 0.9), 2: TrackNote("thing", 0, 0.9)}
    row, ends = overlaps([0.9, 0.8]), tuple[ConceptEnd, ...]()
    for number in range(1, 9):
        found = match(row, scores(0.6), seen(1, 1), LIMITS, room=0)
        notes = noted(notes, found, seen(1, 1), number, LIMITS)
        ends = over(notes, number, LIMITS, QUERY)
        assert bool(ends) == (number == 8)
    assert ends == (ConceptEnd(2, "duplicate", 1),)
    assert not notes[1].shared, "nothing is written down of a track that is past probation"


def test_notes_do_not_grow() -> None:
    """Past probation a note holds a few numbers, whatever it shared detections with."""
    notes = {each: TrackNote("thing", each, 0.9) for each in range(4)}
    everything = seen(1, 1, 1, 1)
    row = overlaps([0.9, 0.9, 0.9, 0.9])
    for number in range(4, 40):
        found = match(row, scores(0.6), everything, LIMITS, room=0)
        notes = noted(notes, found, everything, number, LIMITS)
    assert all(not note.shared for note in notes.values())


@pytest.mark.parametrize(
    ("hidden_at", "expected"),
    [
        ((3, 7), [False, True]),
        ((7, 3), [True, False]),
        ((-1, 7), [False, False]),
        ((4, 4), [False, False]),
    ],
)
def test_of_two_on_one_spot_the_one_hidden_last_is_hidden_again(
    hidden_at: tuple[int, int], expected: list[bool]
) -> None:
    """Where one was never hidden, or both at once, both are shown."""
    notes = [TrackNote("thing", 0, 0.9, hidden_at=each) for each in hidden_at]
    spot = overlaps([1.0, 0.8], [0.8, 1.0])
    assert hidden_again(spot, notes, 0.7).tolist() == expected
    other = [notes[0], TrackNote("else", 0, 0.9, hidden_at=hidden_at[1])]
    assert not hidden_again(spot, other, 0.7).any(), "phrases do not compete"
    assert not hidden_again(spot, notes, 0.9).any()
