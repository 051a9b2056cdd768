"""Loading a tracker: from a local folder or the hub, safetensors only, no remote code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trackwire.specs import ModelError

from ..hub_folder import check_complete, find_folder, read_config, require_packages
from .encoders import EncoderName, accelerate, check_encoder
from .families import Family, family_of, image_family_of, resize_config
from .image_network import ImageNetwork, image_encoder
from .model import SamVideoModel
from .network import Network
from .placement import DtypeName, choose_device, choose_dtype, is_slow, warn_of_slow_cpu

if TYPE_CHECKING:
    import torch

__all__ = ["chosen", "holds_image_model", "load_image_network", "load_sam_video"]

N = TypeVar("N", bound=ImageNetwork)

_LITE = "set model_id to 'lite', the embedded tracker, which needs no download"
_INSTEAD = f"use 'sam2video/small', which is open; or {_LITE}"


def load_sam_video(
    source: str,
    *,
    image_size: int | None = None,
    device: str = "auto",
    dtype: DtypeName | None = None,
    encoder: EncoderName | None = None,
    **options: Any,
) -> SamVideoModel:
    """Load a Segment Anything video tracker.

    Args:
        source: Hub repository or local folder of SAM 2.1, EdgeTAM or SAM 3.
        image_size: Side of the square picture, pixels; smaller is quicker and coarser. None for
            the size it was trained on.
        device: ``auto`` (a GPU where there is one), or a device of torch.
        dtype: Type of its numbers; ``auto`` is bfloat16 where that is the quicker one. None for
            what ``TRACKWIRE_SAM_DTYPE`` says, else ``auto``.
        encoder: How the image encoder runs: ``torch``, ``compiled`` (by torch, at the first
            frame, which takes up to minutes) or ``openvino`` (on a CPU). None for what
            ``TRACKWIRE_SAM_ENCODER`` says, else ``torch``.
        **options: Of ``SamVideoModel``.

    Returns:
        The model. It belongs to the caller; nothing else holds it.

    Raises:
        ModelError: It cannot be found or run; the message tells the ways on.
    """
    require_packages("Segment Anything", "sam", _LITE)
    folder = find_folder(source, instead=_INSTEAD)
    family = family_of(read_config(folder, source), source)
    network = _load_network(Network, folder, source, family, image_size, device, dtype, encoder)
    return SamVideoModel(network, **options)


def holds_image_model(source: str) -> bool:
    """Whether a repository or folder holds a model that only knows single pictures.

    Its configuration is read, and the whole of it is downloaded if it is not on disk.

    Raises:
        ModelError: It cannot be found, or is no folder of a model.
    """
    require_packages("Segment Anything", "sam", _LITE)
    return image_family_of(read_config(find_folder(source, instead=_INSTEAD), source)) is not None


def load_image_network(
    source: str,
    *,
    image_size: int | None = None,
    device: str = "auto",
    dtype: DtypeName | None = None,
    encoder: EncoderName | None = None,
) -> ImageNetwork:
    """Load a model of SAM 2.1, EdgeTAM or SAM 3 that only knows single pictures.

    Args:
        source: Hub repository or local folder for which ``holds_image_model`` is true.
        image_size: As ``load_sam_video`` takes it, like what follows.
        device: Where it runs.
        dtype: Type of its numbers.
        encoder: How the image encoder runs.

    Returns:
        The network. It belongs to the caller; nothing else holds it.

    Raises:
        ModelError: It cannot be found or run; the message tells the ways on.
    """
    require_packages("Segment Anything", "sam", _LITE)
    folder = find_folder(source, instead=_INSTEAD)
    config = read_config(folder, source)
    family = image_family_of(config) or family_of(config, source)
    return _load_network(ImageNetwork, folder, source, family, image_size, device, dtype, encoder)


def _load_network(
    kind: type[N],
    folder: Path,
    source: str,
    family: Family,
    image_size: int | None,
    device: str,
    dtype: DtypeName | None,
    encoder: EncoderName | None,
) -> N:
    """Build the network on its device, with the image encoder that was chosen."""
    place = choose_device(device)
    number_type = choose_dtype(dtype or chosen("DTYPE", "auto"), place)
    how = check_encoder(encoder or chosen("ENCODER", "torch"), place)
    module = _load_module(folder, source, family, image_size, number_type)
    network = kind(module.to(place).eval(), family)
    network.encoder = accelerate(
        how, image_encoder(network.module), network.image_size, number_type
    )
    if is_slow(place, network.image_size):
        warn_of_slow_cpu()
    return network


def chosen(option: str, default: str) -> str:
    """What the environment says about how models run on this machine.

    Args:
        option: ``DTYPE`` or ``ENCODER``, the end of the variable's name.
        default: What holds if the variable is not set, or empty.
    """
    return os.environ.get(f"TRACKWIRE_SAM_{option}") or default


def _load_module(
    folder: Path, source: str, family: Family, image_size: int | None, dtype: torch.dtype
) -> Any:
    """Build the library's model from a folder and check that no weight is missing."""
    import transformers

    config = _configuration(folder, source, family)
    if image_size is not None and image_size != int(config.prompt_encoder_config.image_size):
        resize_config(family, config, image_size)
    stills = config.model_type == family.image_type
    model_class = getattr(transformers, family.image_model_class if stills else family.model_class)
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


def _configuration(folder: Path, source: str, family: Family) -> Any:
    """Read the tracker's configuration; SAM 3 keeps it inside that of the whole model."""
    import transformers

    raw = read_config(folder, source)
    if _needs_timm(raw) and find_spec("timm") is None:
        raise ModelError(
            f"the image encoder of {source} (RepViT) is built by timm, which is not installed: "
            f"pip install timm --no-deps. Other ways on: 'sam2video/tiny@512', which needs no "
            f"timm; or {_LITE}",
            code="model_needs",
            missing=("timm",),
        )
    try:
        if isinstance(raw.get("tracker_config"), dict):
            whole = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            return whole.tracker_config
        stills = raw.get("model_type") == family.image_type
        name = family.image_config_class if stills else family.config_class
        config_class = getattr(transformers, name)
        return config_class.from_pretrained(folder, local_files_only=True)
    except (OSError, ImportError, TypeError, ValueError) as error:
        raise ModelError(
            f"config.json of {source} cannot be used: {error}; fetch the model anew",
            code="model_folder",
            source=source,
        ) from error


def _needs_timm(config: Mapping[str, Any]) -> bool:
    vision = config.get("vision_config") or {}
    backbone = vision.get("backbone_config") or {}
    unnamed = "timm_wrapper" if vision.get("model_type") == "edgetam_vision_model" else ""
    return bool(backbone.get("model_type", unnamed) == "timm_wrapper")
