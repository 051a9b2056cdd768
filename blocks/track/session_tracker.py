"""What all trackers with sessions do: streams in batches, failures, events, putting away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from trackwire.specs import (
    Batch,
    Event,
    Failure,
    ModelError,
    Outcome,
    Resources,
    Severity,
    StreamKey,
    TrackwireError,
)

from .commands import ResetStream
from .control import TrackerControl
from .mailbox import Mailbox
from .round import HalfWrittenError, Job
from .session import Tally
from .store import SessionStore
from .track_events import TrackEvent, all_ended

if TYPE_CHECKING:
    from .mailbox import Request
    from .session import Standing
    from .store import StateKeeper

__all__ = ["SessionOptions", "SessionResult", "SessionTracker", "Settled"]


class SessionOptions(Protocol):
    """What a step says of its sessions; a property that is wired to a parameter has its value."""

    @property
    def name(self) -> str:
        """Name of the step."""
        ...

    @property
    def max_objects(self) -> int | str:
        """Tracks of one stream at a time."""
        ...

    @property
    def max_sessions(self) -> int | str:
        """Streams at a time."""
        ...

    @property
    def idle_after_s(self) -> float | str:
        """Seconds without a frame after which a session may give way."""
        ...

    @property
    def session_timeout_s(self) -> float | str | None:
        """Seconds without a frame after which a session is freed."""
        ...


class SessionResult(Protocol):
    """What comes of one frame of one session."""

    @property
    def standing(self) -> Standing:
        """What the session's standing becomes."""
        ...

    @property
    def last_id(self) -> int:
        """The greatest id used by now."""
        ...

    @property
    def events(self) -> Sequence[TrackEvent]:
        """What happened to tracks, in order."""
        ...

    @property
    def answers(self) -> Sequence[tuple[Request, Any]]:
        """What became of the requests that were carried out."""
        ...

    @property
    def tally(self) -> Tally:
        """What the frame adds to the session's counts."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """A job that went through the model, and is not yet put away.

    Args:
        job: The job.
        state: The model state of the session from now on, or None.
        result: What comes of it.
        source: What the outputs are made of.
    """

    job: Job
    state: Any
    result: SessionResult
    source: Any


class SessionTracker(ABC):
    """Takes frames of many streams through a model, a session for each stream.

    Everything that the model does is done for all streams of a batch at once. The session of a
    stream changes only when its frame is done, so a frame that fails can be left out, and the
    next one goes on where the last good one ended.

    Args:
        step: What the step says of its sessions.
        model_id: The model, for messages.
        model: Frees and measures the states of the sessions.
        resources: Takes events, gives the time.
    """

    def __init__(
        self, step: SessionOptions, model_id: str, model: StateKeeper, resources: Resources
    ) -> None:
        self._name = step.name
        self._model_id = model_id
        self._max_objects = int(step.max_objects)
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

    @property
    def sessions(self) -> SessionStore:
        """The sessions, to look at."""
        return self._sessions

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Track through one frame of each stream.

        Returns:
            The outputs for each element, or a failure: a ``SessionError`` for a frame that came
            before or a stream above the cap, a ``ModelError`` where the model failed.
        """
        self._sessions.attend([frame.video.video_identifier for frame in batch["images"]])
        outcomes: dict[int, Outcome] = {}
        jobs: list[Job] = []
        for index in range(len(batch)):
            try:
                jobs.append(self._admit(index, batch))
            except (TrackwireError, ValueError) as error:
                outcomes[index] = Failure(error)
        outcomes.update(self._finish(jobs))
        return [outcomes[index] for index in range(len(batch))]

    def end_stream(self, stream: StreamKey) -> None:
        """Free what a stream holds; its ids stay used."""
        self._sessions.end(stream)

    def begins_anew(self, stream: StreamKey) -> bool:
        """Tell whether somebody has asked to drop all tracks of a stream with its next frame."""
        asked = self._mailbox.pending(stream)
        return any(isinstance(request.command, ResetStream) for request in asked)

    def close(self) -> None:
        """End all sessions and let go of the model."""
        self._sessions.close()

    @abstractmethod
    def _admit(self, index: int, batch: Batch) -> Job:
        """Hold an element of a batch against its session."""

    @abstractmethod
    def _take_through(self, jobs: Sequence[Job]) -> Sequence[Settled]:
        """Take jobs through the model; the sessions stay as they are.

        Raises:
            HalfWrittenError: The model failed when it had begun to change states.
            Exception: Whatever else the model raised; nothing was changed.
        """

    @abstractmethod
    def _outputs(self, settled: Settled, events: Sequence[TrackEvent]) -> dict[str, Any]:
        """Make the outputs of an element beside its events. The session is as before the frame."""

    def _finish(self, jobs: Sequence[Job]) -> dict[int, Outcome]:
        """Work on jobs together; if that fails, on each alone, so that only the bad ones fail."""
        try:
            settled = self._take_through(jobs)
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
        return {each.job.index: self._commit(each) for each in settled}

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

    def _commit(self, settled: Settled) -> Outcome:
        job, result = settled.job, settled.result
        session, video = job.session, job.frame.video
        before, after = session.standing, result.standing
        reset = job.crossing.outcome == "reset"
        broken = all_ended(before, "gap", video.frame_number) if reset else ()
        events = (*broken, *result.events)
        outputs = self._outputs(settled, events)
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
        self._sessions.replace_state(session, settled.state)
        if after.live == 0:
            self._sessions.replace_state(session, None)
        self._answer(job, result.answers)
        return {**outputs, "events": [event.as_json() for event in events]}

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

    def _failed(self, job: Job, error: BaseException) -> Failure:
        if isinstance(error, TrackwireError):
            return Failure(error)
        video = job.frame.video
        failure = ModelError(
            f"tracking frame {video.frame_number} of stream {video.video_identifier!r} with "
            f"model {self._model_id!r} failed: {type(error).__name__}: {error}",
            code="tracking_failed",
            stream=video.video_identifier,
            frame_number=video.frame_number,
            model_id=self._model_id,
        )
        failure.__cause__ = error
        return Failure(failure)

    def _tell_of(self, job: Job, result: SessionResult, events: Sequence[TrackEvent]) -> None:
        session = job.session
        for event in events:
            self._outbox(event.as_event(session.stream, self._name))
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
                f"({self._max_objects}); the least confident are not tracked",
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
                step=self._name,
                frame_number=video.frame_number,
                fields=values,
            )
        )
