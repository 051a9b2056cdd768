"""What DETR networks put out, read as boxes: RT-DETR, RF-DETR and their kin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .decode_yolo import to_corners
from .detector import Candidates

__all__ = ["decode_detr"]

Array = NDArray[np.float32]


def decode_detr(boxes: Array, logits: Array, input_wh: tuple[int, int], least: float) -> Candidates:
    """Read queries: of all pairs of a query and a class the best ones, as many as queries.

    Args:
        boxes: ``(Q, 4)`` centre x, centre y, width, height as fractions of the input.
        logits: ``(Q, C)`` before the sigmoid, each class on its own.
        input_wh: Width and height of the input, pixels.
        least: Least confidence.

    Returns:
        Boxes in pixels of the input, surest first; a query may stand there with two classes.
    """
    scores = _sigmoid(logits)
    queries, classes = np.nonzero(scores >= least)
    confidence = scores[queries, classes]
    best = np.argsort(-confidence, kind="stable")[: len(boxes)]
    corners = to_corners(boxes[queries[best]]) * np.array(input_wh * 2, np.float32)
    return Candidates(corners, confidence[best], classes[best].astype(np.int64), queries[best])


def _sigmoid(values: Array) -> Array:
    # By tanh, which does not overflow where exp does.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)
