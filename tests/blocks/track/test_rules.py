"""The identity rules, one by one, against values worked by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from trackwire.blocks.track.identity_options import IdentityOptions
from trackwire.blocks.track.rules import (
    IdCounter,
    Signs,
    choose_births,
    count_twins,
    end_reasons,
    favour_class,
    ignore_reasons,
    match,
    memory_reasons,
    misnamed,
    plan_memory,
    prompt_reasons,
    same_class,
    weigh,
    weigh_strays,
)

DEFAULT = IdentityOptions()


def floats(*values: float) -> np.ndarray:
    """Make a column of single precision."""
    return np.array(values, dtype=np.float32)


def _signs(seen: Any, expected: Any, surprise: Any) -> Signs:
    return Signs(np.array(seen), np.array(expected), np.array(surprise), np.zeros_like(seen))


# Rule 2


def test_all_detections_are_kept_unless_asked_otherwise() -> None:
    """By default the user's boxes are taken at their word, zero confidence and twins included."""
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], dtype=np.float32)
    ignored = ignore_reasons(floats(0.0, 0.9), xyxy, np.array(["a", "a"]), DEFAULT)
    assert ignored.tolist() == ["", ""]


def test_confidence_cut_keeps_what_reaches_it() -> None:
    """The least confidence itself is enough."""
    options = IdentityOptions(min_prompt_confidence=0.5)
    xyxy = np.zeros((3, 4), dtype=np.float32)
    ignored = ignore_reasons(floats(0.49, 0.5, 0.9), xyxy, np.array(["a"] * 3), options)
    assert ignored.tolist() == ["low_confidence", "", ""]


@pytest.mark.parametrize(
    ("agnostic", "expected"),
    [
        (False, ["suppressed", "", ""]),
        (True, ["suppressed", "", "suppressed"]),
    ],
)
def test_suppression_is_by_class(agnostic: bool, expected: list[str]) -> None:
    """The less confident of two boxes of a class goes; other classes only if told to."""
    options = IdentityOptions(prompt_nms_iou=0.5, class_agnostic=agnostic)
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10]], dtype=np.float32)
    ignored = ignore_reasons(floats(0.6, 0.9, 0.5), xyxy, np.array(["a", "a", "b"]), options)
    assert ignored.tolist() == expected


# Rules 3 and 4


def test_an_unknown_class_fits_every_other() -> None:
    """Detections without a class are tolerated."""
    tracks, detections = np.array(["car", ""]), np.array(["car", "bus", ""])
    assert same_class(tracks, detections, DEFAULT).tolist() == [
        [True, False, True],
        [True, True, True],
    ]
    assert same_class(tracks, detections, IdentityOptions(class_agnostic=True)).all()


def test_a_mask_that_slid_away_does_not_take_the_identity_along() -> None:
    """The box expected from fresh detections holds a pair together, and fades with their age."""
    signs = _signs(seen=[[0.1, 0.0]], expected=[[0.81, 0.36]], surprise=[[0.0, 6.0]])
    weight, possible = weigh(signs, floats(1.0), np.array([4]), 0.3, DEFAULT)
    assert weight == pytest.approx(np.array([[0.5, 0.15]]))
    assert possible.tolist() == [[True, False]]
    weight, possible = weigh(signs, floats(1.0), np.array([31]), 0.3, DEFAULT)
    assert weight == pytest.approx(signs.seen_iou)
    assert possible.tolist() == [[False, False]]


def test_a_mask_that_lay_beside_its_detections_counts_less() -> None:
    """Half the trust in what is seen is half its weight against what is expected."""
    signs = _signs(seen=[[0.9]], expected=[[0.36]], surprise=[[0.0]])
    weight, _ = weigh(signs, floats(0.5), np.array([4]), 0.3, DEFAULT)
    assert weight == pytest.approx((0.9 + 2 * 0.6) / 3)
    weight, _ = weigh(signs, floats(0.0), np.array([4]), 0.3, DEFAULT)
    assert weight == pytest.approx(0.6)


