"""Zones: how long objects have been in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    LIST_OF_VALUES,
    STRING,
    VIDEO_METADATA,
    ZONE,
    BlockError,
    BlockManifest,
    OutputDefinition,
    Selector,
)

from ..detections import add_fields
from ..draw.drawing import Position, find_position
from ..frame import VideoMetadata
from .geometry import Point, Polygons, read_polygons
from .measuring import TRACKED, Measuring, MeasuringManifest, tracked_output
from .track_memory import TrackMemory

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = [
    "TIME_IN_ZONE",
    "TimeInZoneManifestV1",
    "TimeInZoneManifestV2",
    "TimeInZoneManifestV3",
    "TimeInZoneV1",
    "TimeInZoneV2",
    "TimeInZoneV3",
]

TIME_IN_ZONE = "time_in_zone"
"""``(N,)`` float64: seconds that each object has been in the zone; 0 outside of it."""

_Flag = bool | Annotated[str, Selector(BOOLEAN)]


class _TimeInZoneManifest(MeasuringManifest):
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (tracked_output("timed_detections"),)

    image: Annotated[str, Selector(IMAGE)] = Field(description="Frame the detections belong to.")
    detections: Annotated[str, TRACKED] = Field(description="Tracked objects.")
    zone: Polygons | Annotated[str, Selector(LIST_OF_VALUES, ZONE)] = Field(
        description="The zone, [[x, y], ...] in pixels, or a list of zones: then an object is "
        "inside if it is in any of them."
    )
    triggering_anchor: Position | Annotated[str, Selector(STRING)] = Field(
        default="CENTER", description="Point of the box that has to be in the zone."
    )
    remove_out_of_zone_detections: _Flag = Field(
        default=True, description="Leave out what is not in the zone."
    )
    reset_out_of_zone_detections: _Flag = Field(
        default=True,
        description="Begin anew when an object comes back; else the time since it first came in "
        "is put out.",
    )


class TimeInZoneManifestV1(_TimeInZoneManifest):
    """Properties of the first version: the metadata of the video are wired apart."""

    type: Literal["roboflow_core/time_in_zone@v1"]
    metadata: Annotated[str, Selector(VIDEO_METADATA)] = Field(
        description="Video metadata of the frame."
    )


class TimeInZoneManifestV2(_TimeInZoneManifest):
    """Properties of the second version."""

    type: Literal["roboflow_core/time_in_zone@v2"]


class TimeInZoneManifestV3(_TimeInZoneManifest):
    """Properties of the third version, which was the first to take several zones."""

    type: Literal["roboflow_core/time_in_zone@v3"]


@dataclass(slots=True)
class _Stay:
    """Who came into the zone of one stream when."""

    entered: TrackMemory[Fraction] = field(default_factory=TrackMemory)
    outline: tuple[tuple[Point, ...], ...] = ()
    anchor: str = ""
    zones: tuple[sv.PolygonZone, ...] = ()


class _TimeInZone(Measuring[_Stay]):
    def begin(self, values: Mapping[str, Any], before: _Stay | None) -> _Stay:
        """Begin anew: after a gap nobody knows who stayed."""
        return _Stay()

    def measure(
        self,
        state: _Stay,
        video: VideoMetadata,
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Measure how long each object has been inside."""
        inside = _inside(state, detections, values)
        times = np.zeros(len(detections), dtype=np.float64)
        tracks = [] if detections.tracker_id is None else detections.tracker_id.tolist()
        now = video.clock_s
        for index, track in enumerate(tracks):
            if track < 0:
                continue  # not a track yet: nothing to go on
            if inside[index]:
                entered = state.entered.get(track)
                if entered is None:
                    state.entered.put(track, now)
                else:
                    times[index] = float(now - entered)
            elif values["reset_out_of_zone_detections"]:
                state.entered.drop(track)
        timed = add_fields(detections, **{TIME_IN_ZONE: times})
        if values["remove_out_of_zone_detections"]:
            timed = timed[inside]  # type: ignore[assignment]
        return {"timed_detections": timed}


def _inside(
    state: _Stay, detections: sv.Detections, values: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Tell which objects are in a zone; zones that are wired may differ from frame to frame."""
    import supervision as sv

    try:
        outline = read_polygons(values["zone"])
    except ValueError as error:
        raise BlockError(f"zone: {error}", code="zone_shape") from error
    anchor = values["triggering_anchor"]
    if (outline, anchor) != (state.outline, state.anchor):
        position = find_position("triggering_anchor", anchor)
        state.zones = tuple(
            sv.PolygonZone(np.rint(polygon).astype(np.int64), triggering_anchors=(position,))
            for polygon in outline
        )
        state.outline, state.anchor = outline, anchor
    inside = np.zeros(len(detections), dtype=np.bool_)
    for zone in state.zones:
        inside |= zone.trigger(detections)
    return inside


class TimeInZoneV1(_TimeInZone):
    """Measures how long tracked objects have been in a zone, first version."""

    manifest: ClassVar[type[BlockManifest]] = TimeInZoneManifestV1


class TimeInZoneV2(_TimeInZone):
    """Measures how long tracked objects have been in a zone, second version."""

    manifest: ClassVar[type[BlockManifest]] = TimeInZoneManifestV2


class TimeInZoneV3(_TimeInZone):
    """Measures how long tracked objects have been in a zone, or in any of several."""

    manifest: ClassVar[type[BlockManifest]] = TimeInZoneManifestV3
