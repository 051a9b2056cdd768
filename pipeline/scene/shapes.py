"""Outlines of actors, as polygons in a square from -1 to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from .description import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["outline", "rasterize"]

_SUPERSAMPLING: Final = 4
_TURN: Final = np.linspace(0, 2 * np.pi, 181)[:-1]


def outline(shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the outline of a shape.

    Args:
        shape: Which shape.
        rng: Makes one blob differ from the next.

    Returns:
        ``(K, 2)`` float64 x, y within -1 to 1, in order around the shape.

    Raises:
        ValueError: The shape is unknown.
    """
    if shape == "blob":
        return _blob(rng)
    draw = _FIXED.get(shape)
    if draw is None:
        raise ValueError(f"unknown shape {shape!r}; there are: blob, {', '.join(_FIXED)}")
    return draw()


def rasterize(polygon: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """Fill an outline, with soft edges.

    Args:
        polygon: ``(K, 2)`` x, y within -1 to 1.
        side: Side of the square result in pixels; a margin of one pixel stays empty.

    Returns:
        ``(side, side)`` uint8 coverage, 0-255.
    """
    fine = side * _SUPERSAMPLING
    reach = fine / 2 - _SUPERSAMPLING
    # Half a pixel off: fillPoly counts from pixel centres.
    points = np.round((polygon * reach + fine / 2 - 0.5) * 16).astype(np.int32)
    canvas = np.zeros((fine, fine), np.uint8)
    cv2.fillPoly(canvas, [points], 255, shift=4)
    return np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _disc() -> NDArray[np.float64]:
    return _polar(np.ones_like(_TURN))


def _blob(rng: np.random.Generator) -> NDArray[np.float64]:
    radius = np.ones_like(_TURN)
    for k in (2, 3, 5):
        radius += rng.uniform(0.06, 0.16) * np.cos(k * _TURN + rng.uniform(0, 2 * np.pi))
    return _polar(radius)


def _star() -> NDArray[np.float64]:
    return _polar(0.72 + 0.28 * np.cos(5 * _TURN) ** 3)


def _crescent() -> NDArray[np.float64]:
    arc = np.linspace(0.25 * np.pi, 1.75 * np.pi, 120)
    outer = np.stack([np.cos(arc), np.sin(arc)], axis=1)
    inner = np.stack([0.42 + 0.72 * np.cos(arc), 0.72 * np.sin(arc)], axis=1)[::-1]
    return _fit(np.concatenate([outer, inner]))


def _horseshoe() -> NDArray[np.float64]:
    arc = np.linspace(0.0, np.pi, 60)
    outer = np.stack([np.cos(arc), -np.sin(arc)], axis=1)
    left, right = np.array([[-1, 0.9], [-0.42, 0.9]]), np.array([[0.42, 0.9], [1, 0.9]])
    return np.concatenate([outer, left, 0.42 * outer[::-1], right])


def _cross() -> NDArray[np.float64]:
    arm = 0.34
    quarter = np.array([[arm, -1], [arm, -arm], [1, -arm]])
    clockwise = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return np.concatenate(
        [quarter @ np.linalg.matrix_power(clockwise, turns) for turns in range(4)]
    )


def _pillar() -> NDArray[np.float64]:
    return np.array([[-0.28, -1], [0.28, -1], [0.28, 1], [-0.28, 1]])


def _polar(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    return _fit(np.stack([radius * np.cos(_TURN), radius * np.sin(_TURN)], axis=1))


def _fit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre the points and scale them to touch the square from -1 to 1."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.asarray((points - (low + high) / 2) / ((high - low).max() / 2))


_FIXED: Final[Mapping[Shape, Callable[[], NDArray[np.float64]]]] = {
    "disc": _disc,
    "star": _star,
    "crescent": _crescent,
    "horseshoe": _horseshoe,
    "cross": _cross,
    "pillar": _pillar,
}
