"""Detections as a table: one row per detection."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .delivery import Delivery, Frames, Predictions, deliveries
from .found_detections import find_detections
from .line_files import LineFiles

if TYPE_CHECKING:
    import supervision as sv

    from .segments import Segments

__all__ = ["CSV_COLUMNS", "CsvSink"]

CSV_COLUMNS: Final = (
    "video_identifier",
    "frame_number",
    "epoch",
    "media_time_s",
    "frame_timestamp",
    "output",
    "detection",
    "tracker_id",
    "class_id",
    "class",
    "confidence",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
    "mask_pixels",
    "detection_id",
)
"""The columns of a table, in order; new ones are added at the end only."""

_FILE_NAME: Final = "detections.csv"
_SUFFIXES: Final = frozenset({".csv"})


class CsvSink:
    """Writes detections as CSV (RFC 4180, UTF-8), one row per detection.

    The columns are those of :data:`CSV_COLUMNS`: where the frame stands (``frame_number`` from 0,
    ``frame_timestamp`` wall clock, UTC, ISO 8601), which output and which detection of it (from
    0), ids, class, confidence, the box in pixels of the picture it was found in, the pixels of
    its mask, and the ``detection_id``. What is not known is an empty cell. The rows of a frame
    are handed to the system together, as soon as the frame is there.

    Args:
        target: A file that ends in ``.csv``, for all streams; else a folder, in which each
            stream gets ``<video_identifier>/detections.csv``.
        output: Name of the output to write; None for all that are detections.
        empty_frames: Write a row with only the first five columns for a frame that has no
            detection, so that the table tells nothing found from nothing seen.
        append: Go on behind what a file holds, instead of replacing it.
        segments: Begin a file ``detections-<segment>.csv`` for each segment; see
            :class:`~trackwire.sinks.Segments`.

    Raises:
        ValueError: There are segments, and the target is a file.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "clip.mp4", document, on_prediction=CsvSink("detections.csv")
        ... )
    """

    def __init__(
        self,
        target: str | Path,
        *,
        output: str | None = None,
        empty_frames: bool = False,
        append: bool = False,
        segments: Segments | None = None,
    ) -> None:
        self._output = output
        self._empty_frames = empty_frames
        self._files = LineFiles(
            Path(target),
            _SUFFIXES,
            _FILE_NAME,
            append=append,
            segments=segments,
            header=_encode([CSV_COLUMNS]),
        )
        self._lock = threading.Lock()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files begun so far, in order; of very many the latest thousand."""
        return self._files.paths

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Write the detections of a frame, or of several sources' frames.

        Raises:
            SinkError: The file cannot be written, or the sink is closed.
        """
        with self._lock:
            for delivery in deliveries(predictions, frame):
                self._files.write(delivery.frame, _encode(self._rows(delivery)))

    def close(self) -> None:
        """Close the files; again does nothing."""
        with self._lock:
            self._files.close()

    def _rows(self, delivery: Delivery) -> Iterator[list[Any]]:
        video = delivery.frame.video
        place = [
            video.video_identifier,
            video.frame_number,
            video.epoch,
            None if video.media_time_s is None else float(video.media_time_s),
            video.frame_timestamp.isoformat(timespec="milliseconds"),
        ]
        found = False
        for name, detections in find_detections(delivery.outputs):
            if self._output in (None, name):
                for row in _detection_rows(detections):
                    found = True
                    yield [*place, name, *row]
        if not found and self._empty_frames:
            yield [*place, *[None] * (len(CSV_COLUMNS) - len(place))]


def _detection_rows(detections: sv.Detections) -> Iterator[list[Any]]:
    names = detections.data.get("class_name")
    ids = detections.data.get("detection_id")
    pixels = None if detections.mask is None else detections.area
    for index in range(len(detections)):
        yield [
            index,
            _cell(detections.tracker_id, index),
            _cell(detections.class_id, index),
            _cell(names, index),
            _cell(detections.confidence, index),
            *detections.xyxy[index],
            None if pixels is None else round(float(pixels[index])),
            _cell(ids, index),
        ]


def _cell(column: Any, index: int) -> Any:
    return None if column is None else column[index]


def _encode(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, dialect="excel").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")
