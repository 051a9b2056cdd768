"""Holes and specks of masks: which components are small, and logits without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fill_and_clear", "small_components"]

_CERTAIN = 10.0


def small_components(mask: NDArray[np.bool_], area: float) -> NDArray[np.bool_]:
    """Find the small components of a mask.

    Args:
        mask: ``(h, w)`` bool.
        area: Largest size of a component that counts as small, pixels.

    Returns:
        ``(h, w)`` bool, the pixels of 8-connected components of at most ``area`` pixels.
    """
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    small: NDArray[np.bool_] = stats[:, cv2.CC_STAT_AREA] <= area
    small[0] = False  # label 0 is what lies outside the mask
    chosen: NDArray[np.bool_] = small[np.asarray(labels, np.int32)]
    return chosen


def fill_and_clear(
    logits: NDArray[np.float32], hole_area: float, sprinkle_area: float, threshold: float = 0.0
) -> NDArray[np.float32]:
    """Fill small holes and clear small specks of masks, as SAM 2 and SAM 3 do for pictures.

    Both are judged on the masks as they are: a speck that filling would have joined to the object
    goes all the same.

    Args:
        logits: ``(..., h, w)`` float32 mask logits.
        hole_area: Largest piece of background that is filled, pixels; 0 for none.
        sprinkle_area: Largest piece of mask that is cleared, likewise.
        threshold: Logit above which a pixel belongs to a mask.

    Returns:
        Logits of the same shape, 10 above the threshold where filled and 10 below it where
        cleared; ``logits`` itself if there is nothing to do.
    """
    if hole_area <= 0 and sprinkle_area <= 0:
        return logits
    result = logits.copy()
    size = logits.shape[-2:]
    for before, after in zip(logits.reshape(-1, *size), result.reshape(-1, *size), strict=True):
        mask = before > threshold
        if hole_area > 0:
            after[small_components(~mask, hole_area)] = threshold + _CERTAIN
        if sprinkle_area > 0:
            after[small_components(mask, sprinkle_area)] = threshold - _CERTAIN
    return result
