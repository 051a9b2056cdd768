"""The object detection blocks of hosted platforms, run with detectors of this machine.

All documents that use them compile, so that they can be checked, drawn and rewired. They run where
``model_id`` is one that :func:`load_detector` takes; opening another says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    ROBOFLOW_MODEL_ID,
    STRING,
    Batch,
    BlockError,
    BlockManifest,
    OutputDefinition,
    Selector,
    Traits,
)

from ..options import Count, Fraction
from .object_detection import ModelDetection

if TYPE_CHECKING:
    from ..frame import Frame

__all__ = [
    "DEFAULT_CONFIDENCE",
    "INFERENCE_ID",
    "MODEL_ID",
    "BestConfidence",
    "ChoosesConfidence",
    "HasConfidence",
    "HostedDetector",
    "HostedDetectorManifest",
    "HostedDetectorV1",
    "HostedDetectorV2",
    "HostedDetectorV3",
    "ObjectDetectionManifestV1",
    "ObjectDetectionManifestV2",
    "ObjectDetectionManifestV3",
    "require_mode",
]

_Flag: TypeAlias = bool | Annotated[str, Selector(BOOLEAN)]

DEFAULT_CONFIDENCE: Final = 0.4
"""Least confidence where the model is to choose it: a file knows no best one of its own."""
INFERENCE_ID: Final = OutputDefinition("inference_id", frozenset({STRING}))
MODEL_ID: Final = OutputDefinition("model_id", frozenset({ROBOFLOW_MODEL_ID}))
_PREDICTIONS: Final = OutputDefinition("predictions", frozenset({OBJECT_DETECTION_PREDICTION}))


_CONFIDENCE_MODES: Final = ("best", "default", "custom")


def require_mode(name: str, found: object, allowed: Sequence[str]) -> None:
    """Refuse a mode that nobody knows, which a wire may bring.

    Args:
        name: The property.
        found: Its value for one picture.
        allowed: The modes there are.

    Raises:
        BlockError: It is none of them.
    """
    if found not in allowed:
        raise BlockError(
            f"{name} must be one of {', '.join(allowed)}, found {found!r}",
            code="option_value",
            property=name,
        )


class HostedDetectorManifest(BlockManifest):
    """Properties of all versions of the blocks."""

    traits: ClassVar[Traits] = Traits(pure=True, cost="model")

    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to look at.")
    model_id: Annotated[str, Selector(ROBOFLOW_MODEL_ID)] | str = Field(
        description="Detector to run."
    )
    class_filter: list[str] | Annotated[str, Selector(LIST_OF_VALUES)] | None = Field(
        default=None, description="Classes to keep; null keeps all."
    )
    iou_threshold: Fraction = Field(
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


class HasConfidence(HostedDetectorManifest):
    """Properties of the versions whose least confidence is a number."""

    confidence: Fraction = Field(default=0.4, description="Least confidence of a detection.")


class ChoosesConfidence(HostedDetectorManifest):
    """Properties of the versions whose model may choose its confidence."""

    confidence_mode: Literal["best", "default", "custom"] | Annotated[str, Selector(STRING)] = (
        Field(default="best", description="Where the least confidence comes from.")
    )
    custom_confidence: Fraction | None = Field(
        default=0.4, description="Least confidence of a detection in the mode custom."
    )


class ObjectDetectionManifestV1(HasConfidence):
    """Properties of the first version of the block."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS)

    type: Literal[
        "roboflow_core/roboflow_object_detection_model@v1",
        "RoboflowObjectDetectionModel",
        "ObjectDetectionModel",
    ]


class ObjectDetectionManifestV2(HasConfidence):
    """Properties of the second version of the block: it also puts out the model's id."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS, MODEL_ID)

    type: Literal["roboflow_core/roboflow_object_detection_model@v2"]


class ObjectDetectionManifestV3(ChoosesConfidence):
    """Properties of the third version of the block: the model may choose its confidence."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (INFERENCE_ID, _PREDICTIONS, MODEL_ID)

    type: Literal["roboflow_core/roboflow_object_detection_model@v3"]


class HostedDetector(ModelDetection):
    """A detector chosen by its model id, with what hosted platforms put out of it."""

    def _outcome(self, batch: Batch, index: int, predictions: Any) -> dict[str, Any]:
        outcome = super()._outcome(batch, index, predictions)
        frame: Frame = batch["images"][index]
        outcome["inference_id"] = f"{frame.image_id}/{self._name}"
        return {output.name: outcome[output.name] for output in self.manifest.outputs}


class BestConfidence(HostedDetector):
    """A detector whose step may leave the least confidence to the model."""

    def _confidence(self, batch: Batch, index: int) -> float:
        custom = batch["custom_confidence"][index]
        mode = batch["confidence_mode"][index]
        require_mode("confidence_mode", mode, _CONFIDENCE_MODES)
        if mode != "custom" or custom is None:
            return DEFAULT_CONFIDENCE
        return float(custom)


class HostedDetectorV1(HostedDetector):
    """An object detector chosen by its model id, first version.

    It runs the ids of ``trackwire/object_detection@v1``. Documents with other ids can be
    validated; running one raises a ``ModelError`` that names the detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV1


class HostedDetectorV2(HostedDetector):
    """An object detector chosen by its model id, second version.

    It runs the ids of ``trackwire/object_detection@v1``. Documents with other ids can be
    validated; running one raises a ``ModelError`` that names the detectors which do run.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV2


class HostedDetectorV3(BestConfidence):
    """An object detector chosen by its model id, third version.

    It runs the ids of ``trackwire/object_detection@v1``. Documents with other ids can be
    validated; running one raises a ``ModelError`` that names the detectors which do run. No
    detector says which confidence is its best: the modes ``best`` and ``default`` take 0.4.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifestV3
