"""What a specification may say of a step that masks objects in single pictures."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
    LABELED_POINTS,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    ROBOFLOW_MODEL_ID,
    STRING,
    BlockManifest,
    OutputDefinition,
    Selector,
    Traits,
)

from ..options import Fraction, has_selector
from .labeled_points import read_objects

__all__ = ["ImageSegmentationManifest", "SegmentAnythingManifest", "SegmentationManifest"]


class SegmentationManifest(BlockManifest):
    """What is common to the ids of image segmentation."""

    traits: ClassVar[Traits] = Traits(pure=True, local_only=True, cost="model")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition(
            "predictions",
            frozenset({INSTANCE_SEGMENTATION_PREDICTION, RLE_INSTANCE_SEGMENTATION_PREDICTION}),
        ),
    )

    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to look at.")
    boxes: (
        Annotated[
            str,
            Selector(
                OBJECT_DETECTION_PREDICTION,
                INSTANCE_SEGMENTATION_PREDICTION,
                RLE_INSTANCE_SEGMENTATION_PREDICTION,
                KEYPOINT_DETECTION_PREDICTION,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Detections to give masks to, one for each box. Where nothing is wired, the "
        "most prominent object is masked; where there are no detections, nothing is.",
    )
    threshold: Fraction = Field(default=0.0, description="Least score of a mask.")
    multimask_output: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=True,
        description="Let the model propose three masks for each prompt and take the one that "
        "scores best; false asks for one.",
    )

    @property
    def model_name(self) -> str:
        """Which model is wanted, in the words of the document."""
        raise NotImplementedError


class SegmentAnythingManifest(SegmentationManifest):
    """Mask objects in single pictures, under the id that existing documents use."""

    type: Literal["roboflow_core/segment_anything@v1"]
    version: str | Annotated[str, Selector(STRING, ROBOFLOW_MODEL_ID)] = Field(
        default="hiera_tiny",
        description="The SAM 2 model: hiera_tiny, hiera_small, hiera_b_plus or hiera_large; any "
        "other id of a Segment Anything model does as well, and so does lite.",
    )

    @property
    def model_name(self) -> str:
        """See :class:`SegmentationManifest`."""
        return self.version


class ImageSegmentationManifest(SegmentationManifest):
    """Mask objects in single pictures: those in boxes, those at points, or the most prominent."""

    type: Literal["trackwire/image_segmentation@v1"]
    points: (
        Annotated[str, Selector(LABELED_POINTS, LIST_OF_VALUES)]
        | list[Any]
        | tuple[Any, ...]
        | None
    ) = Field(
        default=None,
        description='Points of one object, {"x": 320, "y": 240, "positive": true} each, in '
        "pixels of the picture; or a list of such lists, one for each object. They ask for "
        "objects beside those in boxes.",
    )
    model_id: str | Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)] = Field(
        default="lite", description="The model that finds the masks; see trackwire models."
    )

    @property
    def model_name(self) -> str:
        """See :class:`SegmentationManifest`."""
        return self.model_id

    @model_validator(mode="after")
    def _check_points(self) -> Self:
        if isinstance(self.points, list | tuple) and not has_selector(self.points):
            read_objects(self.points)
        return self
