"""Counting lines: how many objects have crossed a line, in either direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from trackwire.specs import (
    IMAGE,
    INTEGER,
    LIST_OF_VALUES,
    STRING,
    VIDEO_METADATA,
    BlockError,
    BlockManifest,
    OutputDefinition,
    Selector,
)

from ..draw.drawing import Position, find_position
from ..frame import VideoMetadata
from .geometry import Line, Point, read_line
from .measuring import TRACKED, Measuring, MeasuringManifest, tracked_output
from .track_memory import TrackMemory

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["LineCounterManifestV1", "LineCounterManifestV2", "LineCounterV1", "LineCounterV2"]

_REMEMBERED_FRAMES: Final = 150
"""How long the side is remembered on which a track was when it was lost from sight."""
_MOST_LOST: Final = 256

_COUNTS: Final = (
    OutputDefinition("count_in", frozenset({INTEGER})),
    OutputDefinition("count_out", frozenset({INTEGER})),
)


class _LineCounterManifest(MeasuringManifest):
    detections: Annotated[str, TRACKED] = Field(description="Tracked objects.")
    line_segment: Line | Annotated[str, Selector(LIST_OF_VALUES)] = Field(
        description="The line, [[x1, y1], [x2, y2]] in pixels. Seen from its first point, objects "
        "that come from the right and go to the left are counted as in."
    )


class LineCounterManifestV1(_LineCounterManifest):
    """Properties of the first version of the counting line."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = _COUNTS

    type: Literal["roboflow_core/line_counter@v1"]
    metadata: Annotated[str, Selector(VIDEO_METADATA)] = Field(
        description="Video metadata of the frame."
    )
    triggering_anchor: Position | Annotated[str, Selector(STRING)] = Field(
        default="CENTER", description="Point of the box that has to cross the line."
    )


class LineCounterManifestV2(_LineCounterManifest):
    """Properties of the second version: it also puts out what has just crossed."""

    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        *_COUNTS,
        tracked_output("detections_in"),
        tracked_output("detections_out"),
    )

    type: Literal["roboflow_core/line_counter@v2"]
    image: Annotated[str, Selector(IMAGE)] = Field(description="Frame the detections belong to.")
    triggering_anchor: Position | Annotated[str, Selector(STRING)] | None = Field(
        default=None,
        description="Point of the box that has to cross the line; null for all four corners.",
    )


@dataclass(slots=True)
class _Count:
    """The count of one stream.

    ``supervision`` forgets a track after two frames without it, so an object that crosses the
    line behind a pillar would not be counted. Tracks out of sight are therefore shown to it
    where they were last seen.
    """

    line: tuple[Point, Point]
    anchor: sv.Position | None
    zone: sv.LineZone
    total_in: int = 0
    total_out: int = 0
    last_seen: TrackMemory[tuple[int, NDArray[np.float64]]] = field(
        default_factory=lambda: TrackMemory(_MOST_LOST)
    )
    frames: int = 0


class _LineCounter(Measuring[_Count]):
    def begin(self, values: Mapping[str, Any], before: _Count | None) -> _Count:
        """Begin to count; the totals of the epoch before are carried on."""
        import supervision as sv

        try:
            line = read_line(values["line_segment"])
        except ValueError as error:
            raise BlockError(f"line_segment: {error}", code="zone_shape") from error
        name = values["triggering_anchor"]
        anchor = None if name is None else find_position("triggering_anchor", name)
        ends = (sv.Point(*line[0]), sv.Point(*line[1]))
        zone = sv.LineZone(*ends)
        if anchor is not None:
            zone = sv.LineZone(*ends, triggering_anchors=[sv.Position.CENTER])
        count = _Count(line, anchor, zone)
        if before is not None and before.line == line:
            count.total_in, count.total_out = before.total_in, before.total_out
        return count

    def measure(
        self,
        state: _Count,
        video: VideoMetadata,
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Count what crosses on this frame."""
        crossed_in, crossed_out = _trigger(state, detections)
        state.total_in += int(crossed_in.sum())
        state.total_out += int(crossed_out.sum())
        outputs: dict[str, Any] = {"count_in": state.total_in, "count_out": state.total_out}
        if "detections_in" in {output.name for output in self.manifest.outputs}:
            outputs["detections_in"] = detections[crossed_in]
            outputs["detections_out"] = detections[crossed_out]
        return outputs


def _trigger(
    state: _Count, detections: sv.Detections
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Show a frame to the line: what is in sight, and where the rest was last seen."""
    import supervision as sv

    seen = len(detections)
    boxes = detections.xyxy.astype(np.float64)
    if state.anchor is not None and seen:
        # Boxes of no size at the anchor: then a lost track needs no mask to be shown again.
        boxes = np.tile(detections.get_anchors_coordinates(state.anchor), 2).astype(np.float64)
    tracks = [] if detections.tracker_id is None else detections.tracker_id.tolist()
    in_sight = set(tracks)
    lost = []
    for track, (frame, box) in state.last_seen.items():
        if track in in_sight:
            continue
        if state.frames - frame > _REMEMBERED_FRAMES:
            state.last_seen.drop(track)
        else:
            lost.append((track, box))
    for track, box in zip(tracks, boxes, strict=True):
        if track >= 0:
            state.last_seen.put(track, (state.frames, box))
    state.frames += 1
    shown = sv.Detections(
        xyxy=np.concatenate([boxes, *(box[None] for _, box in lost)]) if lost else boxes,
        tracker_id=np.array([*tracks, *(track for track, _ in lost)], dtype=np.int64),
    )
    crossed_in, crossed_out = state.zone.trigger(shown)
    return crossed_in[:seen], crossed_out[:seen]


class LineCounterV1(_LineCounter):
    """Counts the tracked objects that cross a line, in and out, first version."""

    manifest: ClassVar[type[BlockManifest]] = LineCounterManifestV1


class LineCounterV2(_LineCounter):
    """Counts the tracked objects that cross a line, in and out, and tells which just did."""

    manifest: ClassVar[type[BlockManifest]] = LineCounterManifestV2
