"""Where results go: the screen, video files, JSON Lines, tables, the network, memory.

A sink is a callable that takes ``(predictions, frame)``; with several sources it gets two lists
with None where a source had no frame. A method ``close()``, if it has one, finishes its files.
The names in ``__all__`` load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .csv_file import CSV_COLUMNS, CsvSink
    from .delivery import Delivery, deliveries
    from .event_clips import EventClipSink
    from .json_file import write_json
    from .json_line import JSON_LINES_SCHEMA
    from .json_lines import JsonLinesSink
    from .memory import InMemoryBufferSink
    from .mot_file import MotSink
    from .multi import multi_sink
    from .overlay import draw_detections
    from .screen import render_boxes
    from .segments import Segments
    from .udp import UDPSink
    from .video_file import VideoFileSink

if __name__ != "trackwire.sinks":
    raise ImportError(f"import trackwire.sinks, not {__name__}: it would be a second module")

__all__ = [
    "CSV_COLUMNS",
    "JSON_LINES_SCHEMA",
    "CsvSink",
    "Delivery",
    "EventClipSink",
    "InMemoryBufferSink",
    "JsonLinesSink",
    "MotSink",
    "Segments",
    "UDPSink",
    "VideoFileSink",
    "deliveries",
    "draw_detections",
    "multi_sink",
    "render_boxes",
    "write_json",
]

_HOME: Final = {
    "CSV_COLUMNS": "csv_file",
    "CsvSink": "csv_file",
    "Delivery": "delivery",
    "EventClipSink": "event_clips",
    "InMemoryBufferSink": "memory",
    "JSON_LINES_SCHEMA": "json_line",
    "JsonLinesSink": "json_lines",
    "MotSink": "mot_file",
    "Segments": "segments",
    "UDPSink": "udp",
    "VideoFileSink": "video_file",
    "deliveries": "delivery",
    "draw_detections": "overlay",
    "multi_sink": "multi",
    "render_boxes": "screen",
    "write_json": "json_file",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
