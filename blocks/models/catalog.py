"""The models that can follow objects through video, by id."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from trackwire.specs import ModelError, Resources, nearest

from .shared import ModelPool, SharedImageModel, SharedVideoModel

if TYPE_CHECKING:
    from .image_seam import ImageModel
    from .seam import VideoModel

__all__ = [
    "VIDEO_MODELS",
    "ModelEntry",
    "find_entry",
    "find_video_model",
    "load_image_model",
    "load_video_model",
]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the catalog, or one that was named by its repository or folder.

    Args:
        model_id: What a specification calls it.
        title: One line for people.
        load: Loads it, a ``VideoModel`` or a ``ConceptModel``, for a size and a device; None is
            the size it was trained at.
        parameters: Weights of the network, in numbers; None where not published.
        licence: Of the weights; None where only their folder or repository tells.
        hub_id: Repository of the weights on the Hugging Face hub; None for an embedded model.
        gated: Whether the repository asks for consent before a download.
        needs: The extra to install, ``pip install 'trackwire[sam]'``; None for the core.
        also_needs: Packages beyond the extra.
        sizes: Sides of the square input, pixels; the first one is the default. Empty where the
            model's own configuration tells them.
        unsorted: Repository or folder of which only its files tell whether it holds a tracker or
            a model that only knows single pictures; None for the trackers of the catalog.
        size_step: ``@SIZE`` may choose any multiple of it, from twice that on; None for ``sizes``
            only.
    """

    model_id: str
    title: str
    load: Callable[[int | None, str], Any]
    parameters: int | None = None
    licence: str | None = None
    hub_id: str | None = None
    gated: bool = False
    needs: str | None = None
    also_needs: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    size_step: int | None = None
    unsorted: str | None = None

    def is_on_disk(self) -> bool | None:
        """Whether it loads without a download; None where nobody can tell without the extra."""
        if self.hub_id is None:
            return True
        from .hub_folder import is_on_disk

        return is_on_disk(self.hub_id)

    def offers(self, size: int) -> bool:
        """Whether ``@SIZE`` may be this one, as far as can be told before loading."""
        if not self.sizes or size in self.sizes:
            return True
        step = self.size_step
        return step is not None and size >= 2 * step and size % step == 0


class Elsewhere(Protocol):
    """Makes an entry for a model that is not in a catalog."""

    def __call__(self, source: str, *, on_hub: bool) -> ModelEntry:
        """Make it for a repository of the hub, or for the path of a folder."""
        ...


def _load_lite(size: int | None, _device: str) -> VideoModel[Any, Any]:
    from .lite import LiteModel

    return LiteModel() if size is None else LiteModel(search_size=size)


def _sam_loader(source: str) -> Callable[[int | None, str], VideoModel[Any, Any]]:
    def load(size: int | None, device: str) -> VideoModel[Any, Any]:
        from . import sam_video

        return sam_video.load(source, size, device)

    return load


def _sam2(name: str, title: str, parameters: int) -> ModelEntry:
    hub_id = f"facebook/sam2.1-hiera-{name}"
    return ModelEntry(
        model_id=f"sam2video/{name}",
        title=f"SAM 2.1 {title}, video",
        load=_sam_loader(hub_id),
        parameters=parameters,
        licence="Apache-2.0",
        hub_id=hub_id,
        needs="sam",
        sizes=(1024, 512, 256),
        size_step=32,
    )


VIDEO_MODELS: Final[tuple[ModelEntry, ...]] = (
    ModelEntry(
        model_id="lite",
        title="embedded tracker: online target model on EfficientNet-Lite0 features",
        load=_load_lite,
        licence="Apache-2.0",
        sizes=(320, 256, 192),
    ),
    _sam2("tiny", "tiny", 38_900_000),
    _sam2("small", "small", 46_000_000),
    _sam2("base-plus", "base plus", 80_800_000),
    _sam2("large", "large", 224_400_000),
    ModelEntry(
        model_id="sam3trackervideo",
        title="SAM 3 tracker, video",
        load=_sam_loader("facebook/sam3"),
        licence="SAM License",
        hub_id="facebook/sam3",
        gated=True,
        needs="sam",
        sizes=(1008, 504, 252),
        size_step=14,
    ),
    ModelEntry(
        model_id="edgetam",
        title="EdgeTAM, video",
        load=_sam_loader("yonigozlan/EdgeTAM-hf"),
        licence="Apache-2.0",
        hub_id="yonigozlan/EdgeTAM-hf",
        needs="sam",
        also_needs=("timm",),
        sizes=(1024, 512),
        size_step=256,
    ),
)
"""All models, the one that always runs first."""

