"""The video tracker block: detections in, masks and identities that last out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
from .evidence import Evidence
from .manifest import Sam2VideoManifest, TrackerManifest, VideoTrackerManifest
from .session import SessionStore, Standing, Tally, TrackingSession
from .turn import Rules, Turn, TurnResult

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from ..models.seam import VideoModel

__all__ = ["Sam2VideoTracker", "VideoTracker"]

_WIRED: Final = ("images", "boxes")


@dataclass(frozen=True, slots=True)
class _Job:
    """One element of a batch: a frame that its session takes.

    Args:
        index: Its place in the batch.
        frame: The frame.
        session: The session it belongs to.
        gap: What broke the stream before this frame, or None.
        evidence: Its detections if they were wanted, or None.
    """

    index: int
    frame: Frame
    session: TrackingSession
    gap: str | None
    evidence: Evidence | None

    def begin(self, rules: Rules) -> Turn:
        """Take up the frame, as often as need be."""
        standing = self.session.standing if self.gap is None else Standing.fresh()
        return Turn.begin(self.frame, rules, standing, self.session.ids, self.evidence)


@dataclass(slots=True)
class _Attempt:
    """One try to get a job through the model.

    Args:
        job: The job.
        turn: Its decisions.
        state: The model state worked on: the session's own, or a new one that becomes the
            session's if the try succeeds. None if the model has nothing to do.
        features: Of the frame.
        seen: What the model propagated.
    """

    job: _Job
    turn: Turn
    state: Any = None
    features: Any = None
    seen: Any = None


class _HalfWrittenError(Exception):
    """The model failed while it wrote: nobody knows what the states hold."""


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
        self._rules = step.rules()
        self._model = model
        self._outbox = resources.outbox
        self._sessions = SessionStore(
            model,
            resources.outbox,
            cap=int(step.max_sessions),
            idle_after_s=float(step.idle_after_s),
        )

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
        return {"boxes": [self._due(frame) for frame in eager["images"]]}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Track through one frame of each stream.

        Returns:
            ``predictions`` for each element, or a failure: a ``SessionError`` for a frame that
            came before or a stream above the cap, a ``ModelError`` where the model failed.
        """
        outcomes: dict[int, Outcome] = {}
        jobs: list[_Job] = []
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

    def _due(self, frame: Frame) -> bool:
        stream = frame.video.video_identifier
        session = self._sessions.peek(stream)
        if session is None:
            return self._sessions.has_room(stream)
        try:
            gap = session.standing.gap_before(frame)
        except SessionError:
            return False  # run refuses the frame, and says why
        standing = Standing.fresh() if gap else session.standing
        return self._rules.schedule.due(standing.clock)

    def _admit(self, index: int, frame: Frame, boxes: sv.Detections | Missing | None) -> _Job:
        session = self._sessions.acquire(frame.video.video_identifier)
        gap = session.standing.gap_before(frame)
        clock = Standing.fresh().clock if gap else session.standing.clock
        evidence = None
        if not (boxes is None or isinstance(boxes, Missing)) and self._rules.schedule.due(clock):
            evidence = Evidence.of(boxes, frame)
        return _Job(index, frame, session, gap, evidence)

    def _finish(self, jobs: Sequence[_Job]) -> dict[int, Outcome]:
        """Work on jobs together; if that fails, on each alone, so that only the bad ones fail."""
        try:
            attempts = self._attempt(jobs)
        except _HalfWrittenError as error:
            for job in jobs:
                self._sessions.forget(job.session)
            return {job.index: self._failed(job, error.__cause__ or error) for job in jobs}
        # A model may raise anything: torch, onnxruntime and drivers have errors of their own, and
        # none of them may take other streams down.
        except Exception as error:  # noqa: BLE001
            if len(jobs) == 1:
                return {jobs[0].index: self._failed(jobs[0], error)}
            outcomes: dict[int, Outcome] = {}
            for job in jobs:
                outcomes.update(self._finish([job]))
            return outcomes
        return {attempt.job.index: self._commit(attempt) for attempt in attempts}

    def _attempt(self, jobs: Sequence[_Job]) -> Sequence[_Attempt]:
        """Take jobs through the model; their sessions stay as they are.

        Raises:
            _HalfWrittenError: The model failed when it had begun to change states.
        """
        attempts = [_Attempt(job, job.begin(self._rules)) for job in jobs]
        busy = [attempt for attempt in attempts if not attempt.turn.idle]
        with ExitStack() as opened:
            for attempt in busy:
                job = attempt.job
                if job.gap or attempt.turn.restart or job.session.state is None:
                    attempt.state = self._model.open(job.frame.size_wh)
                    opened.callback(self._model.close, attempt.state)
                else:
                    attempt.state = job.session.state
            if busy:
                self._propose(busy)
                self._remember(busy)
            opened.pop_all()
        for attempt in attempts:
            if attempt.turn.idle:
                attempt.turn.settle()
        return attempts

    def _propose(self, busy: Sequence[_Attempt]) -> None:
        features = self._model.encode([attempt.job.frame for attempt in busy])
        seen = self._model.propagate([attempt.state for attempt in busy], features)
        for attempt, feature, proposal in zip(busy, features, seen, strict=True):
            attempt.features, attempt.seen = feature, proposal
            attempt.turn.decide(proposal)
        asked = [attempt for attempt in busy if attempt.turn.prompts]
        answers: dict[int, Any] = {}
        if asked:
            proposals = self._model.prompt(
                [attempt.state for attempt in asked],
                [attempt.features for attempt in asked],
                [attempt.turn.prompts for attempt in asked],
                [attempt.seen for attempt in asked],
            )
            answers = {
                attempt.job.index: proposal
                for attempt, proposal in zip(asked, proposals, strict=True)
            }
        for attempt in busy:
            attempt.turn.settle(answers.get(attempt.job.index))

    def _remember(self, busy: Sequence[_Attempt]) -> None:
        results = [attempt.turn.result for attempt in busy]
        try:
            self._model.remember(
                [attempt.state for attempt in busy],
                [attempt.features for attempt in busy],
                [result.accepted for result in results],
                [result.plan for result in results],
            )
            for attempt, result in zip(busy, results, strict=True):
                if result.drop:
                    self._model.drop(attempt.state, result.drop)
        except Exception as error:
            raise _HalfWrittenError(str(error)) from error

    def _commit(self, attempt: _Attempt) -> Outcome:
        job, result = attempt.job, attempt.turn.result
        session = job.session
        self._tell_of(job, result)
        session.ids.spend(result.spent)
        session.standing = result.standing
        session.tally += result.tally + Tally(resets=int(job.gap is not None))
        # What follows nothing needs no memory: the model opens a new state with the next birth.
        self._sessions.replace_state(session, attempt.state)
        if len(result.standing.table) == 0:
            self._sessions.replace_state(session, None)
        return {"predictions": self._predictions(job.frame, result)}

    def _predictions(self, frame: Frame, result: TurnResult) -> sv.Detections:
        tracks, view = result.visible, result.view
        return build_detections(
            frame,
            view.xyxy,
            confidence=tracks.confidence,
            class_id=tracks.class_id,
            class_name=np.where(tracks.class_name == "", DEFAULT_CLASS_NAME, tracks.class_name),
            tracker_id=tracks.track_id,
            mask=result.mask,
            prediction_type=INSTANCE_SEGMENTATION,
            producer=self._step.name,
            data={MASK_SCORE: view.score, PROMPT_DETECTION_ID: tracks.detection_id},
        )

    def _failed(self, job: _Job, error: BaseException) -> Failure:
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

    def _tell_of(self, job: _Job, result: TurnResult) -> None:
        session, video = job.session, job.frame.video
        if job.gap is not None:
            live = len(session.standing.table)
            self._outbox(
                Event(
                    "tracker.session_reset",
                    "info",
                    f"stream {session.stream!r} has a gap ({job.gap}): {live} tracks ended",
                    stream=session.stream,
                    step=self._step.name,
                    frame_number=video.frame_number,
                    fields={"reason": job.gap, "tracks": live},
                )
            )
        if result.tally.refused and not session.tally.refused:
            self._outbox(
                Event(
                    "tracker.objects_refused",
                    "warning",
                    f"stream {session.stream!r} has more objects than max_objects "
                    f"({self._step.max_objects}); the least confident are not tracked",
                    stream=session.stream,
                    step=self._step.name,
                    frame_number=video.frame_number,
                    fields={"refused": result.tally.refused},
                )
            )


class Sam2VideoTracker(VideoTracker):
    """The video tracker under the id of existing documents, which default to SAM 2.1."""

    manifest: ClassVar[type[BlockManifest]] = Sam2VideoManifest
