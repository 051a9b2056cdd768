"""The object detection block: a detector chosen by its model id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    ROBOFLOW_MODEL_ID,
    STRING,
    Batch,
    BlockManifest,
    Event,
    Failure,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    TrackwireError,
    Traits,
    is_selector,
)

from ..options import Count, Fraction, require_settled
from .detector import DetectOptions, wanted_classes
from .model_id import load_detector

if TYPE_CHECKING:
    from .detector import Detector

__all__ = [
    "DetectorManifest",
    "ModelDetection",
    "ObjectDetection",
    "ObjectDetectionManifest",
]

_Flag: TypeAlias = bool | Annotated[str, Selector(BOOLEAN)]
_File: TypeAlias = Annotated[str, Selector(STRING)] | str | None


class DetectorManifest(BlockManifest):
    """Properties of the blocks that run a detector, with masks or without."""

    traits: ClassVar[Traits] = Traits(pure=True, local_only=True, cost="model")

    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to look at.")
    model_id: Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)] | str = Field(
        description="The detector: onnx:PATH for an ONNX file; hub:OWNER/NAME or hub:FOLDER for a "
        "detector of the Hugging Face hub; an id such as rfdetr-nano or yolov8n-640 where its "
        "package is installed. A relative path starts at the specification's folder."
    )
    confidence: Fraction = Field(default=0.4, description="Least confidence of a detection.")
    iou_threshold: Fraction = Field(
        default=0.5,
        description="Boxes that overlap more are one object; DETR networks put each object out "
        "once and do not use it.",
    )
    class_filter: list[str] | Annotated[str, Selector(LIST_OF_VALUES)] | None = Field(
        default=None, description="Classes to keep; null keeps all."
    )
    class_names: list[str] | Annotated[str, Selector(LIST_OF_VALUES)] | None = Field(
        default=None,
        description="What to look for: any words for an open vocabulary (Grounding DINO, OWLv2), "
        "which needs them; classes it knows for any other detector; null is all of these.",
    )
    max_detections: Count = Field(default=300, description="Most detections of one picture.")
    class_agnostic_nms: _Flag = Field(
        default=False, description="Compare boxes of different classes for overlap too."
    )
    max_candidates: Count = Field(
        default=3000, description="Most boxes that are compared for overlap."
    )
    names_file: _File = Field(
        default=None,
        description="File with the name of a class in each line; null for the names of the "
        "description or of the model's metadata.",
    )
    description_file: _File = Field(
        default=None,
        description="JSON file that tells what the model's file does not; null for the one "
        "beside it with the same name and the ending .json, if there is one.",
    )


class ObjectDetectionManifest(DetectorManifest):
    """Properties of the object detection block."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset({OBJECT_DETECTION_PREDICTION})),
        OutputDefinition("model_id", frozenset({ROBOFLOW_MODEL_ID})),
    )

    type: Literal["trackwire/object_detection@v1"] = "trackwire/object_detection@v1"


class ModelDetection:
    """What the blocks that run a detector have in common.

    Args:
        step: The manifest of the step; it has the properties of :class:`DetectOptions`, except
            perhaps ``confidence``.
        detector: The loaded detector.
    """

    manifest: ClassVar[type[BlockManifest]]

    def __init__(self, step: BlockManifest, detector: Detector) -> None:
        self._name = step.name
        self._detector = detector

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Load the detector.

        Raises:
            ModelError: There is no such detector, it cannot be loaded, or it is not of the kind
                that the block needs.
            BlockError: The detector has no class of the filter's name, or an option is wired to
                something that changes from frame to frame.
        """
        fixed = [name for name in _FIXED if hasattr(step, name)]
        require_settled(step, fixed)
        given = {name: getattr(step, name, None) for name in _FIXED[1:]}
        detector = load_detector(getattr(step, "model_id", ""), resources, **given)
        cls.require(detector, getattr(step, "model_id", ""))
        wanted = getattr(step, "class_filter", None)
        if wanted is not None and not is_selector(wanted):
            wanted_classes(detector.class_names, wanted)  # a wrong name shall stop here
        resources.outbox(
            Event(
                "detector.loaded",
                "info",
                f"detector {getattr(step, 'model_id', '')} runs on {detector.provider}",
                step=step.name,
                fields={"provider": detector.provider, "classes": len(detector.class_names)},
            )
        )
        return cls(step, detector)

    @classmethod
    def require(cls, detector: Detector, model_id: str) -> None:
        """Refuse a detector that the block cannot use; each kind of detector will do here.

        Args:
            detector: The loaded detector.
            model_id: Its id, for errors.

        Raises:
            ModelError: The block cannot use it.
        """

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Look at the pictures of all streams at once."""
        frames = batch["images"]
        try:
            options = [self._options(batch, index) for index in range(len(batch))]
            found = self._detector.detect(frames, options, self._name)
        except TrackwireError as error:
            if len(batch) == 1:
                return [Failure(error)]
            return [self.run(_element(batch, index))[0] for index in range(len(batch))]
        return [self._outcome(batch, index, detections) for index, detections in enumerate(found)]

    def end_stream(self, stream: StreamKey) -> None:
        """Keep everything: a stream leaves no trace."""

    def close(self) -> None:
        """Let the detector go."""

    def _options(self, batch: Batch, index: int) -> DetectOptions:
        return DetectOptions(
            confidence=self._confidence(batch, index),
            **{name: batch[name][index] for name in _OPTIONS},
            **self._mask_options(batch, index),
        )

    def _mask_options(self, batch: Batch, index: int) -> dict[str, Any]:
        return {}

    def _confidence(self, batch: Batch, index: int) -> float:
        return float(batch["confidence"][index])

    def _outcome(self, batch: Batch, index: int, predictions: Any) -> dict[str, Any]:
        return {"predictions": predictions, "model_id": batch["model_id"][index]}


class ObjectDetection(ModelDetection):
    """Finds objects with a trained detector in an ONNX file, of the hub or of a package.

    The layout of an ONNX file's outputs is recognised: YOLOv5, YOLOv8 and v11, YOLOv10, YOLO-NAS,
    RT-DETR, RF-DETR, FastestDet. Of the Hugging Face hub run the DETR families, among them
    RT-DETR, D-FINE and RF-DETR, and the open vocabularies Grounding DINO and OWLv2, which find
    what ``class_names`` describes. The pictures of all streams go through the network together
    where it takes several at a time. Of a detector that makes masks too, the boxes are put out;
    its masks are those of ``trackwire/instance_segmentation@v1``.
    """

    manifest: ClassVar[type[BlockManifest]] = ObjectDetectionManifest


_FIXED: Final = ("model_id", "names_file", "description_file", "class_names")
_OPTIONS: Final = (
    "iou_threshold",
    "class_filter",
    "max_detections",
    "class_agnostic_nms",
    "max_candidates",
)


def _element(batch: Batch, index: int) -> Batch:
    """One element of a batch, as a batch."""
    return Batch(
        batch.streams[index : index + 1],
        {name: column[index : index + 1] for name, column in batch.columns.items()},
        batch.indices[index : index + 1],
    )
