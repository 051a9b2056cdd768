"""Points that are given with a step: objects shown to a video tracker when prompts are due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackwire.specs import Missing, StreamKey

from ..segment.labeled_points import read_objects
from .gap import cross
from .schedule import PromptClock, Schedule

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..frame import Frame
    from .gap import OnGap
    from .video_tracker import VideoTracker

__all__ = ["PointPrompts"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was shown of one stream so far.

    Args:
        clock: Frames since.
        answers: The track of each object, once the tracker has answered.
    """

    clock: PromptClock
    answers: tuple[Future[int], ...] = ()


class PointPrompts:
    """Shows points to a tracker, as its prompt mode says: the first time they begin tracks.

    Args:
        tracker: The tracker.
        schedule: When points are shown.
        on_gap: What a gap does in the tracker; after one the next frame is due.
    """

    def __init__(self, tracker: VideoTracker, schedule: Schedule, on_gap: OnGap) -> None:
        self._tracker = tracker
        self._schedule = schedule
        self._on_gap = on_gap
        self._streams: dict[StreamKey, _Shown] = {}

    def show(self, frame: Frame, points: Any) -> None:
        """Ask the tracker to follow what points show, if it is time; call before it runs.

        Args:
            frame: The coming frame of a stream.
            points: As they stand on the wire; what is missing is none.

        Raises:
            ModelError: They are no points.
            SessionError: The frame was processed before, or there is no room for its stream.
        """
        objects = read_objects(None if isinstance(points, Missing) else points)
        stream = frame.video.video_identifier
        session = self._tracker.sessions.acquire(stream)
        shown = self._streams.get(stream, _Shown(PromptClock()))
        if cross(session.standing, frame, self._on_gap).gap is not None:
            shown = _Shown(PromptClock(), shown.answers)
        due = bool(objects) and self._schedule.due(shown.clock)
        answers = shown.answers
        if due:
            live = session.standing.table.tracker_id.tolist()
            known = [_track_of(answer, live) for answer in answers]
            answers = tuple(
                self._tracker.control.prompt(
                    stream,
                    points=[(point.x, point.y) for point in each.points or ()],
                    labels=[int(point.positive) for point in each.points or ()],
                    tracker_id=known[number] if number < len(known) else None,
                )
                for number, each in enumerate(objects)
            )
        self._streams[stream] = _Shown(shown.clock.after(consumed=due), answers)

    def end_stream(self, stream: StreamKey) -> None:
        """Forget a stream."""
        self._streams.pop(stream, None)


def _track_of(answer: Future[int], live: Sequence[int]) -> int | None:
    """The track that an object's points began, if it is still there."""
    if not answer.done() or answer.cancelled():
        return None
    if answer.exception() is not None:  # the tracker has said so
        return None
    track = answer.result()
    return track if track in live else None
