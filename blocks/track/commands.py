"""What may be asked of a tracker while it runs, and which tracks there are to ask it of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

from trackwire.specs import SessionError, StreamKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .session import TrackingSession

__all__ = [
    "Command",
    "LabelTrack",
    "MergeTracks",
    "PromptTrack",
    "RemoveTrack",
    "RenameTrack",
    "ResetStream",
    "Roll",
]


@dataclass(frozen=True, slots=True, eq=False)
class PromptTrack:
    """Begin a track, or show the model anew where one is.

    Args:
        tracker_id: The track, None for a new one.
        xyxy: Box in pixels of the frame, or None.
        points: ``(P, 2)`` float32 x, y in pixels, or None.
        labels: ``(P,)`` int32, 1 on the object and 0 off it; with ``points``.
        mask: ``(H, W)`` bool of the frame's size, or None.
        class_name: Name for what is tracked, empty for none.
    """

    tracker_id: int | None
    xyxy: tuple[float, float, float, float] | None = None
    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int32] | None = None
    mask: NDArray[np.bool_] | None = None
    class_name: str = ""


@dataclass(frozen=True, slots=True)
class RemoveTrack:
    """End a track."""

    tracker_id: int


@dataclass(frozen=True, slots=True)
class RenameTrack:
    """Go on with a track under an id that was never used."""

    tracker_id: int
    to: int


@dataclass(frozen=True, slots=True)
class LabelTrack:
    """Give a track a class name that detections do not change; empty takes it back."""

    tracker_id: int
    label: str


@dataclass(frozen=True, slots=True)
class MergeTracks:
    """Make one track of two: ``other`` is what ``tracker_id`` is, or was until it ended."""

    tracker_id: int
    other: int


@dataclass(frozen=True, slots=True)
class ResetStream:
    """End all tracks and begin the schedule anew."""


Command: TypeAlias = (
    PromptTrack | RemoveTrack | RenameTrack | LabelTrack | MergeTracks | ResetStream
)


@dataclass(frozen=True, slots=True)
class Roll:
    """The ids of one stream: who is there, who was, and which are used up.

    Args:
        stream: The ``video_identifier``.
        live: Tracks there are.
        ended: Tracks that ended lately, and may be merged with one that is there.
        last: The greatest id ever used; all up to it are used up.
    """

    stream: StreamKey
    live: frozenset[int]
    ended: frozenset[int] = frozenset()
    last: int = 0

    @classmethod
    def of(cls, session: TrackingSession) -> Self:
        """Read the ids of a session; callable from any thread."""
        return cls(
            stream=session.stream,
            live=frozenset(session.standing.table.tracker_id.tolist()),
            ended=frozenset(session.ended),
            last=session.ids.last,
        )

    def after(self, command: Command) -> Self:
        """Return the ids as they are once a command is carried out.

        Tracks that a prompt begins are not in it: their ids are not known before.

        Raises:
            SessionError: The command names a track that is not there (``unknown_track``), an id
                that is used up (``id_used``), or one track twice (``same_track``).
        """
        match command:
            case PromptTrack(tracker_id=None):
                return self
            case PromptTrack(tracker_id=int(track)) | LabelTrack(tracker_id=track):
                self._require(track)
                return self
            case RemoveTrack(tracker_id=track):
                self._require(track)
                return replace(self, live=self.live - {track}, ended=self.ended | {track})
            case RenameTrack(tracker_id=track, to=to):
                return self._renamed(track, to)
            case MergeTracks(tracker_id=track, other=other):
                return self._merged(track, other)
            case _:
                return replace(self, live=frozenset(), ended=self.ended | self.live)

    def _renamed(self, track: int, to: int) -> Self:
        self._require(track)
        if to == track:
            self._refuse("same_track", f"track {track} is called {to} already", track)
        if to <= self.last:
            self._refuse(
                "id_used",
                f"track {track} cannot become {to}: ids up to {self.last} are used up, since an "
                f"id means one object; take one from {self.last + 1} on, or merge the two if "
                "they are one object",
                to,
            )
        live = (self.live - {track}) | {to}
        return replace(self, live=live, last=to)

    def _merged(self, track: int, other: int) -> Self:
        self._require(other)
        if track == other:
            self._refuse("same_track", f"track {track} cannot be merged with itself", track)
        if track not in self.ended:
            self._require(track)
        return replace(self, live=(self.live - {other}) | {track}, ended=self.ended - {track})

    def _require(self, track: int) -> None:
        if track not in self.live:
            there = ", ".join(map(str, sorted(self.live))) or "none"
            self._refuse(
                "unknown_track",
                f"stream {self.stream!r} has no track {track}; there are: {there}",
                track,
            )

    def _refuse(self, code: str, message: str, track: int) -> NoReturn:
        context: dict[str, Any] = {"stream": self.stream, "tracker_id": track}
        raise SessionError(message, code=code, **context)