def test_surprise_decides_between_pairs_and_makes_none_possible() -> None:
    """After long without a detection hardly anything surprises: boxes must overlap all the same."""
    signs = _signs(seen=[[0.0, 0.0, 0.0]], expected=[[0.5, 0.5, 0.2]], surprise=[[0.4, 8.0, 0.0]])
    weight, possible = weigh(signs, floats(1.0), np.array([3]), 0.3, DEFAULT)
    assert possible.tolist() == [[True, True, False]]
    assert weight[0, 0] > weight[0, 1]


def test_a_class_that_changes_by_the_frame_decides_nothing() -> None:
    """One class speaks for a pair; another against it only if the track's own was steady."""
    fits = np.array([[True, False], [True, False], [True, False]])
    weight = favour_class(fits, floats(1.0, 0.75, 0.5), DEFAULT)
    assert weight == pytest.approx(np.array([[0.25, 0.0], [0.25, 0.125], [0.25, 0.25]]))


def test_signs_of_a_stray_track_add_up() -> None:
    """No sign alone is enough here; a small mask inside a box counts half."""
    one = np.array([[0.1]])
    weight, possible = weigh_strays(one, 2 * one, one, 2 * one, one, DEFAULT)
    assert weight == pytest.approx(0.4 + 0.3 * 0.1)
    assert possible.all()
    assert not weigh_strays(one, one, 0 * one, 3 * one, one, DEFAULT)[1].any()


def test_a_look_takes_no_stray_away_from_its_place() -> None:
    """In the box of somebody half hidden stands what hides him; the place still counts."""
    there, none = np.array([[0.9]]), np.zeros((1, 1))
    weight, possible = weigh_strays(none, there, none, none, none, DEFAULT)
    assert possible.all()
    assert weight == pytest.approx(0.9)


def test_match_takes_the_best_total() -> None:
    """0.6 + 0.5 beats 0.7 + nothing: a greedy choice would lose a track."""
    overlap = np.array([[0.7, 0.6], [0.5, 0.1]])
    rows, columns = match(overlap, np.ones((2, 2), dtype=bool), 0.3)
    assert list(zip(rows, columns, strict=True)) == [(0, 1), (1, 0)]


def test_pairs_below_the_gate_have_no_weight() -> None:
    """Two pairs of 0.29 and 0.5 do not outweigh one of 0.6, since 0.29 is no pair."""
    overlap = np.array([[0.6, 0.5], [0.29, 0.0]])
    rows, columns = match(overlap, np.ones((2, 2), dtype=bool), 0.3)
    assert list(zip(rows, columns, strict=True)) == [(0, 0)]


def test_gate_itself_is_enough_and_other_classes_are_not() -> None:
    """A pair at the gate counts; one that is not allowed never does."""
    overlap = np.array([[0.3, 0.9]])
    rows, columns = match(overlap, np.array([[True, False]]), 0.3)
    assert (rows.tolist(), columns.tolist()) == ([0], [0])


@given(
    npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(0, 1, width=16),
    )
)
def test_match_equals_the_best_of_all_assignments(overlap: np.ndarray) -> None:
    """No assignment of pairs above the gate has a greater total overlap."""
    tracks, detections = overlap.shape
    possible = np.where(overlap >= 0.3, overlap, 0.0)
    width = max(tracks, detections)
    square = np.zeros((width, width))
    square[:tracks, :detections] = possible
    best = max(square[range(width), order].sum() for order in permutations(range(width)))
    rows, columns = match(overlap, np.ones(overlap.shape, dtype=bool), 0.3)
    assert overlap[rows, columns].sum() == pytest.approx(best)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist()))


# Rule 5


@pytest.mark.parametrize(
    ("score", "overlap", "since", "recovered", "expected"),
    [
        (0.9, 0.7, 100, False, ""),  # good, but not good enough to confirm
        (0.9, 0.9, 15, False, ""),  # good, confirmed lately
        (0.9, 0.8, 16, False, "refresh"),  # good for long enough
        (0.4, 0.7, 5, False, "low_score"),  # the mask is doubtful
        (0.4, 0.7, 4, False, ""),  # as it was when it was corrected just now
        (0.9, 0.49, 5, False, "low_overlap"),  # the detection says it is elsewhere
        (0.9, 0.7, 0, True, "recovered"),  # lost and found
    ],
)
def test_the_model_hears_of_a_match_only_if_needed(
    score: float, overlap: float, since: int, recovered: bool, expected: str
) -> None:
    """A live track costs identity evidence when it is prompted again."""
    arrays = (floats(score), np.array([overlap]), np.array([since]), np.array([recovered]))
    assert prompt_reasons(*arrays, DEFAULT).tolist() == [expected]
    always = prompt_reasons(*arrays, IdentityOptions(reprompt="always"))
    assert always.tolist() == [expected or "always"]


