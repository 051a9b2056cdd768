"""What networks put out of masks, drawn on the frame: pixel for pixel, box by box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import supervision as sv

    from .letterbox import Fit

__all__ = ["draw_masks", "mix_prototypes"]

Array = NDArray[np.float32]


def mix_prototypes(weights: Array, prototypes: Array) -> Array:
    """Mix the maps that all objects of a picture share.

    Args:
        weights: ``(N, M)``, how much each object takes of each map.
        prototypes: ``(M, h, w)``.

    Returns:
        ``(N, h, w)`` logits, above 0 on the object.
    """
    count, high, wide = prototypes.shape
    mixed = weights @ prototypes.reshape(count, high * wide)
    return np.asarray(mixed.reshape(len(weights), high, wide), np.float32)


def draw_masks(
    logits: Array,
    xyxy: Array,
    fit: Fit,
    input_wh: tuple[int, int],
    detail: float = 1.0,
) -> sv.CompactMask:
    """Draw masks on the frame. Each ends at its box: what a map shows beyond is of others.

    A pixel belongs to an object if the logits, taken bilinearly where the pixel's centre lies in
    the input, are above 0. What the network saw in the padding is not looked at.

    Args:
        logits: ``(N, h, w)`` maps that cover the whole input.
        xyxy: ``(N, 4)`` boxes in pixels of the frame. A pixel is inside if its centre is.
        fit: Where the frame lies in the input.
        input_wh: Width and height of the input, pixels.
        detail: 1 decides for each pixel, 0 for each cell of the maps, and what lies between for
            cells of a size between.

    Returns:
        ``(N, H, W)`` masks; one without a pixel is empty.
    """
    import supervision as sv

    axes = [_Axis(fit, input_wh, logits.shape[2 - axis], axis, detail) for axis in (0, 1)]
    spans = np.ceil(xyxy.astype(np.float64) - 0.5).astype(np.int64).tolist()
    runs: list[NDArray[np.int32]] = []
    shapes = np.ones((len(logits), 2), np.int32)
    offsets = np.zeros((len(logits), 2), np.int32)
    for index, (x1, y1, x2, y2) in enumerate(spans):
        crop = np.zeros((1, 1), np.bool_)
        if x2 > x1 and y2 > y1:
            crop = _draw(logits[index], axes[0].taps(x1, x2), axes[1].taps(y1, y2))
            shapes[index], offsets[index] = crop.shape, (x1, y1)
        runs.append(np.asarray(sv.mask_to_rle(crop), np.int32))
    width, height = fit.frame_wh
    return sv.CompactMask(runs, shapes, offsets, (height, width))


class _Taps:
    """Where lines of the frame lie between the lines of a map.

    Args:
        places: ``(K,)`` float64 places to look at, in lines of the map.
        owner: ``(L,)`` the place that each line of the frame takes its answer from.
    """

    __slots__ = ("high", "low", "owner", "weight")

    def __init__(self, places: NDArray[np.float64], owner: NDArray[np.int64], count: int) -> None:
        self.low = np.floor(places).astype(np.int64)
        self.high = np.minimum(self.low + 1, count - 1)
        self.weight = (places - self.low).astype(np.float32)
        self.owner = owner


class _Axis:
    """One axis of the frame: columns (0) or rows (1)."""

    def __init__(
        self, fit: Fit, input_wh: tuple[int, int], count: int, axis: int, detail: float
    ) -> None:
        self._count = count
        self._lines = fit.frame_wh[axis]
        self._scale = fit.scale_xy[axis] * count / input_wh[axis]
        start = fit.offset_xy[axis] * count / input_wh[axis]
        extent = fit.content_wh[axis] * count / input_wh[axis]
        self._start = start - 0.5
        # Lines of the map whose centres lie in the picture; a sliver may hold none.
        first, last = np.ceil(start - 0.5), np.ceil(start + extent - 0.5) - 1
        middle = min(max(start + extent / 2 - 0.5, 0.0), count - 1.0)
        self._span = (first, last) if first <= last else (middle, middle)
        self._cells = max(1, round(extent + (self._lines - extent) * detail))

    def taps(self, begin: int, end: int) -> _Taps:
        """Say where the lines from ``begin`` to ``end`` lie."""
        lines = np.arange(begin, end, dtype=np.float64) + 0.5
        owner = np.arange(end - begin)
        if self._cells < self._lines:
            cells = np.floor(lines * self._cells / self._lines)
            unique, owner = np.unique(cells, return_inverse=True)
            lines = (unique + 0.5) * self._lines / self._cells
        places = np.clip(lines * self._scale + self._start, *self._span)
        return _Taps(places, owner.astype(np.int64), self._count)


def _draw(logits: Array, columns: _Taps, rows: _Taps) -> NDArray[np.bool_]:
    left = logits[:, columns.low]
    wide = left + (logits[:, columns.high] - left) * columns.weight
    upper = wide[rows.low]
    values = upper + (wide[rows.high] - upper) * rows.weight[:, None]
    mask = values > 0
    if len(rows.owner) != len(mask) or len(columns.owner) != mask.shape[1]:
        mask = mask[rows.owner][:, columns.owner]
    return np.asarray(mask, np.bool_)
