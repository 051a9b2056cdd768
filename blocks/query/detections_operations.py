"""Operations on detections: pick, sort, rename, move, read a property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from ..detections import CLASS_NAME
from ..detections_json import detections_to_json
from .column import EachDetection, shown
from .plain_operations import Operation
from .properties import DetectionProperty, property_list, property_of_each

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["DetectionsOperation", "as_detections"]


def as_detections(value: Any) -> sv.Detections:
    """Take a value as detections.

    Raises:
        TypeError: It is none.
    """
    import supervision as sv

    if not isinstance(value, sv.Detections):
        raise TypeError(f"detections are needed, found {shown(value)}")
    return value


class ExtractDetectionProperty(Operation):
    """A property of the detection that a statement within ``DetectionsFilter`` is about."""

    per_value: ClassVar[bool] = False

    type: Literal["ExtractDetectionProperty"]
    property_name: DetectionProperty

    def _change(self, value: Any) -> Any:
        if not isinstance(value, EachDetection):
            raise TypeError(
                "one detection is needed, as statements within DetectionsFilter have it, found "
                f"{shown(value)}; DetectionsPropertyExtract reads a property of all detections"
            )
        return property_of_each(value.detections, self.property_name)


class DetectionsPropertyExtract(Operation):
    """A property of all detections, as a list."""

    type: Literal["DetectionsPropertyExtract"]
    property_name: DetectionProperty

    def _change(self, value: Any) -> list[Any]:
        return property_list(as_detections(value), self.property_name)


class DetectionsToDictionary(Operation):
    """Detections in their JSON form."""

    type: Literal["DetectionsToDictionary"]

    def _change(self, value: Any) -> dict[str, Any]:
        return detections_to_json(as_detections(value))


class DetectionsSelection(Operation):
    """One of the detections, or none if there is none."""

    type: Literal["DetectionsSelection"]
    mode: Literal["left_most", "right_most", "top_confidence", "first", "last"]

    def _change(self, value: Any) -> sv.Detections:
        detections = as_detections(value)
        if not len(detections):
            return detections
        centers = detections.xyxy[:, 0] + detections.xyxy[:, 2]
        if self.mode == "top_confidence":
            confidence = detections.confidence
            index = 0 if confidence is None else int(np.argmax(confidence))
        elif self.mode in ("left_most", "right_most"):
            index = int((np.argmin if self.mode == "left_most" else np.argmax)(centers))
        else:
            index = 0 if self.mode == "first" else len(detections) - 1
        return _take(detections, [index])


class SortDetections(Operation):
    """Detections in another order; equals keep theirs."""

    type: Literal["SortDetections"]
    mode: Literal["confidence", "x_min", "x_max", "y_min", "y_max", "size", "center_x", "center_y"]
    ascending: bool = True

    def _change(self, value: Any) -> sv.Detections:
        detections = as_detections(value)
        boxes = detections.xyxy.astype(np.float64)
        keys: Mapping[str, NDArray[Any] | None] = {
            "confidence": detections.confidence,
            "x_min": boxes[:, 0],
            "y_min": boxes[:, 1],
            "x_max": boxes[:, 2],
            "y_max": boxes[:, 3],
            "size": (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
            "center_x": boxes[:, 0] + boxes[:, 2],
            "center_y": boxes[:, 1] + boxes[:, 3],
        }
        key = keys[self.mode]
        if key is None or not len(detections):
            return detections
        return _take(detections, np.argsort(key if self.ascending else -key, kind="stable"))


class DetectionsOffset(Operation):
    """Detections whose boxes are wider by ``offset_x`` and higher by ``offset_y`` pixels."""

    type: Literal["DetectionsOffset"]
    offset_x: int
    offset_y: int

    def _change(self, value: Any) -> sv.Detections:
        x, y = self.offset_x / 2, self.offset_y / 2
        return _moved(as_detections(value), (-x, -y, x, y))


class DetectionsShift(Operation):
    """Detections whose boxes are moved, in pixels."""

    type: Literal["DetectionsShift"]
    shift_x: int
    shift_y: int

    def _change(self, value: Any) -> sv.Detections:
        shift = (self.shift_x, self.shift_y)
        return _moved(as_detections(value), (*shift, *shift))


class DetectionsRename(Operation):
    """Detections with other class names.

    With ``strict`` every class needs a new name, and ids are given anew in the order of the
    names; else ids stay, and names that are new get ids from ``new_classes_id_offset``. A text
    in place of ``class_map`` or ``strict`` names a parameter.
    """

    type: Literal["DetectionsRename"]
    class_map: dict[str, str] | str
    strict: bool | str = True
    new_classes_id_offset: int = 1024

    def apply(self, value: Any, scope: Mapping[str, Any]) -> sv.Detections:
        """Rename the classes of detections."""
        detections = as_detections(value)
        renamed = _parameter(self.class_map, scope, Mapping, "class_map")
        strict = _parameter(self.strict, scope, bool, "strict")
        names = [str(name) for name in detections.data.get(CLASS_NAME, ())]
        old_ids = detections.class_id
        ids = (
            dict(zip(names, old_ids.tolist(), strict=True))
            if old_ids is not None and not strict
            else {}
        )
        if strict:
            unknown = sorted(set(names) - set(renamed))
            if unknown:
                raise ValueError(
                    f"class_map has no {', '.join(unknown)}; name every class, or set strict to "
                    "false"
                )
            ids = {name: index for index, name in enumerate(sorted(set(renamed.values())))}
        else:
            fresh = sorted(set(renamed.values()) - set(ids))
            ids |= {name: self.new_classes_id_offset + nth for nth, name in enumerate(fresh)}
        new_names = [renamed.get(name, name) for name in names]
        return replace(
            detections,
            class_id=np.array([ids[name] for name in new_names], dtype=np.int64),
            data={**detections.data, CLASS_NAME: np.array(new_names, dtype=str)},
        )


class PickDetectionsByParentClass(Operation):
    """Detections of one class, and those whose centre lies in a box of that class."""

    type: Literal["PickDetectionsByParentClass"]
    parent_class: str

    def _change(self, value: Any) -> sv.Detections:
        detections = as_detections(value)
        names = np.asarray(detections.data.get(CLASS_NAME, np.empty(0, dtype=str)))
        if not len(detections) or not len(names):
            return _take(detections, [])
        boxes = detections.xyxy
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        is_parent = names == self.parent_class
        parents = boxes[is_parent]
        # Corner by corner and parent by parent: (N, parents, 2), then whether all corners fit.
        above, below = centers[:, None] >= parents[:, :2], centers[:, None] <= parents[:, 2:]
        inside: NDArray[np.bool_] = np.logical_and.reduce(above & below, axis=2)
        own, within = (
            np.flatnonzero(is_parent),
            np.flatnonzero(np.logical_or.reduce(inside, axis=1) & ~is_parent),
        )
        return _take(detections, np.concatenate([own, within]))


def _take(detections: sv.Detections, indices: Any) -> sv.Detections:
    return as_detections(detections[np.asarray(indices, dtype=np.int64)])


def _moved(detections: sv.Detections, by: tuple[float, ...]) -> sv.Detections:
    return replace(detections, xyxy=(detections.xyxy + np.array(by)).astype(np.float32))


def _parameter(value: Any, scope: Mapping[str, Any], kind: type, name: str) -> Any:
    if isinstance(value, str):
        if value not in scope:
            raise ValueError(f"{name} names the parameter {value!r}, which is not given")
        value = scope[value]
    if not isinstance(value, kind):
        raise TypeError(f"{name} cannot be {shown(value)}")
    return value


DetectionsOperation: TypeAlias = (
    ExtractDetectionProperty
    | DetectionsPropertyExtract
    | DetectionsToDictionary
    | DetectionsSelection
    | SortDetections
    | DetectionsOffset
    | DetectionsShift
    | DetectionsRename
    | PickDetectionsByParentClass
)
