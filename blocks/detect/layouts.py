"""Which family of detectors a graph belongs to, told by what it puts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from trackwire.specs import ModelError

from .decode_detr import decode_detr
from .decode_grid import decode_fastestdet
from .decode_yolo import decode_end_to_end, decode_yolo_nas, decode_yolov5, decode_yolov8
from .detector import Candidates

__all__ = ["LAYOUTS", "Layout", "OutputShape", "Reading", "recognise"]

Layout: TypeAlias = Literal[
    "yolov5", "yolov8", "end_to_end", "yolo_nas", "rtdetr", "rfdetr", "fastestdet"
]
Heads: TypeAlias = Sequence[NDArray[np.float32]]
_MOST_QUERIES: Final = 1000  # networks that put each object out once have 100 to 900 rows
_STRIDES: Final = (8, 16, 32)
_IMAGENET: Final = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True, slots=True)
class OutputShape:
    """One output of a graph, as it came for an input of zeros.

    Args:
        name: Its name.
        shape: Its shape, batch first.
    """

    name: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.shape}"


@dataclass(frozen=True, slots=True)
class LayoutFacts:
    """What holds for all networks of a layout.

    Args:
        outputs: Their outputs in words.
        overlapping: Whether several boxes may stand for one object.
        preparation: What they want of a picture where no description says otherwise.
    """

    outputs: str
    overlapping: bool
    preparation: Mapping[str, Any] = field(default_factory=dict)


LAYOUTS: Final[Mapping[Layout, LayoutFacts]] = {
    "yolov5": LayoutFacts("one of (B, N, 5 + classes)", overlapping=True),
    "yolov8": LayoutFacts("one of (B, 4 + classes, N)", overlapping=True),
    "end_to_end": LayoutFacts("one of (B, N, 6)", overlapping=False),
    "yolo_nas": LayoutFacts(
        "boxes (B, N, 4) and scores (B, N, classes)", overlapping=True, preparation={"margin": 4}
    ),
    "rtdetr": LayoutFacts(
        "pred_boxes (B, Q, 4) and logits (B, Q, classes)",
        overlapping=False,
        preparation={"fit": "stretch", "resize": "antialias"},
    ),
    "rfdetr": LayoutFacts(
        "dets (B, Q, 4) and labels (B, Q, classes)",
        overlapping=False,
        preparation={"fit": "stretch", "resize": "antialias", **_IMAGENET},
    ),
    "fastestdet": LayoutFacts(
        "one of (B, 5 + classes, h, w)",
        overlapping=True,
        preparation={"fit": "stretch", "color": "bgr", "resize": "area"},
    ),
}
"""All layouts by the name a description may give."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the outputs of one graph are read.

    Args:
        layout: Its layout.
        outputs: Indices of the outputs that are read: boxes, then scores where they are apart.
        classes: Number of its classes; None where the outputs do not tell.
    """

    layout: Layout
    outputs: tuple[int, ...]
    classes: int | None

    def decode(self, heads: Heads, input_wh: tuple[int, int], least: float) -> Candidates:
        """Read what came out for one picture.

        Args:
            heads: The outputs named by ``outputs``, without their batch axis.
            input_wh: Width and height of the input, pixels.
            least: Least confidence.

        Returns:
            Boxes in pixels of the input.
        """
        if self.layout in ("rtdetr", "rfdetr"):
            return decode_detr(heads[0], heads[1], input_wh, least)
        if self.layout == "yolo_nas":
            return decode_yolo_nas(heads[0], heads[1], least)
        if self.layout == "fastestdet":
            return decode_fastestdet(heads[0], input_wh, least)
        return _ROWS[self.layout](heads[0], least)


_ROWS: Final[dict[str, Callable[[NDArray[np.float32], float], Candidates]]] = {
    "yolov5": decode_yolov5,
    "yolov8": decode_yolov8,
    "end_to_end": decode_end_to_end,
}


def recognise(
    outputs: Sequence[OutputShape],
    input_wh: tuple[int, int],
    *,
    where: str,
    named: Layout | None = None,
    classes: int | None = None,
) -> Reading:
    """Tell the layout of a graph.

    Args:
        outputs: What the graph puts out.
        input_wh: Width and height of its input, pixels.
        where: The file, for errors.
        named: The layout that a description names; None to tell it by the outputs.
        classes: Number of classes where metadata or a description tells it.

    Raises:
        ModelError: The outputs fit no layout, or more than one, or not the one that is named.
    """
    readings = [
        reading
        for layout in ((named,) if named else get_args(Layout))
        if (reading := _read(layout, outputs, input_wh, loosely=named is not None)) is not None
    ]
    fitting = [
        each for each in readings if named or classes is None or each.classes in (None, classes)
    ]
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(map(str, outputs))
    known = "; ".join(f"{name}: {facts.outputs}" for name, facts in LAYOUTS.items())
    what = (
        f"could be {' or '.join(each.layout for each in fitting)}"
        if fitting
        else f"do not fit the layout {named!r}"
        if named
        else "fit no layout of a detector"
        + (f" with {classes} classes" if classes is not None and readings else "")
    )
    raise ModelError(
        f"{where}: its outputs {what}: found {found} for an input of "
        f"{input_wh[0]}x{input_wh[1]}. Known are {known}. Write the right one as layout into the "
        "description beside the model, or export the model without its postprocessing",
        code="detector_layout",
        path=where,
        outputs=tuple(map(str, outputs)),
    )


def _read(
    layout: Layout, outputs: Sequence[OutputShape], input_wh: tuple[int, int], *, loosely: bool
) -> Reading | None:
    """Read outputs by one layout; ``loosely`` if its name is known and only shapes must fit."""
    if len(outputs) == 1:
        return _read_one(layout, outputs[0].shape, loosely=loosely)
    if len(outputs) != 2 or any(len(each.shape) != 3 for each in outputs):
        return None
    boxes = _boxes_of(outputs)
    if boxes is None:
        return None
    _, rows, classes = outputs[1 - boxes].shape
    if outputs[boxes].shape[1] != rows:
        return None
    names = {each.name for each in outputs}
    dense = rows == sum(-(-input_wh[0] // each) * -(-input_wh[1] // each) for each in _STRIDES)
    fits = {
        "yolo_nas": loosely or (dense and not names & {"dets", "logits", "pred_boxes"}),
        "rfdetr": loosely or (not dense and bool(names & {"dets"})),
        "rtdetr": loosely or (not dense and rows <= _MOST_QUERIES and "logits" in names),
    }
    return Reading(layout, (boxes, 1 - boxes), classes) if fits.get(layout) else None


def _read_one(layout: Layout, shape: tuple[int, ...], *, loosely: bool) -> Reading | None:
    if len(shape) == 4:
        fits = layout == "fastestdet" and shape[1] > 5
        return Reading(layout, (0,), shape[1] - 5) if fits else None
    if len(shape) != 3:
        return None
    _, first, last = shape
    if layout == "yolov5" and last > 5 and (loosely or first > last):
        return Reading(layout, (0,), last - 5)
    if layout == "yolov8" and first > 4 and (loosely or last > first):
        return Reading(layout, (0,), first - 4)
    if layout == "end_to_end" and last == 6 and (loosely or first <= _MOST_QUERIES):
        return Reading(layout, (0,), None)
    return None


def _boxes_of(outputs: Sequence[OutputShape]) -> int | None:
    """Tell which of two outputs holds boxes; by name where both have four columns."""
    four = [index for index, each in enumerate(outputs) if each.shape[2] == 4]
    if len(four) == 2:
        four = [
            index for index in four if "box" in outputs[index].name or outputs[index].name == "dets"
        ]
    return four[0] if len(four) == 1 else None
