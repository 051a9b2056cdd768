"""Detections on file: JSON Lines of predictions, and MOTChallenge text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Protocol, TypeAlias

from trackwire.specs import BlockError

from ..detections import build_detections, empty_detections
from ..detections_json import DetectionsFormatError, detections_from_json

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame

__all__ = ["MotRecording", "PredictionsRecording", "Recording", "RecordingFormat", "open_recording"]

RecordingFormat: TypeAlias = Literal["auto", "jsonl", "mot"]
_MOT_COLUMNS: Final = "frame, id, left, top, width, height[, confidence[, class]]"


class Recording(Protocol):
    """Detections on file, by frame."""

    def read(self, frame: Frame, producer: str) -> sv.Detections:
        """Read the detections of a frame; empty if the file has none for it.

        Raises:
            BlockError: The file has nothing for the frame's stream, or something that does not
                fit the frame.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_recording(
    path: Path,
    *,
    form: RecordingFormat = "auto",
    output: str | None = None,
    class_name: str = "object",
) -> Recording:
    """Open a file of detections and check every line of it.

    Args:
        path: The file.
        form: How it is written; ``auto`` looks at the first line.
        output: For JSON Lines, which output holds the detections; None for the only one.
        class_name: For MOTChallenge text, which has no names.

    Returns:
        The recording.

    Raises:
        BlockError: There is no such file, or a line is not well formed; names the line.
    """
    try:
        with path.open("rb") as file:
            first = next((line for line in file if line.strip()), b"")
    except OSError as error:
        raise BlockError(
            f"cannot read detections from {path}: {error.strerror or error}",
            code="recording_not_found",
            path=str(path),
        ) from error
    if form == "jsonl" or (form == "auto" and first.lstrip().startswith(b"{")):
        return PredictionsRecording(path, output)
    return MotRecording(path, class_name)


