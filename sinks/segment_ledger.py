"""Which files the segments of a stream consist of, on disk, so that a restart knows them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from trackwire.specs import SinkError

from .json_file import write_json

__all__ = ["LEDGER_NAME", "SEGMENTS_SCHEMA", "LedgerEntry", "SegmentLedger"]

LEDGER_NAME: Final = "segments.json"
SEGMENTS_SCHEMA: Final = "trackwire.segments/1"
"""Value of ``schema`` in ``segments.json``; the number rises when a reader must change."""


@dataclass(slots=True)
class LedgerEntry:
    """One segment of a stream.

    Args:
        name: What its files have in their names.
        first_frame: Number of its first frame.
        epoch: Epoch of its frames.
        began_at: Wall clock, aware, UTC.
        ended_at: When its last file was finished; None while one is being written.
        files: Names of its files.
        open_files: Those that are being written now; not on disk.
    """

    name: str
    first_frame: int
    epoch: int
    began_at: datetime
    ended_at: datetime | None = None
    files: list[str] = field(default_factory=list)
    open_files: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """What ``segments.json`` says about it."""
        return {
            "name": self.name,
            "first_frame": self.first_frame,
            "epoch": self.epoch,
            "began_at": self.began_at.isoformat(timespec="milliseconds"),
            "ended_at": self.ended_at and self.ended_at.isoformat(timespec="milliseconds"),
            "files": list(self.files),
        }


class SegmentLedger:
    """The segments of one stream, the oldest first: ``segments.json`` in the stream's folder.

    A file is noted before it is made, so that after a crash none is unknown, and only files that
    are noted are ever deleted.

    Args:
        folder: The stream's folder; it exists.

    Raises:
        SinkError: The file is there and cannot be read, or is none of ours.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LEDGER_NAME
        self.entries: list[LedgerEntry] = self._load()

    def __len__(self) -> int:
        return len(self.entries)

    def save(self) -> None:
        """Write the file, in one step.

        Raises:
            SinkError: It cannot be written.
        """
        write_json(
            self.path,
            {"schema": SEGMENTS_SCHEMA, "segments": [each.as_json() for each in self.entries]},
        )

    def nbytes(self) -> int:
        """Bytes that the files of all segments take on disk."""
        return sum(self._size(name) for entry in self.entries for name in entry.files)

    def drop_oldest(self) -> None:
        """Delete the files of the oldest segment, and forget it.

        Raises:
            SinkError: One cannot be deleted; it stays noted.
        """
        oldest = self.entries[0]
        for name in oldest.files:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise SinkError(
                    f"cannot delete the old segment {self.folder / name}: "
                    f"{error.strerror or error}",
                    path=str(self.folder / name),
                ) from error
        del self.entries[0]

    def _size(self, name: str) -> int:
        try:
            return (self.folder / name).stat().st_size
        except OSError:
            return 0  # not made yet, or deleted by somebody: it takes no room

    def _load(self) -> list[LedgerEntry]:
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._unreadable(str(error)) from error
        try:
            document = json.loads(text)
            if document["schema"] != SEGMENTS_SCHEMA:
                raise self._unreadable(f"its schema is {document['schema']!r}")
            entries = [self._entry(each) for each in document["segments"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        return [entry for entry in entries if entry.files]

    def _entry(self, value: dict[str, Any]) -> LedgerEntry:
        name = str(value["name"])
        files = [str(file) for file in value["files"]]
        for file in files:
            # The names lead to deletions; what somebody wrote into the file must not lead away.
            if Path(file).name != file or f"-{name}" not in file:
                raise ValueError(f"{file!r} is no file of segment {name!r}")
        files = [file for file in files if (self.folder / file).is_file()]
        ended = value["ended_at"]
        return LedgerEntry(
            name=name,
            first_frame=int(value["first_frame"]),
            epoch=int(value["epoch"]),
            began_at=datetime.fromisoformat(value["began_at"]),
            ended_at=datetime.fromisoformat(ended) if ended else self._last_change(files),
            files=files,
        )

    def _last_change(self, files: list[str]) -> datetime:
        """When a run that was killed last wrote a segment."""
        latest = 0.0
        for name in files:
            with suppress(OSError):
                latest = max(latest, (self.folder / name).stat().st_mtime)
        return datetime.fromtimestamp(latest, UTC)

    def _unreadable(self, why: str) -> SinkError:
        return SinkError(
            f"{self.path} does not list segments ({why}). It says which old files may be deleted; "
            "move it away to begin a new list, its files are then kept for ever",
            code="segment_ledger",
            path=str(self.path),
        )
