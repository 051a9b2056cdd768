"""Where detections lead to expect an object: a Kalman filter for places that move steadily.

One filter serves all four edges of a box, since all doubts are told in parts of the object's own
side (the root of its area): what is far for a beetle is near for a bus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["at_birth", "corrected", "surprise", "variance"]

_NOISE: Final = 0.05**2
"""Variance of an edge of a detection, in sides squared."""
_PUSH: Final = 0.02**2
"""Variance by which the pace changes in a frame, likewise."""
_PACE: Final = 0.1**2
"""Variance of the pace before anything is known of it, likewise a frame squared."""


def at_birth(count: int) -> NDArray[np.float32]:
    """Return the doubt after one detection.

    Args:
        count: Objects.

    Returns:
        ``(count, 3)``: variance of the place, covariance of place and pace, variance of the pace,
        in sides squared.
    """
    return np.tile(np.array([_NOISE, 0.0, _PACE], np.float32), (count, 1))


def corrected(
    expected_xyxy: NDArray[np.float32],
    velocity: NDArray[np.float32],
    doubt: NDArray[np.float32],
    frames: NDArray[np.int64],
    xyxy: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Take one more detection of each object in.

    Args:
        expected_xyxy: ``(N, 4)`` where it was expected, pixels; NaN where nothing was.
        velocity: ``(N, 2)`` of its centre, pixels a frame.
        doubt: ``(N, 3)`` as of the detection before.
        frames: ``(N,)`` frames since that one.
        xyxy: ``(N, 4)`` the detection, pixels.

    Returns:
        The place ``(N, 4)``, the velocity and the doubt with it.
    """
    place, both, pace = _later(doubt, frames)
    gain, push = place / (place + _NOISE), both / (place + _NOISE)
    off = (xyxy - np.where(np.isnan(expected_xyxy), xyxy, expected_xyxy)).astype(np.float64)
    moved = (off[:, :2] + off[:, 2:]) / 2
    return (
        (xyxy - (1.0 - gain)[:, None] * off).astype(np.float32),
        (velocity + push[:, None] * moved).astype(np.float32),
        np.stack([(1 - gain) * place, (1 - gain) * both, pace - push * both], 1).astype(np.float32),
    )


def variance(doubt: NDArray[np.float32], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far off a detection may be some frames later, ``(N,)``, in sides squared."""
    return _later(doubt, frames)[0] + _NOISE


def surprise(
    expected_xyxy: NDArray[np.float32], xyxy: NDArray[np.float32], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure how far boxes are from where objects are expected.

    Args:
        expected_xyxy: ``(..., 4)`` pixels; NaN where nothing is expected.
        xyxy: ``(..., 4)`` pixels; leading dimensions are broadcast, so that columns against rows
            give all pairs.
        variance: ``(...)`` in sides squared.

    Returns:
        ``(...)``: mean square, over centre and half sides, of the distance in standard
        deviations; infinite where nothing is expected.
    """
    here = expected_xyxy.astype(np.float64)
    area = np.clip(np.prod(here[..., 2:] - here[..., :2], axis=-1), 1.0, None)
    # The squares of centre and half side of an axis add up to half those of its two edges.
    mean = ((xyxy.astype(np.float64) - here) ** 2).sum(axis=-1) / 8
    ratio: NDArray[np.float64] = mean / (area * variance)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _later(
    doubt: NDArray[np.float32], frames: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    place, both, pace = doubt.astype(np.float64).T
    time = np.maximum(frames, 1).astype(np.float64)
    return (
        place + 2 * time * both + time**2 * pace + _PUSH * time**3 / 3,
        both + time * pace + _PUSH * time**2 / 2,
        pace + _PUSH * time,
    )
