"""Tracks in the form that MOTChallenge takes results in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import SinkError

from .delivery import Delivery, Frames, Predictions, deliveries, make_folder, safe_name
from .found_detections import find_detections
from .line_files import LineFile

if TYPE_CHECKING:
    import supervision as sv

__all__ = ["MotSink"]

_SUFFIXES: Final = frozenset({".txt"})
_UNKNOWN: Final = "-1"


class MotSink:
    """Writes boxes as MOTChallenge text, one line per box.

    A line is ``frame,id,left,top,width,height,confidence,-1,-1,-1``: frames counted from 1, the
    ``tracker_id`` or -1, the box in pixels to a thousandth, the confidence or -1. The block
    ``trackwire/replayed_detections@v1`` reads it back, and so do evaluators of the field. A
    stream on which nothing is found has an empty file, not none.

    Args:
        target: A file that ends in ``.txt``, for one stream; else a folder, in which each stream
            gets ``<video_identifier>.txt``, as evaluators want it.
        output: Name of the output to write; None for the only one that is tracked, or the only
            one that is detections.
        class_column: Write the class id in the eighth column, in place of the first -1.
        append: Go on behind what a file holds, instead of replacing it.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "MOT17-04.mp4", document, on_prediction=MotSink("results")
        ... )
    """

    def __init__(
        self,
        target: str | Path,
        *,
        output: str | None = None,
        class_column: bool = False,
        append: bool = False,
    ) -> None:
        self._target = Path(target)
        self._output = output
        self._class_column = class_column
        self._append = append
        self._files: dict[str, LineFile] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files begun so far, in order."""
        return tuple(file.path for file in self._files.values())

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Write the boxes of a frame, or of several sources' frames.

        Raises:
            SinkError: The file cannot be written, several outputs might be meant, a second
                stream comes for one file, or the sink is closed.
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
        if self._closed:
            raise SinkError(f"the MOT sink for {self._target} is closed; make a new one")
        detections = self._chosen(delivery)
        file = self._file(delivery.frame.video.video_identifier)
        if detections is not None and len(detections):
            number = delivery.frame.video.frame_number + 1
            lines = "".join(f"{line}\n" for line in self._lines(number, detections))
            file.write(lines.encode("ascii"))

    def _chosen(self, delivery: Delivery) -> sv.Detections | None:
        found = dict(find_detections(delivery.outputs))
        if self._output is not None:
            if self._output not in found and delivery.outputs.get(self._output) is not None:
                raise SinkError(
                    f"output {self._output!r} is no detections; those that are: "
                    f"{', '.join(found) or 'none'}"
                )
            return found.get(self._output)
        tracked = {name: each for name, each in found.items() if each.tracker_id is not None}
        chosen = tracked if len(tracked) == 1 else found
        if len(chosen) > 1:
            raise SinkError(
                f"several outputs are detections: {', '.join(chosen)}; say which to write, "
                f"MotSink(..., output={next(iter(chosen))!r})"
            )
        return next(iter(chosen.values()), None)

    def _lines(self, number: int, detections: sv.Detections) -> Iterator[str]:
        for index in range(len(detections)):
            left, top, right, bottom = (float(edge) for edge in detections.xyxy[index])
            kind = detections.class_id if self._class_column else None
            yield ",".join(
                (
                    str(number),
                    _whole(detections.tracker_id, index),
                    *(_decimal(value) for value in (left, top, right - left, bottom - top)),
                    _UNKNOWN
                    if detections.confidence is None
                    else f"{float(detections.confidence[index]):.6g}",
                    _whole(kind, index),
                    _UNKNOWN,
                    _UNKNOWN,
                )
            )

    def _file(self, stream: str) -> LineFile:
        if stream not in self._files:
            is_file = self._target.suffix.lower() in _SUFFIXES
            if is_file and self._files:
                raise SinkError(
                    f"{self._target} already takes stream {next(iter(self._files))!r} and cannot "
                    f"take {stream!r} too; give a folder instead of a file"
                )
            path = self._target if is_file else self._target / f"{safe_name(stream)}.txt"
            make_folder(path.parent)
            self._files[stream] = LineFile(path, append=self._append)
        return self._files[stream]


def _whole(column: Any, index: int) -> str:
    return _UNKNOWN if column is None else str(int(column[index]))


def _decimal(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
