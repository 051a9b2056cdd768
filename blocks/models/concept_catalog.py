"""The models that find and follow what phrases name, by id."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import ModelError, Resources

from .catalog import VIDEO_MODELS, ModelEntry, find_entry
from .shared import ModelPool, SharedConceptModel

if TYPE_CHECKING:
    from .concept_seam import ConceptModel

__all__ = ["CONCEPT_MODELS", "find_concept_model", "load_concept_model"]


def _loader(source: str) -> Callable[[int | None, str], ConceptModel[Any, Any]]:
    def load(size: int | None, device: str) -> ConceptModel[Any, Any]:
        from . import sam3_concept

        return sam3_concept.load(source, size, device)

    return load


CONCEPT_MODELS: Final[tuple[ModelEntry, ...]] = (
    ModelEntry(
        model_id="sam3video",
        title="SAM 3 by phrases, video",
        load=_loader("facebook/sam3"),
        licence="SAM License",
        hub_id="facebook/sam3",
        gated=True,
        needs="sam",
        sizes=(1008, 504, 252),
        size_step=14,
    ),
)
"""All models that take phrases."""

_POOL: Final[ModelPool[SharedConceptModel[Any, Any]]] = ModelPool(SharedConceptModel)


def find_concept_model(
    model_id: str, base_directory: Path | None = None
) -> tuple[ModelEntry, int | None]:
    """Look a model up. Nothing is loaded or downloaded.

    Args:
        model_id: ``sam3video``, a repository of the Hugging Face hub, or a local folder with the
            files of one, with an optional input size: ``sam3video@504``.
        base_directory: Where relative folders start; None for the working directory.

    Returns:
        The entry and the side of the input, pixels, None for the one the model was trained at.

    Raises:
        ModelError: There is no such model, not in this size, or it takes no phrases.
    """
    name = model_id.partition("@")[0].strip()
    if name in {entry.model_id for entry in VIDEO_MODELS}:
        known = ", ".join(entry.model_id for entry in CONCEPT_MODELS)
        raise ModelError(
            f"model {model_id!r} does not find what phrases name: it follows what boxes, points "
            f"and masks show; models that take phrases: {known}",
            code="model_no_phrases",
            model_id=model_id,
        )
    return find_entry(model_id, base_directory, CONCEPT_MODELS, _elsewhere)


def load_concept_model(model_id: str, resources: Resources) -> SharedConceptModel[Any, Any]:
    """Load a model, or share it with whoever holds it in this process.

    Args:
        model_id: As :func:`find_concept_model` takes it.
        resources: ``model_loader`` replaces the catalog; ``device`` says where the model runs;
            relative folders start at ``base_directory``.

    Returns:
        The model, behind a lock.

    Raises:
        ModelError: There is no such model, it cannot be loaded, or it takes no phrases.
    """
    if resources.model_loader is not None:
        given = resources.model_loader(model_id)
        if isinstance(given, SharedConceptModel):
            return given
        if not hasattr(given, "look"):
            raise ModelError(
                f"model {model_id!r} does not find what phrases name: {type(given).__name__} has "
                "no method look(); give a ConceptModel",
                code="model_no_phrases",
                model_id=model_id,
            )
        # The wrapper holds the model, so its address is not given to another while it is a key.
        return _POOL.get(("adopted", id(given)), lambda: given)
    entry, size = find_concept_model(model_id, resources.base_directory)
    key = (entry.model_id, size, resources.device, os.environ.get("TRACKWIRE_SAM_DTYPE"))
    return _POOL.get(key, lambda: entry.load(size, resources.device))


def _elsewhere(source: str, *, on_hub: bool) -> ModelEntry:
    return ModelEntry(
        model_id=source,
        title=f"SAM 3 by phrases {'of' if on_hub else 'in'} {source}",
        load=_loader(source),
        hub_id=source if on_hub else None,
        needs="sam",
    )
