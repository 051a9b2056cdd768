"""Velocities: how fast tracked objects move, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from trackwire.specs import (
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    INTEGER,
    BlockError,
    BlockManifest,
    OutputDefinition,
    Selector,
)

from ..detections import add_fields
from ..frame import VideoMetadata
from .measuring import TRACKED, Measuring, MeasuringManifest, tracked_output
from .track_memory import TrackMemory

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["Velocity", "VelocityManifest"]


class VelocityManifest(MeasuringManifest):
    """Properties of the block that measures velocities.

    It adds four fields to the data of each detection: ``velocity`` and ``smoothed_velocity``
    (x and y), ``speed`` and ``smoothed_speed``.
    """

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (tracked_output("velocity_detections"),)

    type: Literal["roboflow_core/velocity@v1"]
    image: Annotated[str, Selector(IMAGE)] = Field(description="Frame the detections belong to.")
    detections: Annotated[str, TRACKED] = Field(description="Tracked objects.")
    smoothing_alpha: (
        Annotated[float, Field(gt=0.0, le=1.0)] | Annotated[str, Selector(FLOAT, FLOAT_ZERO_TO_ONE)]
    ) = Field(
        default=0.5,
        description="Weight of the newest velocity in the smoothed one; the smaller, the smoother.",
    )
    pixels_per_meter: Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT, INTEGER)] = (
        Field(
            default=1.0,
            description="Pixels that are one metre; 1 leaves velocities in pixels per second.",
        )
    )


@dataclass(frozen=True, slots=True)
class _Sight:
    """Where a track was last, when, and its smoothed velocity in pixels per second."""

    center: NDArray[np.float64]
    at_s: Fraction
    smoothed: NDArray[np.float64]


class Velocity(Measuring[TrackMemory[_Sight]]):
    """Measures the velocity of the centres of tracked objects, as it is and smoothed.

    An object has velocity zero when it is seen first, and after a gap in the stream.
    """

    manifest: ClassVar[type[BlockManifest]] = VelocityManifest

    def begin(
        self, values: Mapping[str, Any], before: TrackMemory[_Sight] | None
    ) -> TrackMemory[_Sight]:
        """Begin anew: times of different epochs cannot be compared."""
        return TrackMemory()

    def measure(
        self,
        state: TrackMemory[_Sight],
        video: VideoMetadata,
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Measure the velocities on this frame."""
        alpha = _positive(values, "smoothing_alpha", most=1.0)
        scale = _positive(values, "pixels_per_meter", most=float("inf"))
        boxes = detections.xyxy.astype(np.float64)
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        velocity, smoothed = np.zeros_like(centers), np.zeros_like(centers)
        tracks = [] if detections.tracker_id is None else detections.tracker_id.tolist()
        for index, track in enumerate(tracks):
            if track < 0:
                continue  # not a track yet: nothing to go on
            last = state.get(track)
            if last is not None:
                passed = float(video.clock_s - last.at_s)
                if passed > 0:
                    velocity[index] = (centers[index] - last.center) / passed
                smoothed[index] = alpha * velocity[index] + (1 - alpha) * last.smoothed
            state.put(track, _Sight(centers[index], video.clock_s, smoothed[index].copy()))
        velocity, smoothed = velocity / scale, smoothed / scale
        measured = add_fields(
            detections,
            velocity=velocity,
            speed=np.hypot(velocity[:, 0], velocity[:, 1]),
            smoothed_velocity=smoothed,
            smoothed_speed=np.hypot(smoothed[:, 0], smoothed[:, 1]),
        )
        return {"velocity_detections": measured}


def _positive(values: Mapping[str, Any], name: str, *, most: float) -> float:
    value = float(values[name])
    if not 0 < value <= most:
        limit = "" if most == float("inf") else f" and at most {most:g}"
        raise BlockError(f"{name} must be above 0{limit}, found {value:g}", code="option_value")
    return value
