"""Loading a tracker: from a local folder or the hub, safetensors only, no remote code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackwire.specs import ModelError

from .encoders import EncoderName, accelerate, check_encoder
from .families import Family, family_of, resize_config
from .model import SamVideoModel
from .network import Network, image_encoder
from .placement import DtypeName, choose_device, choose_dtype, is_slow, warn_of_slow_cpu

if TYPE_CHECKING:
    import torch

__all__ = ["chosen", "find_folder", "is_on_disk", "load_sam_video"]

_FILES = ("*.json", "*.safetensors")
_CPU_TORCH = "https://download.pytorch.org/whl/cpu"
_LITE = "set model_id to 'lite', the embedded tracker, which needs no download"


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
    _require_libraries()
    folder = find_folder(source)
    family = family_of(_read_config(folder, source), source)
    place = choose_device(device)
    number_type = choose_dtype(dtype or chosen("DTYPE", "auto"), place)
    how = check_encoder(encoder or chosen("ENCODER", "torch"), place)
    module = _load_module(folder, source, family, image_size, number_type)
    network = Network(module.to(place).eval(), family)
    network.encoder = accelerate(
        how, image_encoder(network.module), network.image_size, number_type
    )
    if is_slow(place, network.image_size):
        warn_of_slow_cpu()
    return SamVideoModel(network, **options)


def chosen(option: str, default: str) -> str:
    """What the environment says about how models run on this machine.

    Args:
        option: ``DTYPE`` or ``ENCODER``, the end of the variable's name.
        default: What holds if the variable is not set, or empty.
    """
    return os.environ.get(f"TRACKWIRE_SAM_{option}") or default


def find_folder(source: str) -> Path:
    """Find the folder of a model; download it if it is not there.

    ``HF_HUB_OFFLINE`` is respected; the hub's client shows the progress of a download.

    Raises:
        ModelError: It is not on disk and cannot be downloaded.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        return local
    if local.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise ModelError(
            f"there is no folder {source!r}, and it is no hub repository 'owner/name'; 'trackwire "
            "models' lists the models that have short names",
            code="model_not_found",
            source=source,
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, allow_patterns=list(_FILES)))
    except (OSError, ValueError) as error:  # the hub's errors are OSErrors, bad names ValueErrors
        raise _explain(source, error) from error


def is_on_disk(source: str) -> bool | None:
    """Whether a model can be loaded without a download; None where nobody can tell.

    The hub's own client is asked where its cache lies and what is in it; without it nothing is
    known.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        return any(local.glob("*.safetensors"))
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        config = try_to_load_from_cache(source, "config.json")
    except ValueError:  # no name that a repository can have
        return False
    return isinstance(config, str) and any(Path(config).parent.glob("*.safetensors"))


def _require_libraries() -> None:
    missing = [
        name
        for name in ("torch", "transformers", "safetensors", "huggingface_hub")
        if find_spec(name) is None
    ]
    if missing:
        raise ModelError(
            f"Segment Anything needs {', '.join(missing)}: pip install 'trackwire[sam]'. On Linux "
            f"the torch of the public index brings CUDA packages of several gigabytes; for a "
            f"machine without a GPU first pip install torch --index-url {_CPU_TORCH}. Or {_LITE}",
            code="model_needs",
            missing=tuple(missing),
        )


def _explain(source: str, error: Exception) -> ModelError:
    """Say why a download failed and what can be done."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    by_hand = f"give the path of a folder that holds the files of {source} as model_id"
    if isinstance(error, GatedRepoError):
        return ModelError(
            f"{source} is gated: its owner asks you to accept a licence first. Open "
            f"https://huggingface.co/{source}, accept it, then run 'hf auth login' or set "
            f"HF_TOKEN to a token of that account. Other ways on: {by_hand}; use "
            f"'sam2video/small', which is open; or {_LITE}",
            code="model_gated",
            source=source,
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(
            f"there is no folder and no hub repository {source!r} (or it is private and no token "
            "was given); check the name, run 'hf auth login' for a private one, or "
            f"{_LITE}",
            code="model_not_found",
            source=source,
        )
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    why = "HF_HUB_OFFLINE forbids a download" if offline else "it cannot be downloaded"
    connect = "unset HF_HUB_OFFLINE once" if offline else "connect to huggingface.co and run again"
    return ModelError(
        f"{source} is not on this machine and {why} ({type(error).__name__}). Ways on: {connect}; "
        f"{by_hand}; or {_LITE}",
        code="model_not_downloaded",
        source=source,
    )


def _read_config(folder: Path, source: str) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source} has no readable config.json: a model folder holds config.json and "
            f"*.safetensors, found {_listed(folder)}",
            code="model_folder",
            source=source,
        ) from error
    if not isinstance(config, dict):
        raise ModelError(
            f"config.json of {source} must hold a JSON object, found {type(config).__name__}; "
            "fetch the model anew",
            code="model_folder",
            source=source,
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{source} holds no *.safetensors, found {_listed(folder)}. Other weight files can "
            "run code when they are opened and are never loaded; convert them, or take a "
            "repository that has safetensors",
            code="model_not_safetensors",
            source=source,
        )
    return config


def _listed(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())[:8] if folder.is_dir() else []
    return ", ".join(names) or "nothing"


def _load_module(
    folder: Path, source: str, family: Family, image_size: int | None, dtype: torch.dtype
) -> Any:
    """Build the library's model from a folder and check that no weight is missing."""
    import transformers

    config = _configuration(folder, source, family)
    if image_size is not None and image_size != int(config.image_size):
        resize_config(family, config, image_size)
    model_class = getattr(transformers, family.model_class)
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
    _check_complete(report, source)
    return module


def _configuration(folder: Path, source: str, family: Family) -> Any:
    """Read the tracker's configuration; SAM 3 keeps it inside that of the whole model."""
    import transformers

    raw = _read_config(folder, source)
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
        config_class = getattr(transformers, family.config_class)
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


def _check_complete(report: dict[str, Any], source: str) -> None:
    """Random weights in place of missing ones would track nonsense in silence."""
    wrong: Sequence[Any] = [*report.get("missing_keys", ()), *report.get("mismatched_keys", ())]
    if wrong:
        shown = ", ".join(str(key) for key in sorted(map(str, wrong))[:5])
        raise ModelError(
            f"{len(wrong)} weights of {source} are missing or have another shape, such as {shown}: "
            "the files do not belong to this config.json; fetch the model anew",
            code="model_weights",
            source=source,
        )
