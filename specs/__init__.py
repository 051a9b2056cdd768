"""The workflow language: documents, manifests, selectors, and the compiler.

The names in ``__all__`` are the front door of ``trackwire.specs``. They load on first use.
Nothing here imports more than pydantic and the standard library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiler import compile_workflow
    from .errors import (
        BlockError,
        Mistake,
        ModelError,
        RegistryError,
        SessionError,
        SinkError,
        SourceError,
        SourceFormatError,
        SourceNotFoundError,
        SourceTimeoutError,
        SpecificationError,
        TrackwireError,
    )
    from .events import Event, Outbox, Severity
    from .kinds import (
        BOOLEAN,
        DICTIONARY,
        FLOAT,
        FLOAT_ZERO_TO_ONE,
        IMAGE,
        INSTANCE_SEGMENTATION_PREDICTION,
        INTEGER,
        KEYPOINT_DETECTION_PREDICTION,
        KINDS,
        LABELED_POINTS,
        LIST_OF_VALUES,
        OBJECT_DETECTION_PREDICTION,
        RLE_INSTANCE_SEGMENTATION_PREDICTION,
        ROBOFLOW_MODEL_ID,
        STEP,
        STRING,
        TIMESTAMP,
        VIDEO_METADATA,
        WILDCARD,
        ZONE,
        kinds_fit,
    )
    from .library import library_names, load_library
    from .manifest import (
        Batch,
        Block,
        BlockManifest,
        Failure,
        Halt,
        Missing,
        Outcome,
        OutputDefinition,
        Resources,
        StreamKey,
        Traits,
        Values,
    )
    from .mistakes import MistakeCode
    from .registry import Registry, default_registry
    from .selectors import NAME_PATTERN, Reference, Selector, is_selector, parse_selector
    from .suggest import near_misses, nearest
    from .workflow import Binding, Input, LiteralValue, Output, Step, Template, Wire, Workflow

if __name__ != "trackwire.specs":
    raise ImportError(f"import trackwire.specs, not {__name__}: it would be a second module")

__all__ = [
    "BOOLEAN",
    "DICTIONARY",
    "FLOAT",
    "FLOAT_ZERO_TO_ONE",
    "IMAGE",
    "INSTANCE_SEGMENTATION_PREDICTION",
    "INTEGER",
    "KEYPOINT_DETECTION_PREDICTION",
    "KINDS",
    "LABELED_POINTS",
    "LIST_OF_VALUES",
    "NAME_PATTERN",
    "OBJECT_DETECTION_PREDICTION",
    "RLE_INSTANCE_SEGMENTATION_PREDICTION",
    "ROBOFLOW_MODEL_ID",
    "STEP",
    "STRING",
    "TIMESTAMP",
    "VIDEO_METADATA",
    "WILDCARD",
    "ZONE",
    "Batch",
    "Binding",
    "Block",
    "BlockError",
    "BlockManifest",
    "Event",
    "Failure",
    "Halt",
    "Input",
    "LiteralValue",
    "Missing",
    "Mistake",
    "MistakeCode",
    "ModelError",
    "Outbox",
    "Outcome",
    "Output",
    "OutputDefinition",
    "Reference",
    "Registry",
    "RegistryError",
    "Resources",
    "Selector",
    "SessionError",
    "Severity",
    "SinkError",
    "SourceError",
    "SourceFormatError",
    "SourceNotFoundError",
    "SourceTimeoutError",
    "SpecificationError",
    "Step",
    "StreamKey",
    "Template",
    "TrackwireError",
    "Traits",
    "Values",
    "Wire",
    "Workflow",
    "compile_workflow",
    "default_registry",
    "is_selector",
    "kinds_fit",
    "library_names",
    "load_library",
    "near_misses",
    "nearest",
    "parse_selector",
]

_MODULES = {
    "compiler": ("compile_workflow",),
    "errors": (
        "BlockError",
        "Mistake",
        "ModelError",
        "RegistryError",
        "SessionError",
        "SinkError",
        "SourceError",
        "SourceFormatError",
        "SourceNotFoundError",
        "SourceTimeoutError",
        "SpecificationError",
        "TrackwireError",
    ),
    "events": ("Event", "Outbox", "Severity"),
    "kinds": (
        "BOOLEAN",
        "DICTIONARY",
        "FLOAT",
        "FLOAT_ZERO_TO_ONE",
        "IMAGE",
        "INSTANCE_SEGMENTATION_PREDICTION",
        "INTEGER",
        "KEYPOINT_DETECTION_PREDICTION",
        "KINDS",
        "LABELED_POINTS",
        "LIST_OF_VALUES",
        "OBJECT_DETECTION_PREDICTION",
        "RLE_INSTANCE_SEGMENTATION_PREDICTION",
        "ROBOFLOW_MODEL_ID",
        "STEP",
        "STRING",
        "TIMESTAMP",
        "VIDEO_METADATA",
        "WILDCARD",
        "ZONE",
        "kinds_fit",
    ),
    "library": ("library_names", "load_library"),
    "manifest": (
        "Batch",
        "Block",
        "BlockManifest",
        "Failure",
        "Halt",
        "Missing",
        "Outcome",
        "OutputDefinition",
        "Resources",
        "StreamKey",
        "Traits",
        "Values",
    ),
    "mistakes": ("MistakeCode",),
    "registry": ("Registry", "default_registry"),
    "selectors": ("NAME_PATTERN", "Reference", "Selector", "is_selector", "parse_selector"),
    "suggest": ("near_misses", "nearest"),
    "workflow": (
        "Binding",
        "Input",
        "LiteralValue",
        "Output",
        "Step",
        "Template",
        "Wire",
        "Workflow",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
