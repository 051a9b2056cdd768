"""From the boxes that a detector proposes to the detections of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..detections import INSTANCE_SEGMENTATION, OBJECT_DETECTION, build_detections
from .detector import Candidates

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame

__all__ = ["build_found", "cut_to_frame"]


def cut_to_frame(found: Candidates, frame_wh: tuple[int, int]) -> Candidates:
    """Cut off what lies outside the frame, and leave boxes out of which nothing is left.

    Args:
        found: Boxes in pixels of the frame.
        frame_wh: Its width and height, pixels.
    """
    boxes = np.clip(found.xyxy, 0, np.array(frame_wh * 2)).astype(np.float32)
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return replace(found, xyxy=boxes).pick(inside)


def build_found(
    frame: Frame,
    found: Candidates,
    names: Mapping[int, str],
    producer: str,
    mask: sv.CompactMask | None = None,
) -> sv.Detections:
    """Make detections of boxes, and of masks where there are any.

    Args:
        frame: The picture they were made on.
        found: Boxes as :func:`cut_to_frame` returns them, in the order of the result.
        names: Names by class id; ``class_7`` stands for the missing name of class 7.
        producer: Name of the step, part of each ``detection_id``.
        mask: ``(N, H, W)`` masks of the frame, aligned with ``found``.
    """
    return build_detections(
        frame,
        found.xyxy,
        confidence=found.confidence,
        class_id=found.class_id,
        class_name=[names.get(int(each), f"class_{each}") for each in found.class_id],
        mask=mask,
        prediction_type=OBJECT_DETECTION if mask is None else INSTANCE_SEGMENTATION,
        producer=producer,
    )
