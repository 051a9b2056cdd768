"""Trackwire: JSON workflows that detect, track and mask objects in video.

The package is a namespace over four subpackages, in the order imports may point:

    specs     the workflow language: documents, manifests, the compiler
    blocks    what a step of a workflow does: detectors, the tracker, drawing
    sinks     where results go: video files, JSON Lines, the screen
    pipeline  what drives a compiled workflow: sources, engine, command line

The names in ``__all__`` are the front door. They load on first use, so ``import trackwire``
imports neither NumPy nor any other heavy package.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from trackwire.blocks import (
        Frame,
        Sam2PromptSet,
        SAM3InteractiveImagePredictor,
        SegmentAnything2,
        VideoMetadata,
        build_tracker,
        masks2poly,
    )
    from trackwire.pipeline import Engine, InferencePipeline
    from trackwire.specs import (
        BlockError,
        ModelError,
        SessionError,
        SinkError,
        SourceError,
        SpecificationError,
        TrackwireError,
        Workflow,
        compile_workflow,
    )

__version__ = "0.1.0"

__all__ = [
    "BlockError",
    "Engine",
    "Frame",
    "InferencePipeline",
    "ModelError",
    "SAM3InteractiveImagePredictor",
    "Sam2PromptSet",
    "SegmentAnything2",
    "SessionError",
    "SinkError",
    "SourceError",
    "SpecificationError",
    "TrackwireError",
    "VideoMetadata",
    "Workflow",
    "__version__",
    "build_tracker",
    "compile_workflow",
    "masks2poly",
]

_HOME: Final = {
    "BlockError": "specs",
    "Engine": "pipeline",
    "Frame": "blocks",
    "InferencePipeline": "pipeline",
    "ModelError": "specs",
    "SAM3InteractiveImagePredictor": "blocks",
    "Sam2PromptSet": "blocks",
    "SegmentAnything2": "blocks",
    "SessionError": "specs",
    "SinkError": "specs",
    "SourceError": "specs",
    "SpecificationError": "specs",
    "TrackwireError": "specs",
    "VideoMetadata": "blocks",
    "Workflow": "specs",
    "build_tracker": "blocks",
    "compile_workflow": "specs",
    "masks2poly": "blocks",
}


_ROOTS: Final = ("specs", "blocks", "sinks", "pipeline")


class _CheckoutFinder:
    """Finds ``trackwire.<root>`` for the four root folders of a checkout, and nothing else.

    With the repository root on ``__path__`` instead, ``trackwire.tests`` would exist as well.
    """

    def __init__(self, checkout: Path) -> None:
        self.folders = {f"{__name__}.{root}": checkout / root for root in _ROOTS}

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        folder = self.folders.get(fullname)
        if folder is None:
            return None
        return spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


def _join_checkout() -> None:
    here = Path(__file__).resolve().parent
    if (here / "specs").is_dir():
        return  # an installed wheel: the subpackages lie inside the package
    # First, so that links to the folders (an editable install has them) do not decide which path
    # a module is known by.
    sys.meta_path.insert(0, _CheckoutFinder(here.parent))


_join_checkout()


def __getattr__(name: str) -> Any:
    if name in _ROOTS:
        return import_module(f"{__name__}.{name}")
    root = _HOME.get(name)
    if root is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{root}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOTS})
