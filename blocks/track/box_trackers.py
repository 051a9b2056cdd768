"""Trackers that follow boxes: ByteTrack and OC-SORT, of the package ``trackers``.

They give each box an id by where it moves, without a look at the picture: fast, no masks, and an
object that was hidden for long comes back under another id. Detections are needed on every frame.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from trackwire.specs import (
    Batch,
    BlockError,
    BlockManifest,
    Failure,
    Outcome,
    Resources,
    StreamKey,
)

from ..frame import Frame, VideoMetadata
from ..options import require_settled
from .box_tracker_manifests import (
    ByteTrackerManifestV1,
    ByteTrackerManifestV2,
    ByteTrackerManifestV3,
    ByteTrackManifest,
    OCSORTManifest,
)

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["OCSORT", "ByteTrack", "ByteTrackerV1", "ByteTrackerV2", "ByteTrackerV3"]

_USUAL_FPS = 30.0
_ROW = "row"


class _Tracker(Protocol):
    """What the trackers of the package have in common."""

    def update(self, detections: sv.Detections) -> sv.Detections: ...


@dataclass(slots=True)
class _Session:
    """The tracker of one stream. A new epoch has a new one, whose ids go on from the last's."""

    tracker: _Tracker
    epoch: int
    first_id: int
    next_id: int
    seen: OrderedDict[int, None]


class _BoxTracker(ABC):
    """A block that gives tracker ids to detections, with a tracker for each stream."""

    manifest: ClassVar[type[BlockManifest]]

    def __init__(self, step: BlockManifest, package: Any) -> None:
        self._step: Any = step
        self._package = package
        self._sessions: dict[StreamKey, _Session] = {}
        self._options = {
            name: field.default if (value := getattr(step, name)) is None else value
            for name, field in type(step).model_fields.items()
        }

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block.

        Raises:
            BlockError: The package ``trackers`` is not installed, or an option is wired to
                something that changes from frame to frame.
        """
        wires = ("type", "name", "image", "metadata", "detections", "predictions")
        require_settled(step, [name for name in type(step).model_fields if name not in wires])
        try:
            package = import_module("trackers")
        except ImportError as error:
            raise BlockError(
                f"step {step.name!r} ({step.type}) needs the package trackers, which cannot be "
                f"imported ({error}): pip install 'trackwire[trackers]', or track with "
                "trackwire/video_tracker@v1, which needs nothing more",
                code="package_missing",
                step=step.name,
                package="trackers",
            ) from error
        return cls(step, package)

    @abstractmethod
    def make_tracker(self, fps: float) -> _Tracker:
        """Make the tracker of a stream.

        Args:
            fps: Frames per second of the stream.
        """

    def _chosen(self, *names: str) -> dict[str, Any]:
        """The options that the package knows by the same names."""
        shared = (
            "lost_track_buffer",
            "minimum_consecutive_frames",
            "minimum_iou_threshold",
            "high_conf_det_threshold",
        )
        return {name: self._options[name] for name in (*shared, *names)}

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Track on one frame of each stream; one that fails, fails alone."""
        outcomes: list[Outcome] = []
        for index, stream in enumerate(batch.streams):
            values = {name: column[index] for name, column in batch.columns.items()}
            image = values.get("image")
            video = image.video if isinstance(image, Frame) else values["metadata"]
            detections = values["predictions" if "predictions" in values else "detections"]
            try:
                outcomes.append(self._track(self._session(stream, video), detections))
            except Exception as error:  # noqa: BLE001 - one bad element must not fail the others
                outcomes.append(Failure(error))
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:
        """Forget the tracks of a stream."""
        self._sessions.pop(stream, None)

    def close(self) -> None:
        """Forget all tracks."""
        self._sessions.clear()

    def _session(self, stream: StreamKey, video: VideoMetadata) -> _Session:
        session = self._sessions.get(stream)
        if session is None or session.epoch != video.epoch:
            first_id = self._step.first_id if session is None else session.next_id
            seen = OrderedDict[int, None]() if session is None else session.seen
            fps = self._options.get("frame_rate") or video.fps or _USUAL_FPS
            tracker = self.make_tracker(float(fps))
            session = _Session(tracker, video.epoch, first_id, first_id, seen)
            self._sessions[stream] = session
        return session

    def _track(self, session: _Session, detections: sv.Detections) -> Mapping[str, Any]:
        tracked = _update(session, detections)
        outputs: dict[str, Any] = {"tracked_detections": tracked}
        if len(self.manifest.outputs) > 1:
            before = self._seen_before(session, tracked.tracker_id)
            outputs["new_instances"] = tracked[~before]
            outputs["already_seen_instances"] = tracked[before]
        return outputs

    def _seen_before(self, session: _Session, ids: Iterable[int] | None) -> NDArray[np.bool_]:
        """Tell which tracks were put out before; the first to be remembered is the first to go."""
        before = []
        for track in ids if ids is not None else ():
            before.append(track in session.seen)
            session.seen.setdefault(int(track), None)
            if len(session.seen) > self._options["instances_cache_size"]:
                session.seen.popitem(last=False)
        return np.array(before, dtype=np.bool_)


