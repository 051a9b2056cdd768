"""Predictions as JSON Lines: one line per frame."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .delivery import Frames, Predictions, deliveries
from .json_line import encode_line, line_entry
from .line_files import LineFiles

if TYPE_CHECKING:
    from .segments import Segments

__all__ = ["JsonLinesSink"]

_FILE_NAME: Final = "predictions.jsonl"
_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})


class JsonLinesSink:
    """Writes each frame's outputs as one line of JSON.

    A line has ``schema``, ``video_identifier``, ``frame_number`` (0-based), ``epoch``,
    ``media_time_s`` (float or null), for a live source ``frame_timestamp`` (wall clock, UTC), and
    ``outputs``. Detections take the JSON form of :func:`~trackwire.blocks.detections_to_json`,
    masks lossless. Images are left out. Each line is handed to the system as soon as it is
    complete, so that a crash loses none.

    Args:
        target: A file that ends in ``.jsonl`` (``.ndjson``, ``.json``), for all streams; else a
            folder, in which each stream gets ``<video_identifier>/predictions.jsonl``.
        append: Go on behind what a file holds, instead of replacing it. A half line at its end,
            which a crash may have left, is cut off.
        segments: Begin a file ``predictions-<segment>.jsonl`` for each segment; give the same
            object to the sinks that shall change files together. The target must be a folder,
            and files that exist are left alone.

    Raises:
        ValueError: There are segments, and the target is a file.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "clip.mp4", document, on_prediction=JsonLinesSink("out")
        ... )
    """

    def __init__(
        self, target: str | Path, *, append: bool = False, segments: Segments | None = None
    ) -> None:
        self._files = LineFiles(
            Path(target), _SUFFIXES, _FILE_NAME, append=append, segments=segments
        )
        self._lock = threading.Lock()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files begun so far, in order; of very many the latest thousand."""
        return self._files.paths

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Write the result of a frame, or of several sources' frames.

        Raises:
            SinkError: An output is of a type that JSON has no form for, the disk is full, or the
                sink is closed.
        """
        with self._lock:
            for delivery in deliveries(predictions, frame):
                self._files.write(delivery.frame, encode_line(line_entry(delivery)))

    def close(self) -> None:
        """Close the files; again does nothing."""
        with self._lock:
            self._files.close()
