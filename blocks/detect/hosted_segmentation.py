"""The instance segmentation blocks of hosted platforms, run with detectors of this machine."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    INSTANCE_SEGMENTATION_PREDICTION,
    STRING,
    Batch,
    BlockManifest,
    OutputDefinition,
    Selector,
)

from ..options import Fraction
from .hosted import (
    INFERENCE_ID,
    MODEL_ID,
    BestConfidence,
    ChoosesConfidence,
    HasConfidence,
    HostedDetector,
    HostedDetectorManifest,
    require_mode,
)
from .instance_segmentation import MaskDetection

__all__ = [
    "HostedSegmentationV1",
    "HostedSegmentationV2",
    "HostedSegmentationV3",
    "SegmentationManifestV1",
    "SegmentationManifestV2",
    "SegmentationManifestV3",
]

_MODES: Final = ("accurate", "tradeoff", "fast")
_PREDICTIONS: Final = OutputDefinition("predictions", frozenset({INSTANCE_SEGMENTATION_PREDICTION}))


class _SegmentationManifest(HostedDetectorManifest):
    mask_decode_mode: Literal["accurate", "tradeoff", "fast"] | Annotated[str, Selector(STRING)] = (
        Field(
            default="accurate",
            description="How masks are drawn: accurate pixel for pixel, fast in the cells in which "
            "the network makes them, tradeoff as tradeoff_factor says.",
        )
    )
    tradeoff_factor: Fraction = Field(
        default=0.0, description="In the mode tradeoff: 0 draws as fast does, 1 as accurate does."
    )


class SegmentationManifestV1(_SegmentationManifest, HasConfidence):
    """Properties of the first version of the block."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS)

    type: Literal[
        "roboflow_core/roboflow_instance_segmentation_model@v1",
        "RoboflowInstanceSegmentationModel",
        "InstanceSegmentationModel",
    ]


class SegmentationManifestV2(_SegmentationManifest, HasConfidence):
    """Properties of the second version of the block: it also puts out the model's id."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS, MODEL_ID)

    type: Literal["roboflow_core/roboflow_instance_segmentation_model@v2"]


class SegmentationManifestV3(_SegmentationManifest, ChoosesConfidence):
    """Properties of the third version of the block: the model may choose its confidence."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS, MODEL_ID)

    type: Literal["roboflow_core/roboflow_instance_segmentation_model@v3"]
    enforce_dense_masks_in_inference_models: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=True, description="Accepted for compatibility; masks are always compact."
    )


class _HostedSegmentation(MaskDetection, HostedDetector):
    """A detector with masks, with what hosted platforms put out of it."""

    def _detail(self, batch: Batch, index: int) -> float:
        mode = batch["mask_decode_mode"][index]
        require_mode("mask_decode_mode", mode, _MODES)
        details = {"accurate": 1.0, "fast": 0.0}
        return details.get(mode, float(batch["tradeoff_factor"][index]))


class HostedSegmentationV1(_HostedSegmentation):
    """A detector with masks chosen by its model id, first version: runs ``onnx:PATH``.

    Documents with other ids can be validated; running one raises a ``ModelError`` that names the
    detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = SegmentationManifestV1


class HostedSegmentationV2(_HostedSegmentation):
    """A detector with masks chosen by its model id, second version: runs ``onnx:PATH``.

    Documents with other ids can be validated; running one raises a ``ModelError`` that names the
    detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = SegmentationManifestV2


class HostedSegmentationV3(BestConfidence, _HostedSegmentation):
    """A detector with masks chosen by its model id, third version: runs ``onnx:PATH``.

    Documents with other ids can be validated; running one raises a ``ModelError`` that names the
    detectors which do run. The modes ``best`` and ``default`` take the confidence 0.4.
    """

    manifest: ClassVar[type[BlockManifest]] = SegmentationManifestV3
