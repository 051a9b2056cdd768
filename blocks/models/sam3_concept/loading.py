"""Loading the concept model: weights and tokenizer from a local folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import ModelError

from ..hub_folder import check_complete, find_folder, read_config, require_packages
from ..sam_video.families import FAMILIES, resize_config
from ..sam_video.loading import chosen
from ..sam_video.placement import (
    DtypeName,
    choose_device,
    choose_dtype,
    is_slow,
    warn_of_slow_cpu,
)
from .model import Sam3ConceptModel

if TYPE_CHECKING:
    import torch

__all__ = ["load_sam3_concept"]

_INSTEAD: Final = (
    "find objects with a detector and follow them with 'lite' (trackwire/video_tracker@v1), which "
    "needs no download; no other model here finds what a phrase names"
)
_TOKENIZER_FILES: Final = ("tokenizer.json", "vocab.json")


def load_sam3_concept(
    source: str,
    *,
    image_size: int | None = None,
    device: str = "auto",
    dtype: DtypeName | None = None,
    **options: Any,
) -> Sam3ConceptModel:
    """Load SAM 3 as a model that finds what phrases name.

    Args:
        source: Hub repository or local folder of SAM 3: ``config.json``, safetensors, and the
            files of its tokenizer.
        image_size: Side of the square picture, pixels; None for the size it was trained on.
        device: ``auto`` (a GPU where there is one), or a device of torch.
        dtype: Type of its numbers; ``auto`` is bfloat16 where that is the quicker one. None for
            what ``TRACKWIRE_SAM_DTYPE`` says, else ``auto``.
        **options: Of ``Sam3ConceptModel``.

    Returns:
        The model. It belongs to the caller; nothing else holds it.

    Raises:
        ModelError: It cannot be found or run; the message tells the ways on.
    """
    require_packages("SAM 3", "sam", _INSTEAD)
    folder = find_folder(source, instead=_INSTEAD)
    _check_type(read_config(folder, source), source)
    tokenizer = _load_tokenizer(folder, source)
    place = choose_device(device)
    number_type = choose_dtype(dtype or chosen("DTYPE", "auto"), place)
    module = _load_module(folder, source, image_size, number_type)
    model = Sam3ConceptModel(module.to(place).eval(), tokenizer, **options)
    if is_slow(place, model.network.image_size):
        warn_of_slow_cpu()
    return model


def _check_type(config: dict[str, Any], source: str) -> None:
    found = config.get("model_type")
    if found != "sam3_video":
        raise ModelError(
            f"{source} holds a model of type {found!r}, which does not find what phrases name; "
            "allowed: sam3_video, as in facebook/sam3",
            code="model_type",
            source=source,
        )


def _load_tokenizer(folder: Path, source: str) -> Any:
    import transformers

    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(
            f"{source} has no tokenizer beside its weights: {' or '.join(_TOKENIZER_FILES)} (with "
            "merges.txt) is missing; copy the tokenizer's files of facebook/sam3 into the folder",
            code="model_folder",
            source=source,
        )
    try:
        tokenizer: Any = transformers.CLIPTokenizer
        return tokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"the tokenizer of {source} cannot be used: {error}; fetch the model anew",
            code="model_folder",
            source=source,
        ) from error


def _load_module(folder: Path, source: str, image_size: int | None, dtype: torch.dtype) -> Any:
    """Build the library's model from a folder and check that no weight is missing."""
    import transformers

    try:
        config: Any = transformers.Sam3VideoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, TypeError, ValueError) as error:
        raise ModelError(
            f"config.json of {source} cannot be used: {error}; fetch the model anew",
            code="model_folder",
            source=source,
        ) from error
    if image_size is not None and image_size != int(config.image_size):
        resize_config(FAMILIES["sam3trackervideo"], config.tracker_config, image_size)
        config.image_size = image_size
    model_class: Any = transformers.Sam3VideoModel
    try:
        module, report = model_class.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise ModelError(
            f"the weights of {source} cannot be loaded: {error}; fetch the model anew",
            code="model_weights",
            source=source,
        ) from error
    check_complete(report, source)
    return module
