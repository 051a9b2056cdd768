"""The judge of tracks: overlap, misses, switches and false tracks."""

from __future__ import annotations

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st

from trackwire.pipeline.evaluation import TrackingTally, mask_iou_matrix


def test_a_perfect_tracker_scores_one() -> None:
    """No miss, no switch, no false track, whatever the track ids are called."""
    tally = TrackingTally()
    for _ in range(5):
        tally.add([1, 2], [20, 10], [[0, 1], [1, 0]])
    score = tally.score()
    assert (score.mean_iou, score.recall, score.precision, score.mota, score.idf1) == (1,) * 5
    assert (score.identity_switches, score.fragments, score.false_tracks) == (0, 0, ())
    assert score.found_objects == (1, 2)


def test_two_objects_that_swap_tracks_are_two_switches() -> None:
    """A switch is counted for every true object whose track id changed."""
    tally = TrackingTally()
    assert tally.add([1, 2], [10, 20], np.eye(2)) == {1: 10, 2: 20}
    assert tally.add([1, 2], [10, 20], np.eye(2)[::-1]) == {1: 20, 2: 10}
    assert tally.score().identity_switches == 2


def test_a_new_id_after_a_gap_is_a_switch_and_a_fragment() -> None:
    """Losing an object and finding it under another id is not forgiven."""
    tally = TrackingTally()
    tally.add([1], [10], [[0.9]])
    tally.add([1], [], np.zeros((1, 0)))
    tally.add([1], [11], [[0.9]])
    score = tally.score()
    assert (score.identity_switches, score.fragments, score.missed) == (1, 1, 1)
    assert score.iou_by_object[1] == pytest.approx(0.6)


def test_the_same_id_after_a_gap_is_only_a_fragment() -> None:
    """An object found again under its own id keeps its identity."""
    tally = TrackingTally()
    tally.add([1], [10], [[0.9]])
    tally.add([1], [], np.zeros((1, 0)))
    tally.add([1], [10], [[0.9]])
    assert (tally.score().identity_switches, tally.score().fragments) == (0, 1)


def test_a_pair_stays_together_while_it_overlaps_enough() -> None:
    """A slightly better newcomer does not make a switch."""
    tally = TrackingTally()
    tally.add([1], [10], [[0.8]])
    tally.add([1], [10, 11], [[0.6, 0.7]])
    score = tally.score()
    assert score.identity_switches == 0
    assert (score.false_alarms, score.false_tracks) == (1, (11,))


def test_an_ignored_object_counts_neither_way() -> None:
    """An object hidden almost whole may be missed, and may be found, at no cost."""
    tally = TrackingTally()
    tally.add([1], [], np.zeros((1, 0)), ignored=[True])
    tally.add([1], [10], [[0.9]], ignored=[True])
    score = tally.score()
    assert (score.missed, score.false_alarms, score.tracks) == (0, 0, ())


def test_an_object_found_on_less_than_half_of_its_frames_is_missed() -> None:
    """Found objects are those that are followed most of the time."""
    tally = TrackingTally()
    for number in range(5):
        tally.add([1], [10] if number < 2 else [], np.ones((1, 1 if number < 2 else 0)))
    assert tally.score().missed_objects == (1,)


def test_an_empty_clip_has_no_score() -> None:
    """Nothing to judge is not a number, and not a perfect or a failed score."""
    score = TrackingTally().score()
    assert np.isnan([score.mean_iou, score.recall, score.mota, score.idf1]).all()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (([1, 1], [2], [[1], [1]]), "true ids must be unique"),
        (([1], [2, 2], [[1, 1]]), "track ids must be unique"),
        (([1], [2], [[1, 1]]), "reshape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: tuple, part: str) -> None:  # type: ignore[type-arg]
    """A caller's mistake is no score."""
    with pytest.raises(ValueError, match=part):
        TrackingTally().add(*arguments)


def test_mask_overlap_is_intersection_over_union() -> None:
    """Half of a mask of twice the size is an overlap of one half."""
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :2] = True
    masks[1] = True
    np.testing.assert_allclose(mask_iou_matrix(masks, masks), [[1, 0.5], [0.5, 1]])
    assert mask_iou_matrix(masks, np.zeros((0, 4, 4), bool)).shape == (2, 0)


def test_box_overlap_agrees_with_masks_of_the_boxes() -> None:
    """Boxes are half-open, so the library's overlap is that of the pixels they hold."""
    boxes = [(0, 0, 4, 4), (2, 1, 6, 5), (10, 10, 12, 12)]
    masks = np.zeros((3, 16, 16), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    overlap = sv.box_iou_batch(np.array(boxes), np.array(boxes))
    np.testing.assert_allclose(overlap, mask_iou_matrix(masks, masks))


@given(
    st.lists(
        st.tuples(st.permutations([1, 2, 3]), st.integers(0, 3), st.integers(0, 3)),
        min_size=1,
        max_size=8,
    )
)
def test_counts_add_up(frames: list[tuple[list[int], int, int]]) -> None:
    """Hits and misses make the truth, hits and false alarms the predictions."""
    tally = TrackingTally()
    for order, objects, tracks in frames:
        overlaps = np.array([[order[i] == j + 1 for j in range(tracks)] for i in range(objects)])
        tally.add(range(objects), range(10, 10 + tracks), overlaps.reshape(objects, tracks))
    score = tally.score()
    truths, predictions = sum(f[1] for f in frames), sum(f[2] for f in frames)
    assert truths - score.missed == predictions - score.false_alarms >= 0
    if truths:
        assert score.recall == pytest.approx(1 - score.missed / truths)
        assert score.mota <= 1
        assert score.idf1 <= 1
