"""How unlike its surroundings each pixel of a box is: the first guess of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .network import STRIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cells_like", "foreground_evidence", "otsu_threshold"]

COLOUR_WEIGHT = 0.5
NEIGHBOURS = 3
_BINS = 16


def foreground_evidence(
    crop: NDArray[np.uint8], features: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Add up two standard scores: one of features, one of colours.

    Args:
        crop: ``(S, S, 3)`` uint8 BGR.
        features: ``(C, S / 8 * S / 8)`` float32 of the crop.
        inside: ``(S, S)`` bool, the box; some pixels are in it and some are not.

    Returns:
        ``(S, S)`` float32, larger where the object is more likely; to be read inside the box.
    """
    import cv2

    size = len(inside)
    cells = size // STRIDE
    share = cv2.resize(inside.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    novelty = _novelty(features, share.ravel() > 0.05).reshape(cells, cells)
    wide = cv2.resize(novelty, (size, size), interpolation=cv2.INTER_CUBIC)
    colour = cv2.blur(_colour_ratio(crop, inside), (9, 9))
    colour = (colour - colour[inside].mean()) / (colour[inside].std() + 1e-6)
    result: NDArray[np.float32] = wide + np.float32(COLOUR_WEIGHT) * colour
    return result


def cells_like(
    features: NDArray[np.float32],
    on: NDArray[np.bool_],
    off: NDArray[np.bool_],
    size: int,
) -> NDArray[np.float32]:
    """Score how much more a place looks like points on an object than like points off it.

    Args:
        features: ``(C, N)`` float32 of a square crop.
        on: ``(N,)`` bool, cells with a point on the object; at least one.
        off: ``(N,)`` bool, cells with a point off it.
        size: Side of the crop, pixels.

    Returns:
        ``(S, S)`` float32, standardised over the crop.
    """
    import cv2

    x = _directions(features)
    likeness = (x[:, on].T @ x).max(0)
    if off.any():
        likeness = likeness - (x[:, off].T @ x).max(0)
    score = (likeness - likeness.mean()) / (likeness.std() + 1e-6)
    cells = size // STRIDE
    grid = score.astype(np.float32).reshape(cells, cells)
    wide = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide, np.float32)


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardise each channel and bring each cell to length one."""
    x = features - features.mean(1, keepdims=True)
    x /= features.std(1, keepdims=True) + 1e-3
    x /= np.linalg.norm(x, axis=0, keepdims=True) + 1e-6
    return np.asarray(x, np.float32)


def _novelty(features: NDArray[np.float32], inner: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Standard score of each inner cell's distance to the outer cells most like it."""
    result = np.zeros(features.shape[1], np.float32)
    outer = ~inner
    if outer.sum() <= NEIGHBOURS or not inner.any():
        return result
    x = _directions(features)
    likeness = x[:, inner].T @ x[:, outer]
    nearest = np.partition(likeness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    distance = 1 - nearest.mean(1)
    result[inner] = (distance - distance.mean()) / (distance.std() + 1e-6)
    return result


def _colour_ratio(crop: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Log ratio of how common a pixel's colour is inside the box and outside it."""
    import cv2

    lab = cv2.cvtColor(crop, cv2.COLOR_BGR2Lab).astype(np.intp) // (256 // _BINS)
    index = (lab[..., 0] * _BINS + lab[..., 1]) * _BINS + lab[..., 2]
    logs = []
    for where in (inside, ~inside):
        counts = np.bincount(index[where], minlength=_BINS**3).astype(np.float64)
        cube = counts.reshape(_BINS, _BINS, _BINS)
        for axis in range(3):
            cube = np.roll(cube, 1, axis) + 2 * cube + np.roll(cube, -1, axis)
        logs.append(np.log(cube.ravel() / max(cube.sum(), 1.0) + 1e-5))
    result: NDArray[np.float32] = (logs[0] - logs[1]).astype(np.float32)[index]
    return result


def otsu_threshold(values: NDArray[np.float32]) -> float:
    """Return the cut that separates two groups of values best.

    Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979, on 64 bins.
    """
    counts, edges = np.histogram(values, 64)
    share = counts / max(int(counts.sum()), 1)
    centres = (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(share)[:-1], np.cumsum(share * centres)[:-1]
    total = float((share * centres).sum())
    between = (total * below - moment) ** 2 / np.maximum(below * (1 - below), 1e-9)
    return float(centres[int(np.argmax(between))])