# Rule 6


def test_births_by_cover_overlap_and_confidence() -> None:
    """70 % uncovered is enough, an overlap of 0.3 is too much, the most confident come first."""
    choice = choose_births(
        confidence=floats(0.5, 0.9, 0.9, 0.2, 0.8),
        covered=np.array([0.3, 0.31, 0.0, 0.0, 0.0]),
        nearest_iou=np.array([0.29, 0.0, 0.3, 0.0, 0.0]),
        room=10,
        options=IdentityOptions(birth_confidence=0.3),
    )
    assert choice.born.tolist() == [4, 0]
    assert choice.postponed.tolist() == [1, 2]
    assert choice.refused.tolist() == []
    assert choice.reasons.tolist() == ["free", "covered", "overlaps", "low_confidence", "free"]


def test_the_least_confident_find_no_room() -> None:
    """Above max_objects births are refused, the least confident first; room may be negative."""
    zeros = np.zeros(3)
    choice = choose_births(floats(0.1, 0.9, 0.5), zeros, zeros, 2, DEFAULT)
    assert (choice.born.tolist(), choice.refused.tolist()) == ([1, 2], [0])
    choice = choose_births(floats(0.1, 0.9, 0.5), zeros, zeros, -1, DEFAULT)
    assert (choice.born.tolist(), choice.refused.tolist()) == ([], [1, 2, 0])
    assert choice.reasons.tolist() == ["no_room"] * 3


# Rule 7


def test_the_younger_twin_goes_after_three_frames_in_a_row() -> None:
    """The count needs consecutive frames, whatever the order of the rows."""
    alike, apart = np.array([[1.0, 0.7], [0.7, 1.0]]), np.array([[1.0, 0.69], [0.69, 1.0]])
    ids, distinct = np.array([8, 3]), np.zeros(2, dtype=bool)
    twins, gone = count_twins(ids, alike, distinct, {}, DEFAULT)
    assert (dict(twins), gone) == ({(3, 8): 1}, {})
    twins, gone = count_twins(ids, apart, distinct, twins, DEFAULT)
    assert dict(twins) == {}
    for _ in range(2):
        twins, gone = count_twins(ids, alike, distinct, twins, DEFAULT)
        assert not gone
    twins, gone = count_twins(ids, alike, distinct, twins, DEFAULT)
    assert (dict(twins), gone) == ({}, {8: 3})


def test_tracks_that_two_detections_claim_are_no_twins() -> None:
    """The detector saw two objects: the user's boxes are taken at their word."""
    alike, ids = np.ones((2, 2)), np.array([1, 2])
    twins, gone = count_twins(ids, alike, np.array([True, True]), {(1, 2): 2}, DEFAULT)
    assert (dict(twins), gone) == ({}, {})
    _, gone = count_twins(ids, alike, np.array([True, False]), {(1, 2): 2}, DEFAULT)
    assert gone == {2: 1}


def test_of_three_alike_the_oldest_stays() -> None:
    """A track that goes itself does not take others along."""
    before = {(1, 2): 2, (1, 3): 2, (2, 3): 2}
    _, gone = count_twins(np.array([1, 2, 3]), np.ones((3, 3)), np.zeros(3, bool), before, DEFAULT)
    assert gone == {2: 1, 3: 1}
    chain = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=float)
    _, gone = count_twins(np.array([1, 2, 3]), chain, np.zeros(3, bool), before, DEFAULT)
    assert gone == {2: 1}


# Rule 8


