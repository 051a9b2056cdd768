"""Recordings in segments: where each begins, what it is called, and which are kept."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .delivery import stream_folder
from .segment_ledger import LedgerEntry, SegmentLedger

if TYPE_CHECKING:
    from trackwire.blocks import Frame

__all__ = ["Segment", "Segments", "require_folder"]

_BOUNDARIES_KEPT: Final = 16
_NUMBERED: Final = re.compile(r"-(\d{6,})(-\d{3})?\.[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a stream that has files of its own.

    Args:
        stream: Its ``video_identifier``.
        name: What its files have in their names.
        first_frame: Number of its first frame.
        epoch: Epoch of its frames.
        index: Which multiple of the length it began at, on the stream's clock.
    """

    stream: str
    name: str
    first_frame: int
    epoch: int
    index: int


class Segments:
    """Cuts the recordings of each stream into segments, and deletes the oldest.

    Give one object to several sinks, and their files change at the same frames and are kept and
    deleted together. A segment ends at the multiples of ``segment_s`` on the stream's clock: of a
    live source the wall clock, so that ``segment_s=3600`` begins a file at each full hour (UTC),
    of a file the time within the video. It also ends where an epoch does, as after a reconnect.
    Each file begins with a keyframe.

    Segments of a live source are named by the time of their first frame,
    ``20300102T030405.678Z`` (UTC), those of a file by number, ``000001``, going on behind what
    the folder holds. ``segments.json`` in the stream's folder lists them; only files that it
    lists are ever deleted, also those of earlier runs. Safe for use from several threads.

    Args:
        segment_s: Length of a segment, seconds.
        keep_segments: Most segments of a stream on disk, the one being written included.
        keep_s: Segments that ended longer ago by the wall clock are deleted.
        keep_bytes: Most bytes of a stream's segments; looked at whenever a segment begins or is
            finished. The newest segment is always kept.
        now: Wall clock, for tests.

    Raises:
        ValueError: A value is not positive.

    Example:
        >>> hourly = Segments(3600, keep_bytes=100 * 10**9)
        >>> sinks = [JsonLinesSink("out", segments=hourly), VideoFileSink("out", segments=hourly)]
    """

    def __init__(
        self,
        segment_s: float,
        *,
        keep_segments: int | None = None,
        keep_s: float | None = None,
        keep_bytes: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        limits = {
            "segment_s": segment_s,
            "keep_segments": keep_segments,
            "keep_s": keep_s,
            "keep_bytes": keep_bytes,
        }
        for name, value in limits.items():
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be more than 0, found {value}")
        self._length = Fraction(segment_s).limit_denominator(10**6)
        self._keep_segments = keep_segments
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._now = now
        self._boundaries: dict[str, deque[Segment]] = {}
        self._ledgers: dict[Path, SegmentLedger] = {}
        self._lock = threading.Lock()

    def place(self, frame: Frame, target: Path) -> Segment:
        """Tell which segment a frame belongs to; the first sink that asks sets the boundary.

        Args:
            frame: A frame of the stream; sinks may be at different frames.
            target: The sink's folder.

        Returns:
            The segment.

        Raises:
            SinkError: The stream's folder cannot be made or its ``segments.json`` be read.
        """
        video = frame.video
        index = int(frame.video.clock_s // self._length)
        with self._lock:
            boundaries = self._boundaries.setdefault(
                video.video_identifier, deque(maxlen=_BOUNDARIES_KEPT)
            )
            if boundaries:
                newest = boundaries[-1]
                earlier = [each for each in boundaries if each.first_frame <= video.frame_number]
                if video.frame_number < newest.first_frame:
                    return earlier[-1] if earlier else boundaries[0]
                # A clock that is set back a little does not cut a file; one set back far does.
                goes_on = newest.index - 1 <= index <= newest.index
                if goes_on and video.epoch == newest.epoch:
                    return newest
            segment = Segment(
                stream=video.video_identifier,
                name=self._name(frame, self._ledger(frame.video.video_identifier, target)),
                first_frame=video.frame_number,
                epoch=video.epoch,
                index=index,
            )
            boundaries.append(segment)
            return segment

    def begin(self, segment: Segment, target: Path, file_name: str) -> Path:
        """Note a file of a segment before it is made, and make room for it.

        Args:
            segment: As :meth:`place` gave it.
            target: The sink's folder.
            file_name: Such as ``annotated.mp4``, for ``annotated-<segment>.mp4``; of further
                files with the same the name ends in ``-002`` and so on.

        Returns:
            The path for the file.

        Raises:
            SinkError: ``segments.json`` cannot be written, or an old file not be deleted.
        """
        with self._lock:
            ledger = self._ledger(segment.stream, target)
            entry = next((each for each in ledger.entries if each.name == segment.name), None)
            if entry is None:
                entry = LedgerEntry(
                    segment.name, segment.first_frame, segment.epoch, began_at=self._now()
                )
                ledger.entries.insert(self._position(segment, ledger), entry)
            stem, _, suffix = file_name.rpartition(".")
            name, part = f"{stem}-{segment.name}.{suffix}", 1
            while name in entry.files:
                part += 1
                name = f"{stem}-{segment.name}-{part:03d}.{suffix}"
            entry.files.append(name)
            entry.open_files.add(name)
            entry.ended_at = None
            self._make_room(ledger)
            ledger.save()
            return ledger.folder / name

    def finish(self, segment: Segment, path: Path) -> None:
        """Note that a file of a segment is complete.

        Args:
            segment: As :meth:`place` gave it.
            path: As :meth:`begin` gave it.

        Raises:
            SinkError: ``segments.json`` cannot be written, or an old file not be deleted.
        """
        with self._lock:
            ledger = self._ledgers[path.parent]
            for entry in ledger.entries:
                if entry.name == segment.name:
                    entry.open_files.discard(path.name)
                    entry.ended_at = None if entry.open_files else self._now()
            self._make_room(ledger)
            ledger.save()

    def _ledger(self, stream: str, target: Path) -> SegmentLedger:
        folder = stream_folder(target, stream)
        if folder not in self._ledgers:
            self._ledgers[folder] = SegmentLedger(folder)
        return self._ledgers[folder]

    def _position(self, segment: Segment, ledger: SegmentLedger) -> int:
        """Where a segment stands in the list: a slow sink may begin one behind a fast one's."""
        later = {
            each.name
            for each in self._boundaries[segment.stream]
            if each.first_frame > segment.first_frame
        }
        places = (i for i, entry in enumerate(ledger.entries) if entry.name in later)
        return next(places, len(ledger))

    def _name(self, frame: Frame, ledger: SegmentLedger) -> str:
        taken = {each.name for each in ledger.entries}
        if frame.video.comes_from_video_file is False:
            time = frame.frame_timestamp.astimezone(UTC)
            while True:
                name = f"{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03d}Z"
                if name not in taken and not any(ledger.folder.glob(f"*-{name}*")):
                    return name
                time += timedelta(milliseconds=1)
        files = (path.name for path in ledger.folder.iterdir())
        numbers = [int(match[1]) for name in files if (match := _NUMBERED.search(name))]
        numbers += [int(name) for name in taken if name.isdecimal()]
        return f"{max(numbers, default=0) + 1:06d}"

    def _make_room(self, ledger: SegmentLedger) -> None:
        """Delete the oldest segments that are complete, as far as the limits ask for it."""
        while len(ledger) > 1 and ledger.entries[0].ended_at and self._is_too_much(ledger):
            ledger.drop_oldest()

    def _is_too_much(self, ledger: SegmentLedger) -> bool:
        ended_at = ledger.entries[0].ended_at
        if self._keep_segments is not None and len(ledger) > self._keep_segments:
            return True
        if self._keep_s is not None and ended_at is not None:
            age = self._now() - ended_at
            if age.total_seconds() > self._keep_s:
                return True
        return self._keep_bytes is not None and ledger.nbytes() > self._keep_bytes


def require_folder(target: Path, suffixes: frozenset[str]) -> None:
    """Refuse a file as the target of a recording in segments.

    Raises:
        ValueError: The target ends in one of the suffixes.
    """
    if target.suffix.lower() in suffixes:
        raise ValueError(
            f"a recording in segments needs a folder as its target, found the file {target}; "
            f"allowed: a name that does not end in {', '.join(sorted(suffixes))}"
        )
