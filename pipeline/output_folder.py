"""The folder a run writes into: claimed by one run, and never emptied unasked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from trackwire.sinks import write_json
from trackwire.specs import SinkError

from .folder_lock import FolderLock

__all__ = ["OutputFolder", "new_run_folder"]

REPORT_NAME: Final = "run.json"
_RESULTS: Final = (
    REPORT_NAME,
    "run-[0-9]*T[0-9]*Z.json",
    "*/predictions.jsonl",
    "*/predictions-*.jsonl",
    "*/segments.json",
    "*/annotated.mp4",
    "*/annotated-*.mp4",
    "*/explain.jsonl",
)


class OutputFolder:
    """One run's results: ``run.json`` and a folder for each stream.

    :meth:`claim` writes the first ``run.json``, which marks the folder as taken: a second run,
    also one at the same moment, is refused. Only the files of an earlier run are ever replaced,
    and only if asked for; other files in the folder are left alone. The report of a run that
    ended before its first frame is no result: the next try may have the folder. Where the system
    has locks, the folder of a run that is alive is also refused to runs that may append or
    overwrite; a run that was killed holds none.

    Args:
        path: The folder; made when claimed.
        overwrite: Replace the results of an earlier run.
        append: Write beside the results of earlier runs; the report of the last one becomes
            ``run-<when it began>.json``.

    Raises:
        ValueError: Both ``overwrite`` and ``append`` are wanted.
    """

    def __init__(self, path: Path, *, overwrite: bool = False, append: bool = False) -> None:
        if overwrite and append:
            raise ValueError("overwrite and append exclude each other; allowed: one of them")
        self.path = path.resolve()
        self.append = append
        self._overwrite = overwrite
        self._lock = FolderLock(self.path)

    def require_free(self) -> None:
        """Refuse a folder that holds results, without changing anything.

        Raises:
            SinkError: It does, and neither ``overwrite`` nor ``append`` is on, or the path is a
                file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SinkError(f"the output {self.path} is a file, it must be a folder or new")
        results = self._results()
        if results and not (self._overwrite or self.append):
            raise self._taken(results[0])

    def claim(self, report: Mapping[str, Any]) -> None:
        """Make the folder, clear earlier results where asked to, and write the first report.

        Args:
            report: What ``run.json`` says until the run has ended.

        Raises:
            SinkError: The folder holds results, another run is writing into it, or it cannot be
                written.
        """
        self.require_free()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            if self.append:
                self._set_report_aside()
            for result in [] if self.append else self._stale():
                result.unlink(missing_ok=True)
            with (self.path / REPORT_NAME).open("x", encoding="utf-8") as file:
                json.dump(report, file, indent=2)
        except FileExistsError as error:
            self._lock.release()
            raise self._taken(self.path / REPORT_NAME) from error
        except OSError as error:
            self._lock.release()
            raise SinkError(
                f"the output folder {self.path} cannot be written: {error.strerror or error}. "
                "Give another folder with --output"
            ) from error

    def write_report(self, report: Mapping[str, Any]) -> Path:
        """Replace ``run.json`` in one step, so that a reader sees the old one or the new one.

        Args:
            report: What to write.

        Returns:
            The path of the file.

        Raises:
            SinkError: It cannot be written.
        """
        path = self.path / REPORT_NAME
        write_json(path, report)
        return path

    def release(self) -> None:
        """Let other runs have the folder; again does nothing."""
        self._lock.release()

    def _set_report_aside(self) -> None:
        report = self.path / REPORT_NAME
        if not report.exists():
            return
        if _tells_of_nothing(report):
            report.unlink()
            return
        began_at = _began_at(report)
        while (aside := self.path / f"run-{began_at:%Y%m%dT%H%M%S}Z.json").exists():
            began_at += timedelta(seconds=1)
        report.rename(aside)

    def _stale(self) -> list[Path]:
        """What may be replaced; nothing in a new folder, so that of two claims one fails."""
        report = self.path / REPORT_NAME
        return [*self._results(), *([report] if _tells_of_nothing(report) else [])]

    def _results(self) -> list[Path]:
        found = sorted(itertools.chain.from_iterable(self.path.glob(each) for each in _RESULTS))
        report = self.path / REPORT_NAME
        return [] if found == [report] and _tells_of_nothing(report) else found

    def _taken(self, result: Path) -> SinkError:
        return SinkError(
            f"the output folder {self.path} already holds results ({result.name}). Give another "
            "folder, --append to write beside them, or --overwrite to replace them",
            code="output_taken",
        )


def _tells_of_nothing(report: Path) -> bool:
    """Whether a report is that of a run that ended before its first frame."""
    try:
        value = json.loads(report.read_text("utf-8"))
        return bool(value["status"] == "failed" and value["frames"]["processed"] == 0)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # unreadable or not ours: a result as far as anybody knows


def _began_at(report: Path) -> datetime:
    """When a run began, UTC; when its report was last written, if that is all one can tell."""
    try:
        began_at = datetime.fromisoformat(json.loads(report.read_text("utf-8"))["started_at"])
        return began_at.astimezone(UTC)
    except (OSError, ValueError, KeyError, TypeError):
        return datetime.fromtimestamp(report.stat().st_mtime, UTC)


def new_run_folder(parent: Path, now: datetime) -> Path:
    """Name a folder for a run that does not exist yet.

    Args:
        parent: Where the folder will lie.
        now: Time that names it.

    Returns:
        ``PARENT/run-YYYYMMDD-HHMMSS``, with ``-2`` and so on where that is taken.
    """
    name = f"run-{now:%Y%m%d-%H%M%S}"
    candidates = (name if n == 1 else f"{name}-{n}" for n in itertools.count(1))
    return next(path for each in candidates if not (path := parent / each).exists())