def _update(session: _Session, detections: sv.Detections) -> sv.Detections:
    """Show detections to the tracker; those it has no track for are left out."""
    import supervision as sv

    # Boxes alone are shown, so that masks and fields are not copied about within.
    shown = sv.Detections(
        xyxy=detections.xyxy.astype(np.float64),
        confidence=detections.confidence,
        class_id=detections.class_id,
        data={_ROW: np.arange(len(detections))},
    )
    answer = session.tracker.update(shown)
    ids = np.asarray([] if answer.tracker_id is None else answer.tracker_id, dtype=np.int64)
    rows = np.asarray(answer.data.get(_ROW, ()), dtype=np.int64)
    rows, ids = rows[ids >= 0], ids[ids >= 0]
    order = np.argsort(rows)
    ids = ids[order] + session.first_id
    session.next_id = max(session.next_id, int(ids.max(initial=-1)) + 1)
    chosen: Any = detections[rows[order]]
    tracked: sv.Detections = dataclasses.replace(chosen, tracker_id=ids)
    return tracked


class _ByteTracker(_BoxTracker):
    """ByteTrack under the properties that it had in ``supervision``."""

    def make_tracker(self, fps: float) -> _Tracker:
        options = self._options
        sure = float(options["track_activation_threshold"])
        tracker: _Tracker = self._package.ByteTrackTracker(
            lost_track_buffer=options["lost_track_buffer"],
            frame_rate=fps,
            high_conf_det_threshold=sure,
            track_activation_threshold=min(sure + 0.1, 1.0),
            minimum_iou_threshold=1.0 - float(options["minimum_matching_threshold"]),
            minimum_consecutive_frames=options.get("minimum_consecutive_frames", 1),
        )
        return tracker


class ByteTrackerV1(_ByteTracker):
    """Tracks boxes with ByteTrack, first version. Needs the extra ``trackers``."""

    manifest: ClassVar[type[BlockManifest]] = ByteTrackerManifestV1


class ByteTrackerV2(_ByteTracker):
    """Tracks boxes with ByteTrack, second version. Needs the extra ``trackers``."""

    manifest: ClassVar[type[BlockManifest]] = ByteTrackerManifestV2


class ByteTrackerV3(_ByteTracker):
    """Tracks boxes with ByteTrack and tells new objects from those seen before.

    Needs the extra ``trackers``.
    """

    manifest: ClassVar[type[BlockManifest]] = ByteTrackerManifestV3


class ByteTrack(_BoxTracker):
    """Tracks boxes with ByteTrack, all of whose options are properties.

    Needs the extra ``trackers``.
    """

    manifest: ClassVar[type[BlockManifest]] = ByteTrackManifest

    def make_tracker(self, fps: float) -> _Tracker:
        """Make a tracker."""
        tracker: _Tracker = self._package.ByteTrackTracker(
            frame_rate=fps, **self._chosen("track_activation_threshold")
        )
        return tracker


class OCSORT(_BoxTracker):
    """Tracks boxes with OC-SORT, which bears up better where objects hide and turn.

    Needs the extra ``trackers``.
    """

    manifest: ClassVar[type[BlockManifest]] = OCSORTManifest

    def make_tracker(self, fps: float) -> _Tracker:
        """Make a tracker."""
        tracker: _Tracker = self._package.OCSORTTracker(
            frame_rate=fps, **self._chosen("direction_consistency_weight", "delta_t")
        )
        return tracker
