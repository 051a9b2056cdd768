"""Properties of detections that the query language reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from ..detections import CLASS_NAME
from .column import Column, decimals

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["DetectionProperty", "property_list", "property_of_each"]

DetectionProperty: TypeAlias = Literal[
    "confidence",
    "class_name",
    "x_min",
    "x_max",
    "y_min",
    "y_max",
    "size",
    "class_id",
    "center",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
    "in_out",
    "path_deviation",
    "polygon",
    "time_in_zone",
    "tracker_id",
    "velocity",
    "speed",
    "smoothed_velocity",
    "smoothed_speed",
    "image_dimensions",
    "prediction_type",
    "keypoints_xy",
    "rect",
    "width",
    "height",
    "angle",
]


def property_of_each(detections: sv.Detections, name: DetectionProperty) -> Column:
    """Read a property of each detection.

    Args:
        detections: The detections.
        name: The property. Points are ``(x, y)`` tuples of pixels.

    Returns:
        One value for each; None where the detections do not have the property.
    """
    if name in _POINTS:
        return Column.of([tuple(point) for point in decimals(_points(detections, name)).tolist()])
    values = _column(detections, name)
    if values is None:
        return Column(np.full(len(detections), None, dtype=object))
    if values.ndim > 1 or values.dtype == object:
        return Column.of([_plain(value) for value in values])
    return Column(decimals(values))


def property_list(detections: sv.Detections, name: DetectionProperty) -> list[Any]:
    """Read a property of detections as a list.

    Args:
        detections: The detections.
        name: The property. Points are ``[x, y]``, rounded to whole pixels.

    Returns:
        One value for each; None where the detections do not have the property.
    """
    if name in _POINTS:
        rounded: list[Any] = _points(detections, name).round().astype(int).tolist()
        return rounded
    return property_of_each(detections, name).plain()


_EDGES: Final = {"x_min": 0, "y_min": 1, "x_max": 2, "y_max": 3}
_POINTS: Final[Mapping[str, tuple[int, int]]] = {
    "top_left": (0, 1),
    "top_right": (2, 1),
    "bottom_left": (0, 3),
    "bottom_right": (2, 3),
    "center": (0, 0),
}
_FIELDS: Final[Mapping[str, Callable[[Any], NDArray[Any] | None]]] = {
    "confidence": lambda each: each.confidence,
    "class_id": lambda each: each.class_id,
    "tracker_id": lambda each: each.tracker_id,
    "class_name": lambda each: each.data.get(CLASS_NAME),
    "size": lambda each: _area(each.xyxy),
}


def _column(detections: sv.Detections, name: str) -> NDArray[Any] | None:
    if name in _EDGES:
        edge: NDArray[Any] = detections.xyxy[:, _EDGES[name]]
        return edge
    if name in _FIELDS:
        return _FIELDS[name](detections)
    stored = detections.data.get(name)
    return None if stored is None else np.asarray(stored)


def _area(xyxy: NDArray[Any]) -> NDArray[Any]:
    sides = xyxy[:, 2:].astype(np.float64) - xyxy[:, :2]
    area: NDArray[Any] = sides.prod(axis=1)
    return area


def _points(detections: sv.Detections, name: str) -> NDArray[Any]:
    if name == "center":
        middle: NDArray[Any] = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]) / 2
        return middle
    corner: NDArray[Any] = detections.xyxy[:, _POINTS[name]]
    return corner


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
