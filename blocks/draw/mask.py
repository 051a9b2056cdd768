"""Masks, drawn over the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import FLOAT_ZERO_TO_ONE, BlockManifest, Selector, StreamKey

from ..frame import Frame
from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["MaskVisualization", "MaskVisualizationManifest"]


class MaskVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws masks."""

    type: Literal["roboflow_core/mask_visualization@v1", "MaskVisualization"]
    opacity: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(default=0.5, description="How much a mask hides of the picture.")


class MaskVisualization(ColoredDrawing):
    """Draws masks, large ones first. Predictions without masks leave the picture as it is.

    Compact masks are decoded one crop at a time; no full-size mask is built.
    """

    manifest: ClassVar[type[BlockManifest]] = MaskVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (*ColoredDrawing.options, "opacity")

    def make_annotator(self, options: Mapping[str, Any]) -> sv.MaskAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        colors = ColorOptions(options)
        return sv.MaskAnnotator(
            color=colors.color,
            color_lookup=colors.color_lookup,
            opacity=float(options["opacity"]),
        )

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element; predictions without masks give the frame back."""
        if values["predictions"].mask is None:
            frame: Frame = values["image"]
            return frame
        return super().draw(stream, values)

    def annotate(
        self,
        annotator: sv.MaskAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the masks."""
        annotator.annotate(scene, detections)
