"""How much boxes and masks cover one another. Boxes are half-open, masks compact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = [
    "box_intersection",
    "box_iou",
    "covered_fraction",
    "inside_fraction",
    "mask_iou",
    "widened",
]


def box_intersection(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Measure the common area of every pair of boxes.

    Args:
        first: ``(N, 4)`` boxes, pixels.
        second: ``(M, 4)`` boxes, pixels.

    Returns:
        ``(N, M)`` areas in square pixels.
    """
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common: NDArray[np.float64] = np.clip(sides, 0.0, None).prod(axis=-1)
    return common


def box_iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure intersection over union of every pair of boxes.

    Args:
        first: ``(N, 4)`` boxes, pixels.
        second: ``(M, 4)`` boxes, pixels.

    Returns:
        ``(N, M)``, 0-1; 0 where both boxes are empty.
    """
    common = box_intersection(first, second)
    union = _areas(first)[:, None] + _areas(second)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def inside_fraction(inner: NDArray[np.float32], outer: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure how much of each box lies inside each other box.

    Args:
        inner: ``(N, 4)`` boxes, pixels.
        outer: ``(M, 4)`` boxes, pixels.

    Returns:
        ``(N, M)`` common area over the area of the inner box, 0-1; 0 where that is empty.
    """
    common = box_intersection(inner, outer)
    area = _areas(inner)[:, None]
    return np.divide(common, area, out=np.zeros_like(common), where=area > 0)


def widened(xyxy: NDArray[np.float32], share: NDArray[np.float64]) -> NDArray[np.float32]:
    """Widen boxes to all sides.

    Args:
        xyxy: ``(N, 4)`` boxes, pixels.
        share: ``(N,)`` of its mean side (the root of its area) that a box grows by on each side.

    Returns:
        ``(N, 4)`` boxes, which may reach out of the frame.
    """
    margin = (np.sqrt(_areas(xyxy)) * share)[:, None]
    return np.hstack([xyxy[:, :2] - margin, xyxy[:, 2:] + margin]).astype(np.float32)


def mask_iou(first: sv.CompactMask, second: sv.CompactMask) -> NDArray[np.float64]:
    """Measure intersection over union of every pair of masks of one frame.

    Args:
        first: ``(N, H, W)`` masks.
        second: ``(M, H, W)`` masks.

    Returns:
        ``(N, M)``, 0-1; 0 where both masks are empty.
    """
    if len(first) == 0 or len(second) == 0:
        return np.zeros((len(first), len(second)))
    import supervision as sv

    return np.nan_to_num(np.asarray(sv.mask_iou_batch(first, second), dtype=np.float64))


def covered_fraction(xyxy: NDArray[np.float32], masks: sv.CompactMask) -> NDArray[np.float64]:
    """Measure how much of each box lies under the union of the masks.

    Args:
        xyxy: ``(M, 4)`` boxes inside the frame, pixels; fractions are rounded outwards.
        masks: ``(N, H, W)`` masks.

    Returns:
        ``(M,)`` covered pixels over all pixels of each box, 0-1; 1 for a box without pixels.
    """
    offsets = np.asarray(masks.offsets)
    crops = [masks.crop(index) for index in range(len(masks))]
    return np.array([_covered(box, offsets, crops) for box in xyxy], dtype=np.float64)


def _covered(
    box: NDArray[np.float32], offsets: NDArray[np.int32], crops: list[NDArray[np.bool_]]
) -> float:
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    if right <= left or bottom <= top:
        return 1.0
    window = np.zeros((bottom - top, right - left), dtype=bool)
    for (x, y), crop in zip(offsets, crops, strict=True):
        x1, x2 = max(left, x), min(right, x + crop.shape[1])
        y1, y2 = max(top, y), min(bottom, y + crop.shape[0])
        if x1 < x2 and y1 < y2:
            window[y1 - top : y2 - top, x1 - left : x2 - left] |= crop[
                y1 - y : y2 - y, x1 - x : x2 - x
            ]
    return float(window.mean())


def _areas(xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    sides = xyxy.astype(np.float64)[:, 2:] - xyxy.astype(np.float64)[:, :2]
    area: NDArray[np.float64] = np.clip(sides, 0.0, None).prod(axis=-1)
    return area
