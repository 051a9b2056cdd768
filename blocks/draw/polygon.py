"""Outlines, drawn around the masks of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import (
    INSTANCE_SEGMENTATION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    BlockManifest,
    Selector,
)

from ..options import Count
from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["PolygonVisualization", "PolygonVisualizationManifest"]


class PolygonVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws outlines."""

    type: Literal["roboflow_core/polygon_visualization@v1", "PolygonVisualization"]
    predictions: Annotated[
        str, Selector(INSTANCE_SEGMENTATION_PREDICTION, RLE_INSTANCE_SEGMENTATION_PREDICTION)
    ] = Field(description="What to draw.")
    thickness: Count = Field(default=2, description="Width of the line, pixels.")


class PolygonVisualization(ColoredDrawing):
    """Draws the outlines of masks. Predictions without masks get their boxes drawn.

    Compact masks are decoded one crop at a time; no full-size mask is built.
    """

    manifest: ClassVar[type[BlockManifest]] = PolygonVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (*ColoredDrawing.options, "thickness")

    def make_annotator(
        self, options: Mapping[str, Any]
    ) -> tuple[sv.PolygonAnnotator, sv.BoxAnnotator]:
        """Make annotators for options: one for masks, one for boxes."""
        import supervision as sv

        colors, thickness = ColorOptions(options), int(options["thickness"])
        return (
            sv.PolygonAnnotator(colors.color, thickness, colors.color_lookup),
            sv.BoxAnnotator(colors.color, thickness, colors.color_lookup),
        )

    def annotate(
        self,
        annotator: tuple[sv.PolygonAnnotator, sv.BoxAnnotator],
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the outlines."""
        outlines, boxes = annotator
        (boxes if detections.mask is None else outlines).annotate(scene, detections)
