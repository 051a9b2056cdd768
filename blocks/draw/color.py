"""Colour, laid over the boxes of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import FLOAT_ZERO_TO_ONE, BlockManifest, Selector

from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["ColorVisualization", "ColorVisualizationManifest"]


class ColorVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that fills boxes."""

    type: Literal["roboflow_core/color_visualization@v1", "ColorVisualization"]
    opacity: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(default=0.5, description="How much the colour hides of the picture.")


class ColorVisualization(ColoredDrawing):
    """Fills the boxes of predictions with a colour."""

    manifest: ClassVar[type[BlockManifest]] = ColorVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (*ColoredDrawing.options, "opacity")

    def make_annotator(self, options: Mapping[str, Any]) -> sv.ColorAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        colors = ColorOptions(options)
        return sv.ColorAnnotator(
            color=colors.color,
            opacity=float(options["opacity"]),
            color_lookup=colors.color_lookup,
        )

    def annotate(
        self,
        annotator: sv.ColorAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Fill the boxes."""
        annotator.annotate(scene, detections)
