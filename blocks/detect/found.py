"""From the boxes that a detector proposes to the detections of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..detections import build_detections
from .detector import Candidates

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame

__all__ = ["build_found"]


def build_found(
    frame: Frame, found: Candidates, names: Mapping[int, str], producer: str
) -> sv.Detections:
    """Make detections of boxes; what lies outside the frame is cut off or left out.

    Args:
        frame: The picture they were made on.
        found: Boxes in pixels of the frame, in the order of the result.
        names: Names by class id; ``class_7`` stands for the missing name of class 7.
        producer: Name of the step, part of each ``detection_id``.
    """
    height, width = frame.image.shape[:2]
    boxes = np.clip(found.xyxy, 0, np.array([width, height] * 2)).astype(np.float32)
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    found = replace(found, xyxy=boxes).pick(inside)
    return build_detections(
        frame,
        found.xyxy,
        confidence=found.confidence,
        class_id=found.class_id,
        class_name=[names.get(int(each), f"class_{each}") for each in found.class_id],
        producer=producer,
    )
