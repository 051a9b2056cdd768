"""Search windows: the square of a frame in which one object is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Box", "Window", "box_of", "window_for"]

Box = tuple[int, int, int, int]

MIN_SIDE = 32


@dataclass(frozen=True, slots=True)
class Window:
    """A square of whole pixels that may reach beyond the frame.

    Whole pixels make a crop a slice and a resize, and let a result be written back into the
    frame by one more resize, without a second interpolation.

    Args:
        x: Left column in the frame, may be negative.
        y: Top row in the frame, may be negative.
        side: Columns and rows.
    """

    x: int
    y: int
    side: int

    def clipped(self, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the part inside the frame as ``(x1, y1, x2, y2)``, half-open; maybe empty."""
        w, h = size_wh
        x1, y1 = min(max(self.x, 0), w), min(max(self.y, 0), h)
        x2, y2 = max(min(self.x + self.side, w), x1), max(min(self.y + self.side, h), y1)
        return x1, y1, x2, y2

    def crop(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Cut the window out of an image and resize it to ``(size, size)``.

        What lies beyond the frame repeats the frame's border.
        """
        import cv2

        h, w = image.shape[:2]
        x1, y1, x2, y2 = self.clipped((w, h))
        if x2 == x1 or y2 == y1:
            return np.zeros((size, size, *image.shape[2:]), np.uint8)
        part = image[y1:y2, x1:x2]
        # Resize first and pad after: the padding of a window far larger than the frame is free.
        scale = size / self.side
        left, top = round((x1 - self.x) * scale), round((y1 - self.y) * scale)
        right = size - round((x2 - self.x) * scale)
        bottom = size - round((y2 - self.y) * scale)
        inner = max(size - left - right, 1), max(size - top - bottom, 1)
        left, top = min(left, size - inner[0]), min(top, size - inner[1])
        right, bottom = size - left - inner[0], size - top - inner[1]
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        part = cv2.resize(part, inner, interpolation=way).astype(np.uint8, copy=False)
        if left or top or right or bottom:
            border = cv2.BORDER_REPLICATE
            part = cv2.copyMakeBorder(part, top, bottom, left, right, border).astype(
                np.uint8, copy=False
            )
        return part

    def inside(self, size_wh: tuple[int, int], cells: int) -> NDArray[np.bool_]:
        """Return ``(cells, cells)`` bool: which cells have their centre inside the frame."""
        step = self.side / cells
        centres = (np.arange(cells) + 0.5) * step
        columns = (centres + self.x >= 0) & (centres + self.x < size_wh[0])
        rows = (centres + self.y >= 0) & (centres + self.y < size_wh[1])
        return rows[:, None] & columns[None, :]

    def to_frame(
        self, values: NDArray[np.float32], size_wh: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Resize a square map of the window to frame pixels, cut to the frame.

        Returns:
            ``(h, w)`` float32 for the pixels of ``clipped(size_wh)``.
        """
        import cv2

        x1, y1, x2, y2 = self.clipped(size_wh)
        if x2 == x1 or y2 == y1:
            return np.zeros((0, 0), np.float32)
        scale = values.shape[0] / self.side
        # Pixel centres line up: column c of the window lies at (c + 0.5) * scale - 0.5.
        matrix = np.array(
            [
                [scale, 0, (x1 - self.x + 0.5) * scale - 0.5],
                [0, scale, (y1 - self.y + 0.5) * scale - 0.5],
            ],
            np.float32,
        )
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (x2 - x1, y2 - y1)
        return cv2.warpAffine(
            values, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32, copy=False)

    def from_frame(
        self, part: NDArray[np.float32], offset_xy: tuple[int, int], cells: int
    ) -> NDArray[np.float32]:
        """Average a map of frame pixels over the window's cells, zero outside the map.

        Args:
            part: ``(h, w)`` float32 values of frame pixels.
            offset_xy: Frame position of ``part[0, 0]``.
            cells: Cells along one side.

        Returns:
            ``(cells, cells)`` float32.
        """
        import cv2

        canvas = np.zeros((self.side, self.side), np.float32)
        h, w = part.shape
        x, y = offset_xy[0] - self.x, offset_xy[1] - self.y
        x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + w, self.side), min(y + h, self.side)
        if x2 > x1 and y2 > y1:
            canvas[y1:y2, x1:x2] = part[y1 - y : y2 - y, x1 - x : x2 - x]
        way = cv2.INTER_AREA if self.side >= cells else cv2.INTER_LINEAR
        return cv2.resize(canvas, (cells, cells), interpolation=way).astype(np.float32, copy=False)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return the tight half-open box ``(x1, y1, x2, y2)`` of a mask, None if it is empty."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if len(columns) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def window_for(
    centre_xy: tuple[float, float], size_wh: tuple[float, float], last_side: int | None = None
) -> Window:
    """Place the search window around an object.

    Args:
        centre_xy: Where the middle of the object is expected, frame pixels.
        size_wh: Width and height of its box.
        last_side: Side of the window before; a new side stays within -7 % and +8 % of it, so
            that one bad mask does not change the scale the target was learnt at.
    """
    w, h = size_wh
    side = max(1.5 * max(w, h), 2 * math.sqrt(w * h), float(MIN_SIDE))
    if last_side is not None:
        side = min(max(side, 0.93 * last_side), 1.08 * last_side)
    whole = max(round(side), MIN_SIDE)
    return Window(round(centre_xy[0] - whole / 2), round(centre_xy[1] - whole / 2), whole)
