"""What a specification may say of the trackers that follow boxes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from trackwire.specs import (
    FLOAT,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    INTEGER,
    KEYPOINT_DETECTION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    VIDEO_METADATA,
    BlockManifest,
    OutputDefinition,
    Selector,
    Traits,
)

from ..options import Count, Fraction

__all__ = [
    "BoxTrackerManifest",
    "ByteTrackManifest",
    "ByteTrackerManifestV1",
    "ByteTrackerManifestV2",
    "ByteTrackerManifestV3",
    "OCSORTManifest",
]

_DETECTIONS: Final = Selector(
    OBJECT_DETECTION_PREDICTION,
    INSTANCE_SEGMENTATION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
)
_Buffer: TypeAlias = Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)]


def _offers(*names: str) -> tuple[OutputDefinition, ...]:
    """Declare outputs: masks and points of what is tracked are kept, so any kind may come out."""
    return tuple(OutputDefinition(name, _DETECTIONS.kinds) for name in names)


_TRACKED: Final = _offers("tracked_detections")
_TRACKED_AND_NEW: Final = _offers("tracked_detections", "new_instances", "already_seen_instances")

_BUFFER_TEXT: Final = "Frames, at 30 a second, that a track is kept without a detection."
_CONSECUTIVE_TEXT: Final = (
    "Frames in a row on which an object must be found before it is put out; two at the least."
)


class BoxTrackerManifest(BlockManifest):
    """Base of the manifests of box trackers: all properties but the wires hold for a whole run."""

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True)

    first_id: ClassVar[int] = 0
    """The number of the first track of a stream."""
    lost_track_buffer: _Buffer | None = Field(default=30, description=_BUFFER_TEXT)


class _OnImage(BoxTrackerManifest):
    image: Annotated[str, Selector(IMAGE)] = Field(description="Frame the detections belong to.")
    detections: Annotated[str, _DETECTIONS] = Field(description="What to track.")


class _Matching(BoxTrackerManifest):
    first_id: ClassVar[int] = 1

    track_activation_threshold: Fraction | None = Field(
        default=0.25,
        description="Confidence from which a detection continues tracks in the first round; new "
        "tracks need 0.1 more.",
    )
    minimum_matching_threshold: Fraction | None = Field(
        default=0.8,
        description="How far from overlapping a box may be to continue a track: at 0.8 an "
        "overlap (IoU) of 0.2 is enough.",
    )


class ByteTrackerManifestV1(_Matching):
    """Properties of the first version: the metadata of the video are wired."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = _TRACKED

    type: Literal["roboflow_core/byte_tracker@v1", "ByteTracker"]
    metadata: Annotated[str, Selector(VIDEO_METADATA)] = Field(
        description="Video metadata of the frame."
    )
    predictions: Annotated[str, _DETECTIONS] = Field(description="What to track.")
    frame_rate: Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)] | None = Field(
        default=None, description="Frames per second; null for those of the video."
    )


class _Consecutive(_Matching, _OnImage):
    minimum_consecutive_frames: Count | None = Field(default=1, description=_CONSECUTIVE_TEXT)


class ByteTrackerManifestV2(_Consecutive):
    """Properties of the second version."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = _TRACKED

    type: Literal["roboflow_core/byte_tracker@v2"]


class ByteTrackerManifestV3(_Consecutive):
    """Properties of the third version: it tells new objects from those seen before."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = _TRACKED_AND_NEW

    type: Literal["roboflow_core/byte_tracker@v3"]
    instances_cache_size: Annotated[int, Field(ge=1)] = Field(
        default=16384, description="Objects that are remembered as seen before."
    )


class _Trackers(_OnImage):
    outputs: ClassVar[tuple[OutputDefinition, ...]] = _TRACKED_AND_NEW

    high_conf_det_threshold: Fraction | None = Field(
        default=0.6, description="Confidence from which a detection counts as sure."
    )
    instances_cache_size: Annotated[int, Field(ge=1)] = Field(
        default=16384, description="Objects that are remembered as seen before."
    )


class ByteTrackManifest(_Trackers):
    """Properties of ByteTrack, in the words of the package ``trackers``."""

    type: Literal["roboflow_core/trackers_bytetrack@v1"]
    minimum_iou_threshold: Fraction | None = Field(
        default=0.1, description="Overlap (IoU) from which a box continues a track."
    )
    minimum_consecutive_frames: Count | None = Field(default=2, description=_CONSECUTIVE_TEXT)
    track_activation_threshold: Fraction | None = Field(
        default=0.7, description="Confidence from which a detection begins a track."
    )


class OCSORTManifest(_Trackers):
    """Properties of OC-SORT, in the words of the package ``trackers``."""

    type: Literal["roboflow_core/trackers_ocsort@v1"]
    minimum_iou_threshold: Fraction | None = Field(
        default=0.3, description="Overlap (IoU) from which a box continues a track."
    )
    minimum_consecutive_frames: Count | None = Field(default=3, description=_CONSECUTIVE_TEXT)
    direction_consistency_weight: Fraction | None = Field(
        default=0.2, description="Weight of moving on in the same direction."
    )
    delta_t: Count | None = Field(
        default=3, description="Frames back that the direction is measured over."
    )
