"""The models that can follow objects through video, by id."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import ModelError, Resources

from .shared import ModelPool, SharedVideoModel

if TYPE_CHECKING:
    from .seam import VideoModel

__all__ = ["VIDEO_MODELS", "ModelEntry", "find_video_model", "load_video_model"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the catalog.

    Args:
        model_id: What a specification calls it.
        title: One line for people.
        parameters: Weights of the network, in numbers; None where not published.
        licence: Of the weights.
        hub_id: Repository of the weights on the Hugging Face hub; None for an embedded model.
        gated: Whether the repository asks for consent before a download.
        needs: The extra to install, ``pip install 'trackwire[sam]'``; None for the core.
        sizes: Sides of the square input, pixels, that ``@SIZE`` may choose; the first one is the
            default.
        load: Loads it for a size and a device; None if this version cannot run it.
    """

    model_id: str
    title: str
    parameters: int | None
    licence: str
    hub_id: str | None
    gated: bool
    needs: str | None
    sizes: tuple[int, ...]
    load: Callable[[int, str], VideoModel[Any, Any]] | None = None

    @property
    def available(self) -> bool:
        """Whether this version of Trackwire can run the model."""
        return self.load is not None


def _load_lite(size: int, _device: str) -> VideoModel[Any, Any]:
    from .lite import LiteModel

    return LiteModel(search_size=size)


def _sam2(name: str, title: str, parameters: int) -> ModelEntry:
    return ModelEntry(
        model_id=f"sam2video/{name}",
        title=f"SAM 2.1 {title}, video",
        parameters=parameters,
        licence="Apache-2.0",
        hub_id=f"facebook/sam2.1-hiera-{name}",
        gated=False,
        needs="sam",
        sizes=(1024, 512, 256),
    )


VIDEO_MODELS: Final[tuple[ModelEntry, ...]] = (
    ModelEntry(
        model_id="lite",
        title="embedded tracker: online target model on EfficientNet-Lite0 features",
        parameters=None,
        licence="Apache-2.0",
        hub_id=None,
        gated=False,
        needs=None,
        sizes=(320, 256, 192),
        load=_load_lite,
    ),
    _sam2("tiny", "tiny", 39_000_000),
    _sam2("small", "small", 46_000_000),
    _sam2("base-plus", "base plus", 81_000_000),
    _sam2("large", "large", 224_000_000),
    ModelEntry(
        model_id="sam3trackervideo",
        title="SAM 3 tracker, video",
        parameters=None,
        licence="SAM License",
        hub_id="facebook/sam3",
        gated=True,
        needs="sam",
        sizes=(1008,),
    ),
    ModelEntry(
        model_id="edgetam",
        title="EdgeTAM, video",
        parameters=None,
        licence="Apache-2.0",
        hub_id="yonigozlan/EdgeTAM-hf",
        gated=False,
        needs="sam",
        sizes=(1024, 512, 256),
    ),
)
"""All models, the one that always runs first."""

_POOL: Final = ModelPool()
_ID = re.compile(r"(?P<name>[^@]+)(?:@(?P<size>\d+))?")


def find_video_model(model_id: str) -> tuple[ModelEntry, int]:
    """Look a model up.

    Args:
        model_id: An id of the catalog, or the hub id of one, with an optional input size:
            ``lite``, ``lite@256``.

    Returns:
        The entry and the side of the input, pixels.

    Raises:
        ModelError: There is no such model, or not in this size.

    Example:
        >>> entry, size = find_video_model("sam2video/tiny@512")
        >>> entry.hub_id, size
        ('facebook/sam2.1-hiera-tiny', 512)
    """
    parts = _ID.fullmatch(model_id.strip())
    name = "" if parts is None else parts["name"]
    names = {entry.model_id: entry for entry in VIDEO_MODELS}
    names |= {entry.hub_id: entry for entry in VIDEO_MODELS if entry.hub_id}
    entry = names.get(name)
    if parts is None or entry is None:
        near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
        known = ", ".join(each.model_id for each in VIDEO_MODELS)
        raise ModelError(
            f"there is no video model {model_id!r}; "
            + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
            + f"Known are: {known}, with an optional input size such as lite@256",
            code="model_unknown",
            model_id=model_id,
            near=tuple(near),
        )
    size = entry.sizes[0] if parts["size"] is None else int(parts["size"])
    if size not in entry.sizes:
        sizes = ", ".join(f"@{each}" for each in sorted(entry.sizes))
        raise ModelError(
            f"model {entry.model_id!r} does not run at input size {size}; it has {sizes}",
            code="model_size",
            model_id=model_id,
        )
    return entry, size


def load_video_model(model_id: str, resources: Resources) -> SharedVideoModel[Any, Any]:
    """Load a model, or share it with whoever holds it in this process.

    A model stays loaded for as long as somebody holds what this function returned. It takes one
    call at a time, so several engines may use it from threads of their own.

    Args:
        model_id: As :func:`find_video_model` takes it.
        resources: ``model_loader`` replaces the catalog; ``device`` says where the model runs.

    Returns:
        The model, behind a lock.

    Raises:
        ModelError: There is no such model, or it cannot be loaded. No other model is ever taken
            in its place.
    """
    if resources.model_loader is not None:
        return _POOL.adopt(resources.model_loader(model_id))
    entry, size = find_video_model(model_id)
    load = entry.load
    if load is None:
        raise ModelError(_not_yet(entry), code="model_not_available", model_id=model_id)
    return _POOL.get((entry.model_id, size, resources.device), lambda: load(size, resources.device))


def _not_yet(entry: ModelEntry) -> str:
    return (
        f"model {entry.model_id!r} ({entry.title}, weights {entry.hub_id}) cannot be run by this "
        "version of Trackwire. Ways on: set model_id to 'lite', the embedded tracker, which needs "
        "no download; or give an own implementation of VideoModel as Resources.model_loader"
    )
