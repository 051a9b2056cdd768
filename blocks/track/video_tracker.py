"""The video tracker block: detections in, masks and identities that last out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from trackwire.specs import Batch, BlockManifest, Missing, Resources, SessionError, StreamKey

from ..detections import (
    DEFAULT_CLASS_NAME,
    INSTANCE_SEGMENTATION,
    MASK_SCORE,
    PROMPT_DETECTION_ID,
    build_detections,
)
from ..models.catalog import load_video_model
from ..options import require_settled
from .evidence import Evidence
from .explanation import explained
from .gap import cross
from .manifest import Sam2VideoManifest, TrackerManifest, VideoTrackerManifest
from .round import Attempt, Job, take_through
from .session import Standing
from .session_tracker import SessionTracker, Settled

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from ..models.seam import VideoModel
    from .track_events import TrackEvent
    from .turn_result import TurnResult

__all__ = ["Sam2VideoTracker", "VideoTracker"]

_WIRED: Final = ("images", "boxes")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class VideoTracker(SessionTracker):
    """Follows objects through the frames of many streams.

    A prompt frame's detections are matched with the tracks, and new ones are born of the rest;
    on all other frames the model follows on its own. Each stream has a session of its own: what
    happens in one changes nothing in another.

    Args:
        step: The step as written, all properties settled.
        model: Follows the objects.
        resources: Takes events.
    """

    manifest: ClassVar[type[BlockManifest]] = VideoTrackerManifest

    def __init__(
        self, step: TrackerManifest, model: VideoModel[Any, Any], resources: Resources
    ) -> None:
        super().__init__(step, str(step.model_id), model, resources)
        self._tell_why = resources.explain
        self._rules = step.rules()
        if self._tell_why is not None:
            self._rules = replace(self._rules, explain=True)
        self._model = model

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Load the model and make a tracker without sessions.

        Args:
            step: A :class:`TrackerManifest`.
            resources: ``model_loader`` replaces the catalog, ``device`` says where it runs.

        Raises:
            BlockError: A property other than ``images`` and ``boxes`` changes from frame to
                frame.
            ModelError: The model is not known or cannot be loaded.
        """
        if not isinstance(step, TrackerManifest):
            raise TypeError(f"VideoTracker is opened with a TrackerManifest, found {step!r}")
        require_settled(step, (name for name in type(step).model_fields if name not in _WIRED))
        return cls(step, load_video_model(str(step.model_id), resources), resources)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Ask for the boxes of the frames that are prompt frames if they have any."""
        beside = frozenset(eager.streams)
        return {"boxes": [self._due(frame, beside) for frame in eager["images"]]}

    def _due(self, frame: Frame, beside: frozenset[StreamKey]) -> bool:
        stream = frame.video.video_identifier
        session = self._sessions.peek(stream)
        if session is None:
            return self._sessions.has_room(stream, beside)
        try:
            crossing = cross(session.standing, frame, self._rules.on_gap)
        except SessionError:
            return False  # run refuses the frame, and says why
        standing = Standing.fresh() if self.begins_anew(stream) else crossing.standing
        return self._rules.schedule.due(standing.clock)

    def _admit(self, index: int, batch: Batch) -> Job:
        frame: Frame = batch["images"][index]
        boxes: sv.Detections | Missing | None = batch["boxes"][index]
        stream = frame.video.video_identifier
        session = self._sessions.acquire(stream)
        asked = self._mailbox.pending(stream)
        job = Job.of(index, frame, session, asked, self._rules.on_gap)
        clock = job.corrections.standing.clock
        if boxes is None or isinstance(boxes, Missing) or not self._rules.schedule.due(clock):
            return job
        return replace(job, evidence=Evidence.of(boxes, frame))

    def _take_through(self, jobs: Sequence[Job]) -> Sequence[Settled]:
        attempts = take_through(self._model, self._rules, jobs)
        return [
            Settled(attempt.job, attempt.state, attempt.turn.result, attempt)
            for attempt in attempts
        ]

    def _outputs(self, settled: Settled, events: Sequence[TrackEvent]) -> dict[str, Any]:
        attempt: Attempt = settled.source
        return {
            "predictions": self._predictions(attempt.job.frame, attempt.turn.result),
            "explanation": self._explain(attempt, events),
        }

    def _explain(self, attempt: Attempt, events: Sequence[TrackEvent]) -> Mapping[str, Any]:
        if not self._rules.explain:
            return _NOTHING
        explanation = explained(attempt.job, attempt.turn, events, self._name)
        if self._tell_why is not None:
            self._tell_why(explanation)
        return explanation

    def _predictions(self, frame: Frame, result: TurnResult) -> sv.Detections:
        tracks, view = result.visible, result.view
        shown = tracks.shown_class()
        return build_detections(
            frame,
            view.xyxy,
            confidence=tracks.confidence,
            class_id=tracks.class_id,
            class_name=np.where(shown == "", DEFAULT_CLASS_NAME, shown),
            tracker_id=tracks.tracker_id,
            mask=result.mask,
            prediction_type=INSTANCE_SEGMENTATION,
            producer=self._name,
            data={MASK_SCORE: view.score, PROMPT_DETECTION_ID: tracks.detection_id},
        )


class Sam2VideoTracker(VideoTracker):
    """The video tracker under the id of existing documents, which default to SAM 2.1."""

    manifest: ClassVar[type[BlockManifest]] = Sam2VideoManifest
