"""Where results go: the screen, video files, JSON Lines, memory.

A sink is a callable that takes ``(predictions, frame)``; with several sources it gets two lists
with None where a source had no frame. A method ``close()``, if it has one, finishes its files.
The names in ``__all__`` load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .delivery import Delivery, deliveries
    from .json_lines import JSON_LINES_SCHEMA, JsonLinesSink
    from .memory import InMemoryBufferSink
    from .multi import multi_sink
    from .overlay import draw_detections
    from .screen import render_boxes
    from .video_file import VideoFileSink

if __name__ != "trackwire.sinks":
    raise ImportError(f"import trackwire.sinks, not {__name__}: it would be a second module")

__all__ = [
    "JSON_LINES_SCHEMA",
    "Delivery",
    "InMemoryBufferSink",
    "JsonLinesSink",
    "VideoFileSink",
    "deliveries",
    "draw_detections",
    "multi_sink",
    "render_boxes",
]

_HOME: Final = {
    "Delivery": "delivery",
    "InMemoryBufferSink": "memory",
    "JSON_LINES_SCHEMA": "json_lines",
    "JsonLinesSink": "json_lines",
    "VideoFileSink": "video_file",
    "deliveries": "delivery",
    "draw_detections": "overlay",
    "multi_sink": "multi",
    "render_boxes": "screen",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
