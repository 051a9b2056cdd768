"""From low-resolution logits to clean masks at full-frame size, one object's extent at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..small_areas import small_components

if TYPE_CHECKING:
    import supervision as sv
    import torch

__all__ = [
    "compact",
    "compact_crops",
    "enlarge",
    "extents",
    "fill_small_areas",
    "keep_apart",
    "tight_boxes",
]

Box = tuple[int, int, int, int]


def fill_small_areas(logits: torch.Tensor, hole_area: int, sprinkle_area: int) -> torch.Tensor:
    """Fill small holes, then remove small sprinkles, as SAM 2 and SAM 3 do for video.

    Small is judged at low resolution. A sprinkle is also no more than half the whole mask, so a
    small object is never removed. The rule is that of ``fill_holes_in_mask_scores`` of
    ``transformers``, which skips it where its kernel cannot be had. There the concept model of
    SAM 3 also remembers masks tidied like this; here only what is shown is tidied, as in SAM 2,
    and in the library's video trackers, which leave both steps out, nothing is.

    Args:
        logits: ``(N, h, w)`` float32 mask logits.
        hole_area: Largest hole to fill, pixels of ``logits``; 0 for none.
        sprinkle_area: Largest sprinkle to remove, likewise.

    Returns:
        ``(N, h, w)`` with changed pixels just above (0.1) or below (-0.1) the threshold.
    """
    import torch

    if not len(logits) or (hole_area <= 0 and sprinkle_area <= 0):
        return logits
    positive = (logits > 0).cpu().numpy()
    holes, sprinkles = np.zeros_like(positive), np.zeros_like(positive)
    for index, mask in enumerate(positive):
        if not mask.any():
            continue
        if hole_area > 0:
            holes[index] = small_components(~mask, hole_area)
        whole = mask | holes[index]
        if sprinkle_area > 0:
            sprinkles[index] = small_components(whole, min(int(whole.sum()) // 2, sprinkle_area))
    filled = torch.where(torch.from_numpy(holes).to(logits.device), 0.1, logits)
    return torch.where(torch.from_numpy(sprinkles).to(logits.device), -0.1, filled)


def keep_apart(logits: torch.Tensor) -> torch.Tensor:
    """Let each pixel belong to the object with the highest logit only.

    Args:
        logits: ``(N, h, w)`` mask logits of one frame.

    Returns:
        ``(N, h, w)``; elsewhere logits are at most -10.
    """
    import torch

    if len(logits) < 2:
        return logits
    owner = logits.argmax(0)
    mine = owner == torch.arange(len(logits), device=logits.device)[:, None, None]
    return torch.where(mine, logits, logits.clamp(max=-10.0))


def tight_boxes(logits: torch.Tensor, size_wh: tuple[int, int]) -> NDArray[np.int32]:
    """Find the tight boxes of masks at full-frame size.

    Args:
        logits: ``(N, h, w)`` mask logits.
        size_wh: Size of the frame, pixels.

    Returns:
        ``(N, 4)`` half-open x1, y1, x2, y2; zeros for an empty mask.
    """
    boxes = np.zeros((len(logits), 4), dtype=np.int32)
    for index, extent in enumerate(extents(logits, size_wh)):
        if extent is None:
            continue
        mask = enlarge(logits[index], size_wh, extent) > 0
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        if len(rows):
            x, y = extent[0], extent[1]
            boxes[index] = (
                x + int(columns[0]),
                y + int(rows[0]),
                x + int(columns[-1]) + 1,
                y + int(rows[-1]) + 1,
            )
    return boxes


def compact(
    logits: torch.Tensor, boxes: NDArray[np.int32], size_wh: tuple[int, int]
) -> sv.CompactMask:
    """Build masks at full-frame size, holding one object's extent at a time.

    Args:
        logits: ``(K, h, w)`` mask logits.
        boxes: ``(K, 4)`` their tight boxes from ``tight_boxes``.
        size_wh: Size of the frame, pixels.

    Returns:
        ``(K, H, W)`` masks.
    """
    crops: list[NDArray[np.bool_]] = []
    for logit, box in zip(logits, boxes.tolist(), strict=True):
        x1, y1, x2, y2 = box
        if x2 <= x1:
            crops.append(np.zeros((1, 1), dtype=np.bool_))
        else:
            crops.append((enlarge(logit, size_wh, (x1, y1, x2, y2)) > 0).cpu().numpy())
    return compact_crops(crops, [(x1, y1) for x1, y1, *_ in boxes.tolist()], size_wh)


def compact_crops(
    crops: Sequence[NDArray[np.bool_]],
    offsets: Sequence[tuple[int, int]],
    size_wh: tuple[int, int],
) -> sv.CompactMask:
    """Build masks at full-frame size from parts of the frame.

    Args:
        crops: ``K`` parts ``(h, w)``, none without pixels.
        offsets: x, y of the upper left corner of each.
        size_wh: Size of the frame, pixels.

    Returns:
        ``(K, H, W)`` masks.
    """
    import supervision as sv

    return sv.CompactMask(
        [np.asarray(sv.mask_to_rle(crop), dtype=np.int32) for crop in crops],
        np.array([crop.shape for crop in crops], dtype=np.int32).reshape(-1, 2),
        np.array(offsets, dtype=np.int32).reshape(-1, 2),
        (size_wh[1], size_wh[0]),
    )


def enlarge(logits: torch.Tensor, size_wh: tuple[int, int], box: Box) -> torch.Tensor:
    """Resize logits to the frame, bilinearly, but only inside a box.

    Args:
        logits: ``(h, w)`` float32 or float64.
        size_wh: Size of the whole frame, pixels.
        box: Half-open x1, y1, x2, y2 of the part wanted.

    Returns:
        ``(y2 - y1, x2 - x1)``, what a resize of the whole would hold there.
    """
    import torch

    low, high, weight = _taps(logits.shape[0], size_wh[1], box[1], box[3], logits)
    left, right = int(low[0]), int(high[-1]) + 1
    band = logits[left:right]
    rows = torch.lerp(band[low - left], band[high - left], weight[:, None])
    low, high, weight = _taps(logits.shape[1], size_wh[0], box[0], box[2], logits)
    return torch.lerp(rows.index_select(1, low), rows.index_select(1, high), weight)


def _taps(
    source: int, target: int, start: int, stop: int, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The two source pixels and the weight of the second for target pixels ``start:stop``.

    Weights have the type and place of ``like``.
    """
    import torch

    place = torch.arange(start, stop, dtype=like.dtype, device=like.device)
    place = ((place + 0.5) * (source / target) - 0.5).clamp_(min=0)
    low = place.long().clamp_(max=source - 1)
    return low, (low + 1).clamp_(max=source - 1), place - low


def extents(logits: torch.Tensor, size_wh: tuple[int, int]) -> Sequence[Box | None]:
    """Tell where in the frame each mask can lie: bilinear pixels reach one source pixel further.

    Args:
        logits: ``(N, h, w)`` mask logits.
        size_wh: Size of the frame, pixels.

    Returns:
        A half-open box x1, y1, x2, y2 for each, None for an empty mask.
    """
    positive = logits > 0
    rows, columns = positive.any(2).cpu().numpy(), positive.any(1).cpu().numpy()
    extents: list[Box | None] = []
    for row, column in zip(rows, columns, strict=True):
        y, x = np.flatnonzero(row), np.flatnonzero(column)
        if not len(y):
            extents.append(None)
            continue
        x1, x2 = _reach(int(x[0]), int(x[-1]), len(column), size_wh[0])
        y1, y2 = _reach(int(y[0]), int(y[-1]), len(row), size_wh[1])
        extents.append((x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None)
    return extents


def _reach(first: int, last: int, source: int, target: int) -> tuple[int, int]:
    """Half-open span of target pixels that source pixels ``first..last`` can reach."""
    scale = target / source
    return max(0, int((first - 0.5) * scale) - 1), min(target, int((last + 1.5) * scale) + 2)
