"""Rules 3 and 4: which detection is which track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = [
    "Signs",
    "best_other",
    "favour_class",
    "match",
    "misnamed",
    "recognise",
    "same_class",
    "weigh",
    "weigh_strays",
]


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for each pair of a track and a detection.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        expected_iou: ``(N, M)`` its overlap with the box expected from the detections before.
        surprise: ``(N, M)`` how far from there it is, for what is usual of the track: about 1 for
            its next detection.
        alike: ``(N, M)`` how much its look speaks for the track, 0-1.
    """

    seen_iou: NDArray[np.float64]
    expected_iou: NDArray[np.float64]
    surprise: NDArray[np.float64]
    alike: NDArray[np.float64]

    def likely(self) -> NDArray[np.float64]:
        """Return how well each detection fits what is expected, ``(N, M)``, 0-1.

        An overlap alone does not know that one object has stood still for long and the other
        moves in fits and starts; a distance alone does not know how much is covered.
        """
        fit: NDArray[np.float64] = np.sqrt(self.expected_iou / (1.0 + self.surprise / 2.0))
        return fit


def same_class(
    track_class: NDArray[np.str_], detection_class: NDArray[np.str_], options: IdentityOptions
) -> NDArray[np.bool_]:
    """Tell which detections may be which tracks, by class.

    Args:
        track_class: ``(N,)`` names; empty where the class is not known.
        detection_class: ``(M,)`` names; empty where the class is not known.
        options: ``class_agnostic``.

    Returns:
        ``(N, M)``; an unknown class fits every other.
    """
    tracks, detections = track_class[:, None], detection_class[None]
    if options.class_agnostic:
        return np.ones((len(track_class), len(detection_class)), dtype=bool)
    fits: NDArray[np.bool_] = (tracks == detections) | (tracks == "") | (detections == "")
    return fits


def misnamed(
    fits: NDArray[np.bool_],
    seen_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    since_detection: NDArray[np.int64],
    options: IdentityOptions,
) -> NDArray[np.bool_]:
    """Rule 3: tell which detections are so much where a track is that only their name is wrong.

    Args:
        fits: ``(N, M)`` pairs of one class.
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        expected_iou: ``(N, M)`` its overlap with the box expected.
        since_detection: ``(N,)`` frames since a detection matched the track.
        options: ``other_class_iou``, ``motion_within``.

    Returns:
        ``(N, M)`` pairs of two classes that are possible all the same.
    """
    recent = (since_detection <= options.motion_within)[:, None]
    there = np.maximum(seen_iou, np.where(recent, expected_iou, 0.0))
    result: NDArray[np.bool_] = ~fits & (there >= options.other_class_iou)
    return result


def favour_class(
    fits: NDArray[np.bool_], class_trust: NDArray[np.float32], options: IdentityOptions
) -> NDArray[np.float64]:
    """Rules 3 and 4: weigh classes where pairs of two classes are possible.

    A class that half the detections of a track did not have says nothing about the next one.

    Args:
        fits: ``(N, M)`` pairs of one class.
        class_trust: ``(N,)`` part of the track's detections of late that were of its class.
        options: ``class_weight``.

    Returns:
        ``(N, M)`` to be added to the weights of pairs.
    """
    doubt = 1.0 - np.clip(2.0 * class_trust.astype(np.float64) - 1.0, 0.0, 1.0)[:, None]
    result: NDArray[np.float64] = options.class_weight * np.where(fits, 1.0, doubt)
    return result


