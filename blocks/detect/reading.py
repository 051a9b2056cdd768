"""How the outputs of one graph are read, once its layout is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .decode_detr import decode_detr
from .decode_grid import decode_fastestdet
from .decode_yolo import decode_end_to_end, decode_yolo_nas, decode_yolov5, decode_yolov8
from .detector import Candidates
from .masks import mix_prototypes

__all__ = ["Heads", "Layout", "Reading"]

Layout: TypeAlias = Literal[
    "yolov5",
    "yolov8",
    "end_to_end",
    "yolo_nas",
    "rtdetr",
    "rfdetr",
    "fastestdet",
    "yolov5_seg",
    "yolov8_seg",
    "end_to_end_seg",
    "rfdetr_seg",
]
Heads: TypeAlias = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the outputs of one graph are read.

    Args:
        layout: Its layout.
        outputs: Indices of the outputs that are read: boxes, then scores where they are apart,
            then prototypes or masks where there are any.
        classes: Number of its classes; None where the outputs do not tell.
        weights: Columns of each row that say how prototypes are mixed; 0 where there are none.
    """

    layout: Layout
    outputs: tuple[int, ...]
    classes: int | None
    weights: int = 0

    def decode(self, heads: Heads, input_wh: tuple[int, int], least: float) -> Candidates:
        """Read the boxes that came out for one picture.

        Args:
            heads: The outputs named by ``outputs``, without their batch axis.
            input_wh: Width and height of the input, pixels.
            least: Least confidence.

        Returns:
            Boxes in pixels of the input.
        """
        if self.layout in ("rtdetr", "rfdetr", "rfdetr_seg"):
            return decode_detr(heads[0], heads[1], input_wh, least)
        if self.layout == "yolo_nas":
            return decode_yolo_nas(heads[0], heads[1], least)
        if self.layout == "fastestdet":
            return decode_fastestdet(heads[0], input_wh, least)
        read, across = _ROWS[self.layout]
        boxes = heads[0]
        if self.weights:
            boxes = boxes[:, : -self.weights] if across else boxes[: -self.weights]
        return read(boxes, least)

    def mask_logits(self, heads: Heads, found: Candidates) -> NDArray[np.float32]:
        """Read the masks of some of these boxes.

        Args:
            heads: As for :meth:`decode`, of a layout that has masks.
            found: Some of what :meth:`decode` returned.

        Returns:
            ``(N, h, w)`` maps that cover the input, above 0 on the object.

        Raises:
            ValueError: The layout has no masks.
        """
        if found.row is None or not self.layout.endswith("_seg"):
            raise ValueError(f"the layout {self.layout} has no masks to read")
        if not self.weights:
            return heads[-1][found.row]
        rows = heads[0] if _ROWS[self.layout][1] else heads[0].T
        return mix_prototypes(rows[found.row, -self.weights :], heads[-1])


_Read: TypeAlias = Callable[[NDArray[np.float32], float], Candidates]
_ROWS: Final[dict[str, tuple[_Read, bool]]] = {
    "yolov5": (decode_yolov5, True),
    "yolov5_seg": (decode_yolov5, True),
    "yolov8": (decode_yolov8, False),
    "yolov8_seg": (decode_yolov8, False),
    "end_to_end": (decode_end_to_end, True),
    "end_to_end_seg": (decode_end_to_end, True),
}
"""What reads a layout, and whether an object is a row of its output and not a column."""