@pytest.mark.parametrize(
    ("unseen", "missed", "span", "doubtful", "known", "expected"),
    [
        (89, 0, 0, False, False, ""),
        (90, 0, 0, False, False, "lost"),  # not seen for too long
        (299, 0, 0, False, True, ""),  # a detection could still be known as it
        (300, 0, 0, False, True, "lost"),
        (0, 3, 29, True, True, ""),  # every_frame: three misses are only a moment
        (0, 2, 60, True, True, ""),  # sparse prompts: two misses are only two
        (0, 3, 30, True, True, "unconfirmed"),  # not confirmed for too long
        (0, 3, 30, False, True, ""),  # the mask is good again
        (60, 6, 60, False, False, ""),  # hidden: nothing could match it
        (0, 6, 299, False, True, ""),  # the mask is good, and speaks for it for a while
        (0, 6, 300, False, True, "unconfirmed"),  # but not for ever
        (0, 5, 900, False, True, ""),  # sparse prompts: five misses are only five
        (1, 6, 300, False, True, ""),  # hidden just now
    ],
)
def test_a_track_ends_by_frames_and_prompts(
    unseen: int, missed: int, span: int, doubtful: bool, known: bool, expected: str
) -> None:
    """Both counts must be reached, so no prompt mode kills a track in the blink of an eye."""
    ended = end_reasons(
        np.array([unseen]),
        np.array([missed]),
        np.array([span]),
        np.array([doubtful]),
        np.array([False]),
        np.array([known]),
        DEFAULT,
    )
    assert ended.tolist() == [expected]


@pytest.mark.parametrize(("by_hand", "after"), [(True, 300), (False, None)])
def test_what_was_shown_by_hand_need_not_be_detected(by_hand: bool, after: int | None) -> None:
    """It may be nothing that the detector looks for; null lets every good mask go on."""
    zero, often, good = np.array([0]), np.array([9000]), np.array([False])
    options = IdentityOptions(unconfirmed_after=after)
    known = np.array([True])
    ended = end_reasons(zero, often, often, good, np.array([by_hand]), known, options)
    assert ended.tolist() == [""]


# Rule 9


def test_what_is_not_seen_or_not_trusted_stays_out_of_memory() -> None:
    """Doubtful masks are not learnt from, unless they answer a prompt."""
    prompted = np.array([False, False, False, True, True])
    reasons = memory_reasons(
        visible=np.array([True, False, True, True, False]),
        score=floats(0.9, 0.9, 0.49, 0.1, 0.9),
        prompted=prompted,
        options=DEFAULT,
    )
    assert reasons.tolist() == ["", "unseen", "low_score", "", "unseen"]
    plan = plan_memory(np.array([1, 2, 3, 4, 5]), reasons, prompted)
    assert plan.write == {1, 4}
    assert plan.conditioning == {4}


# Rule 10


def test_ids_rise_and_a_preview_spends_none() -> None:
    """An id is only gone when it was given out; ids that came to nothing are gone as well."""
    ids = IdCounter()
    assert ids.preview(2).tolist() == [1, 2]
    assert ids.preview(1).tolist() == [1]
    ids.spend([1, 2])
    ids.spend([])
    assert ids.preview(2).tolist() == [3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"match_iou": 1.5}, "match_iou must be from 0 to 1, found 1.5"),
        ({"prompt_nms_iou": -0.1}, "prompt_nms_iou must be from 0 to 1, found -0.1"),
        ({"max_objects": 0}, "max_objects must be at least 1, found 0"),
    ],
)
def test_thresholds_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    """An option says its name, what it may be and what was found."""
    with pytest.raises(ValueError, match=message):
        IdentityOptions(**options)


# Slips of a class


def test_a_slip_of_a_class_continues_a_track_only_right_on_it() -> None:
    """Where detection and track are of two classes, they must overlap by half, seen or expected."""
    fits = np.array([[False, False, True]])
    seen, expected = np.array([[0.5, 0.4, 0.9]]), np.array([[0.0, 0.6, 0.9]])
    fresh, stale = np.array([1]), np.array([31])
    assert misnamed(fits, seen, expected, fresh, DEFAULT).tolist() == [[True, True, False]]
    assert misnamed(fits, seen, expected, stale, DEFAULT).tolist() == [[True, False, False]]
