"""What a specification may say of a video tracker."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    DICTIONARY,
    FLOAT,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    INTEGER,
    KEYPOINT_DETECTION_PREDICTION,
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

from ..options import Count, Fraction
from .identity_options import IdentityOptions
from .schedule import PromptMode, Schedule
from .settings import Rules

__all__ = ["Sam2VideoManifest", "TrackerManifest", "VideoTrackerManifest"]

_Text: TypeAlias = Annotated[str, Selector(STRING)]
_Seconds: TypeAlias = Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)]


class TrackerManifest(BlockManifest):
    """Properties of the video tracker under each of its ids.

    All but ``images`` and ``boxes`` hold for a whole run: they are written out, or wired to a
    workflow parameter.
    """

    traits: ClassVar[Traits] = Traits(
        pure=False, local_only=True, lazy_inputs=frozenset({"boxes"}), cost="model"
    )
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition(
            "predictions",
            frozenset({INSTANCE_SEGMENTATION_PREDICTION, RLE_INSTANCE_SEGMENTATION_PREDICTION}),
        ),
        OutputDefinition("events", frozenset({LIST_OF_VALUES})),
        OutputDefinition("explanation", frozenset({DICTIONARY})),
    )

    images: Annotated[str, Selector(IMAGE)] = Field(
        description="Frames of the streams to track in; each stream has its own tracks."
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
        description="Detections to take as prompts; only computed for prompt frames. Without "
        "them nothing is ever tracked.",
    )
    prompt_mode: PromptMode | _Text = Field(
        default="first_frame",
        description="Which frames are prompt frames: the first one that has detections, every "
        "prompt_interval frames, or every frame.",
    )
    prompt_interval: Count = Field(
        default=30, description="Frames between prompts in the mode every_n_frames."
    )
    threshold: Fraction = Field(
        default=0.0, description="Least confidence of a detection that becomes a track."
    )
    birth_confidence: Fraction = Field(
        default=0.0,
        description="The same under the name of the identity rules; the stricter one holds.",
    )
    min_prompt_confidence: Fraction = Field(
        default=0.0, description="Detections that are less confident are not looked at."
    )
    prompt_nms_iou: Fraction | None = Field(
        default=None,
        description="Of two boxes of a class that overlap more, drop the less confident; null "
        "keeps all.",
    )
    on_reprompt: Literal["associate", "restart"] | _Text = Field(
        default="associate",
        description="At later prompt frames: carry identities on, or drop all tracks and begin "
        "anew with new ids.",
    )
    reprompt: Literal["needed", "always"] | _Text = Field(
        default="needed",
        description="Prompt the model again with a matched detection only if its mask is "
        "doubtful or due for a refresh, or always.",
    )
    on_gap: Literal["reset", "associate"] | _Text = Field(
        default="associate",
        description="After a gap in the stream (a reconnect, a seek, a change of size, a cut to "
        "another scene): drop all tracks and wait for detections, or keep ids where the scene "
        "still matches, and look for the objects by what they look like where it does not.",
    )
    class_agnostic: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=False, description="Let a detection of another class continue a track."
    )
    max_objects: Count = Field(default=64, description="Tracks of one stream at a time.")
    min_mask_score: Fraction = Field(
        default=0.5,
        description="A mask that scores lower is put out, but not learnt from, and corrected at "
        "the next prompt.",
    )
    lost_after: Count = Field(
        default=90,
        description="Frames without a sight of an object after which the model forgets it.",
    )
    unconfirmed_after: Count | None = Field(
        default=300,
        description="Frames on which an object is followed, but no longer detected on any prompt "
        "frame, after which its track ends; null for never.",
    )
    found_within: Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)] = Field(
        default=300,
        description="Frames without a sight of an object in which a detection that looks like it "
        "brings its id back.",
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
    explain: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=False,
        description="Put out, for each frame, what was decided about each detection and track, "
        "and why.",
    )
    model_id: str | Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)]

    def advice(self) -> tuple[str, ...]:
        """Point at a tracker that never tracks, and at an interval that nobody looks at."""
        said = []
        if self.boxes is None:
            said.append(
                "nothing is wired to boxes, so nothing is ever tracked; wire the predictions of a "
                "detector to it"
            )
        if "prompt_interval" in self.model_fields_set and self.prompt_mode in {
            "first_frame",
            "every_frame",
        }:
            said.append(
                f"prompt_interval is set, but only the mode every_n_frames looks at it, and "
                f"prompt_mode is {self.prompt_mode}; set prompt_mode to every_n_frames, or leave "
                "prompt_interval out"
            )
        return tuple(said)

    def rules(self) -> Rules:
        """Return what the properties say, as the tracker reads it.

        Only for a manifest whose properties hold values, not selectors.
        """
        settled = self.model_dump()
        restarts = settled["on_reprompt"] == "restart"
        return Rules(
            schedule=Schedule(settled["prompt_mode"], settled["prompt_interval"]),
            identity=IdentityOptions(
                min_prompt_confidence=settled["min_prompt_confidence"],
                prompt_nms_iou=settled["prompt_nms_iou"],
                class_agnostic=settled["class_agnostic"],
                reprompt=settled["reprompt"],
                min_mask_score=settled["min_mask_score"],
                birth_confidence=max(settled["threshold"], settled["birth_confidence"]),
                max_objects=settled["max_objects"],
                lost_after=settled["lost_after"],
                recover_within=settled["lost_after"],
                unconfirmed_after=settled["unconfirmed_after"],
                found_within=0 if restarts else settled["found_within"],
            ),
            on_reprompt=settled["on_reprompt"],
            explain=settled["explain"],
            on_gap=settled["on_gap"],
        )


class VideoTrackerManifest(TrackerManifest):
    """Follow objects through video, each with a mask and a lasting ``tracker_id``."""

    type: Literal["trackwire/video_tracker@v1"]
    model_id: str | Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)] = Field(
        default="lite", description="The model that follows the objects; see trackwire models."
    )


class Sam2VideoManifest(TrackerManifest):
    """The video tracker under the id that existing documents use, with a SAM 2.1 model."""

    type: Literal["roboflow_core/segment_anything_2_video@v1"]
    model_id: str | Annotated[str, Selector(ROBOFLOW_MODEL_ID, STRING)] = Field(
        default="sam2video/small",
        description="The model that follows the objects; see trackwire models.",
    )
