"""Roboflow's workflow engine as this plug-in needs it: its base classes, kinds and lineage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from trackwire.specs import BlockError

__all__ = ["EngineNotInstalledError", "KnownEngine", "find_engine"]

_ROOTS: Final = ("inference.core.workflows", "roboflow_workflows")
"""Where the engine lives: inside ``inference``, and since 1.8 also as a package of its own."""


class EngineNotInstalledError(BlockError, ImportError):
    """Roboflow's workflow engine is not installed, or cannot be imported."""

    default_code = "engine_not_installed"


@dataclass(frozen=True, slots=True)
class KnownEngine:
    """The parts of the engine that a block is made of.

    Args:
        block: Base class of blocks, ``WorkflowBlock``.
        manifest: Base class of manifests, ``WorkflowBlockManifest``.
        output: ``OutputDefinition``, of a name and a list of kinds.
        selector: Makes the annotation of a wired property from a list of kinds.
        kinds: Its kinds by name; the names are those of :mod:`trackwire.specs`.
        attach_lineage: Writes into detections where their picture was cut from; takes the
            detections and the picture, returns the detections.
    """

    block: type
    manifest: type
    output: Callable[..., Any]
    selector: Callable[..., Any]
    kinds: Mapping[str, Any]
    attach_lineage: Callable[..., Any]


def find_engine() -> KnownEngine:
    """Import the engine, wherever this environment has it.

    Raises:
        EngineNotInstalledError: It is not installed, or its import fails; the cause is kept.
    """
    # What is running already comes first: the two names lead to the same modules, but importing
    # `inference` into a process that has only the engine would take seconds.
    roots = sorted(_ROOTS, key=lambda root: f"{root}.prototypes.block" not in sys.modules)
    cause: ImportError | None = None
    for root in roots:
        try:
            return _import_from(root)
        except ModuleNotFoundError as error:
            if not _is_part(error.name, root):
                raise _broken(root, error) from error
            cause = error
        except Exception as error:  # what it needs may fail in ways of its own
            raise _broken(root, error) from error
    raise EngineNotInstalledError(
        "trackwire.blocks.roboflow_plugin brings a block to Roboflow's workflow engine, which is "
        f"not installed in this environment ({' and '.join(_ROOTS)} were not found); install it "
        "(pip install inference-core), or use Trackwire's own engine, which has this block built "
        "in and needs no plug-in"
    ) from cause


def _import_from(root: str) -> KnownEngine:
    block = import_module(f"{root}.prototypes.block")
    entities = import_module(f"{root}.execution_engine.entities.base")
    types = import_module(f"{root}.execution_engine.entities.types")
    lineage = import_module(f"{root}.core_steps.common.utils")
    kinds = (value for value in vars(types).values() if isinstance(value, types.Kind))
    return KnownEngine(
        block=block.WorkflowBlock,
        manifest=block.WorkflowBlockManifest,
        output=entities.OutputDefinition,
        selector=types.Selector,
        kinds={kind.name: kind for kind in kinds},
        attach_lineage=lineage.attach_parents_coordinates_to_sv_detections,
    )


def _is_part(missing: str | None, root: str) -> bool:
    """Tell whether the module that was not found is the engine, not something that it needs."""
    return missing is not None and (root == missing or root.startswith(f"{missing}."))


def _broken(root: str, error: Exception) -> EngineNotInstalledError:
    return EngineNotInstalledError(
        f"Roboflow's workflow engine is installed, but importing {root} failed with "
        f"{type(error).__name__}: {error}; repair that installation (python -c 'import {root}' "
        "shows the same error)",
        code="engine_not_importable",
    )
