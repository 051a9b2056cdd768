"""What happens to tracks: started, lost, found, ended, merged, renamed, with frame and reason.

A track starts once and comes to one end: it ends, it is merged into another, or it goes on under
another id. In between it may be lost and found again any number of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from trackwire.specs import Event, StreamKey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .session import Standing
    from .track_table import TrackTable

__all__ = ["Changes", "EndReason", "TrackEvent", "TrackEventKind", "TrackReason", "all_ended"]

TrackEventKind: TypeAlias = Literal["started", "lost", "found", "ended", "merged", "renamed"]
EndReason: TypeAlias = Literal[
    "lost",
    "unconfirmed",
    "unwanted",
    "removed",
    "reset",
    "restart",
    "gap",
    "memory_lost",
    "stream_ended",
    "evicted",
    "timed_out",
]
TrackReason: TypeAlias = (
    Literal["detected", "prompted", "not_seen", "seen_again", "matched", "duplicate", "requested"]
    | EndReason
)


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """Something that happened to one track.

    Args:
        kind: What happened.
        tracker_id: The track.
        reason: Why, as a short code; ``docs/tracker.md`` lists them.
        frame_number: 0-based frame on which it happened; the last one processed where the stream
            ended; None for a stream without frames.
        class_name: Of the track, empty where it is not known.
        into: The track that goes on, for ``merged`` and ``renamed``.
    """

    kind: TrackEventKind
    tracker_id: int
    reason: TrackReason
    frame_number: int | None
    class_name: str = ""
    into: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the event as it stands on the wire, JSON-ready."""
        told: dict[str, Any] = {
            "event": self.kind,
            "tracker_id": self.tracker_id,
            "frame_number": self.frame_number,
            "reason": self.reason,
            "class": self.class_name,
        }
        if self.into is not None:
            told["into"] = self.into
        return told

    def as_event(self, stream: StreamKey, step: str) -> Event:
        """Return the event as it goes to an outbox.

        Args:
            stream: The ``video_identifier``.
            step: Name of the tracker's step.
        """
        into = "" if self.into is None else f" into {self.into}"
        return Event(
            f"track.{self.kind}",
            "debug",
            f"track {self.tracker_id} of stream {stream!r} {self.kind}{into} ({self.reason})",
            stream=stream,
            step=step,
            frame_number=self.frame_number,
            fields=self.as_json(),
        )


def all_ended(
    standing: Standing, reason: EndReason, frame_number: int | None = None
) -> tuple[TrackEvent, ...]:
    """Tell that all tracks of a session end.

    Args:
        standing: Where the session stood.
        reason: Why they end.
        frame_number: On which frame; None for the last one processed.
    """
    table = standing.table
    at = standing.frame_number if frame_number is None else frame_number
    return tuple(
        TrackEvent("ended", tracker_id, reason, at, class_name)
        for tracker_id, class_name in zip(
            table.tracker_id.tolist(), table.shown_class().tolist(), strict=True
        )
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What one frame did to the tracks of a session.

    Args:
        before: ``(N,)`` tracks before the frame, those born on it last.
        after: ``(N,)`` the same tracks, aged by it.
        claimed: ``(N,)`` tracks that a detection or a prompt by hand was for.
        unborn: ``(N,)`` births that came to nothing.
        reasons: ``(N,)`` why tracks end, empty for those that do not.
        by_hand: Tracks (``track_id``) that the model was prompted for by hand.
        merged: Tracks that lay on an older one, each with that one.
    """

    before: TrackTable
    after: TrackTable
    claimed: NDArray[np.bool_]
    unborn: NDArray[np.bool_]
    reasons: NDArray[np.str_]
    by_hand: frozenset[int]
    merged: Mapping[int, int]

    def events(self, born: NDArray[np.bool_], frame_number: int) -> tuple[TrackEvent, ...]:
        """Tell what happened: births first, ends last.

        Args:
            born: ``(N,)`` tracks that were born on this frame.
            frame_number: The frame.
        """
        was_seen, is_seen = self.before.unseen == 0, self.after.unseen == 0
        names, told = self.after.shown_class(), list[TrackEvent]()

        def tell(kind: TrackEventKind, rows: NDArray[np.bool_]) -> None:
            for row in np.flatnonzero(rows).tolist():
                told.append(
                    TrackEvent(
                        kind,
                        int(self.after.tracker_id[row]),
                        self.reason(kind, row),
                        frame_number,
                        str(names[row]),
                        self._into(row) if kind == "merged" else None,
                    )
                )

        gone = self.reasons != ""
        lives = ~(gone | self.unborn)
        merged = gone & np.isin(self.after.track_id, list(self.merged))
        tell("started", born & ~self.unborn)
        tell("lost", lives & was_seen & ~is_seen)
        tell("found", lives & ~was_seen & is_seen)
        tell("merged", merged)
        tell("ended", gone & ~merged)
        return tuple(told)

    def reason(self, kind: TrackEventKind, row: int) -> TrackReason:
        """Say why something happened to a track.

        Args:
            kind: What happened to it.
            row: The track.
        """
        if kind == "lost":
            return "not_seen"
        if kind == "merged":
            return "duplicate"
        if kind == "ended":
            return "lost" if self.reasons[row] == "lost" else "unconfirmed"
        if int(self.after.track_id[row]) in self.by_hand:
            return "prompted"
        if kind == "started":
            return "detected"
        return "matched" if self.claimed[row] else "seen_again"

    def _into(self, row: int) -> int:
        older = self.merged[int(self.after.track_id[row])]
        return int(self.after.tracker_id[self.after.track_id == older][0])
