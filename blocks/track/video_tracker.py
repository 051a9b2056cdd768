"""The video tracker block: detections in, masks and identities that last out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from trackwire.specs import (
    Batch,
    BlockManifest,
    Event,
    Failure,
    Missing,
    ModelError,
    Outcome,
    Resources,
    SessionError,
    Severity,
    StreamKey,
    TrackwireError,
)

from ..detections import (
    DEFAULT_CLASS_NAME,
    INSTANCE_SEGMENTATION,
    MASK_SCORE,
    PROMPT_DETECTION_ID,
    build_detections,
)
from ..models.catalog import load_video_model
from ..options import require_settled
from .commands import ResetStream
from .control import TrackerControl
from .evidence import Evidence
from .explanation import explained
from .gap import cross
from .mailbox import Mailbox
from .manifest import Sam2VideoManifest, TrackerManifest, VideoTrackerManifest
from .round import Attempt, HalfWrittenError, Job, take_through
from .session import Standing, Tally
from .store import SessionStore
from .track_events import TrackEvent, all_ended
from .turn_result import TurnResult

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from ..models.seam import VideoModel
    from .mailbox import Request

__all__ = ["Sam2VideoTracker", "VideoTracker"]

_WIRED: Final = ("images", "boxes")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class VideoTracker:
    """Follows objects through the frames of many streams.

    A prompt frame's detections are matched with the tracks, and new ones are born of the rest;
    on all other frames the model follows on its own. Each stream has a session of its own: what
    happens in one changes nothing in another.

    Everything that the model does is done for all streams of a batch at once. The session of a
    stream changes only when its frame is done, so a frame that fails can be left out, and the
    next one goes on where the last good one ended.

    Args:
        step: The step as written, all properties settled.
        model: Follows the objects.
        resources: Takes events.
    """

    manifest: ClassVar[type[BlockManifest]] = VideoTrackerManifest

    def __init__(
        self, step: TrackerManifest, model: VideoModel[Any, Any], resources: Resources
    ) -> None:
        self._step = step
        self._tell_why = resources.explain
        self._rules = step.rules()
        if self._tell_why is not None:
            self._rules = replace(self._rules, explain=True)
        self._model = model
        self._outbox = resources.outbox
        self._mailbox = Mailbox()
        timeout_s = step.session_timeout_s
        self._sessions = SessionStore(
            model,
            resources.outbox,
            step=step.name,
            cap=int(step.max_sessions),
            idle_after_s=float(step.idle_after_s),
            timeout_s=None if timeout_s is None else float(timeout_s),
            clock=resources.clock,
            mailbox=self._mailbox,
        )
        self.control: Final = TrackerControl(self._mailbox, self._sessions.status)

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

    @property
    def sessions(self) -> SessionStore:
        """The sessions, to look at."""
        return self._sessions

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Ask for the boxes of the frames that are prompt frames if they have any."""
        beside = frozenset(eager.streams)
        return {"boxes": [self._due(frame, beside) for frame in eager["images"]]}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Track through one frame of each stream.

        Returns:
            ``predictions``, ``events`` and ``explanation`` for each element, or a failure: a
            ``SessionError`` for a frame that came before or a stream above the cap, a
            ``ModelError`` where the model failed.
        """
        self._sessions.attend([frame.video.video_identifier for frame in batch["images"]])
        outcomes: dict[int, Outcome] = {}
        jobs: list[Job] = []
        for index, (frame, boxes) in enumerate(zip(batch["images"], batch["boxes"], strict=True)):
            try:
                jobs.append(self._admit(index, frame, boxes))
            except (TrackwireError, ValueError) as error:
                outcomes[index] = Failure(error)
        outcomes.update(self._finish(jobs))
        return [outcomes[index] for index in range(len(batch))]

    def end_stream(self, stream: StreamKey) -> None:
        """Free what a stream holds; its ids stay used."""
        self._sessions.end(stream)

    def close(self) -> None:
        """End all sessions and let go of the model."""
        self._sessions.close()

    def _due(self, frame: Frame, beside: frozenset[StreamKey]) -> bool:
        stream = frame.video.video_identifier
        session = self._sessions.peek(stream)
        if session is None:
            return self._sessions.has_room(stream, beside)
        try:
            crossing = cross(session.standing, frame, self._rules.on_gap)
        except SessionError:
            return False  # run refuses the frame, and says why
        asked = self._mailbox.pending(stream)
        anew = any(isinstance(request.command, ResetStream) for request in asked)
        standing = Standing.fresh() if anew else crossing.standing
        return self._rules.schedule.due(standing.clock)

    def _admit(self, index: int, frame: Frame, boxes: sv.Detections | Missing | None) -> Job:
        stream = frame.video.video_identifier
        session = self._sessions.acquire(stream)
        asked = self._mailbox.pending(stream)
        job = Job.of(index, frame, session, asked, self._rules.on_gap)
        clock = job.corrections.standing.clock
        if boxes is None or isinstance(boxes, Missing) or not self._rules.schedule.due(clock):
            return job
        return replace(job, evidence=Evidence.of(boxes, frame))

    def _finish(self, jobs: Sequence[Job]) -> dict[int, Outcome]:
        """Work on jobs together; if that fails, on each alone, so that only the bad ones fail."""
        try:
            attempts = take_through(self._model, self._rules, jobs)
        except HalfWrittenError as error:
            cause = error.__cause__ or error
            outcomes: dict[int, Outcome] = {job.index: self._failed(job, cause) for job in jobs}
            for job in jobs:
                self._sessions.forget(job.session)
                self._refuse_requests(job, cause)
            return outcomes
        # A model may raise anything: torch, onnxruntime and drivers have errors of their own, and
        # none of them may take other streams down.
        except Exception as error:  # noqa: BLE001
            if len(jobs) == 1:
                return self._finish_alone(jobs[0], error)
            outcomes = {}
            for job in jobs:
                outcomes.update(self._finish([job]))
            return outcomes
        return {attempt.job.index: self._commit(attempt) for attempt in attempts}

    def _finish_alone(self, job: Job, error: Exception) -> dict[int, Outcome]:
        """Try a job that failed once more without what was asked for, which may be the cause."""
        if not job.requests:
            return {job.index: self._failed(job, error)}
        outcomes = self._finish([job.without_requests()])
        if not isinstance(outcomes[job.index], Failure):
            self._refuse_requests(job, error)
        return outcomes

    def _refuse_requests(self, job: Job, cause: BaseException) -> None:
        failure = self._failed(job, cause).error
        self._answer(job, [(request, failure) for request in job.requests])

    def _commit(self, attempt: Attempt) -> Outcome:
        job, result = attempt.job, attempt.turn.result
        session, video = job.session, job.frame.video
        before, after = session.standing, result.standing
        reset = job.crossing.outcome == "reset"
        broken = all_ended(before, "gap", video.frame_number) if reset else ()
        events = (*broken, *result.events)
        # Reads the session as it was before this frame.
        explanation = self._explain(attempt, events)
        self._tell_of(job, result, events)
        session.ids.spend([result.last_id])
        session.note_ended(
            (event.tracker_id for event in events if event.kind == "ended"),
            live=after.table.tracker_id.tolist(),
        )
        session.standing = after
        session.tally += result.tally + Tally(
            ended=len(before.table) + result.tally.born - len(after.table),
            resets=int(reset),
        )
        # What follows nothing needs no memory: the model opens a new state with the next birth.
        self._sessions.replace_state(session, attempt.state)
        if after.live == 0:
            self._sessions.replace_state(session, None)
        self._answer(job, result.answers)
        return {
            "predictions": self._predictions(job.frame, result),
            "events": [event.as_json() for event in events],
            "explanation": explanation,
        }

    def _explain(self, attempt: Attempt, events: Sequence[TrackEvent]) -> Mapping[str, Any]:
        if not self._rules.explain:
            return _NOTHING
        explanation = explained(attempt.job, attempt.turn, events, self._step.name)
        if self._tell_why is not None:
            self._tell_why(explanation)
        return explanation

    def _answer(self, job: Job, answers: Sequence[tuple[Request, Any]]) -> None:
        """Tell those who asked, and say of each request that could not be carried out."""
        for request, result in answers:
            if isinstance(result, Exception):
                what = type(request.command).__name__
                self._tell(
                    job,
                    "tracker.request_failed",
                    "warning",
                    f"what was asked of the tracker ({what}) could not be done: {result}",
                    {"request": what, "code": getattr(result, "code", type(result).__name__)},
                )
        self._mailbox.answer(job.session.stream, answers)

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
            producer=self._step.name,
            data={MASK_SCORE: view.score, PROMPT_DETECTION_ID: tracks.detection_id},
        )

    def _failed(self, job: Job, error: BaseException) -> Failure:
        if isinstance(error, TrackwireError):
            return Failure(error)
        video = job.frame.video
        failure = ModelError(
            f"tracking frame {video.frame_number} of stream {video.video_identifier!r} with "
            f"model {self._step.model_id!r} failed: {type(error).__name__}: {error}",
            code="tracking_failed",
            stream=video.video_identifier,
            frame_number=video.frame_number,
            model_id=self._step.model_id,
        )
        failure.__cause__ = error
        return Failure(failure)

    def _tell_of(self, job: Job, result: TurnResult, events: Sequence[TrackEvent]) -> None:
        session = job.session
        for event in events:
            self._outbox(event.as_event(session.stream, self._step.name))
        why = "was reset by request" if job.corrections.began_anew else None
        gap, outcome = job.crossing.gap, job.crossing.outcome
        if outcome == "reset":
            why = f"has a gap ({gap})"
        elif gap is not None:
            where = "go on where they are" if outcome == "kept" else "are looked for anew"
            count = len(job.crossing.standing.table)
            self._tell(
                job,
                "tracker.gap",
                "info",
                f"stream {session.stream!r} has a gap ({gap}): {count} tracks {where}",
                {"reason": gap, "outcome": outcome, "tracks": count},
            )
        if why is not None:
            live = len(session.standing.table)
            self._tell(
                job,
                "tracker.session_reset",
                "info",
                f"stream {session.stream!r} {why}: {live} tracks ended",
                {"reason": gap or "requested", "tracks": live},
            )
        if result.tally.refused and not session.tally.refused:
            self._tell(
                job,
                "tracker.objects_refused",
                "warning",
                f"stream {session.stream!r} has more objects than max_objects "
                f"({self._step.max_objects}); the least confident are not tracked",
                {"refused": result.tally.refused},
            )

    def _tell(
        self, job: Job, kind: str, severity: Severity, message: str, values: Mapping[str, Any]
    ) -> None:
        video = job.frame.video
        self._outbox(
            Event(
                kind,
                severity,
                message,
                stream=video.video_identifier,
                step=self._step.name,
                frame_number=video.frame_number,
                fields=values,
            )
        )


class Sam2VideoTracker(VideoTracker):
    """The video tracker under the id of existing documents, which default to SAM 2.1."""

    manifest: ClassVar[type[BlockManifest]] = Sam2VideoManifest
