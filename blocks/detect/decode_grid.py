"""What FastestDet puts out, read as boxes: one object at most for each cell of a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .decode_yolo import to_corners
from .detector import Candidates

__all__ = ["decode_fastestdet"]

Array = NDArray[np.float32]
_OBJECT, _CLASS = 0.6, 0.4  # the network's own weights of the two, as exponents


def decode_fastestdet(grid: Array, input_wh: tuple[int, int], least: float) -> Candidates:
    """Read a grid of cells.

    Args:
        grid: ``(5 + C, h, w)``: objectness 0-1; x and y of the centre, whose tanh is counted in
            cells from the cell's corner; width and height, whose sigmoid is a fraction of the
            input; probability of each class.
        input_wh: Width and height of the input, pixels.
        least: Least confidence: objectness to the power of 0.6 times class to that of 0.4.

    Returns:
        Boxes in pixels of the input.
    """
    _, high, wide = grid.shape
    cells = grid.reshape(len(grid), -1)
    classes = cells[5:].argmax(axis=0)
    likelihood = np.take_along_axis(cells[5:], classes[None], axis=0)[0]
    confidence = np.maximum(cells[0], 0) ** _OBJECT * np.maximum(likelihood, 0) ** _CLASS
    found = np.flatnonzero(confidence >= least)
    rows, columns = np.divmod(found, wide)
    x, y, width, height = cells[1:5, found]
    centre = np.stack([(columns + np.tanh(x)) / wide, (rows + np.tanh(y)) / high], axis=1)
    size = 0.5 * (1 + np.tanh(0.5 * np.stack([width, height], axis=1)))
    boxes = np.concatenate([centre, size], axis=1) * np.array(input_wh * 2)
    return Candidates(
        to_corners(boxes.astype(np.float32)),
        confidence[found].astype(np.float32),
        classes[found].astype(np.int64),
    )