def weigh(
    signs: Signs,
    mask_trust: NDArray[np.float32],
    since_detection: NDArray[np.int64],
    seen_gate: float,
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 3: weigh where tracks are seen against where their detections lead to expect them.

    A detection one frame ago says more about the next one than the mask, which may have slid on
    to a neighbour: four fifths. What it says fades, to a half after four frames, and the mask takes
    over; one that did not lie on its detections of late takes over less. What a detection looks
    like, or how little it surprises, makes no pair possible; it decides between pairs that are.

    Args:
        signs: What speaks for the pairs.
        mask_trust: ``(N,)`` overlap of the detections of late with what was seen of the track.
        since_detection: ``(N,)`` frames since a detection matched the track.
        seen_gate: Least overlap with what is seen.
        options: ``motion_iou``, ``motion_within``, ``look_weight``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    recent = since_detection <= options.motion_within
    fading = 1.0 / (1.0 + since_detection / 4.0)
    seen = (1.0 - fading) * mask_trust
    share = np.where(recent, seen / np.maximum(seen + fading, 1e-6), 1.0)[:, None]
    there = recent[:, None] & (signs.expected_iou >= options.motion_iou)
    possible = (signs.seen_iou >= seen_gate) | there
    weight = share * signs.seen_iou + (1.0 - share) * signs.likely()
    return weight + options.look_weight * signs.alike, possible


def weigh_strays(
    seen_iou: NDArray[np.float64],
    last_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    inside: NDArray[np.float64],
    alike: NDArray[np.float64],
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 4: add up the signs that a detection is a track which lies, or lay, elsewhere.

    A look decides between pairs that are possible, and takes away none: in the box of somebody half
    hidden stands what hides him.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        last_iou: ``(N, M)`` its overlap with the last box of a lost track.
        expected_iou: ``(N, M)`` its overlap with the box expected, both widened.
        inside: ``(N, M)`` part of the box of what is seen inside the detection's: what is half
            hidden shows a small part of itself. Counts half, as any small mask is inside much.
        alike: ``(N, M)`` how much its look speaks for the track, 0-1.
        options: ``recover_iou``, ``look_weight``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    weight = np.maximum(seen_iou, last_iou) + expected_iou + inside / 2
    return weight + options.look_weight * alike, weight >= options.recover_iou


def recognise(
    similar: NDArray[np.float64],
    away: NDArray[np.bool_],
    reach: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.bool_]:
    """Rule 4: tell which detections can be known by their look alone.

    Whoever has been away may come back anywhere. He is known if nobody else who is away looks as
    much like the detection, and no other detection like him.

    Args:
        similar: ``(N, M)`` similarity of the looks of all tracks and detections that are left,
            0-1; NaN where it is not known.
        away: ``(N,)`` tracks that are not seen.
        reach: ``(N, M)`` whether the object can have got there since it was seen last.
        options: ``found_likeness``, ``found_margin``.

    Returns:
        ``(N, M)`` which pairs are possible.
    """
    known = np.where(np.isnan(similar) | ~away[:, None], 0.0, similar)
    runner_up = np.maximum(best_other(known), best_other(known.T).T)
    clear = known >= runner_up + options.found_margin
    possible: NDArray[np.bool_] = (known >= options.found_likeness) & clear & reach
    return possible


def best_other(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each value of ``(N, M)`` return the greatest of the others in its column, or 0."""
    if len(values) < 2:
        return np.zeros_like(values)
    ranked = np.sort(values, axis=0)
    first = values.argmax(axis=0)
    others = np.broadcast_to(ranked[-1], values.shape).copy()
    others[first, np.arange(values.shape[1])] = ranked[-2]
    return others


def match(
    overlap: NDArray[np.float64], allowed: NDArray[np.bool_], gate: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rules 3 and 4: pair tracks with detections so that the total overlap is greatest.

    Pairs below the gate do not weigh in, so a bad pair cannot push a good one aside.

    Args:
        overlap: ``(N, M)`` of N tracks and M detections, or what :func:`weigh` makes of it.
        allowed: ``(N, M)`` pairs that may be.
        gate: Least overlap of a pair.

    Returns:
        Rows and columns of the pairs, ``(K,)`` each, rows rising.
    """
    from scipy.optimize import linear_sum_assignment

    possible = allowed & (overlap >= gate) & (overlap > 0.0)
    rows, columns = linear_sum_assignment(np.where(possible, overlap, 0.0), maximize=True)
    real = possible[rows, columns]
    return rows[real], columns[real]
