"""Boxes, drawn around objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import FLOAT_ZERO_TO_ONE, BlockManifest, Selector

from ..options import Count
from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["BoundingBoxVisualization", "BoundingBoxVisualizationManifest"]


class BoundingBoxVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws boxes."""

    type: Literal["roboflow_core/bounding_box_visualization@v1", "BoundingBoxVisualization"]
    thickness: Count = Field(default=2, description="Width of the line, pixels.")
    roundness: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(default=0.0, description="How round the corners are, from square to a semicircle.")


class BoundingBoxVisualization(ColoredDrawing):
    """Draws the boxes of predictions."""

    manifest: ClassVar[type[BlockManifest]] = BoundingBoxVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (*ColoredDrawing.options, "thickness", "roundness")

    def make_annotator(self, options: Mapping[str, Any]) -> sv.BoxAnnotator | sv.RoundBoxAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        colors, thickness = ColorOptions(options), int(options["thickness"])
        roundness = float(options["roundness"])
        if roundness == 0:
            return sv.BoxAnnotator(colors.color, thickness, colors.color_lookup)
        return sv.RoundBoxAnnotator(colors.color, thickness, colors.color_lookup, roundness)

    def annotate(
        self,
        annotator: sv.BoxAnnotator | sv.RoundBoxAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the boxes."""
        annotator.annotate(scene, detections)
