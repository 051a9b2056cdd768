"""The instance segmentation block: a detector that makes masks, chosen by its model id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import (
    INSTANCE_SEGMENTATION_PREDICTION,
    ROBOFLOW_MODEL_ID,
    Batch,
    BlockManifest,
    ModelError,
    OutputDefinition,
)

from ..options import Fraction
from .object_detection import DetectorManifest, ModelDetection

if TYPE_CHECKING:
    from .detector import Detector

__all__ = ["InstanceSegmentation", "InstanceSegmentationManifest", "MaskDetection"]


class InstanceSegmentationManifest(DetectorManifest):
    """Properties of the instance segmentation block."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset({INSTANCE_SEGMENTATION_PREDICTION})),
        OutputDefinition("model_id", frozenset({ROBOFLOW_MODEL_ID})),
    )

    type: Literal["trackwire/instance_segmentation@v1"] = "trackwire/instance_segmentation@v1"
    mask_detail: Fraction = Field(
        default=1.0,
        description="How finely masks are drawn: 1 pixel for pixel, 0 in the cells in which the "
        "network makes them, which is faster.",
    )


class MaskDetection(ModelDetection):
    """What the blocks that run a detector with masks have in common."""

    @classmethod
    def require(cls, detector: Detector, model_id: str) -> None:
        """Refuse a detector without masks.

        Args:
            detector: The loaded detector.
            model_id: Its id, for errors.

        Raises:
            ModelError: It makes no masks.
        """
        if not detector.makes_masks:
            raise ModelError(
                f"the detector {model_id} puts out boxes and no masks; name one that was trained "
                "for instance segmentation, such as a -seg export, or put "
                "trackwire/object_detection@v1 in the place of this step: a video tracker makes "
                "masks of boxes",
                code="detector_masks",
                model_id=model_id,
            )

    def _mask_options(self, batch: Batch, index: int) -> dict[str, Any]:
        return {"masks": True, "mask_detail": self._detail(batch, index)}

    def _detail(self, batch: Batch, index: int) -> float:
        return float(batch["mask_detail"][index])


class InstanceSegmentation(MaskDetection):
    """Finds objects and the pixels of each with a trained detector in an ONNX file.

    The layout of the file's outputs is recognised: the ``-seg`` exports of YOLOv5, YOLOv8 and
    v11, those that put each object out once, and RF-DETR. A mask ends at the box of its object;
    what has no pixel left is not put out. A tracker that takes these detections matches masks
    with masks, and starts tracks from them.
    """

    manifest: ClassVar[type[BlockManifest]] = InstanceSegmentationManifest
