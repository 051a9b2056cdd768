"""Dots, drawn at a point of each object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import INTEGER, STRING, BlockManifest, Selector

from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions
from .drawing import Position, find_position, require_anchor

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["DotVisualization", "DotVisualizationManifest"]


class DotVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws dots."""

    type: Literal["roboflow_core/dot_visualization@v1", "DotVisualization"]
    position: Position | Annotated[str, Selector(STRING)] = Field(
        default="CENTER", description="Point of the object that the dot is drawn at."
    )
    radius: Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)] = Field(
        default=4, description="Radius of the dot, pixels."
    )
    outline_thickness: Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)] = Field(
        default=0, description="Width of the black line around the dot, pixels; 0 draws none."
    )


class DotVisualization(ColoredDrawing):
    """Draws a dot at each object."""

    manifest: ClassVar[type[BlockManifest]] = DotVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (
        *ColoredDrawing.options,
        "position",
        "radius",
        "outline_thickness",
    )

    def make_annotator(self, options: Mapping[str, Any]) -> sv.DotAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        colors = ColorOptions(options)
        return sv.DotAnnotator(
            color=colors.color,
            radius=int(options["radius"]),
            position=find_position("position", options["position"]),
            color_lookup=colors.color_lookup,
            outline_thickness=int(options["outline_thickness"]),
        )

    def annotate(
        self,
        annotator: sv.DotAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the dots."""
        require_anchor(detections, "position", values["position"])
        annotator.annotate(scene, detections)