_POOL: Final[ModelPool[SharedVideoModel[Any, Any]]] = ModelPool(SharedVideoModel)
_IMAGE_POOL: Final[ModelPool[SharedImageModel[Any]]] = ModelPool(SharedImageModel)
# A model that was loaded under other values is another one.
_MACHINE_OPTIONS: Final = ("TRACKWIRE_SAM_DTYPE", "TRACKWIRE_SAM_ENCODER")
_ID = re.compile(r"(?P<name>.+?)(?:@(?P<size>\d+))?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def find_video_model(
    model_id: str, base_directory: Path | None = None
) -> tuple[ModelEntry, int | None]:
    """Look a model up. Nothing is loaded or downloaded.

    Args:
        model_id: An id of the catalog, a repository of the Hugging Face hub, or a local folder
            that holds the files of one, with an optional input size: ``lite``, ``lite@256``,
            ``facebook/sam2.1-hiera-tiny@512``, ``models/finetuned``. An id of the catalog comes
            before a folder of that name; ``./`` in front means the folder.
        base_directory: Where relative folders start; None for the working directory.

    Returns:
        The entry and the side of the input, pixels, None for the one the model was trained at. A
        repository or folder that is not in the catalog gets an entry of its own.

    Raises:
        ModelError: There is no such model, or not in this size.

    Example:
        >>> entry, size = find_video_model("sam2video/tiny@512")
        >>> entry.hub_id, size
        ('facebook/sam2.1-hiera-tiny', 512)
    """
    return find_entry(model_id, base_directory, VIDEO_MODELS, _tracker_of)


