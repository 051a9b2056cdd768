"""The workflow language: documents, manifests, selectors, and the compiler.

The names in ``__all__`` are the front door of ``trackwire.specs``. They load on first use.
Nothing here imports more than pydantic and the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .front_door import lazy_names

if TYPE_CHECKING:
    from .advice import Advice, advise
    from .block_description import BlockDescription, PropertyDescription, describe_block
    from .compiler import compile_workflow
    from .diagram import mermaid
    from .dimensions import Lineage, lineage_of_input
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
        Parts,
        Resources,
        StreamKey,
        Traits,
        Values,
    )
    from .mistakes import MistakeCode
    from .registry import Registry, default_registry
    from .schema import workflow_schema
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
    "Advice",
    "Batch",
    "Binding",
    "Block",
    "BlockDescription",
    "BlockError",
    "BlockManifest",
    "Event",
    "Failure",
    "Halt",
    "Input",
    "Lineage",
    "LiteralValue",
    "Missing",
    "Mistake",
    "MistakeCode",
    "ModelError",
    "Outbox",
    "Outcome",
    "Output",
    "OutputDefinition",
    "Parts",
    "PropertyDescription",
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
    "advise",
    "compile_workflow",
    "default_registry",
    "describe_block",
    "is_selector",
    "kinds_fit",
    "lazy_names",
    "library_names",
    "lineage_of_input",
    "load_library",
    "mermaid",
    "near_misses",
    "nearest",
    "parse_selector",
    "workflow_schema",
]

_MODULES = {
    "advice": ("Advice", "advise"),
    "block_description": ("BlockDescription", "PropertyDescription", "describe_block"),
    "compiler": ("compile_workflow",),
    "diagram": ("mermaid",),
    "dimensions": ("Lineage", "lineage_of_input"),
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
        "Parts",
        "Resources",
        "StreamKey",
        "Traits",
        "Values",
    ),
    "mistakes": ("MistakeCode",),
    "registry": ("Registry", "default_registry"),
    "selectors": ("NAME_PATTERN", "Reference", "Selector", "is_selector", "parse_selector"),
    "schema": ("workflow_schema",),
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

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
