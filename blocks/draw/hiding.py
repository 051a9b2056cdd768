"""Blur and coarse pixels, put over objects that nobody is to recognise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import BlockManifest

from ..options import Count
from .drawing import PredictionDrawing, PredictionDrawingManifest

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = [
    "BlurVisualization",
    "BlurVisualizationManifest",
    "PixelateVisualization",
    "PixelateVisualizationManifest",
]


class BlurVisualizationManifest(PredictionDrawingManifest):
    """Properties of the block that blurs."""

    type: Literal["roboflow_core/blur_visualization@v1", "BlurVisualization"]
    kernel_size: Count = Field(
        default=15, description="Side of the square that is averaged for each pixel, pixels."
    )


class BlurVisualization(PredictionDrawing):
    """Blurs the boxes of predictions."""

    manifest: ClassVar[type[BlockManifest]] = BlurVisualizationManifest
    options: ClassVar[tuple[str, ...]] = ("kernel_size",)

    def make_annotator(self, options: Mapping[str, Any]) -> sv.BlurAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        return sv.BlurAnnotator(kernel_size=int(options["kernel_size"]))

    def annotate(
        self,
        annotator: sv.BlurAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Blur the boxes."""
        annotator.annotate(scene, detections)


class PixelateVisualizationManifest(PredictionDrawingManifest):
    """Properties of the block that makes pixels coarse."""

    type: Literal["roboflow_core/pixelate_visualization@v1", "PixelateVisualization"]
    pixel_size: Count = Field(
        default=20,
        description="Side of the coarse pixels, pixels; a smaller box becomes one colour.",
    )


class PixelateVisualization(PredictionDrawing):
    """Draws the boxes of predictions in coarse pixels."""

    manifest: ClassVar[type[BlockManifest]] = PixelateVisualizationManifest
    options: ClassVar[tuple[str, ...]] = ("pixel_size",)

    def make_annotator(self, options: Mapping[str, Any]) -> sv.PixelateAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        return sv.PixelateAnnotator(pixel_size=int(options["pixel_size"]))

    def annotate(
        self,
        annotator: sv.PixelateAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Make the pixels of the boxes coarse."""
        annotator.annotate(scene, detections)
