"""Rules 3 and 4: which detection is which track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["match", "same_class", "weigh", "weigh_strays"]


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


def weigh(
    seen_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    since_detection: NDArray[np.int64],
    seen_gate: float,
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 3: weigh where tracks are seen against where their detections lead to expect them.

    A fresh detection says as much about the next one as the mask does; what it says fades, to a
    half after ten frames.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        expected_iou: ``(N, M)`` its overlap with the box expected.
        since_detection: ``(N,)`` frames since a detection matched the track.
        seen_gate: Least overlap with what is seen.
        options: ``motion_iou``, ``motion_within``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    recent = (since_detection <= options.motion_within)[:, None]
    fading = 1.0 / (1.0 + since_detection[:, None] / 10.0)
    possible = (seen_iou >= seen_gate) | (recent & (expected_iou >= options.motion_iou))
    return seen_iou + np.where(recent, fading * expected_iou, 0.0), possible


def weigh_strays(
    seen_iou: NDArray[np.float64],
    last_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    inside: NDArray[np.float64],
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 4: add up the signs that a detection is a track which lies, or lay, elsewhere.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        last_iou: ``(N, M)`` its overlap with the last box of a lost track.
        expected_iou: ``(N, M)`` its overlap with the box expected, both widened.
        inside: ``(N, M)`` part of the box of what is seen inside the detection's: what is half
            hidden shows a small part of itself. Counts half, as any small mask is inside much.
        options: ``recover_iou``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    weight = np.maximum(seen_iou, last_iou) + expected_iou + inside / 2
    return weight, weight >= options.recover_iou


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
