"""One tracker's memory of each stream, and who may have one."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from trackwire.specs import Event, Outbox, SessionError, StreamKey

from .evidence import Evidence
from .rules import IdCounter, Twins
from .schedule import PromptClock
from .track_table import TrackTable

if TYPE_CHECKING:
    from ..frame import Frame
    from ..models.seam import VideoModel

__all__ = ["SessionStore", "Standing", "Tally", "TrackingSession"]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a session did so far, in counts.

    Args:
        frames: Frames processed.
        prompt_frames: Frames whose detections were consumed.
        model_frames: Frames on which the model ran.
        model_prompts: Prompts the model answered.
        born: Tracks born.
        ended: Tracks ended, duplicates among them.
        duplicates: Tracks ended for lying on an older one.
        postponed: Detections not born because they lay on a track.
        refused: Detections not born because ``max_objects`` left no room.
        resets: Times the session began anew because its stream had a gap.
    """

    frames: int = 0
    prompt_frames: int = 0
    model_frames: int = 0
    model_prompts: int = 0
    born: int = 0
    ended: int = 0
    duplicates: int = 0
    postponed: int = 0
    refused: int = 0
    resets: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_fields(self) -> dict[str, int]:
        """Return the counts by name, as for an event."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session stands between two frames. Immutable: a frame makes a new one.

    Args:
        table: The tracks.
        clock: Distance from the last prompt frame.
        twins: Pairs of tracks that lie on one object.
        epoch: Of the last frame processed, None for none.
        frame_number: Of the last frame processed, None for none.
        size_wh: Of the last frame processed, None for none.
    """

    table: TrackTable
    clock: PromptClock = field(default_factory=PromptClock)
    twins: Twins = field(default_factory=dict)
    epoch: int | None = None
    frame_number: int | None = None
    size_wh: tuple[int, int] | None = None

    @classmethod
    def fresh(cls) -> Self:
        """Return the standing of a session that saw nothing yet."""
        nothing = Evidence(
            xyxy=np.empty((0, 4), dtype=np.float32),
            confidence=np.empty(0, dtype=np.float32),
            class_id=np.empty(0, dtype=np.int64),
            class_name=np.empty(0, dtype=np.str_),
            detection_id=np.empty(0, dtype=np.str_),
        )
        return cls(TrackTable.newborn(np.empty(0, dtype=np.int64), nothing))

    def gap_before(self, frame: Frame) -> str | None:
        """Tell why the frame does not go on from here.

        Args:
            frame: The coming frame of the stream. Frames left out in between are no gap.

        Returns:
            What broke, for people, or None if the frame goes on.

        Raises:
            SessionError: The frame was processed before.
        """
        if self.frame_number is None:
            return None
        video = frame.video
        if video.epoch != self.epoch:
            return f"epoch {self.epoch} became {video.epoch}"
        if video.frame_number == self.frame_number:
            raise SessionError(
                f"frame {video.frame_number} of stream {video.video_identifier!r} came twice; "
                "a tracker takes each frame once, with frame numbers that rise (a source that "
                "starts again must raise its epoch)",
                code="frame_repeated",
                stream=video.video_identifier,
                frame_number=video.frame_number,
            )
        if video.frame_number < self.frame_number:
            return f"frame number {self.frame_number} was followed by {video.frame_number}"
        if frame.size_wh != self.size_wh:
            return f"frames of size {self.size_wh} became {frame.size_wh}"
        return None


@dataclass(slots=True, eq=False)
class TrackingSession:
    """One stream's tracks and the model's memory of them.

    Not thread-safe: one engine thread drives it.

    Args:
        stream: The ``video_identifier``.
        ids: Gives out track ids; outlives the session.
        standing: Where it stands; replaced as a whole when a frame is done.
        state: The model's memory, None while there is nothing to remember.
        tally: What it did so far.
        used_at_s: Monotonic time of the last frame.
    """

    stream: StreamKey
    ids: IdCounter
    standing: Standing = field(default_factory=Standing.fresh)
    state: Any = None
    tally: Tally = Tally()
    used_at_s: float = 0.0


