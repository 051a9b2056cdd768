"""Lines and zones as documents write them, read into points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
from pydantic import PlainValidator

__all__ = ["Line", "Point", "Polygons", "read_line", "read_polygons"]

Point: TypeAlias = tuple[float, float]
"""x and y, pixels."""

_LARGEST: Final = 65_536
"""Pixels: a zone is drawn as a mask of its extent, so a slip must not cost gigabytes."""


def read_line(value: Any) -> tuple[Point, Point]:
    """Read a line.

    Args:
        value: ``[[x1, y1], [x2, y2]]``, pixels.

    Returns:
        Its two ends.

    Raises:
        ValueError: It has another form, or its ends are one point.
    """
    points = _points(value, "a line is two points [[x1, y1], [x2, y2]] in pixels")
    if len(points) != 2 or points[0] == points[1]:
        raise ValueError(f"a line is two points that differ, found {_found(value)}")
    return points[0], points[1]


def read_polygons(value: Any) -> tuple[tuple[Point, ...], ...]:
    """Read one zone, or several.

    Args:
        value: ``[[x, y], [x, y], [x, y], ...]``, pixels, or a list of such lists.

    Returns:
        The outline of each zone.

    Raises:
        ValueError: It has another form, or an outline has fewer than three points.
    """
    wanted = "a zone is three or more points [[x, y], ...] in pixels, or a list of such zones"
    outlines: Sequence[Any] = value if _is_list(value) else ()
    if len(outlines) == 0:
        raise ValueError(f"{wanted}, found {_found(value)}")
    first = outlines[0]
    nested = _is_list(first) and len(first) > 0 and _is_list(first[0])
    polygons = tuple(_points(each, wanted) for each in (outlines if nested else [outlines]))
    for polygon in polygons:
        if len(polygon) < 3:
            raise ValueError(f"{wanted}; found one of {len(polygon)} points")
        if max(x for x, _ in polygon) < 0 or max(y for _, y in polygon) < 0:
            raise ValueError(f"{wanted}; one lies outside of every picture: {_found(polygon)}")
    return polygons


def _points(value: Any, wanted: str) -> tuple[Point, ...]:
    if not _is_list(value):
        raise ValueError(f"{wanted}, found {_found(value)}")
    points = []
    for index, point in enumerate(value):
        if not _is_list(point) or len(point) != 2:
            raise ValueError(f"{wanted}; point {index} is {_found(point)}")
        for number in point:
            if isinstance(number, bool) or not isinstance(number, int | float | np.number):
                raise ValueError(f"{wanted}; point {index} is {_found(point)}")  # noqa: TRY004 - pydantic takes ValueError only
            if not abs(float(number)) <= _LARGEST:
                raise ValueError(
                    f"coordinates reach up to {_LARGEST} pixels, found {_found(point)}"
                )
        points.append((float(point[0]), float(point[1])))
    return tuple(points)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _found(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


Line: TypeAlias = Annotated[
    list[list[float]], PlainValidator(read_line, json_schema_input_type=list[list[float]])
]
"""A line written out in a document; its value is what :func:`read_line` gives."""
Polygons: TypeAlias = Annotated[
    list[list[float]] | list[list[list[float]]],
    PlainValidator(
        read_polygons, json_schema_input_type=list[list[float]] | list[list[list[float]]]
    ),
]
"""One zone or several written out; its value is what :func:`read_polygons` gives."""
