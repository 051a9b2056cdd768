"""Where frames come from: files, images, streams, cameras; names load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .backoff import Backoff
    from .file import FileSource
    from .images import ImageSource
    from .live import CameraSource, LiveSource
    from .live_options import LiveOptions
    from .resolve import VideoReference, resolve_sources
    from .source import FrameSource, InterruptibleSource, ReportingSource, SourceFrame
    from .synthetic import SyntheticSource

__all__ = [
    "Backoff",
    "CameraSource",
    "FileSource",
    "FrameSource",
    "ImageSource",
    "InterruptibleSource",
    "LiveOptions",
    "LiveSource",
    "ReportingSource",
    "SourceFrame",
    "SyntheticSource",
    "VideoReference",
    "resolve_sources",
]

_HOME: Final = {
    "Backoff": "backoff",
    "CameraSource": "live",
    "FileSource": "file",
    "FrameSource": "source",
    "ImageSource": "images",
    "InterruptibleSource": "source",
    "LiveOptions": "live_options",
    "LiveSource": "live",
    "ReportingSource": "source",
    "SourceFrame": "source",
    "SyntheticSource": "synthetic",
    "VideoReference": "resolve",
    "resolve_sources": "resolve",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
