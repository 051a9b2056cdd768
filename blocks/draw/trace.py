"""Traces: the ways that tracked objects have come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import STRING, BlockError, BlockManifest, Selector, StreamKey, Traits

from ..frame import Frame
from ..options import Count
from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions
from .drawing import Position, find_position, require_anchor

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["TraceVisualization", "TraceVisualizationManifest"]


class TraceVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that draws traces."""

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, cost="picture")

    type: Literal["roboflow_core/trace_visualization@v1", "TraceVisualization"]
    position: Position | Annotated[str, Selector(STRING)] = Field(
        default="CENTER", description="Point of the box that leaves the trace."
    )
    trace_length: Count = Field(default=30, description="Frames a trace reaches back.")
    thickness: Count = Field(default=1, description="Width of the line, pixels.")


class TraceVisualization(ColoredDrawing):
    """Draws where each track has been in the last frames.

    Every stream has its own traces; they begin anew with each epoch and are freed with the
    stream. They hold ``trace_length`` frames at most.
    """

    manifest: ClassVar[type[BlockManifest]] = TraceVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (
        *ColoredDrawing.options,
        "position",
        "trace_length",
        "thickness",
    )

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[StreamKey, tuple[Any, sv.TraceAnnotator]] = {}

    def make_annotator(self, options: Mapping[str, Any]) -> sv.TraceAnnotator:
        """Make an annotator for options, without a past."""
        import supervision as sv

        colors = ColorOptions(options)
        return sv.TraceAnnotator(
            color=colors.color,
            color_lookup=colors.color_lookup,
            position=find_position("position", options["position"]),
            trace_length=int(options["trace_length"]),
            thickness=int(options["thickness"]),
        )

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element; an empty one still lets time pass for the traces."""
        frame: Frame = values["image"]
        detections: sv.Detections = values["predictions"]
        if not len(detections):
            self.annotator(stream, values).trace.put(detections)
            return frame
        if detections.tracker_id is None:
            raise BlockError(
                "traces need tracker ids, which these predictions do not have; wire the "
                "predictions of a tracker",
                code="tracker_ids_missing",
            )
        return super().draw(stream, values)

    def annotate(
        self,
        annotator: sv.TraceAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw the traces."""
        require_anchor(detections, "position", values["position"])
        annotator.annotate(scene, detections)

    def annotator(self, stream: StreamKey, values: Mapping[str, Any]) -> sv.TraceAnnotator:
        """Find the stream's annotator; other options or a new epoch begin a new one."""
        options = [str(values[name]) for name in self.options]
        key = (values["image"].video.epoch, *options)
        known, annotator = self._streams.get(stream, (None, None))
        if annotator is None or known != key:
            annotator = self.make_annotator(values)
            self._streams[stream] = (key, annotator)
        return annotator

    def end_stream(self, stream: StreamKey) -> None:
        """Free the stream's traces."""
        self._streams.pop(stream, None)

    def close(self) -> None:
        """Free all traces."""
        super().close()
        self._streams.clear()