def find_entry(
    model_id: str,
    base_directory: Path | None,
    catalog: Sequence[ModelEntry],
    elsewhere: Elsewhere,
) -> tuple[ModelEntry, int | None]:
    """Look a model up in a catalog, in a folder or on the hub. Nothing is loaded or downloaded.

    Args:
        model_id: As :func:`find_video_model` takes it.
        base_directory: Where relative folders start; None for the working directory.
        catalog: The models that have ids.
        elsewhere: Makes an entry for a folder or repository that is not in the catalog.

    Returns:
        The entry and the side of the input, pixels, None for the one the model was trained at.

    Raises:
        ModelError: There is no such model, or not in this size.
    """
    text, start = model_id.strip(), base_directory or Path()
    names = {entry.model_id: entry for entry in catalog}
    names |= {entry.hub_id: entry for entry in catalog if entry.hub_id}
    folder = start / Path(text).expanduser()
    if text and text not in names and folder.is_dir():  # also one with an @ in its name
        return elsewhere(str(folder.resolve()), on_hub=False), None
    parts = _ID.fullmatch(text)
    name = "" if parts is None else parts["name"]
    size = None if parts is None or parts["size"] is None else int(parts["size"])
    entry = names.get(name)
    if entry is None and name and (start / Path(name).expanduser()).is_dir():
        place = start / Path(name).expanduser()
        entry = elsewhere(str(place.resolve()), on_hub=False)
    if entry is None:
        _check_repository(model_id, name, start, catalog)
        entry = elsewhere(name, on_hub=True)
    if size is None:
        return entry, entry.sizes[0] if entry.sizes else None
    if not entry.offers(size):
        raise ModelError(
            f"model {entry.model_id!r} does not run at input size {size}; it has {_sizes(entry)}",
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
        resources: ``model_loader`` replaces the catalog; ``device`` says where the model runs;
            relative folders start at ``base_directory``.

    Returns:
        The model, behind a lock.

    Raises:
        ModelError: There is no such model, or it cannot be loaded. No other model is ever taken
            in its place.
    """
    if resources.model_loader is not None:
        return _adopt(resources.model_loader(model_id))
    entry, size = find_video_model(model_id, resources.base_directory)
    return _POOL.get(_key(entry, size, resources), lambda: entry.load(size, resources.device))


def load_image_model(model_id: str, resources: Resources) -> SharedImageModel[Any]:
    """Load a model of single pictures, or share it with whoever holds it in this process.

    A tracker finds masks in single pictures as well: the same id gives the same weights in memory
    for both, and one lock, so that a tracker and a block that segments pictures can use it at the
    same time. Repositories and folders may also hold models that only know single pictures.

    Args:
        model_id: As :func:`find_video_model` takes it.
        resources: As :func:`load_video_model` takes them; what ``model_loader`` gives must be a
            tracker with a method ``image_model()``, or a model of single pictures.

    Returns:
        The model, behind a lock.

    Raises:
        ModelError: There is no such model, it cannot be loaded, or it only tracks.
    """
    if resources.model_loader is not None:
        given = resources.model_loader(model_id)
        if isinstance(given, SharedImageModel):
            return given
        if not hasattr(given, "propagate") and hasattr(given, "segment"):
            return _IMAGE_POOL.get(("adopted", id(given)), lambda: given)
        return _images_of(_adopt(given), model_id)
    entry, size = find_video_model(model_id, resources.base_directory)
    source = entry.unsorted
    if source is not None:
        from .sam_video.loading import holds_image_model

        if holds_image_model(source):
            from . import sam_image

            return _IMAGE_POOL.get(
                _key(entry, size, resources),
                lambda: sam_image.load(source, size, resources.device),
            )
    return _images_of(load_video_model(model_id, resources), model_id)


def _key(entry: ModelEntry, size: int | None, resources: Resources) -> Hashable:
    how = [os.environ.get(name) for name in _MACHINE_OPTIONS]
    return entry.model_id, size, resources.device, *how


def _adopt(model: Any) -> SharedVideoModel[Any, Any]:
    """Give the one shared wrapper of a tracker that somebody else loaded."""
    if isinstance(model, SharedVideoModel):
        return model
    # The wrapper holds the model, so its address is not given to another while it is a key.
    return _POOL.get(("adopted", id(model)), lambda: model)


def _images_of(video: SharedVideoModel[Any, Any], model_id: str) -> SharedImageModel[Any]:
    offered: Callable[[], ImageModel[Any]] | None = getattr(video.wrapped, "image_model", None)
    if offered is None:
        raise ModelError(
            f"model {model_id!r} follows objects but finds no masks in single pictures: "
            f"{type(video.wrapped).__name__} has no method image_model(); take 'lite' or one of "
            "the Segment Anything models",
            code="model_no_images",
            model_id=model_id,
        )
    return SharedImageModel(offered(), video)


def _check_repository(model_id: str, name: str, start: Path, catalog: Sequence[ModelEntry]) -> None:
    """Refuse what is no folder and cannot be a repository of the hub either."""
    if Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(
            f"there is no folder {name!r}, looked for at "
            f"{(start / Path(name).expanduser()).absolute()}; a relative one starts at the folder "
            "of the specification",
            code="model_not_found",
            model_id=model_id,
        )
    ours = {entry.model_id.partition("/")[0] for entry in catalog}
    if _REPOSITORY.fullmatch(name) and name.partition("/")[0] not in ours:
        return
    names = [each for entry in catalog for each in (entry.model_id, entry.hub_id) if each]
    near = nearest(name, names)
    known = ", ".join(each.model_id for each in catalog)
    raise ModelError(
        f"there is no video model {model_id!r}; "
        + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
        + f"Known are: {known}, with an optional input size such as "
        f"{catalog[0].model_id}@{catalog[0].sizes[1]}; a hub repository 'owner/name' or a local "
        "folder of the same architectures does as well",
        code="model_unknown",
        model_id=model_id,
        near=near,
    )


def _tracker_of(source: str, *, on_hub: bool) -> ModelEntry:
    return ModelEntry(
        model_id=source,
        title=f"Segment Anything tracker {'of' if on_hub else 'in'} {source}",
        load=_sam_loader(source),
        hub_id=source if on_hub else None,
        needs="sam",
        unsorted=source,
    )


def _sizes(entry: ModelEntry) -> str:
    listed = ", ".join(f"@{each}" for each in sorted(entry.sizes))
    if entry.size_step is None:
        return listed
    return f"{listed} and other multiples of {entry.size_step}"
