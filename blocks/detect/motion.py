"""The motion detector: finds what moves before a background that it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import Field

from trackwire.specs import (
    FLOAT,
    IMAGE,
    INTEGER,
    OBJECT_DETECTION_PREDICTION,
    Batch,
    BlockManifest,
    Failure,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
)

from ..detections import build_detections
from ..options import Count, Fraction, require_settled

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from .foreground import ForegroundDetector, ForegroundOptions

__all__ = ["MotionDetection", "MotionDetectionManifest"]

_Whole: TypeAlias = Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)]

_OPTIONS: Final = (
    "warm_up_frames",
    "history",
    "variance_threshold",
    "min_area",
    "min_area_px",
    "min_edge_change",
    "max_foreground",
    "merge_distance",
    "close_size",
    "working_size",
)


class MotionDetectionManifest(BlockManifest):
    """Properties of the motion detector.

    It needs a camera that stands still. Areas are fractions of the frame and lengths fractions
    of its longer side, so that one setting fits every size of frame.
    """

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, cost="picture")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset({OBJECT_DETECTION_PREDICTION})),
    )

    type: Literal["trackwire/motion_detection@v1"] = "trackwire/motion_detection@v1"
    images: Annotated[str, Selector(IMAGE)] = Field(
        description="Frames of the streams to look at; each stream has its own background."
    )
    class_name: str = Field(default="object", description="Class given to whatever moves.")
    min_confidence: Fraction = Field(
        default=0.0,
        description="Least confidence of a detection: 0.63 where an object differs from the "
        "background by 50 of 255 grey levels, 0.86 where by 100.",
    )
    warm_up_frames: _Whole = Field(
        default=10, description="Frames at the start of a stream that only teach the background."
    )
    history: Count = Field(
        default=500,
        description="Frames the background remembers: the larger, the longer an object that "
        "stops is still found.",
    )
    variance_threshold: Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)] = Field(
        default=16.0,
        description="How far a pixel may be from the background: squared, in deviations.",
    )
    min_area: Fraction = Field(
        default=0.0008,
        description="Least share of the frame that the moving pixels of an object cover.",
    )
    min_area_px: _Whole = Field(
        default=16, description="The same in pixels of the frame; the larger of the two holds."
    )
    min_edge_change: Annotated[float, Field(ge=0.0)] | Annotated[str, Selector(FLOAT)] = Field(
        default=8.0,
        description="Grey levels a pixel by which edges nearby must differ from the "
        "background's, so that light and shade on a wall are not taken for objects; 0 takes all.",
    )
    max_foreground: Fraction = Field(
        default=0.5,
        description="If a larger share of the frame changes, the camera has moved or the scene "
        "was cut: nothing is found, and the background is learnt anew.",
    )
    merge_distance: Fraction = Field(
        default=0.01, description="Fragments nearer to an object than this are parts of it."
    )
    close_size: Fraction = Field(
        default=0.006, description="Gaps within an object that are closed up to this size."
    )
    working_size: _Whole = Field(
        default=480,
        description="Pixels of the longer side of the reduced frame that is looked at; 0 for "
        "the frame itself.",
    )


class MotionDetection:
    """Finds moving objects with one learnt background per stream.

    A new epoch or another size of frame starts a new background. A stream's background is freed
    when the stream ends.
    """

    manifest: ClassVar[type[BlockManifest]] = MotionDetectionManifest

    def __init__(self, step: MotionDetectionManifest, options: ForegroundOptions) -> None:
        self._name = step.name
        self._class_name = step.class_name
        self._min_confidence = step.min_confidence
        self._options = options
        self._streams: dict[StreamKey, tuple[int, ForegroundDetector]] = {}

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the detector.

        Raises:
            BlockError: An option is wired to something that changes from frame to frame.
        """
        from .foreground import ForegroundOptions

        if not isinstance(step, MotionDetectionManifest):
            raise TypeError(f"a MotionDetectionManifest is needed, found {type(step).__name__}")
        require_settled(step, ("min_confidence", *_OPTIONS))
        return cls(step, ForegroundOptions(**{name: getattr(step, name) for name in _OPTIONS}))

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Look at one frame of each stream."""
        outcomes: list[Outcome] = []
        for frame in batch["images"]:
            try:
                outcomes.append({"predictions": self._detect(frame)})
            except Exception as error:  # noqa: BLE001 - one bad frame must not fail other streams
                outcomes.append(Failure(error))
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:
        """Free the stream's background."""
        self._streams.pop(stream, None)

    def close(self) -> None:
        """Free all backgrounds."""
        self._streams.clear()

    def _detect(self, frame: Frame) -> sv.Detections:
        stream, epoch = frame.video.video_identifier, frame.video.epoch
        known_epoch, detector = self._streams.get(stream, (None, None))
        if detector is None or known_epoch != epoch:
            from .foreground import ForegroundDetector

            detector = ForegroundDetector(self._options)
            self._streams[stream] = (epoch, detector)
        boxes, confidence = detector.detect(frame.image)
        sure = confidence >= float(self._min_confidence)
        return build_detections(
            frame,
            boxes[sure],
            confidence=confidence[sure],
            class_name=self._class_name,
            producer=self._name,
        )
