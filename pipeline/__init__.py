"""What drives a compiled workflow: sources, the engine, the inference pipeline.

The names in ``__all__`` load on first use, so importing this package imports neither NumPy nor
any other heavy package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .buffer import BoundedBuffer, OverflowPolicy
    from .engine import Engine, EngineReport, FrameResult, StepReport
    from .inference_pipeline import InferencePipeline
    from .options import RunOptions
    from .sources import (
        CameraSource,
        FileSource,
        FrameSource,
        ImageSource,
        LiveOptions,
        LiveSource,
        SourceFrame,
        SyntheticSource,
        resolve_sources,
    )
    from .status import PipelineStatus, SinkStatus, SourceStatus

if __name__ != "trackwire.pipeline":
    raise ImportError(f"import trackwire.pipeline, not {__name__}: it would be a second module")

__all__ = [
    "BoundedBuffer",
    "CameraSource",
    "Engine",
    "EngineReport",
    "FileSource",
    "FrameResult",
    "FrameSource",
    "ImageSource",
    "InferencePipeline",
    "LiveOptions",
    "LiveSource",
    "OverflowPolicy",
    "PipelineStatus",
    "RunOptions",
    "SinkStatus",
    "SourceFrame",
    "SourceStatus",
    "StepReport",
    "SyntheticSource",
    "resolve_sources",
]

_HOME: Final = {
    "BoundedBuffer": "buffer",
    "CameraSource": "sources",
    "Engine": "engine",
    "EngineReport": "engine",
    "FileSource": "sources",
    "FrameResult": "engine",
    "FrameSource": "sources",
    "ImageSource": "sources",
    "InferencePipeline": "inference_pipeline",
    "LiveOptions": "sources",
    "LiveSource": "sources",
    "OverflowPolicy": "buffer",
    "PipelineStatus": "status",
    "RunOptions": "options",
    "SinkStatus": "status",
    "SourceFrame": "sources",
    "SourceStatus": "status",
    "StepReport": "engine",
    "SyntheticSource": "sources",
    "resolve_sources": "sources",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
