"""The filter: detections of which a statement is true."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import (
    INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    BlockManifest,
    OutputDefinition,
    Selector,
    Traits,
)

from ..query.language import AnyOperation
from .querying import Querying

__all__ = ["DetectionsFilter", "DetectionsFilterManifest"]

_DETECTIONS = (
    OBJECT_DETECTION_PREDICTION,
    INSTANCE_SEGMENTATION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
)


class DetectionsFilterManifest(BlockManifest):
    """Properties of the block that keeps some detections."""

    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset(_DETECTIONS)),
    )

    type: Literal["roboflow_core/detections_filter@v1", "DetectionsFilter"]
    predictions: Annotated[str, Selector(*_DETECTIONS)] = Field(
        description="Detections to choose from."
    )
    operations: list[AnyOperation] = Field(
        description="Operations on the detections, one after the other; DetectionsFilter keeps "
        "those of which a statement is true."
    )
    operations_parameters: dict[str, Any] = Field(
        default={}, description="Values that the statements read by name, wired or written out."
    )


class DetectionsFilter(Querying):
    """Keeps the detections that a statement in the query language is true of."""

    manifest: ClassVar[type[BlockManifest]] = DetectionsFilterManifest
    subject: ClassVar[str] = "predictions"
    output: ClassVar[str] = "predictions"