class SessionStore:
    """The sessions of one tracker, one per stream, at most ``cap`` at a time.

    A stream that ends frees its session. When a new stream comes and the store is full, the
    session that was idle for longest gives way, if it was idle for long enough; otherwise the
    new stream is refused, with one event, until there is room: a store that evicted live
    sessions would throw out one after the other in a circle and track nothing.

    What stays of a stream for as long as the store lives is one integer, the last id given out,
    so that an id means one object even when a stream ends and comes back: some 200 bytes for
    each ``video_identifier`` ever seen.

    Args:
        model: Frees states.
        outbox: Takes events.
        cap: Most sessions at a time.
        idle_after_s: Seconds without a frame after which a session may give way.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        model: VideoModel[Any, Any],
        outbox: Outbox,
        *,
        cap: int = 64,
        idle_after_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if cap < 1:
            raise ValueError(f"max_sessions must be at least 1, found {cap}")
        self._model = model
        self._outbox = outbox
        self._cap = cap
        self._idle_after_s = idle_after_s
        self._clock = clock
        self._sessions: OrderedDict[StreamKey, TrackingSession] = OrderedDict()
        self._counters: dict[StreamKey, IdCounter] = {}
        self._refused: set[StreamKey] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[TrackingSession]:
        """Iterate over the sessions, the one used longest ago first."""
        return iter(tuple(self._sessions.values()))

    def peek(self, stream: StreamKey) -> TrackingSession | None:
        """Return the session of a stream without using it, or None."""
        return self._sessions.get(stream)

    def has_room(self, stream: StreamKey) -> bool:
        """Tell whether :meth:`acquire` would give the stream a session. Changes nothing."""
        return (
            stream in self._sessions or len(self._sessions) < self._cap or bool(self._idle_first())
        )

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
            session = self._sessions[stream] = TrackingSession(stream, ids)
            self._refused.discard(stream)
        session.used_at_s = self._clock()
        self._sessions.move_to_end(stream)
        return session

    def replace_state(self, session: TrackingSession, state: Any) -> None:
        """Give a session another model state, or None, and free the one it had."""
        old, session.state = session.state, state
        if old is not None and old is not state:
            self._model.close(old)

    def forget(self, session: TrackingSession) -> None:
        """Begin a session anew because the model's memory of it cannot be trusted any more."""
        self.replace_state(session, None)
        live = len(session.standing.table)
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

    def end(self, stream: StreamKey) -> None:
        """Free what a stream holds; a stream that is not known is fine."""
        self._refused.discard(stream)
        session = self._sessions.pop(stream, None)
        if session is None:
            return
        self.replace_state(session, None)
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
        """Return the bytes that the model's states hold."""
        states = (session.state for session in self._sessions.values())
        return sum(self._model.nbytes(state) for state in states if state is not None)

    def _make_room(self, stream: StreamKey) -> None:
        if len(self._sessions) < self._cap:
            return
        idle = self._idle_first()
        if idle is not None:
            self._tell(
                "tracker.session_evicted",
                "warning",
                f"stream {idle.stream!r} was idle and gave way to {stream!r}; its ids are not "
                "used again",
                idle.stream,
                {"cap": self._cap},
            )
            self.end(idle.stream)
            return
        message = (
            f"stream {stream!r} gets no tracking session: all {self._cap} are in use; raise "
            "max_sessions, or end a stream first"
        )
        if stream not in self._refused:
            self._refused.add(stream)
            self._tell("tracker.session_refused", "warning", message, stream, {"cap": self._cap})
        raise SessionError(message, code="session_cap", stream=stream)

    def _idle_first(self) -> TrackingSession | None:
        session = next(iter(self._sessions.values()), None)
        if session is None or self._clock() - session.used_at_s < self._idle_after_s:
            return None
        return session

    def _tell(
        self, kind: str, severity: Any, message: str, stream: StreamKey, values: dict[str, int]
    ) -> None:
        self._outbox(Event(kind, severity, message, stream=stream, fields=values))
