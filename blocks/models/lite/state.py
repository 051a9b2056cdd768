"""What a session keeps between frames: of fixed size for each track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .look import coverage_of, prior_of
from .network import STRIDE
from .palette import COLOURS, covered, palette_of
from .ridge import TargetModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .proposal import View
    from .window import Window

__all__ = ["LiteState", "Track"]

AREA_DECAY = 0.9
PALETTE_DECAY = 0.95
WHOLE = 0.7
"""Part of its usual area from which an object counts as seen whole."""

SIZE_DECAY = 0.98


class Track:
    """One object: where it was last (its position) and what it looks like (its memory).

    Args:
        view: The first view of it.
        size: Side of the search window in network pixels.
        size_wh: Size of the frame.
    """

    __slots__ = (
        "_size", "area", "box_wh", "centre", "missing", "palette", "prior", "target",
        "usual_area", "usual_wh", "window",
    )  # fmt: skip

    def __init__(self, view: View, size: int, size_wh: tuple[int, int]) -> None:
        cells = size // STRIDE
        valid = view.window.inside(size_wh, cells).ravel()
        self.target = TargetModel(view.features, coverage_of(view, cells), valid)
        self._size = size
        self.missing = 0
        self.area = float(view.mask.sum())
        self.palette: NDArray[np.float32] = np.zeros(COLOURS, np.float32)
        x1, y1, x2, y2 = view.xyxy or (0, 0, 1, 1)
        self.usual_wh = float(x2 - x1), float(y2 - y1)
        self.usual_area = self.area
        self.move(view)

    def move(self, view: View) -> None:
        """Take over the position of a view that shows the object."""
        if view.xyxy is None:
            self.missing += 1
            return
        x1, y1, x2, y2 = view.xyxy
        self.missing = 0
        self.window: Window = view.window
        self.centre = (x1 + x2) / 2, (y1 + y2) / 2
        self.box_wh = float(x2 - x1), float(y2 - y1)
        # What goes out of sight little by little is smaller and smaller, and comes back whole.
        self.usual_wh = (
            SIZE_DECAY * self.usual_wh[0] + (1 - SIZE_DECAY) * self.box_wh[0],
            SIZE_DECAY * self.usual_wh[1] + (1 - SIZE_DECAY) * self.box_wh[1],
        )
        self.prior: NDArray[np.float32] = prior_of(view)
        area = float(view.mask.sum())
        self.area = area if view.prompted else AREA_DECAY * self.area + (1 - AREA_DECAY) * area
        self.usual_area += (1 - SIZE_DECAY) * (area - self.usual_area)

    def learn(self, view: View, size_wh: tuple[int, int], anchor: bool) -> None:
        """Take the appearance of a view into memory."""
        cells = self._size // STRIDE
        valid = view.window.inside(size_wh, cells).ravel()
        self.target.update(view.features, coverage_of(view, cells), valid, anchor)

    def note_colours(self, view: View, index: NDArray[np.int16], size_wh: tuple[int, int]) -> None:
        """Take the colours of a view into memory; ``index`` is the shrunk frame's."""
        if self.palette.any() and view.mask.sum() < WHOLE * self.usual_area:
            return  # the edge of what hides it would get in
        hw = index.shape[0], index.shape[1]
        seen = palette_of(index, covered([view], size_wh, hw))
        if not seen.any():
            return
        decay = PALETTE_DECAY if self.palette.any() else 0.0
        mixed = np.float32(decay) * self.palette + np.float32(1 - decay) * seen
        self.palette = mixed.astype(np.float32, copy=False)

    @property
    def filled(self) -> float:
        """Part of its box that the object fills, 0-1."""
        return min(1.0, self.usual_area / max(self.usual_wh[0] * self.usual_wh[1], 1.0))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, and of what is left of the object."""
        return self.target.nbytes + self.prior.nbytes + self.palette.nbytes + 256


class LiteState:
    """The tracks of one stream. Written by ``LiteModel.remember`` and ``drop`` only.

    Args:
        size_wh: Size of the frames, pixels.
        gray_hw: Rows and columns of the picture that the flow starts from.
    """

    __slots__ = ("frames", "gray", "size_wh", "tracks")

    def __init__(self, size_wh: tuple[int, int], gray_hw: tuple[int, int]) -> None:
        self.size_wh = size_wh
        self.gray = np.zeros(gray_hw, np.uint8)
        self.frames = 0
        self.tracks: dict[int, Track] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the last picture and all tracks."""
        return self.gray.nbytes + sum(track.nbytes for track in self.tracks.values())
