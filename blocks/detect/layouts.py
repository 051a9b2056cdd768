"""Which family of detectors a graph belongs to, told by what it puts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from trackwire.specs import ModelError

from .reading import Layout, Reading

__all__ = ["LAYOUTS", "OutputShape", "recognise"]

_MOST_QUERIES: Final = 1000  # networks that put each object out once have 100 to 900 rows
_STRIDES: Final = (8, 16, 32)
_IMAGENET: Final = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


_WITHOUT_MASKS: Final[Mapping[Layout, Layout]] = {
    "yolov5_seg": "yolov5",
    "yolov8_seg": "yolov8",
    "end_to_end_seg": "end_to_end",
    "rfdetr_seg": "rfdetr",
}


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
        masks: Whether objects have masks.
        preparation: What they want of a picture where no description says otherwise.
    """

    outputs: str
    overlapping: bool
    masks: bool = False
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
    "yolov5_seg": LayoutFacts(
        "rows (B, N, 5 + classes + M) and prototypes (B, M, h, w)", overlapping=True, masks=True
    ),
    "yolov8_seg": LayoutFacts(
        "columns (B, 4 + classes + M, N) and prototypes (B, M, h, w)", overlapping=True, masks=True
    ),
    "end_to_end_seg": LayoutFacts(
        "rows (B, N, 6 + M) and prototypes (B, M, h, w)", overlapping=False, masks=True
    ),
    "rfdetr_seg": LayoutFacts(
        "dets (B, Q, 4), labels (B, Q, classes) and masks (B, Q, h, w)",
        overlapping=False,
        masks=True,
        preparation={"fit": "stretch", "resize": "antialias", **_IMAGENET},
    ),
}
"""All layouts by the name a description may give."""


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
        + (_other_classes(readings, classes) if classes is not None and readings else "")
    )
    raise ModelError(
        f"{where}: its outputs {what}: found {found} for an input of "
        f"{input_wh[0]}x{input_wh[1]}. Known are {known}. Write the right one as layout into the "
        "description beside the model, or name all classes, or export the model without its "
        "postprocessing",
        code="detector_layout",
        path=where,
        outputs=tuple(map(str, outputs)),
    )


def _other_classes(readings: Sequence[Reading], classes: int) -> str:
    """Say how many classes the outputs have: names may be wrong, or the task is another one."""
    counts = " and ".join(f"{each.layout} with {each.classes}" for each in readings)
    return f" with {classes} classes, as many as are named, but {counts}"


def _read(
    layout: Layout, outputs: Sequence[OutputShape], input_wh: tuple[int, int], *, loosely: bool
) -> Reading | None:
    """Read outputs by one layout; ``loosely`` if its name is known and only shapes must fit."""
    if LAYOUTS[layout].masks:
        return _read_with_masks(layout, outputs, input_wh, loosely=loosely)
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


def _read_with_masks(
    layout: Layout, outputs: Sequence[OutputShape], input_wh: tuple[int, int], *, loosely: bool
) -> Reading | None:
    """Read outputs of which one holds maps: of all objects together, or one for each."""
    maps = [index for index, each in enumerate(outputs) if len(each.shape) == 4]
    others = [index for index, each in enumerate(outputs) if len(each.shape) == 3]
    if len(maps) != 1 or len(outputs) != 1 + len(others):
        return None
    count = outputs[maps[0]].shape[1]
    plain = _WITHOUT_MASKS[layout]
    if plain == "rfdetr" and len(others) == 2 and outputs[others[0]].shape[1] == count:
        weights = 0
        boxes = _read(plain, [outputs[index] for index in others], input_wh, loosely=True)
    elif plain != "rfdetr" and len(others) == 1:
        weights = count
        _, first, last = outputs[others[0]].shape
        shape = (1, first - count, last) if plain == "yolov8" else (1, first, last - count)
        boxes = _read_one(plain, shape, loosely=loosely)
    else:
        return None
    if boxes is None:
        return None
    chosen = (*(others[index] for index in boxes.outputs), maps[0])
    return replace(boxes, layout=layout, outputs=chosen, weights=weights)


def _boxes_of(outputs: Sequence[OutputShape]) -> int | None:
    """Tell which of two outputs holds boxes; by name where both have four columns."""
    four = [index for index, each in enumerate(outputs) if each.shape[2] == 4]
    if len(four) == 2:
        four = [
            index for index in four if "box" in outputs[index].name or outputs[index].name == "dets"
        ]
    return four[0] if len(four) == 1 else None
