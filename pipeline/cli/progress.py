"""Progress of a run: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from .console import err

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from ..inference_pipeline import InferencePipeline

__all__ = ["ProgressSink"]

_LINE_EVERY_S: Final = 5.0
_LIVE_LINE_EVERY_S: Final = 60.0  # a run may go on for weeks, and its log should not grow with it
_BAR_EVERY_S: Final = 0.1


class ProgressSink:
    """A sink that shows how far each stream is, on standard error.

    Args:
        max_frames: Where the run stops each source, or None.
        live: The run may have no end.
    """

    def __init__(self, max_frames: int | None = None, *, live: bool = False) -> None:
        self._line_every_s = _LIVE_LINE_EVERY_S if live else _LINE_EVERY_S
        self._pipeline: InferencePipeline | None = None
        self._max_frames = max_frames
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._began_s = self._shown_s = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:.1f} fps"),
                TimeRemainingColumn(),
                console=err,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def __call__(self, predictions: dict[str, Any], frame: Frame) -> None:
        """Count one result."""
        stream = frame.video.video_identifier
        with self._lock:
            self._done[stream] = self._done.get(stream, 0) + 1
            every_s = self._line_every_s if self._bar is None else _BAR_EVERY_S
            now = time.monotonic()
            if now - self._shown_s < every_s:
                return
            self._shown_s = now
            self._show(now - self._began_s)

    def watch(self, pipeline: InferencePipeline) -> None:
        """Ask this pipeline how many frames its sources announce."""
        self._pipeline = pipeline

    def _show(self, elapsed_s: float) -> None:
        totals = self._totals()
        for stream, done in self._done.items():
            rate, total = done / elapsed_s, totals.get(stream)
            if self._bar is None:
                of = "" if total is None else f" of {total}"
                err.print(f"{stream}: {done}{of} frames, {rate:.1f} fps", markup=False)
                continue
            if stream not in self._tasks:
                self._tasks[stream] = self._bar.add_task(stream, total=total, rate=rate)
            self._bar.update(self._tasks[stream], completed=done, total=total, rate=rate)

    def _totals(self) -> dict[str, int | None]:
        if self._pipeline is None:
            return {}
        return {
            source.video_identifier: self._limit(source.frame_count)
            for source in self._pipeline.status().sources
        }

    def _limit(self, announced: int | None) -> int | None:
        if announced is None or self._max_frames is None:
            return announced
        return min(announced, self._max_frames)
