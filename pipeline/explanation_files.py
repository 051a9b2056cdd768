"""Explanations as JSON Lines: for each stream one file, for each frame and tracker one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackwire.specs import SinkError

if TYPE_CHECKING:
    from io import FileIO

__all__ = ["ExplanationFiles"]


class ExplanationFiles:
    """Writes what trackers decided to ``<video_identifier>/explain.jsonl`` below a folder.

    Callable from any thread, as :attr:`~trackwire.specs.Resources.explain` must be. It never
    raises: what goes wrong is kept in ``error``, and nothing more is written.

    Args:
        folder: Where to write; made when needed.
        append: Go on behind what a file holds, instead of replacing it.

    Attributes:
        error: Why a line could not be written, or None.
        on_failure: Called once, without a lock held, when that happens.
    """

    def __init__(self, folder: Path, *, append: bool = False) -> None:
        self.error: SinkError | None = None
        self._folder = folder
        self._append = append
        self.on_failure: Callable[[], object] | None = None
        self._files: dict[str, FileIO] = {}
        self._lock = threading.Lock()

    def __call__(self, explanation: Mapping[str, Any], /) -> None:
        """Write one line.

        Args:
            explanation: JSON-ready, with ``video_identifier``.
        """
        text = json.dumps(explanation, separators=(",", ":"), ensure_ascii=False)
        line = text.encode("utf-8", "surrogatepass") + b"\n"
        with self._lock:
            if self.error is not None:
                return
            try:
                self._write(str(explanation["video_identifier"]), line)
            except OSError as error:
                self.error = SinkError(
                    f"the explanations cannot be written below {self._folder}: "
                    f"{error.strerror or error}",
                    path=str(self._folder),
                )
                self.error.__cause__ = error
            failed = self.error is not None
        if failed and self.on_failure is not None:
            self.on_failure()

    def close(self) -> None:
        """Close the files; again does nothing."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _write(self, stream: str, line: bytes) -> None:
        file = self._files.get(stream)
        if file is None:
            path = self._folder / stream / "explain.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._files[stream] = path.open("ab" if self._append else "wb", buffering=0)
        while line:
            line = line[file.write(line) or 0 :]
