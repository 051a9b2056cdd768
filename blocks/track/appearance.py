"""What objects look like, in a few numbers, so that one that was away can be known again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOOK_SIZE", "describe", "is_known", "learnt", "likeness", "similarity"]

_WIDTH, _HEIGHT, _STRIPES = 14, 30, 3
_BINS: Final = (8, 4, 8)
_SCALE: Final = np.array([8 / 180, 4 / 256, 8 / 256])
_CAMOUFLAGE = 0.95
"""An object as like its surroundings as this has no look: everything else there has it too."""

LOOK_SIZE: Final = _STRIPES * _BINS[0] * _BINS[1] * _BINS[2]
"""Numbers in a look: a histogram of hue, saturation and value for each third from the top."""


def describe(image: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe what is seen in boxes: the middle of each, in three stripes, by its colours.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        xyxy: ``(N, 4)`` boxes, pixels; may reach out of the frame.

    Returns:
        ``(N, LOOK_SIZE)`` float32, rows of length 1: roots of histograms, so that a product of
        two is their Bhattacharyya coefficient. A row is zero where nothing sets the object apart
        from what surrounds it, or the box holds no pixel.
    """
    return np.array([_look(image, box) for box in xyxy], dtype=np.float32).reshape(-1, LOOK_SIZE)


def is_known(look: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which of ``(N, LOOK_SIZE)`` looks say something, ``(N,)``."""
    result: NDArray[np.bool_] = (look != 0).any(axis=1)
    return result


def similarity(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compare looks.

    Args:
        first: ``(N, LOOK_SIZE)`` looks.
        second: ``(M, LOOK_SIZE)`` looks.

    Returns:
        ``(N, M)``, 0-1; NaN where one of the two is not known.
    """
    product = (first @ second.T).astype(np.float64)
    known = is_known(first)[:, None] & is_known(second)[None]
    result: NDArray[np.float64] = np.where(known, np.clip(product, 0.0, 1.0), np.nan)
    return result


def likeness(similar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read similarities as evidence: 0 for what two strangers have, 1 for one object twice.

    Args:
        similar: Of any shape, from :func:`similarity`.

    Returns:
        The same shape, 0-1; a half where it is not known.
    """
    scaled = np.clip((similar - 0.5) / 0.35, 0.0, 1.0)
    return np.where(np.isnan(similar), 0.5, scaled)


def learnt(
    known: NDArray[np.float32], seen: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """Blend looks just seen into those that are known.

    Args:
        known: ``(N, LOOK_SIZE)`` looks; zero rows take over what is seen.
        seen: ``(N, LOOK_SIZE)`` looks; zero rows change nothing.
        share: Weight of what is seen, 0-1.

    Returns:
        ``(N, LOOK_SIZE)`` float32, rows of length 1 or 0.
    """
    blend = (1.0 - share) * known + share * seen
    blend = np.where(seen.any(axis=1, keepdims=True), blend, known)
    length = np.linalg.norm(blend, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        blend, length, out=np.zeros_like(blend), where=length > 0
    ).astype(np.float32)
    return result


def _look(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    nothing = np.zeros(LOOK_SIZE, np.float32)
    sides = box[2:] - box[:2]
    if (sides <= 0).any() or not np.isfinite(box).all():
        return nothing
    crop = _crop(image, box)
    margin = np.float32(0.3) * sides
    wide = np.concatenate([box[:2] - margin, box[2:] + margin]).astype(np.float32)
    around = _crop(image, wide)
    if crop is None or around is None:
        return nothing
    y, x = np.mgrid[-1 : 1 : _HEIGHT * 1j, -1 : 1 : _WIDTH * 1j]
    inner = _histogram(_hsv(crop), np.exp(-((x / 0.6) ** 2 + y**2)))
    ring = np.maximum(np.abs(x), np.abs(y)) > 1 / 1.6
    outer = _histogram(_hsv(around), ring.astype(np.float64))
    return nothing if float(inner @ outer) >= _CAMOUFLAGE else inner


def _crop(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    import cv2

    height, width = image.shape[:2]
    x1, y1 = np.clip(np.floor(box[:2]).astype(int), 0, [width, height])
    x2, y2 = np.clip(np.ceil(box[2:]).astype(int), 0, [width, height])
    if x2 <= x1 or y2 <= y1:
        return None
    small = cv2.resize(image[y1:y2, x1:x2], (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _hsv(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2HSV), np.uint8)


def _histogram(hsv: NDArray[np.uint8], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """Root of the histogram of a crop; each pixel is shared between the bins next to it."""
    place = hsv.reshape(-1, 3).T * _SCALE[:, None]
    low = place.astype(np.intp)
    part = place - low
    both = np.array([low, low + 1])  # (2, 3, P)
    # Hues go round in a circle; the other two end at black and white, at grey and full.
    hue = both[:, 0] % _BINS[0]
    saturation, value = (np.minimum(both[:, k], _BINS[k] - 1) for k in (1, 2))
    stripe = np.repeat(np.arange(_HEIGHT) * _STRIPES // _HEIGHT, _WIDTH)
    cell = (stripe * _BINS[0] + hue) * _BINS[1]
    cell = (cell[:, None] + saturation[None]) * _BINS[2]
    cell = cell[:, :, None] + value[None, None]
    shares = np.array([1 - part, part])
    share = shares[:, 0][:, None, None] * shares[:, 1][None, :, None] * shares[:, 2][None, None]
    index = np.bincount(cell.ravel(), (share * weight.ravel()).ravel(), LOOK_SIZE)
    total = index.sum()
    return np.sqrt(index / total if total > 0 else index).astype(np.float32)
