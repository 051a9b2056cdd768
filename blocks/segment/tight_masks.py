"""Masks held by their tight boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["TightMask", "join_masks", "tighten"]


@dataclass(frozen=True, slots=True)
class TightMask:
    """A mask cut to the box of its pixels.

    Args:
        xyxy: The box, half-open, pixels of the picture.
        runs: Lengths of runs of background and mask within the box, as supervision counts them.
    """

    xyxy: tuple[int, int, int, int]
    runs: NDArray[np.int32]


def tighten(mask: NDArray[np.bool_]) -> TightMask | None:
    """Cut a mask to its box.

    Args:
        mask: ``(H, W)`` bool.

    Returns:
        The mask, or None if it is empty.
    """
    import supervision as sv

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    x1, x2 = int(columns[0]), int(columns[-1]) + 1
    y1, y2 = int(rows[0]), int(rows[-1]) + 1
    runs = np.asarray(sv.mask_to_rle(np.ascontiguousarray(mask[y1:y2, x1:x2])), np.int32)
    return TightMask((x1, y1, x2, y2), runs)


def join_masks(masks: Sequence[TightMask], size_wh: tuple[int, int]) -> sv.CompactMask:
    """Put the masks of one picture together.

    Args:
        masks: ``N`` masks.
        size_wh: Size of the picture, pixels.

    Returns:
        ``(N, H, W)`` masks.
    """
    import supervision as sv

    boxes = np.array([mask.xyxy for mask in masks], np.int32).reshape(-1, 4)
    shapes = (boxes[:, 2:] - boxes[:, :2])[:, ::-1]
    return sv.CompactMask(
        [mask.runs for mask in masks],
        np.ascontiguousarray(shapes),
        np.ascontiguousarray(boxes[:, :2]),
        (size_wh[1], size_wh[0]),
    )
