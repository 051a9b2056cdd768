"""A frame's outputs as one line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from trackwire.blocks import Frame, detections_to_json
from trackwire.specs import SinkError

if TYPE_CHECKING:
    from .delivery import Delivery

__all__ = ["JSON_LINES_SCHEMA", "encode_line", "line_entry"]

JSON_LINES_SCHEMA: Final = "trackwire.predictions/1"
"""Value of ``schema`` in every line; the number rises when a reader must change."""

_OMITTED: Final = object()


def line_entry(delivery: Delivery) -> dict[str, Any]:
    """Make plain JSON values of a frame's outputs.

    Args:
        delivery: Outputs and frame.

    Returns:
        ``schema``, ``video_identifier``, ``frame_number`` (0-based), ``epoch``, ``media_time_s``
        (float or None), for a live source ``frame_timestamp`` (wall clock, UTC, ISO 8601), and
        ``outputs``, images left out.

    Raises:
        SinkError: An output is of a type that JSON has no form for.
    """
    video = delivery.frame.video
    entry: dict[str, Any] = {
        "schema": JSON_LINES_SCHEMA,
        "video_identifier": video.video_identifier,
        "frame_number": video.frame_number,
        "epoch": video.epoch,
        "media_time_s": None if video.media_time_s is None else float(video.media_time_s),
    }
    if video.comes_from_video_file is False:
        # Of a file it would be the time of the run, and two runs would not write the same.
        entry["frame_timestamp"] = video.frame_timestamp.isoformat(timespec="milliseconds")
    entry["outputs"] = {
        str(name): value
        for name, output in delivery.outputs.items()
        if (value := _plain(output, f"output {name!r} of {delivery.frame.image_id}"))
        is not _OMITTED
    }
    return entry


def encode_line(entry: Mapping[str, Any]) -> bytes:
    """Encode an entry as UTF-8 JSON on one line, its newline included."""
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
