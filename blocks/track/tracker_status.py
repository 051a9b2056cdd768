"""What a tracker says about itself: which streams it tracks, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from .session import Tally

if TYPE_CHECKING:
    from trackwire.specs import StreamKey

    from .session import TrackingSession

__all__ = ["SessionStatus", "TrackerStatus"]


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One stream's session.

    Args:
        stream: The ``video_identifier``.
        tracks: The ``tracker_id`` of each live track, in the order of their births.
        unseen: Those of ``tracks`` that were not visible on the last frame.
        nbytes: Bytes that the model's memory of the stream held after the last frame.
        idle_s: Seconds since the last frame.
        tally: What the session did so far.
    """

    stream: StreamKey
    tracks: tuple[int, ...]
    unseen: tuple[int, ...]
    nbytes: int
    idle_s: float
    tally: Tally

    @classmethod
    def of(cls, session: TrackingSession, now_s: float) -> Self:
        """Read a session; callable from any thread.

        Args:
            session: The session.
            now_s: Monotonic time.
        """
        table = session.standing.table
        return cls(
            stream=session.stream,
            tracks=tuple(table.tracker_id.tolist()),
            unseen=tuple(table.tracker_id[table.unseen > 0].tolist()),
            nbytes=session.nbytes,
            idle_s=max(now_s - session.used_at_s, 0.0),
            tally=session.tally,
        )


@dataclass(frozen=True, slots=True)
class TrackerStatus:
    """One tracker step.

    Args:
        step: Name of the step.
        sessions: The streams tracked now, the one used longest ago first.
        nbytes: Bytes that the model's memory of these holds.
        peak_sessions: Most sessions there were at a time.
        peak_nbytes: Most bytes there were at a time.
        sessions_ended: Sessions that were freed.
        sessions_evicted: Those of ``sessions_ended`` that gave way or were idle for too long.
        streams_refused: Times a stream was refused since there was no room.
        past: What the sessions that were freed had done.
    """

    step: str
    sessions: tuple[SessionStatus, ...] = ()
    nbytes: int = 0
    peak_sessions: int = 0
    peak_nbytes: int = 0
    sessions_ended: int = 0
    sessions_evicted: int = 0
    streams_refused: int = 0
    past: Tally = field(default_factory=Tally)

    @property
    def tracks(self) -> int:
        """Live tracks of all streams."""
        return sum(len(session.tracks) for session in self.sessions)

    @property
    def tally(self) -> Tally:
        """What all sessions did, those that were freed included."""
        return sum((session.tally for session in self.sessions), self.past)

    def as_json(self) -> dict[str, Any]:
        """Return what a report says of it, JSON-ready."""
        return {
            "step": self.step,
            "sessions": len(self.sessions),
            "tracks": self.tracks,
            "nbytes": self.nbytes,
            "peak_sessions": self.peak_sessions,
            "peak_nbytes": self.peak_nbytes,
            "sessions_ended": self.sessions_ended,
            "sessions_evicted": self.sessions_evicted,
            "streams_refused": self.streams_refused,
            "tally": self.tally.as_fields(),
        }
