"""What YOLO networks put out, read as boxes: YOLOv5, YOLOv8 and v11, YOLO-NAS, end to end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detector import Candidates

__all__ = [
    "best_classes",
    "decode_end_to_end",
    "decode_yolo_nas",
    "decode_yolov5",
    "decode_yolov8",
    "to_corners",
]

Array = NDArray[np.float32]


def to_corners(cxcywh: Array) -> Array:
    """Turn centres and sizes into corners.

    Args:
        cxcywh: ``(N, 4)`` centre x, centre y, width, height.

    Returns:
        ``(N, 4)`` x1, y1, x2, y2 in the same unit.
    """
    half = cxcywh[:, 2:] / 2
    return np.concatenate([cxcywh[:, :2] - half, cxcywh[:, :2] + half], axis=1)


def best_classes(
    xyxy: Array, scores: Array, least: float, row: NDArray[np.int64] | None = None
) -> Candidates:
    """Give each box its likeliest class and keep those that are sure enough.

    Args:
        xyxy: ``(N, 4)``.
        scores: ``(N, C)``, 0-1.
        least: Least confidence.
        row: ``(N,)`` where each stands in the output; None for 0, 1, 2 and so on.
    """
    classes = scores.argmax(axis=1).astype(np.int64)
    confidence = np.take_along_axis(scores, classes[:, None], axis=1)[:, 0]
    row = np.arange(len(xyxy), dtype=np.int64) if row is None else row
    return Candidates(xyxy, confidence, classes, row).pick(confidence >= least)


def decode_yolov5(rows: Array, least: float) -> Candidates:
    """Read rows of a box, its objectness and its classes.

    Args:
        rows: ``(N, 5 + C)``: centre x, centre y, width, height in pixels of the input,
            objectness, probability of each class given an object.
        least: Least confidence, which is objectness times class.
    """
    found = np.flatnonzero(rows[:, 4] >= least)
    rows = rows[found]
    return best_classes(to_corners(rows[:, :4]), rows[:, 4:5] * rows[:, 5:], least, found)


def decode_yolov8(columns: Array, least: float) -> Candidates:
    """Read columns of a box and its classes, as YOLOv8 and v11 put them out.

    Args:
        columns: ``(4 + C, N)``: centre x, centre y, width, height in pixels of the input,
            probability of each class.
        least: Least confidence.
    """
    found = np.flatnonzero(columns[4:].max(axis=0) >= least)
    columns = columns[:, found]
    return best_classes(to_corners(columns[:4].T), columns[4:].T, least, found)


def decode_yolo_nas(boxes: Array, scores: Array, least: float) -> Candidates:
    """Read boxes and the probabilities of their classes.

    Args:
        boxes: ``(N, 4)`` x1, y1, x2, y2 in pixels of the input.
        scores: ``(N, C)`` 0-1.
        least: Least confidence.
    """
    return best_classes(boxes, scores, least)


def decode_end_to_end(rows: Array, least: float) -> Candidates:
    """Read rows in which each object stands once, as YOLOv10 puts them out.

    Args:
        rows: ``(N, 6)``: x1, y1, x2, y2 in pixels of the input, confidence, class.
        least: Least confidence.
    """
    found = np.flatnonzero(rows[:, 4] >= least)
    rows = rows[found]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64), found)
