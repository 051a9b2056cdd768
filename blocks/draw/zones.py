"""Lines and zones, drawn where objects are counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from trackwire.specs import (
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    INTEGER,
    LIST_OF_VALUES,
    STRING,
    ZONE,
    BlockError,
    BlockManifest,
    Selector,
    StreamKey,
)

from ..frame import Frame
from ..options import Count
from .drawing import Drawing, DrawingManifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LineCounterVisualization",
    "LineCounterVisualizationManifest",
    "PolygonZoneVisualization",
    "PolygonZoneVisualizationManifest",
]

_Zone: TypeAlias = list[Any] | Annotated[str, Selector(LIST_OF_VALUES, ZONE)]
_Counted: TypeAlias = int | Annotated[str, Selector(INTEGER)]


class _ZoneManifest(DrawingManifest):
    color: str | Annotated[str, Selector(STRING)] = Field(
        default="#5bb573", description="Colour: #RRGGBB, rgb(r, g, b) or a name."
    )
    opacity: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(default=0.3, description="How much of the colour is added to the picture.")


class LineCounterVisualizationManifest(_ZoneManifest):
    """Properties of the block that draws a counting line."""

    type: Literal["roboflow_core/line_counter_visualization@v1"]
    zone: _Zone = Field(description="The line: [[x1, y1], [x2, y2]], pixels.")
    thickness: Count = Field(default=2, description="Width of the line, pixels.")
    text_thickness: Count = Field(default=1, description="Width of the text's lines, pixels.")
    text_scale: Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)] = Field(
        default=1.0, description="Size of the text; 1.0 is about 20 pixels high."
    )
    count_in: _Counted = Field(default=0, description="How many have crossed the line inwards.")
    count_out: _Counted = Field(default=0, description="How many have crossed it outwards.")


class PolygonZoneVisualizationManifest(_ZoneManifest):
    """Properties of the block that draws zones."""

    type: Literal["roboflow_core/polygon_zone_visualization@v1"]
    zone: _Zone = Field(
        description="A polygon [[x, y], ...] of three points or more, pixels, or a list of "
        "polygons; an empty list draws nothing."
    )


@dataclass(frozen=True, slots=True)
class _Overlay:
    """A shape in one colour, added to pictures.

    Args:
        points: ``(N, 2)`` int32 points of each part, pixels.
        margin: How far the shape reaches beyond its points, pixels.
        paint: Draws the parts, moved to another origin, into a picture.
        opacity: How much of the colour is added.
    """

    points: Sequence[NDArray[np.int32]]
    margin: int
    paint: Callable[[NDArray[np.uint8], list[NDArray[np.int32]]], None]
    opacity: float

    def add_to(self, scene: NDArray[np.uint8]) -> None:
        """Add the shape to a picture, working on no more of it than the shape covers."""
        import cv2
        import numpy as np

        together = np.concatenate(self.points)
        size = np.array([scene.shape[1], scene.shape[0]])
        left, top = np.clip(together.min(axis=0) - self.margin, 0, size)
        right, bottom = np.clip(together.max(axis=0) + self.margin + 1, 0, size)
        if left >= right or top >= bottom:
            return
        part = scene[top:bottom, left:right]
        shape = np.zeros_like(part)
        corner = np.array([left, top], dtype=np.int32)
        self.paint(shape, [points - corner for points in self.points])
        cv2.addWeighted(shape, self.opacity, part, 1.0, 0.0, dst=shape)
        part[:] = shape


class LineCounterVisualization(Drawing):
    """Draws a counting line and, centred on its start, how many have crossed it.

    The colour is added to the picture, as in other engines, so a picture stays visible below.
    """

    manifest: ClassVar[type[BlockManifest]] = LineCounterVisualizationManifest
    options: ClassVar[tuple[str, ...]] = ("zone", "color", "thickness", "opacity")

    def make_annotator(self, options: Mapping[str, Any]) -> _Overlay:
        """Make the line for options."""
        import cv2

        from .colors import find_color

        line = _points(options["zone"], "a line of exactly two points [[x1, y1], [x2, y2]]")
        if len(line) != 2:
            raise _zone_error(options["zone"], "a line of exactly two points [[x1, y1], [x2, y2]]")
        color, thickness = find_color(options["color"]).as_bgr(), int(options["thickness"])

        def paint(scene: NDArray[np.uint8], parts: list[NDArray[np.int32]]) -> None:
            ((start, end),) = (part.tolist() for part in parts)
            cv2.line(scene, start, end, color, thickness)

        return _Overlay([line], thickness, paint, float(options["opacity"]))

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw the line and its counts on one picture."""
        import supervision as sv

        frame: Frame = values["image"]
        overlay: _Overlay = self.annotator(stream, values)
        scene = frame.image.copy()
        overlay.add_to(scene)
        text = f"in: {values['count_in']}, out: {values['count_out']}"
        scale, thickness = float(values["text_scale"]), int(values["text_thickness"])
        center = _kept_inside(overlay.points[0][0], text, scale, thickness, frame.size_wh)
        scene = sv.draw_text(
            scene=scene,
            text=text,
            text_anchor=sv.Point(*center),
            text_scale=scale,
            text_thickness=thickness,
            text_padding=0,
            background_color=sv.Color.WHITE,
        )
        return Frame(scene, frame.video, frame.origin)


