"""What a specification may say of a tracker that finds by itself what phrases name."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from trackwire.specs import (
    FLOAT,
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

from ..options import Count, Fraction, has_selector
from ..segment.labeled_points import read_objects
from .manifest import VideoTrackerManifest
from .phrases import check_phrases
from .schedule import PromptMode

__all__ = ["ConceptManifest", "ConceptTrackerManifest", "Sam3VideoManifest"]

_Text: TypeAlias = Annotated[str, Selector(STRING)]
_ModelId: TypeAlias = str | Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)]
_Seconds: TypeAlias = Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)]
_Phrases: TypeAlias = list[str] | str | Annotated[str, Selector(LIST_OF_VALUES, STRING)]


class ConceptManifest(BlockManifest):
    """Properties of the concept tracker under each of its ids.

    All but ``images`` and ``class_names`` hold for a whole run.
    """

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, cost="model")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition(
            "predictions",
            frozenset({INSTANCE_SEGMENTATION_PREDICTION, RLE_INSTANCE_SEGMENTATION_PREDICTION}),
        ),
        OutputDefinition("events", frozenset({LIST_OF_VALUES})),
    )

    images: Annotated[str, Selector(IMAGE)] = Field(
        description="Frames of the streams to track in; each stream has its own tracks."
    )
    class_names: _Phrases | None = Field(
        default=None,
        description="What to find and follow: a list of phrases, or one text with commas between "
        "them. Wired to something that changes, tracks of phrases that are gone end, the others "
        "go on.",
    )
    model_id: _ModelId = Field(
        default="sam3video",
        description="The model that finds what phrases name; see trackwire models.",
    )
    threshold: Fraction = Field(
        default=0.5,
        description="Least score of what is put out: of the detection that a track was born of, "
        "and on the frame.",
    )
    on_gap: Literal["reset", "associate"] | _Text = Field(
        default="associate",
        description="After a gap in the stream (a reconnect, a seek, a change of size, a cut to "
        "another scene): drop all tracks, or let them go on where the scene still matches.",
    )
    max_objects: Count = Field(default=64, description="Tracks of one stream at a time.")
    lost_after: Count = Field(
        default=90, description="Frames without a sight of an object after which its track ends."
    )
    unconfirmed_after: Count = Field(
        default=90,
        description="Frames on which an object is followed, but no longer detected, after which "
        "its track ends.",
    )
    max_sessions: Count = Field(
        default=64,
        description="Streams tracked at a time. Above that an idle stream gives way to a new one, "
        "a live one never.",
    )
    idle_after_s: _Seconds = Field(
        default=60.0, description="Seconds without a frame after which a stream counts as idle."
    )
    session_timeout_s: _Seconds | None = Field(
        default=600.0,
        description="Seconds without a frame after which a stream's session is freed, also where "
        "there is room; null for never.",
    )


class ConceptTrackerManifest(ConceptManifest):
    """Find what phrases name, and follow it: masks, names and lasting ids without a detector."""

    type: Literal["trackwire/concept_tracker@v1"]

    @model_validator(mode="after")
    def _something_to_find(self) -> Self:
        check_phrases(self.class_names)
        return self


class Sam3VideoManifest(ConceptManifest):
    """Follow with SAM 3 what phrases name, or what boxes and points show, under a known id."""

    type: Literal["roboflow_core/sam3_video@v1"]
    traits: ClassVar[Traits] = Traits(
        pure=False, local_only=True, lazy_inputs=frozenset({"boxes"}), cost="model"
    )
    tracking_mode: Literal["concept", "visual"] = Field(
        default="concept",
        description="Find what class_names names, or follow what boxes and points show.",
    )
    points: (
        Annotated[str, Selector(LABELED_POINTS, LIST_OF_VALUES)]
        | list[Any]
        | tuple[Any, ...]
        | None
    ) = Field(
        default=None,
        description='In the visual mode: points of one object, {"x": 320, "y": 240, "positive": '
        "true} each, in pixels of the frame; or a list of such lists, one for each object.",
    )
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
        description="In the visual mode: detections to take as prompts; only computed for prompt "
        "frames.",
    )
    visual_model_id: _ModelId = Field(
        default="sam3trackervideo",
        description="The model of the visual mode; see trackwire models.",
    )
    prompt_mode: PromptMode | _Text = Field(
        default="first_frame",
        description="In the visual mode, which frames are prompt frames: the first one that has "
        "prompts, every prompt_interval frames, or every frame.",
    )
    prompt_interval: Count = Field(
        default=30, description="Frames between prompts in the mode every_n_frames."
    )

    @model_validator(mode="after")
    def _something_to_follow(self) -> Self:
        if self.tracking_mode == "concept":
            if self.class_names is None and (self.boxes is not None or self.points):
                raise ValueError(
                    "the concept mode, which is the default, needs class_names, and there are "
                    "none; to follow what boxes and points show set tracking_mode to visual"
                )
            check_phrases(self.class_names)
        elif self.boxes is None and not self.points:
            raise ValueError(
                "the visual mode needs boxes, points or both, and neither is there; wire the "
                "predictions of a detector to boxes, or set tracking_mode to concept and name "
                "what to find in class_names"
            )
        elif isinstance(self.points, list | tuple) and not has_selector(self.points):
            for each in read_objects(self.points):
                if not any(point.positive for point in each.points or ()):
                    raise ValueError(
                        "of the points of an object at least one must lie on it (positive), and "
                        "none does"
                    )
        return self

    def advice(self) -> tuple[str, ...]:
        """Point at properties that the mode does not look at."""
        idle = (
            ("boxes", "points", "prompt_mode", "prompt_interval", "visual_model_id")
            if self.tracking_mode == "concept"
            else ("class_names", "model_id", "unconfirmed_after")
        )
        fields = type(self).model_fields  # editors write defaults out; they mean nothing
        unread = [name for name in idle if getattr(self, name) != fields[name].default]
        if not unread:
            return ()
        advice = (
            f"{', '.join(unread)}: not looked at in the {self.tracking_mode} mode; set "
            "tracking_mode to the other one, or leave them out"
        )
        return (advice,)

    def visual(self) -> VideoTrackerManifest:
        """Return the step as a video tracker reads it, for the visual mode."""
        shared = self.model_dump(
            include={
                "name",
                "images",
                "boxes",
                "prompt_mode",
                "prompt_interval",
                "threshold",
                "on_gap",
                "max_objects",
                "lost_after",
                "max_sessions",
                "idle_after_s",
                "session_timeout_s",
            }
        )
        return VideoTrackerManifest(
            type="trackwire/video_tracker@v1", model_id=self.visual_model_id, **shared
        )
