"""Points that are given with a step: objects shown to a video tracker when prompts are due."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trackwire.specs import Missing, ModelError, SessionError, StreamKey

from ..segment.labeled_points import read_objects
from .gap import cross
from .schedule import PromptClock, Schedule

if TYPE_CHECKING:
    from ..frame import Frame
    from ..segment.prompts import Sam2Prompt
    from .gap import OnGap
    from .session import TrackingSession
    from .track_table import TrackTable
    from .video_tracker import VideoTracker

__all__ = ["PointPrompts"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was shown to one session so far.

    Args:
        session: Whom; a stream may get another one.
        resets: How often the session began anew, this frame included.
        clock: Frames since something was shown.
        objects: For each object its track as the model knows it, under whatever id it goes; the
            answer that the tracker owes; or None if it has no track.
    """

    session: TrackingSession
    resets: int
    clock: PromptClock
    objects: tuple[Future[int] | int | None, ...] = ()


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
        shown = self._so_far(frame, self._tracker.sessions.acquire(stream))
        table = shown.session.standing.table
        tracks = tuple(_track_of(each, table) for each in shown.objects)
        clock = PromptClock() if any(map(_model_failed, shown.objects)) else shown.clock
        due = bool(objects) and self._schedule.due(clock)
        # What a frame that failed left waiting comes with the next one, and need not come twice.
        if due and not any(isinstance(each, Future) for each in tracks):
            known = dict(zip(table.track_id.tolist(), table.tracker_id.tolist(), strict=True))
            before = [*tracks[: len(objects)], *[None] * (len(objects) - len(tracks))]
            tracks = tuple(
                self._ask(stream, each, track, known.get(track))
                for each, track in zip(objects, before, strict=True)
            )
        self._streams[stream] = replace(shown, clock=clock.after(consumed=due), objects=tracks)

    def end_stream(self, stream: StreamKey) -> None:
        """Forget a stream."""
        self._streams.pop(stream, None)

    def _so_far(self, frame: Frame, session: TrackingSession) -> _Shown:
        """What the session was shown: nothing where it is new, or begins anew with the frame."""
        sessions = self._tracker.sessions
        for stream in [*self._streams]:  # sessions end without a word, by their age or for others
            if sessions.peek(stream) is not self._streams[stream].session:
                del self._streams[stream]
        crossing = cross(session.standing, frame, self._on_gap)
        asked = self._tracker.begins_anew(session.stream)
        anew = crossing.outcome == "reset" or asked
        shown = self._streams.get(session.stream)
        if shown is None or anew or shown.resets != session.tally.resets:
            resets = session.tally.resets + int(crossing.outcome == "reset") + int(asked)
            before = () if shown is None else shown.objects
            waiting = tuple(each for each in before if isinstance(each, Future) and not each.done())
            return _Shown(session, resets, PromptClock(), waiting)
        return shown if crossing.gap is None else replace(shown, clock=PromptClock())

    def _ask(
        self,
        stream: StreamKey,
        shown: Sam2Prompt,
        track: Future[int] | int | None,
        tracker_id: int | None,
    ) -> Future[int] | int | None:
        """Show an object's points; the answer, or the track if it cannot be prompted now."""
        try:
            return self._tracker.control.prompt(
                stream,
                points=[(point.x, point.y) for point in shown.points or ()],
                labels=[int(point.positive) for point in shown.points or ()],
                tracker_id=tracker_id,
            )
        except SessionError:
            if tracker_id is None:
                raise
            return track  # with this frame somebody removes, renames or merges it: wait and see


def _model_failed(shown: Future[int] | int | None) -> bool:
    """Whether it was not for the points that nothing came of them."""
    if not isinstance(shown, Future) or not shown.done() or shown.cancelled():
        return False
    return isinstance(shown.exception(), ModelError)


def _track_of(shown: Future[int] | int | None, table: TrackTable) -> Future[int] | int | None:
    """The track that an object's points began, once the tracker has answered."""
    if not isinstance(shown, Future):
        return shown
    if not shown.done():
        return shown
    if shown.cancelled() or shown.exception() is not None:  # the tracker has said so
        return None
    rows = np.flatnonzero(table.tracker_id == shown.result())
    return int(table.track_id[rows[0]]) if len(rows) else None
