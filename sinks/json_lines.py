"""Predictions as JSON Lines: one line per frame."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.blocks import Frame, detections_to_json
from trackwire.specs import SinkError

from .delivery import Delivery, Frames, Predictions, deliveries, stream_path

if TYPE_CHECKING:
    from io import FileIO

__all__ = ["JSON_LINES_SCHEMA", "JsonLinesSink"]

JSON_LINES_SCHEMA: Final = "trackwire.predictions/1"
"""Value of ``schema`` in every line; the number rises when a reader must change."""

_FILE_NAME: Final = "predictions.jsonl"
_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
_OMITTED: Final = object()


class JsonLinesSink:
    """Writes each frame's outputs as one line of JSON.

    A line has ``schema``, ``video_identifier``, ``frame_number`` (0-based), ``epoch``,
    ``media_time_s`` (float or null) and ``outputs``. Detections take the JSON form of
    :func:`~trackwire.blocks.detections_to_json`, masks lossless. Images are left out. Lines are
    written whole, by one call to the system each, so that a crash leaves no half line.

    Args:
        target: A file that ends in ``.jsonl`` (``.ndjson``, ``.json``), for all streams; else a
            folder, in which each stream gets ``<video_identifier>/predictions.jsonl``. A file
            that exists is replaced.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "clip.mp4", document, on_prediction=JsonLinesSink("out")
        ... )
    """

    def __init__(self, target: str | Path) -> None:
        self._target = Path(target)
        self._files: dict[Path, FileIO] = {}
        self._by_stream: dict[str, Path] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files written so far."""
        return tuple(self._files)

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Write the result of a frame, or of several sources' frames.

        Raises:
            SinkError: An output is of a type that JSON has no form for, the disk is full, or the
                sink is closed.
        """
        with self._lock:
            for delivery in deliveries(predictions, frame):
                self._write(delivery)

    def close(self) -> None:
        """Close the files; again does nothing."""
        with self._lock:
            self._closed = True
            for file in self._files.values():
                file.close()

    def _write(self, delivery: Delivery) -> None:
        line = _line(delivery)
        path = self._path(delivery.frame)
        try:
            written = self._files[path].write(line)
            while written is not None and written < len(line):
                line = line[written:]
                written = self._files[path].write(line)
        except OSError as error:
            raise SinkError(
                f"cannot write predictions to {path}: {error.strerror or error}", path=str(path)
            ) from error

    def _path(self, frame: Frame) -> Path:
        if self._closed:
            raise SinkError(f"the JSON Lines sink for {self._target} is closed; make a new one")
        stream = frame.video.video_identifier
        if stream not in self._by_stream:
            path = stream_path(self._target, _SUFFIXES, _FILE_NAME, frame)
            if path not in self._files:
                try:
                    self._files[path] = path.open("wb", buffering=0)
                except OSError as error:
                    raise SinkError(
                        f"cannot write predictions to {path}: {error.strerror or error}",
                        path=str(path),
                    ) from error
            self._by_stream[stream] = path
        return self._by_stream[stream]


def _line(delivery: Delivery) -> bytes:
    video = delivery.frame.video
    entry = {
        "schema": JSON_LINES_SCHEMA,
        "video_identifier": video.video_identifier,
        "frame_number": video.frame_number,
        "epoch": video.epoch,
        "media_time_s": None if video.media_time_s is None else float(video.media_time_s),
        "outputs": {
            str(name): value
            for name, output in delivery.outputs.items()
            if (value := _plain(output, f"output {name!r} of {delivery.frame.image_id}"))
            is not _OMITTED
        },
    }
    text = json.dumps(entry, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _plain(value: Any, where: str) -> Any:
    """Make plain JSON values of an output; numbers that JSON lacks become null."""
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, float | Fraction):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Frame):
        return _OMITTED
    if isinstance(value, Mapping):
        members = {str(key): _plain(member, where) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not _OMITTED}
    if isinstance(value, list | tuple | set | frozenset):
        return [None if (m := _plain(member, where)) is _OMITTED else m for member in value]
    return _plain_object(value, where)


def _plain_object(value: Any, where: str) -> Any:
    import numpy as np
    import supervision as sv

    if isinstance(value, sv.Detections):
        return detections_to_json(value)
    if isinstance(value, np.generic):
        return _plain(value.item(), where)
    if isinstance(value, np.ndarray):
        # A picture as numbers would be megabytes a line; it goes to a video or image sink.
        is_picture = value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] in {1, 3, 4}
        return _OMITTED if is_picture else _plain(value.tolist(), where)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return _plain(value.value, where)
    if isinstance(value, int | str):  # subclasses of these, which json would write as well
        return value
    raise SinkError(
        f"{where} is a {type(value).__name__}, which JSON has no form for; allowed are "
        "detections, numbers, strings, times, arrays, and lists and dicts of them"
    )
