"""The folder a run writes into: claimed by one run, and never emptied unasked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from trackwire.sinks import write_json
from trackwire.specs import SinkError

__all__ = ["OutputFolder", "new_run_folder"]

REPORT_NAME: Final = "run.json"
_RESULTS: Final = (
    REPORT_NAME,
    "*/predictions.jsonl",
    "*/annotated.mp4",
    "*/annotated-*.mp4",
    "*/explain.jsonl",
)


class OutputFolder:
    """One run's results: ``run.json`` and a folder for each stream.

    :meth:`claim` writes the first ``run.json``, which marks the folder as taken: a second run,
    also one at the same moment, is refused. Only the files of an earlier run are ever replaced,
    and only if asked for; other files in the folder are left alone. The report of a run that
    ended before its first frame is no result: the next try may have the folder.

    Args:
        path: The folder; made when claimed.
        overwrite: Replace the results of an earlier run.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path.resolve()
        self._overwrite = overwrite

    def require_free(self) -> None:
        """Refuse a folder that holds results, without changing anything.

        Raises:
            SinkError: It does and ``overwrite`` is off, or the path is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SinkError(f"the output {self.path} is a file, it must be a folder or new")
        results = self._results()
        if results and not self._overwrite:
            raise self._taken(results[0])

    def claim(self, report: Mapping[str, Any]) -> None:
        """Make the folder, clear earlier results where asked to, and write the first report.

        Args:
            report: What ``run.json`` says until the run has ended.

        Raises:
            SinkError: The folder holds results, or cannot be written.
        """
        self.require_free()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for result in self._stale():
                result.unlink(missing_ok=True)
            with (self.path / REPORT_NAME).open("x", encoding="utf-8") as file:
                json.dump(report, file, indent=2)
        except FileExistsError as error:
            raise self._taken(self.path / REPORT_NAME) from error
        except OSError as error:
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
            "folder, or --overwrite to replace them",
            code="output_taken",
        )


def _tells_of_nothing(report: Path) -> bool:
    """Whether a report is that of a run that ended before its first frame."""
    try:
        value = json.loads(report.read_text("utf-8"))
        return bool(value["status"] == "failed" and value["frames"]["processed"] == 0)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # unreadable or not ours: a result as far as anybody knows


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
