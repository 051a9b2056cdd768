"""The object detection blocks of hosted platforms: known to the language, without a loader.

Documents that use them compile, so that they can be checked, drawn and rewired. Opening one
says which blocks detect in this version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    ROBOFLOW_MODEL_ID,
    STRING,
    Batch,
    BlockManifest,
    ModelError,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
)

from ..options import Count

__all__ = [
    "HostedDetectorV1",
    "HostedDetectorV2",
    "HostedDetectorV3",
    "ObjectDetectionManifestV1",
    "ObjectDetectionManifestV2",
    "ObjectDetectionManifestV3",
]

_Share: TypeAlias = (
    Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
)
_Flag: TypeAlias = bool | Annotated[str, Selector(BOOLEAN)]

_PREDICTIONS = OutputDefinition("predictions", frozenset({OBJECT_DETECTION_PREDICTION}))
_INFERENCE_ID = OutputDefinition("inference_id", frozenset({STRING}))
_MODEL_ID = OutputDefinition("model_id", frozenset({ROBOFLOW_MODEL_ID}))


class _DetectorManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True, cost="model")

    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to look at.")
    model_id: Annotated[str, Selector(ROBOFLOW_MODEL_ID)] | str = Field(
        description="Detector to run."
    )
    class_filter: list[str] | Annotated[str, Selector(LIST_OF_VALUES)] | None = Field(
        default=None, description="Classes to keep; null keeps all."
    )
    iou_threshold: _Share = Field(
        default=0.3, description="Overlap from which two boxes count as one object."
    )
    max_detections: Count = Field(default=300, description="Most detections of one picture.")
    class_agnostic_nms: _Flag | None = Field(
        default=False, description="Compare boxes of different classes for overlap too."
    )
    max_candidates: Count = Field(
        default=3000, description="Most boxes that are compared for overlap."
    )
    disable_active_learning: _Flag = Field(
        default=True, description="Accepted for compatibility; pictures are never sent anywhere."
    )
    active_learning_target_dataset: str | Annotated[str, Selector(STRING)] | None = Field(
        default=None, description="Accepted for compatibility and not used."
    )


class ObjectDetectionManifestV1(_DetectorManifest):
    """Properties of the first version of the block."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (_INFERENCE_ID, _PREDICTIONS)

    type: Literal[
        "roboflow_core/roboflow_object_detection_model@v1",
        "RoboflowObjectDetectionModel",
        "ObjectDetectionModel",
    ]
    confidence: _Share = Field(default=0.4, description="Least confidence of a detection.")


class ObjectDetectionManifestV2(_DetectorManifest):
    """Properties of the second version of the block: it also puts out the model's id."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (_INFERENCE_ID, _PREDICTIONS, _MODEL_ID)

    type: Literal["roboflow_core/roboflow_object_detection_model@v2"]
    confidence: _Share = Field(default=0.4, description="Least confidence of a detection.")


class ObjectDetectionManifestV3(_DetectorManifest):
    """Properties of the third version of the block: the model may choose its confidence."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (_INFERENCE_ID, _PREDICTIONS, _MODEL_ID)

    type: Literal["roboflow_core/roboflow_object_detection_model@v3"]
    confidence_mode: Literal["best", "default", "custom"] | Annotated[str, Selector(STRING)] = (
        Field(default="best", description="Where the least confidence comes from.")
    )
    custom_confidence: _Share | None = Field(
        default=0.4, description="Least confidence of a detection in the mode custom."
    )


class _HostedDetector:
    """A detector that cannot be opened in this version."""

    manifest: ClassVar[type[BlockManifest]] = _DetectorManifest

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Refuse to open.

        Raises:
            ModelError: Always, with the code ``detector_unavailable`` and the ways on.
        """
        model_id = getattr(step, "model_id", None)
        raise ModelError(
            f"no loader for the detector {model_id!r}: this version does not run detectors by "
            "their model id. Ways on: put trackwire/motion_detection@v1 in the place of this "
            "step to find what moves, or trackwire/replayed_detections@v1 with path to a file "
            "of detections made elsewhere, and wire its predictions",
            code="detector_unavailable",
            model_id=model_id,
        )

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Never called, since the block does not open.

        Raises:
            ModelError: Always.
        """
        raise ModelError(
            "this detector was never opened; open() says what to use in its place",
            code="detector_unavailable",
        )

    def end_stream(self, stream: StreamKey) -> None:
        """Forget nothing."""

    def close(self) -> None:
        """Free nothing."""


class HostedDetectorV1(_HostedDetector):
    """An object detector chosen by its model id, first version: compiles, cannot be opened yet.

    Documents that use it can be validated; running one raises a ``ModelError`` that names the
    detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV1


class HostedDetectorV2(_HostedDetector):
    """An object detector chosen by its model id, second version: compiles, cannot be opened yet.

    Documents that use it can be validated; running one raises a ``ModelError`` that names the
    detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV2


class HostedDetectorV3(_HostedDetector):
    """An object detector chosen by its model id, third version: compiles, cannot be opened yet.

    Documents that use it can be validated; running one raises a ``ModelError`` that names the
    detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV3
