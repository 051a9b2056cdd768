"""Of many boxes around an object one: overlap, classes and how many are wanted."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from .detector import Candidates, DetectOptions

__all__ = ["choose"]


def choose(
    candidates: Candidates,
    options: DetectOptions,
    classes: Collection[int] | None,
    *,
    overlapping: bool,
) -> Candidates:
    """Keep what is wanted, surest first.

    Args:
        candidates: Proposals, at least as sure as ``options.confidence``.
        options: What is wanted.
        classes: Ids of the wanted classes; None for all.
        overlapping: Whether several of them may stand for one object.

    Returns:
        At most ``options.max_detections`` of them.
    """
    if classes is not None:
        candidates = candidates.pick(np.isin(candidates.class_id, list(classes)))
    order = np.argsort(-candidates.confidence, kind="stable")[: options.max_candidates]
    candidates = candidates.pick(order)
    if overlapping and len(candidates) > 1:
        candidates = candidates.pick(_apart(candidates, options))
    return candidates.pick(np.arange(min(len(candidates), options.max_detections)))


def _apart(candidates: Candidates, options: DetectOptions) -> np.ndarray[tuple[int], np.dtype]:
    boxes = candidates.xyxy.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    groups = candidates.class_id * (not options.class_agnostic_nms)
    kept = cv2.dnn.NMSBoxesBatched(
        boxes,  # type: ignore[arg-type]  # the stub wants lists, the function takes arrays
        candidates.confidence,  # type: ignore[arg-type]
        groups.astype(np.int32),  # type: ignore[arg-type]
        0.0,
        options.iou_threshold,
    )
    return np.sort(np.asarray(kept, np.int64).reshape(-1))
