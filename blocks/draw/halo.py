"""Halos: a glow around objects that leaves the objects themselves untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import (
    FLOAT_ZERO_TO_ONE,
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

__all__ = ["HaloVisualization", "HaloVisualizationManifest"]


class HaloVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws halos."""

    type: Literal["roboflow_core/halo_visualization@v1", "HaloVisualization"]
    predictions: Annotated[
        str, Selector(INSTANCE_SEGMENTATION_PREDICTION, RLE_INSTANCE_SEGMENTATION_PREDICTION)
    ] = Field(description="What to draw.")
    opacity: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(default=0.8, description="How much the halo hides of the picture.")
    kernel_size: Count = Field(
        default=40, description="How far the halo reaches, pixels: the side of the blur."
    )


class HaloVisualization(ColoredDrawing):
    """Draws a glow around masks. Predictions without masks get it around their boxes."""

    manifest: ClassVar[type[BlockManifest]] = HaloVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (*ColoredDrawing.options, "opacity", "kernel_size")

    def make_annotator(self, options: Mapping[str, Any]) -> sv.HaloAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        colors = ColorOptions(options)
        return sv.HaloAnnotator(
            color=colors.color,
            opacity=float(options["opacity"]),
            kernel_size=int(options["kernel_size"]),
            color_lookup=colors.color_lookup,
        )

    def annotate(
        self,
        annotator: sv.HaloAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the halos."""
        if detections.mask is None:
            detections = replace(detections, mask=_box_masks(detections.xyxy, scene.shape[:2]))
        annotator.annotate(scene, detections)


def _box_masks(xyxy: NDArray[Any], size: tuple[int, ...]) -> sv.CompactMask:
    """Masks that cover boxes, of which only what lies in the picture counts.

    Args:
        xyxy: ``(N, 4)`` boxes, pixels, half-open.
        size: Height and width of the picture.

    Returns:
        ``N`` masks; one that covers nothing is a single pixel of background.
    """
    import numpy as np
    import supervision as sv

    height, width = size
    left, top, right, bottom = (
        np.clip(xyxy[:, edge].astype(np.int32), 0, (width, height)[edge % 2]) for edge in range(4)
    )
    covers = (right > left) & (bottom > top)
    heights, widths = (
        np.where(covers, far - near, 1) for far, near in ((bottom, top), (right, left))
    )
    # Run lengths begin with background: none of it where the box covers its crop.
    runs = [
        np.array([0, area] if covered else [1], dtype=np.int32)
        for area, covered in zip(heights * widths, covers, strict=True)
    ]
    corners = np.stack([np.minimum(left, width - 1), np.minimum(top, height - 1)], axis=1)
    shapes = np.stack([heights, widths], axis=1).astype(np.int32)
    return sv.CompactMask(runs, shapes, corners.astype(np.int32), (height, width))
