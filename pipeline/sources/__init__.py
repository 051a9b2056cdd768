"""Where frames come from: video files, images, synthetic clips. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

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


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
