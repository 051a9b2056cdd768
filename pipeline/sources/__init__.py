"""Where frames come from: video files, images, synthetic clips. Names load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .file import FileSource
    from .images import ImageSource
    from .resolve import VideoReference, resolve_sources
    from .source import FrameSource, ReportingSource, SourceFrame
    from .synthetic import SyntheticSource

__all__ = [
    "FileSource",
    "FrameSource",
    "ImageSource",
    "ReportingSource",
    "SourceFrame",
    "SyntheticSource",
    "VideoReference",
    "resolve_sources",
]

_HOME: Final = {
    "FileSource": "file",
    "FrameSource": "source",
    "ImageSource": "images",
    "ReportingSource": "source",
    "SourceFrame": "source",
    "SyntheticSource": "synthetic",
    "VideoReference": "resolve",
    "resolve_sources": "resolve",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
