"""Outlines of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["masks2poly"]


def masks2poly(masks: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Turn masks into polygons, one for each: the outline of its largest part.

    Holes are left out, and so are parts that do not touch the largest one.

    Args:
        masks: ``(N, H, W)`` or one mask ``(H, W)``: bool, or numbers of which those that are
            not 0 are mask.

    Returns:
        For each mask ``(P, 2)`` float32 x, y in pixels, ``(0, 2)`` for an empty one.

    Raises:
        ValueError: The array has another number of dimensions.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((20, 30), bool)
        >>> mask[5:10, 8:20] = True
        >>> masks2poly(mask)[0].tolist()
        [[8.0, 5.0], [8.0, 9.0], [19.0, 9.0], [19.0, 5.0]]
    """
    found = np.asarray(masks)
    if found.ndim not in (2, 3):
        raise ValueError(
            f"masks must be (H, W) or (N, H, W), found an array of shape {found.shape}; for "
            "logits compare them with the threshold first"
        )
    return [_outline(mask) for mask in found.reshape(-1, *found.shape[-2:])]


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    import cv2

    binary = np.ascontiguousarray(mask != 0).astype(np.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 2), np.float32)
    # A line of pixels has an outline without area: then the longest one is the largest.
    largest = max(contours, key=lambda each: (cv2.contourArea(each), len(each)))
    return np.asarray(largest, np.float32).reshape(-1, 2)
