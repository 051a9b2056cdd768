"""Where requests wait for the next frame of their stream."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trackwire.specs import SessionError, StreamKey

from .commands import Command, Roll

if TYPE_CHECKING:
    from .session import TrackingSession

__all__ = ["Mailbox", "Request"]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A command and who waits for what becomes of it.

    Args:
        command: What is asked for.
        future: Gets the id of the track, or None for a reset; or the error.
    """

    command: Command
    future: Future[Any] = field(default_factory=Future)


class Mailbox:
    """Takes commands from any thread and keeps them, in order, until the tracker comes for them.

    A stream has a box from its first frame to its end; what is in it then fails. Callable from
    any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[StreamKey, TrackingSession] = {}
        self._waiting: dict[StreamKey, list[Request]] = {}

    @property
    def streams(self) -> tuple[StreamKey, ...]:
        """The streams that can be asked for something."""
        with self._lock:
            return tuple(self._sessions)

    def open(self, session: TrackingSession) -> None:
        """Take requests for a stream from now on."""
        with self._lock:
            self._sessions[session.stream] = session

    def close(self, stream: StreamKey) -> None:
        """Take no more requests for a stream; those that wait fail."""
        with self._lock:
            self._sessions.pop(stream, None)
            waiting = self._waiting.pop(stream, [])
        error = SessionError(
            f"stream {stream!r} ended before its next frame; nothing was changed",
            code="stream_ended",
            stream=stream,
        )
        _answer([(request, error) for request in waiting])

    def put(self, stream: StreamKey, command: Command) -> Future[Any]:
        """Leave a command for the next frame of a stream.

        Args:
            stream: The ``video_identifier``.
            command: What is asked for.

        Raises:
            SessionError: The stream has no session (``unknown_stream``), or the command does not
                fit the ids as they will be once all that waits is done.
        """
        with self._lock:
            session = self._sessions.get(stream)
            if session is None:
                known = ", ".join(map(repr, self._sessions)) or "none"
                raise SessionError(
                    f"the tracker knows no stream {stream!r}; from their first frame to their "
                    f"end it knows: {known}",
                    code="unknown_stream",
                    stream=stream,
                )
            waiting = self._waiting.setdefault(stream, [])
            _after(Roll.of(session), waiting).after(command)
            request = Request(command)
            waiting.append(request)
            return request.future

    def pending(self, stream: StreamKey) -> tuple[Request, ...]:
        """Return what waits for a stream, oldest first; it stays until it is answered.

        What was cancelled by then is left out; what is returned cannot be cancelled any more.
        """
        if not self._waiting:
            return ()
        with self._lock:
            waiting = self._waiting.get(stream)
            if not waiting:
                return ()
            kept = [
                request
                for request in waiting
                if request.future.running() or request.future.set_running_or_notify_cancel()
            ]
            self._waiting[stream] = kept
            return tuple(kept)

    def answer(self, stream: StreamKey, answers: Iterable[tuple[Request, Any]]) -> None:
        """Tell those who wait what became of their requests, which are done with.

        Args:
            stream: The ``video_identifier``.
            answers: Each request with its result, or the exception it failed with.
        """
        given = list(answers)
        if not given:
            return
        done = {id(request) for request, _ in given}
        with self._lock:
            left = [each for each in self._waiting.get(stream, ()) if id(each) not in done]
            if left:
                self._waiting[stream] = left
            else:
                self._waiting.pop(stream, None)
        _answer(given)


def _after(roll: Roll, waiting: Iterable[Request]) -> Roll:
    for request in waiting:
        try:
            roll = roll.after(request.command)
        except SessionError:
            continue  # its track is gone by now; whoever asked is told at the next frame
    return roll


def _answer(answers: Iterable[tuple[Request, Any]]) -> None:
    """Outside the lock: callbacks of a future run here, and may ask for more."""
    for request, result in answers:
        if request.future.cancelled():
            continue
        if not request.future.running() and not request.future.set_running_or_notify_cancel():
            continue
        if isinstance(result, BaseException):
            request.future.set_exception(result)
        else:
            request.future.set_result(result)
