"""Cutting a part out of a picture, with its place in the full frame."""

from __future__ import annotations

import numpy as np

from ..frame import CropOrigin, Frame

__all__ = ["cut"]


def cut(frame: Frame, left: int, top: int, right: int, bottom: int) -> Frame | None:
    """Cut a rectangle out of a picture; what lies beyond its edges is left away.

    Args:
        frame: The picture, itself a full frame or a crop.
        left: First column, pixels.
        top: First row.
        right: Column after the last one.
        bottom: Row after the last one.

    Returns:
        A crop with pixels of its own, whose ``origin`` tells where it lies in the full frame;
        None if the rectangle has no pixel in the picture.
    """
    width, height = frame.size_wh
    left, right = max(left, 0), min(right, width)
    top, bottom = max(top, 0), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    outer = frame.origin
    offset_x, offset_y = (0, 0) if outer is None else outer.offset_xy
    origin = CropOrigin(
        parent_id=frame.image_id,
        root_id=frame.image_id if outer is None else outer.root_id,
        offset_xy=(offset_x + left, offset_y + top),
        root_size_wh=frame.size_wh if outer is None else outer.root_size_wh,
    )
    # A copy: a view would keep the whole picture alive for as long as its smallest crop.
    return Frame(np.ascontiguousarray(frame.image[top:bottom, left:right]), frame.video, origin)