def _kept_inside(
    point: NDArray[np.int32], text: str, scale: float, thickness: int, size_wh: tuple[int, int]
) -> tuple[int, int]:
    """Where the middle of a text goes: at a point, or as near to it as the picture allows."""
    import cv2

    text_size, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    x, y = (
        max(min(int(wanted), side - 1 - (length - length // 2)), length // 2)
        for wanted, side, length in zip(point, size_wh, text_size, strict=True)
    )
    return x, y


class PolygonZoneVisualization(Drawing):
    """Fills one zone or several with a colour that is added to the picture."""

    manifest: ClassVar[type[BlockManifest]] = PolygonZoneVisualizationManifest
    options: ClassVar[tuple[str, ...]] = ("zone", "color", "opacity")

    def make_annotator(self, options: Mapping[str, Any]) -> _Overlay:
        """Make the zones for options."""
        import cv2

        from .colors import find_color

        wanted = "a polygon of three points or more [[x, y], ...], or a list of such polygons"
        zone, color = options["zone"], find_color(options["color"]).as_bgr()
        many = _depth(zone) > 2
        polygons = (
            [_points(each, wanted) for each in (zone if many else [zone])] if len(zone) else []
        )
        if any(len(polygon) < 3 for polygon in polygons):
            raise _zone_error(zone, wanted)

        def paint(scene: NDArray[np.uint8], parts: list[NDArray[np.int32]]) -> None:
            cv2.fillPoly(scene, parts, color)

        return _Overlay(polygons, 0, paint, float(options["opacity"]))

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Fill the zones on one picture; without zones its frame is given back."""
        frame: Frame = values["image"]
        overlay: _Overlay = self.annotator(stream, values)
        if not overlay.points:
            return frame
        scene = frame.image.copy()
        overlay.add_to(scene)
        return Frame(scene, frame.video, frame.origin)


def _depth(value: Any) -> int:
    """How deep lists are nested, looking at first items only."""
    if hasattr(value, "ndim"):
        return int(value.ndim)
    if not isinstance(value, list | tuple):
        return 0
    return 1 + (_depth(value[0]) if value else 0)


def _points(value: Any, wanted: str) -> NDArray[np.int32]:
    """Read points; fractions of pixels are cut off.

    Raises:
        BlockError: The value is no list of pairs of finite numbers.
    """
    import numpy as np

    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _zone_error(value, wanted) from error
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise _zone_error(value, wanted)
    limit = 2**24  # far outside of every picture, and safe to draw to
    return np.clip(points, -limit, limit).astype(np.int32)


def _zone_error(value: Any, wanted: str) -> BlockError:
    return BlockError(f"zone must be {wanted}; found {value!r}", code="zone_shape")
