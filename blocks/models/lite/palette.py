"""What colours an object has, and where in a whole frame they stand together: where to look first.

Colour finds places, never identities: whether the object is there is for a close look to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .proposal import View

__all__ = ["COLOURS", "ColourPlace", "colour_index", "colour_places", "covered", "palette_of"]

LONG_SIDE = 240
PLACES = 3
LEAST_SHARE = 0.3
_BINS = 16
COLOURS = _BINS**3


class ColourPlace(NamedTuple):
    """A place that has an object's colours.

    Args:
        centre_xy: Frame pixels.
        density: How much of a box of the object's size has them, 0-1.
    """

    centre_xy: tuple[float, float]
    density: float


def colour_index(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return which of 4096 colours each pixel of the shrunk picture has, ``(h, w)``.

    Args:
        image: ``(H, W, 3)`` uint8 BGR; shrunk to a long side of 240.
    """
    import cv2

    h, w = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(h, w))
    if scale < 1:
        size = max(1, round(w * scale)), max(1, round(h * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2Lab).astype(np.int16) // (256 // _BINS)
    result: NDArray[np.int16] = (lab[..., 0] * _BINS + lab[..., 1]) * _BINS + lab[..., 2]
    return result


def covered(
    views: Sequence[View], size_wh: tuple[int, int], size_hw: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return which pixels of the shrunk picture the masks of some views cover.

    Args:
        views: Views of one frame.
        size_wh: Size of the frame, pixels.
        size_hw: Rows and columns of the shrunk picture.
    """
    result = np.zeros(size_hw, np.bool_)
    step = size_wh[0] / size_hw[1], size_wh[1] / size_hw[0]
    x, y = (
        ((np.arange(count) + 0.5) * one).astype(np.intp)
        for count, one in zip(size_hw[::-1], step, strict=True)
    )
    for view in views:
        if view.xyxy is None:
            continue
        x1, y1, x2, y2 = view.xyxy
        columns = np.flatnonzero((x >= x1) & (x < x2))
        rows = np.flatnonzero((y >= y1) & (y < y2))
        there = view.mask[np.ix_(y[rows] - view.offset_xy[1], x[columns] - view.offset_xy[0])]
        result[np.ix_(rows, columns)] |= there
    return result


def palette_of(index: NDArray[np.int16], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the share of each colour among some pixels, ``(4096,)``; zeros for no pixels."""
    counts = np.bincount(index[inside], minlength=COLOURS).astype(np.float32)
    result: NDArray[np.float32] = counts / max(float(counts.sum()), 1.0)
    return result


def colour_places(
    palette: NDArray[np.float32],
    index: NDArray[np.int16],
    taken: NDArray[np.bool_],
    box_wh: tuple[float, float],
    filled: float,
    size_wh: tuple[int, int],
) -> list[ColourPlace]:
    """Find the places where a box of the object's size holds most of its colours.

    A colour counts the more, the more of the object and the less of the frame has it; not at all
    if it is as common in the frame.

    Args:
        palette: ``(4096,)`` the object's.
        index: ``(h, w)`` colours of the shrunk picture.
        taken: ``(h, w)`` bool, where other objects are.
        box_wh: Width and height of the object's box, frame pixels.
        filled: Part of its box that the object fills, 0-1.
        size_wh: Size of the frame.

    Returns:
        At most three, best first; none that has less than a third of what the object had.
    """
    import cv2

    h, w = index.shape
    scale = w / size_wh[0], h / size_wh[1]
    sides = [max(3, round(side * factor)) for side, factor in zip(box_wh, scale, strict=True)]
    frame = palette_of(index, np.ones(index.shape, np.bool_))
    own, common = _smooth(palette), _smooth(frame)
    chance = np.clip((own - common) / np.maximum(own + common, np.float32(1e-6)), 0, 1)
    chance[own < 1e-5] = 0
    there = np.where(taken, np.float32(0), chance[index]).astype(np.float32)
    density = np.asarray(
        cv2.blur(there, (min(sides[0], w), min(sides[1], h)), borderType=cv2.BORDER_CONSTANT),
        np.float32,
    )
    least = LEAST_SHARE * filled
    places = []
    for _ in range(PLACES):
        row, column = divmod(int(density.argmax()), w)
        best = float(density[row, column])
        if best < least:
            break
        centre = (column + 0.5) / scale[0], (row + 0.5) / scale[1]
        places.append(ColourPlace(centre, best))
        density[
            max(row - sides[1], 0) : row + sides[1] + 1,
            max(column - sides[0], 0) : column + sides[0] + 1,
        ] = 0
    return places


def _smooth(palette: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spread each colour over its neighbours: light and noise shift colours a little."""
    cube: NDArray[np.float32] = palette.reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        near = np.roll(cube, 1, axis) + 2 * cube + np.roll(cube, -1, axis)
        cube = near.astype(np.float32, copy=False) / np.float32(4)
    return cube.ravel()