class PredictionsRecording:
    """JSON Lines of predictions, one line per frame: indexed when opened, read when asked.

    Each line has ``frame_number``, ``outputs`` and, where the file holds several videos,
    ``video_identifier``. A file of one video serves a stream of any name.

    Args:
        path: The file.
        output: Which output holds the detections; None for the only one that does.

    Raises:
        BlockError: A line is not well formed, a frame occurs twice, or which output is meant is
            not clear.
    """

    def __init__(self, path: Path, output: str | None = None) -> None:
        self._path = path
        self._places: dict[str, dict[int, tuple[int, int]]] = {}
        candidates: set[str] = set()
        for number, offset, line in _lines(path):
            candidates |= self._index(number, offset, line)
        self._output = self._choose(output, candidates)
        self._file = path.open("rb")

    def read(self, frame: Frame, producer: str) -> sv.Detections:
        """Read the detections of a frame; empty if the file has none for it."""
        place = self._frames_of(frame).get(frame.video.frame_number)
        if place is None or self._output is None:
            return empty_detections(frame, producer=producer)
        number, offset = place
        self._file.seek(offset)
        payload = json.loads(self._file.readline())["outputs"].get(self._output)
        if payload is None:
            return empty_detections(frame, producer=producer)
        try:
            return detections_from_json(payload, frame, producer=producer)
        except DetectionsFormatError as error:
            raise DetectionsFormatError(
                f"{self._path}, line {number}, output {self._output!r}: {error.message}",
                path=str(self._path),
                line=number,
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _index(self, number: int, offset: int, line: bytes) -> set[str]:
        """Note where a line's frame is; returns the outputs that look like detections."""
        try:
            entry = json.loads(line)
        except ValueError as error:
            _refuse(self._path, number, f"is not JSON: {error}")
        frame_number = entry.get("frame_number") if isinstance(entry, dict) else None
        outputs = entry.get("outputs") if isinstance(entry, dict) else None
        if type(frame_number) is not int or frame_number < 0:
            _refuse(self._path, number, "needs frame_number, a whole number from 0")
        if not isinstance(outputs, dict):
            _refuse(self._path, number, "needs outputs, an object with outputs by name")
        video = entry.get("video_identifier", "")
        if not isinstance(video, str):
            _refuse(self._path, number, "has a video_identifier that is not a string")
        frames = self._places.setdefault(video, {})
        if frame_number in frames:
            first = frames[frame_number][0]
            _refuse(self._path, number, f"repeats frame {frame_number} of line {first}")
        frames[frame_number] = (number, offset)
        return {
            name
            for name, value in outputs.items()
            if isinstance(value, dict) and isinstance(value.get("predictions"), list)
        }

    def _choose(self, output: str | None, candidates: set[str]) -> str | None:
        names = ", ".join(sorted(candidates)) or "none"
        if output is not None and output not in candidates:
            raise BlockError(
                f"{self._path} has no detections under output {output!r}; outputs with "
                f"detections: {names}",
                code="recording_output",
                path=str(self._path),
            )
        if output is None and len(candidates) > 1:
            raise BlockError(
                f"{self._path} has several outputs with detections: {names}; "
                "say which with the property output",
                code="recording_output",
                path=str(self._path),
            )
        return output if output is not None else next(iter(candidates), None)

    def _frames_of(self, frame: Frame) -> Mapping[int, tuple[int, int]]:
        if len(self._places) <= 1:
            return next(iter(self._places.values()), {})
        stream = frame.video.video_identifier
        if stream not in self._places:
            raise BlockError(
                f"{self._path} has no video {stream!r}; it has "
                f"{', '.join(sorted(map(repr, self._places)))}",
                code="recording_video",
                path=str(self._path),
            )
        return self._places[stream]


class MotRecording:
    """MOTChallenge text: one box per line, frames counted from 1. Serves a stream of any name.

    The columns are frame, id, left, top, width, height, confidence and class. Confidence and
    class may be left out or -1 for "not known": then they are 1.0 and 0. Ids become
    ``tracker_id`` if every line has one.

    Args:
        path: The file.
        class_name: Name of the class of all boxes.

    Raises:
        BlockError: A line is not well formed.
    """

    def __init__(self, path: Path, class_name: str = "object") -> None:
        self._class_name = class_name
        self._rows: dict[int, list[tuple[float, ...]]] = {}
        self._has_ids = True
        for number, _, line in _lines(path):
            row = _mot_row(path, number, line)
            self._has_ids &= row[1] >= 0
            self._rows.setdefault(int(row[0]) - 1, []).append(row)

    def read(self, frame: Frame, producer: str) -> sv.Detections:
        """Read the boxes of a frame; empty if the file has none for it."""
        rows = self._rows.get(frame.video.frame_number)
        if rows is None:
            return empty_detections(frame, producer=producer)
        return build_detections(
            frame,
            [
                (left, top, left + width, top + height)
                for _, _, left, top, width, height, *_ in rows
            ],
            confidence=[row[6] for row in rows],
            class_id=[int(row[7]) for row in rows],
            class_name=self._class_name,
            tracker_id=[int(row[1]) for row in rows] if self._has_ids else None,
            producer=producer,
        )

    def close(self) -> None:
        """Forget the boxes."""
        self._rows.clear()


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number from 1, offset and text of every line that is not blank."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, offset, line
            offset += len(line)


def _mot_row(path: Path, number: int, line: bytes) -> tuple[float, ...]:
    parts = line.decode("utf-8", errors="replace").replace(",", " ").split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        _refuse(path, number, f"must hold numbers: {_MOT_COLUMNS}; found {' '.join(parts)[:80]!r}")
    if len(values) < 6 or not all(map(math.isfinite, values)):
        _refuse(path, number, f"must hold at least six finite numbers: {_MOT_COLUMNS}")
    if values[0] < 1 or not values[0].is_integer():
        _refuse(path, number, f"must begin with the frame, a whole number from 1, not {parts[0]}")
    if min(values[4], values[5]) < 0:
        _refuse(path, number, "has a box of negative width or height")
    confidence = values[6] if len(values) > 6 and values[6] != -1 else 1.0
    if not 0 <= confidence <= 1:
        _refuse(path, number, f"has a confidence that is neither -1 nor 0 to 1: {parts[6]}")
    kind = values[7] if len(values) > 7 and values[7] >= 0 else 0.0
    return (*values[:6], confidence, kind)


def _refuse(path: Path, number: int, what: str) -> NoReturn:
    details: dict[str, Any] = {"path": str(path), "line": number}
    raise BlockError(f"{path}, line {number} {what}", code="recording_format", **details)
