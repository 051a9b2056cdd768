"""What all blocks that measure tracks have in common: a state for each stream and epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

from trackwire.specs import (
    INSTANCE_SEGMENTATION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    Batch,
    BlockError,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
)

from ..elements import run_each
from ..frame import Frame, VideoMetadata

if TYPE_CHECKING:
    import supervision as sv

__all__ = ["TRACKED", "Measuring", "MeasuringManifest", "tracked_output"]

TRACKED: Final = Selector(
    OBJECT_DETECTION_PREDICTION,
    INSTANCE_SEGMENTATION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
)
"""The kinds that can be measured."""

State = TypeVar("State")


def tracked_output(name: str) -> OutputDefinition:
    """Declare an output that holds the detections measured, or some of them."""
    return OutputDefinition(name, TRACKED.kinds)


class MeasuringManifest(BlockManifest):
    """Base of the manifests of blocks that measure tracks."""

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True)


class Measuring(ABC, Generic[State]):
    """A block that measures the tracks of each stream.

    A subclass names its ``manifest``, begins a state, and measures one frame with it. A new epoch
    begins a new state, in which totals may be carried on.
    """

    manifest: ClassVar[type[BlockManifest]]

    def __init__(self, step: BlockManifest) -> None:
        self.step: Any = step
        self._streams: dict[StreamKey, tuple[int, State]] = {}

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block; nothing has been measured yet."""
        return cls(step)

    @abstractmethod
    def begin(self, values: Mapping[str, Any], before: State | None) -> State:
        """Begin the state of a stream, or of a new epoch of it.

        Args:
            values: All properties of the first element.
            before: The state of the epoch before, None at the beginning of the stream.

        Raises:
            BlockError: A property has a value that it must not have.
        """

    @abstractmethod
    def measure(
        self,
        state: State,
        video: VideoMetadata,
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Measure one frame.

        Args:
            state: Of the stream; changed in place.
            video: Where the frame stands in it.
            detections: What is there; with ``tracker_id`` unless empty.
            values: All properties of the element.

        Returns:
            The outputs.
        """

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Measure each element; one that cannot be measured fails alone."""
        return run_each(batch, self._run_one)

    def end_stream(self, stream: StreamKey) -> None:
        """Forget a stream."""
        self._streams.pop(stream, None)

    def close(self) -> None:
        """Forget all streams."""
        self._streams.clear()

    def _run_one(self, stream: StreamKey, values: Mapping[str, Any]) -> Mapping[str, Any]:
        image = values.get("image")
        video: VideoMetadata = image.video if isinstance(image, Frame) else values["metadata"]
        detections: sv.Detections = values["detections"]
        if detections.tracker_id is None and len(detections):
            raise BlockError(
                f"{self.step.name} measures tracks, and these detections have no tracker ids; "
                "wire the predictions of a tracker",
                code="tracker_ids_missing",
            )
        epoch, state = self._streams.get(stream, (None, None))
        if state is None or epoch != video.epoch:
            state = self.begin(values, state)
            self._streams[stream] = (video.epoch, state)
        return self.measure(state, video, detections, values)
