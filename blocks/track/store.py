"""Which streams have a tracking session, and which of them gives way when there is no room."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from trackwire.specs import Event, Outbox, SessionError, Severity, StreamKey

from .mailbox import Mailbox
from .rules import IdCounter
from .session import Standing, Tally, TrackingSession
from .track_events import EndReason, all_ended
from .tracker_status import SessionStatus, TrackerStatus

__all__ = ["SessionStore", "StateKeeper"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class StateKeeper(Protocol):
    """What a store needs of a model."""

    def nbytes(self, state: Any) -> int:
        """Bytes the state holds."""
        ...

    def close(self, state: Any) -> None:
        """Free what the state holds; it must not be used again."""
        ...


class SessionStore:
    """The sessions of one tracker, one per stream, at most ``cap`` at a time.

    A stream that ends frees its session, and so does one that nothing was heard of for
    ``timeout_s``. When a new stream comes and the store is full, the session that was idle for
    longest gives way, if it was idle for long enough; otherwise the new stream is refused, with
    one event, until there is room: a store that evicted live sessions would throw out one after
    the other in a circle and track nothing.

    What stays of a stream for as long as the store lives is one integer, the last id given out,
    so that an id means one object even when a stream ends and comes back: some 200 bytes for
    each ``video_identifier`` ever seen.

    One thread drives a store; :meth:`status` may be called from any.

    Args:
        model: Frees states.
        outbox: Takes events.
        step: Name of the step, for events.
        cap: Most sessions at a time.
        idle_after_s: Seconds without a frame after which a session may give way.
        timeout_s: Seconds without a frame after which a session is freed, None for never.
        clock: Monotonic seconds.
        mailbox: Told which streams have sessions.
    """

    def __init__(
        self,
        model: StateKeeper,
        outbox: Outbox,
        *,
        step: str = "tracker",
        cap: int = 64,
        idle_after_s: float = 60.0,
        timeout_s: float | None = 600.0,
        clock: Callable[[], float] = time.monotonic,
        mailbox: Mailbox | None = None,
    ) -> None:
        if cap < 1:
            raise ValueError(f"max_sessions must be at least 1, found {cap}")
        self._model = model
        self._outbox = outbox
        self._step = step
        self._cap = cap
        self._idle_after_s = idle_after_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._mailbox = mailbox or Mailbox()
        self._sessions: OrderedDict[StreamKey, TrackingSession] = OrderedDict()
        self._counters: dict[StreamKey, IdCounter] = {}
        self._refused: set[StreamKey] = set()
        # Guards what status() reads from another thread.
        self._lock = threading.Lock()
        self._totals = TrackerStatus(step)

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[TrackingSession]:
        """Iterate over the sessions, the one used longest ago first."""
        return iter(tuple(self._sessions.values()))

    def peek(self, stream: StreamKey) -> TrackingSession | None:
        """Return the session of a stream without using it, or None."""
        return self._sessions.get(stream)

    def has_room(self, stream: StreamKey, beside: Collection[StreamKey] = ()) -> bool:
        """Tell whether :meth:`acquire` would give the stream a session. Changes nothing.

        Args:
            stream: The ``video_identifier``.
            beside: Streams that have a frame at the same time: their sessions are in use.
        """
        if stream in self._sessions or len(self._sessions) < self._cap:
            return True
        return self._idle_first(beside) is not None

    def attend(self, streams: Collection[StreamKey]) -> None:
        """Note that streams have a frame, and free what was not heard of for too long.

        Called once before :meth:`acquire` for all streams of a batch, so that none of them takes
        the place of another.
        """
        now = self._clock()
        with self._lock:
            for stream in streams:
                session = self._sessions.get(stream)
                if session is not None:
                    session.used_at_s = now
                    self._sessions.move_to_end(stream)
        while self._timeout_s is not None and (session := next(iter(self), None)) is not None:
            idle_s = now - session.used_at_s
            if idle_s < self._timeout_s:
                return
            self._evict(session, "timed_out", f"had no frame for {idle_s:.0f} s")

    def acquire(self, stream: StreamKey) -> TrackingSession:
        """Return the session of a stream, a new one if need be, and note its use.

        Args:
            stream: The ``video_identifier``.

        Raises:
            SessionError: The store is full of sessions that are in use.
        """
        session = self._sessions.get(stream)
        if session is None:
            self._make_room(stream)
            ids = self._counters.setdefault(stream, IdCounter())
            session = TrackingSession(stream, ids)
            self._mailbox.open(session)
        session.used_at_s = self._clock()
        with self._lock:
            self._sessions[stream] = session
            self._sessions.move_to_end(stream)
            self._refused.discard(stream)
            peak = max(self._totals.peak_sessions, len(self._sessions))
            self._totals = replace(self._totals, peak_sessions=peak)
        return session

    def replace_state(self, session: TrackingSession, state: Any) -> None:
        """Give a session another model state, or None, and free the one it had."""
        old, session.state = session.state, state
        if old is not None and old is not state:
            self._model.close(old)
        nbytes = 0 if state is None else self._model.nbytes(state)
        with self._lock:
            held = self._totals.nbytes + nbytes - session.nbytes
            session.nbytes = nbytes
            peak = max(self._totals.peak_nbytes, held)
            self._totals = replace(self._totals, nbytes=held, peak_nbytes=peak)

    def forget(self, session: TrackingSession) -> None:
        """Begin a session anew because the model's memory of it cannot be trusted any more."""
        live = self._end_tracks(session, "memory_lost")
        self.replace_state(session, None)
        session.standing = Standing.fresh()
        session.tally += Tally(ended=live, resets=1)
        self._tell(
            "tracker.memory_lost",
            "error",
            f"the model failed while it wrote its memory of stream {session.stream!r}; "
            f"{live} tracks ended",
            session.stream,
            {"tracks": live},
        )

    def end(self, stream: StreamKey, reason: EndReason = "stream_ended") -> None:
        """Free what a stream holds; a stream that is not known is fine.

        Args:
            stream: The ``video_identifier``.
            reason: Why its tracks end.
        """
        self._refused.discard(stream)
        session = self._sessions.get(stream)
        if session is None:
            return
        session.tally += Tally(ended=self._end_tracks(session, reason))
        self.replace_state(session, None)
        with self._lock:
            del self._sessions[stream]
            self._totals = replace(
                self._totals,
                sessions_ended=self._totals.sessions_ended + 1,
                past=self._totals.past + session.tally,
            )
        self._mailbox.close(stream)
        self._tell(
            "tracker.session_ended",
            "debug",
            f"stream {stream!r} ended after {session.tally.frames} frames and "
            f"{session.tally.born} tracks",
            stream,
            session.tally.as_fields(),
        )

    def close(self) -> None:
        """End all sessions."""
        for stream in tuple(self._sessions):
            self.end(stream)

    def nbytes(self) -> int:
        """Return the bytes that the model's states hold, measured now.

        Only for the thread that drives the store; :meth:`status` is for all others.
        """
        states = (session.state for session in self._sessions.values())
        return sum(self._model.nbytes(state) for state in states if state is not None)

    def status(self) -> TrackerStatus:
        """Say which streams are tracked and what that takes; callable from any thread."""
        with self._lock:
            sessions, totals = tuple(self._sessions.values()), self._totals
        now = self._clock()
        return replace(
            totals, sessions=tuple(SessionStatus.of(session, now) for session in sessions)
        )

    def _make_room(self, stream: StreamKey) -> None:
        if len(self._sessions) < self._cap:
            return
        idle = self._idle_first()
        if idle is not None:
            self._evict(idle, "evicted", f"was idle and gave way to {stream!r}")
            return
        message = (
            f"stream {stream!r} gets no tracking session: all {self._cap} are in use; raise "
            "max_sessions, or end a stream first"
        )
        if stream not in self._refused:
            self._refused.add(stream)
            with self._lock:
                refused = self._totals.streams_refused + 1
                self._totals = replace(self._totals, streams_refused=refused)
            self._tell("tracker.session_refused", "warning", message, stream, {"cap": self._cap})
        raise SessionError(message, code="session_cap", stream=stream)

    def _evict(self, session: TrackingSession, reason: EndReason, why: str) -> None:
        with self._lock:
            evicted = self._totals.sessions_evicted + 1
            self._totals = replace(self._totals, sessions_evicted=evicted)
        self._tell(
            "tracker.session_evicted",
            "warning" if reason == "evicted" else "info",
            f"stream {session.stream!r} {why}: its tracks ended, its ids are not used again",
            session.stream,
            {"reason": reason, "cap": self._cap},
        )
        self.end(session.stream, reason)

    def _idle_first(self, beside: Collection[StreamKey] = ()) -> TrackingSession | None:
        free = (each for each in self._sessions.values() if each.stream not in beside)
        session = next(free, None)
        if session is None or self._clock() - session.used_at_s < self._idle_after_s:
            return None
        return session

    def _end_tracks(self, session: TrackingSession, reason: EndReason) -> int:
        events = all_ended(session.standing, reason)
        for event in events:
            self._outbox(event.as_event(session.stream, self._step))
        return len(events)

    def _tell(
        self,
        kind: str,
        severity: Severity,
        message: str,
        stream: StreamKey,
        values: Mapping[str, Any] = _NOTHING,
    ) -> None:
        self._outbox(Event(kind, severity, message, stream=stream, step=self._step, fields=values))
