"""Frames of many streams taken through the model together; their sessions stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from .commands import Roll
from .corrections import Corrections
from .gap import Crossing, OnGap, cross
from .session import Standing, TrackingSession
from .settings import Rules
from .turn import Turn

if TYPE_CHECKING:
    from ..frame import Frame
    from ..models.seam import VideoModel
    from .evidence import Evidence
    from .mailbox import Request

__all__ = ["Attempt", "HalfWrittenError", "Job", "take_through"]


@dataclass(frozen=True, slots=True)
class Job:
    """One element of a batch: a frame that its session takes.

    Args:
        index: Its place in the batch.
        frame: The frame.
        session: The session it belongs to.
        crossing: How the session comes to this frame.
        requests: What was asked for since the frame before.
        corrections: Where the session stands, with the requests carried out.
        evidence: Its detections if they were wanted, or None.
    """

    index: int
    frame: Frame
    session: TrackingSession
    crossing: Crossing
    requests: tuple[Request, ...]
    corrections: Corrections
    evidence: Evidence | None = None

    @classmethod
    def of(
        cls,
        index: int,
        frame: Frame,
        session: TrackingSession,
        requests: tuple[Request, ...],
        on_gap: OnGap,
    ) -> Self:
        """Hold a frame against its session.

        Args:
            index: Its place in the batch.
            frame: The frame.
            session: Its session.
            requests: What was asked for since the frame before.
            on_gap: What to do with a gap between the two.

        Raises:
            SessionError: The frame was processed before.
        """
        crossing = cross(session.standing, frame, on_gap)
        corrections = _corrected(session, crossing.standing, requests, frame)
        return cls(index, frame, session, crossing, requests, corrections)

    def without_requests(self) -> Self:
        """Return the job as it is if nobody asked for anything."""
        corrections = _corrected(self.session, self.crossing.standing, (), self.frame)
        return replace(self, requests=(), corrections=corrections)

    def begin(self, rules: Rules) -> Turn:
        """Take up the frame, as often as need be."""
        return Turn.begin(self.frame, rules, self.corrections, self.evidence)


@dataclass(slots=True)
class Attempt:
    """One try to get a job through the model.

    Args:
        job: The job.
        turn: Its decisions.
        state: The model state worked on: the session's own, or a new one that becomes the
            session's if the try succeeds. None if the model has nothing to do.
        features: Of the frame.
        seen: What the model propagated.
    """

    job: Job
    turn: Turn
    state: Any = None
    features: Any = None
    seen: Any = None


class HalfWrittenError(Exception):
    """The model failed while it wrote: nobody knows what the states hold."""


def take_through(
    model: VideoModel[Any, Any], rules: Rules, jobs: Sequence[Job]
) -> Sequence[Attempt]:
    """Take jobs through the model, each kind of work in one call for all of them.

    The sessions stay as they are; states opened for a try that fails are closed again.

    Args:
        model: Follows the objects.
        rules: What the tracker was told.
        jobs: At most one for each stream.

    Returns:
        The tries, in the order of the jobs, their turns settled.

    Raises:
        HalfWrittenError: The model failed when it had begun to change states.
        Exception: Whatever else the model raised; nothing was changed.
    """
    attempts = [Attempt(job, job.begin(rules)) for job in jobs]
    busy = [attempt for attempt in attempts if not attempt.turn.idle]
    with ExitStack() as opened:
        for attempt in busy:
            job = attempt.job
            anew = not job.crossing.keeps_state or attempt.turn.restart
            if anew or job.session.state is None:
                attempt.state = model.open(job.frame.size_wh)
                opened.callback(model.close, attempt.state)
            else:
                attempt.state = job.session.state
        if busy:
            _propose(model, busy)
            _remember(model, busy)
        opened.pop_all()
    for attempt in attempts:
        if attempt.turn.idle:
            attempt.turn.settle()
    return attempts


def _propose(model: VideoModel[Any, Any], busy: Sequence[Attempt]) -> None:
    features = model.encode([attempt.job.frame for attempt in busy])
    seen = model.propagate([attempt.state for attempt in busy], features)
    for attempt, feature, proposal in zip(busy, features, seen, strict=True):
        attempt.features, attempt.seen = feature, proposal
        attempt.turn.decide(proposal)
    asked = [attempt for attempt in busy if attempt.turn.prompts]
    answers: dict[int, Any] = {}
    if asked:
        proposals = model.prompt(
            [attempt.state for attempt in asked],
            [attempt.features for attempt in asked],
            [attempt.turn.prompts for attempt in asked],
            [attempt.seen for attempt in asked],
        )
        answers = {
            attempt.job.index: proposal for attempt, proposal in zip(asked, proposals, strict=True)
        }
    for attempt in busy:
        attempt.turn.settle(answers.get(attempt.job.index))


def _remember(model: VideoModel[Any, Any], busy: Sequence[Attempt]) -> None:
    results = [attempt.turn.result for attempt in busy]
    try:
        model.remember(
            [attempt.state for attempt in busy],
            [attempt.features for attempt in busy],
            [result.accepted for result in results],
            [result.plan for result in results],
        )
        for attempt, result in zip(busy, results, strict=True):
            if result.drop:
                model.drop(attempt.state, result.drop)
    except Exception as error:
        raise HalfWrittenError(str(error)) from error


def _corrected(
    session: TrackingSession, standing: Standing, requests: Sequence[Request], frame: Frame
) -> Corrections:
    live = frozenset(standing.table.tracker_id.tolist()) if requests else frozenset()
    roll = Roll(
        session.stream,
        live,
        frozenset(session.ended) if requests else frozenset(),
        session.ids.last,
    )
    return Corrections.of(standing, roll, requests, frame)
