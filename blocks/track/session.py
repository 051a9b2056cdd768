"""One tracker's memory of one stream."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from trackwire.specs import SessionError, StreamKey

from .evidence import Evidence
from .rules import IdCounter, Twins
from .scene import Scene
from .schedule import PromptClock
from .track_table import TrackTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..frame import Frame

__all__ = ["Standing", "Tally", "TrackingSession"]

_ENDED_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Tally:
    """What a session did so far, in counts.

    Args:
        frames: Frames processed.
        prompt_frames: Frames whose detections were consumed.
        model_frames: Frames on which the model ran.
        model_prompts: Prompts the model answered.
        born: Tracks born.
        lost: Times a track went out of sight.
        found: Times a track came back into sight.
        ended: Tracks that came to an end, those merged into another among them.
        merged: Tracks merged into another, as a duplicate or on request.
        duplicates: Tracks merged for lying on an older one.
        postponed: Detections not born because they lay on a track.
        refused: Detections not born because ``max_objects`` left no room.
        resets: Times the session began anew: a gap in its stream, or on request.
    """

    frames: int = 0
    prompt_frames: int = 0
    model_frames: int = 0
    model_prompts: int = 0
    born: int = 0
    lost: int = 0
    found: int = 0
    ended: int = 0
    merged: int = 0
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
        scene: What that frame showed, None for none.
    """

    table: TrackTable
    clock: PromptClock = field(default_factory=PromptClock)
    twins: Twins = field(default_factory=dict)
    epoch: int | None = None
    frame_number: int | None = None
    size_wh: tuple[int, int] | None = None
    scene: Scene | None = None

    @classmethod
    def fresh(cls) -> Self:
        """Return the standing of a session that saw nothing yet."""
        return cls(TrackTable.newborn(np.empty(0, dtype=np.int64), Evidence.none()))

    @property
    def live(self) -> int:
        """How many tracks the model follows; those put aside wait for a detection."""
        return int((~self.table.aside).sum())

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

    One engine thread drives it. Other threads may read single fields: each is replaced as a whole.

    Args:
        stream: The ``video_identifier``.
        ids: Gives out track ids; outlives the session.
        standing: Where it stands; replaced as a whole when a frame is done.
        state: The model's memory, None while there is nothing to remember.
        tally: What it did so far.
        used_at_s: Monotonic time of the last frame.
        nbytes: Bytes of ``state`` after the last frame.
        ended: The ids of the tracks that ended last, at most 1,024, the newest last.
    """

    stream: StreamKey
    ids: IdCounter
    standing: Standing = field(default_factory=Standing.fresh)
    state: Any = None
    tally: Tally = Tally()
    used_at_s: float = 0.0
    nbytes: int = 0
    ended: tuple[int, ...] = ()

    def note_ended(self, tracker_ids: Iterable[int], live: Collection[int]) -> None:
        """Remember that tracks ended, so that one may be told to be another that came later.

        Args:
            tracker_ids: Those that ended on a frame.
            live: Those that are there after it; one that came back has not ended.
        """
        known = (*self.ended, *tracker_ids)
        if known:
            self.ended = tuple(each for each in known if each not in live)[-_ENDED_KEPT:]
