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

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackwire.blocks import Frame, VideoMetadata
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
    "SessionError",
    "SinkError",
    "SourceError",
    "SpecificationError",
    "TrackwireError",
    "VideoMetadata",
    "Workflow",
    "__version__",
    "compile_workflow",
]

_ROOTS = ("specs", "blocks", "sinks", "pipeline")
_HOME = {
    "BlockError": "specs",
    "Engine": "pipeline",
    "Frame": "blocks",
    "InferencePipeline": "pipeline",
    "ModelError": "specs",
    "SessionError": "specs",
    "SinkError": "specs",
    "SourceError": "specs",
    "SpecificationError": "specs",
    "TrackwireError": "specs",
    "VideoMetadata": "blocks",
    "Workflow": "specs",
    "compile_workflow": "specs",
}


def _join_checkout() -> None:
    """In a checkout, make the four root folders importable as subpackages, and nothing else."""
    here = Path(__file__).resolve().parent
    if (here / "specs").is_dir():
        return  # an installed wheel: the subpackages lie inside the package
    import sys

    sys.meta_path.insert(0, _CheckoutFinder(here.parent))


class _CheckoutFinder:
    """Finds ``trackwire.<root>`` in the checkout for the four root folders only.

    A plain ``__path__`` entry for the repository root would also make ``trackwire.tests``
    and ``trackwire.examples`` importable; this finder knows exactly four names.
    """

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        package, _, name = fullname.partition(".")
        if package != __name__ or name not in _ROOTS:
            return None
        from importlib.util import spec_from_file_location

        folder = self._checkout / name
        return spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


_join_checkout()


def __getattr__(name: str) -> Any:
    root = _HOME.get(name)
    if root is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{root}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOTS})
