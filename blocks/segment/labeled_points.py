"""Points with labels as workflows write them, read into one list for each object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trackwire.specs import ModelError

from .prompts import Point, Sam2Prompt

__all__ = ["PointsFormatError", "read_objects"]


class PointsFormatError(ModelError, ValueError):
    """A value does not have the form of labeled points."""

    default_code = "points_format"


def read_objects(value: Any) -> list[Sam2Prompt]:
    """Read labeled points.

    Args:
        value: A list of points of one object, or a list of such lists, one for each object; None
            or an empty list for none. A point is ``{"x", "y", "positive"}``, ``[x, y]`` or
            ``[x, y, positive]``, pixels; one without ``positive`` is on the object.

    Returns:
        A prompt for each object.

    Raises:
        PointsFormatError: The value has another form.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise _wrong("", f"found a {type(value).__name__}")
    if not value:
        return []
    if all(_is_list_of_points(each) for each in value):
        return [_object(each, f"[{index}]") for index, each in enumerate(value)]
    return [_object(value, "")]


def _is_list_of_points(value: Any) -> bool:
    """Tell a list of points from a point, which may be a list of numbers."""
    return isinstance(value, list | tuple) and any(
        isinstance(each, Mapping | list | tuple) for each in value
    )


def _object(points: Any, place: str) -> Sam2Prompt:
    read = []
    for index, point in enumerate(points):
        plain = dict(point) if isinstance(point, Mapping) else point
        try:
            read.append(Point.model_validate(plain))
        except ValidationError as error:
            wrong = error.errors()[0]
            where = "".join(f".{part}" for part in wrong["loc"])
            raise _wrong(f"{place}[{index}]{where}", wrong["msg"]) from error
    return Sam2Prompt(points=tuple(read))


def _wrong(place: str, found: str) -> PointsFormatError:
    return PointsFormatError(
        f"points{place}: {found}; a point is "
        '{"x": 320, "y": 240, "positive": true}, [x, y] or [x, y, positive], and points are a '
        "list of them for one object, or a list of such lists"
    )
