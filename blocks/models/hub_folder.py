"""The folder of a model: a local one, or the hub's, downloaded where it is not there yet."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from trackwire.specs import ModelError

__all__ = [
    "WEIGHT_FILES",
    "check_complete",
    "explain_download",
    "find_folder",
    "find_on_disk",
    "is_on_disk",
    "needed_packages",
    "peek_config",
    "read_config",
    "require_packages",
]

WEIGHT_FILES: Final = ("*.json", "*.safetensors", "merges.txt")
"""Patterns of the files that models are loaded from; other weight files could run code."""
_CPU_TORCH: Final = "https://download.pytorch.org/whl/cpu"


def needed_packages() -> tuple[str, ...]:
    """Name the packages that models of the hub run with, as they are imported."""
    return ("torch", "transformers", "safetensors", "huggingface_hub")


def require_packages(what: str, extra: str, instead: str) -> None:
    """Make sure that the packages of the hub's models are there.

    Args:
        what: What needs them, first words of the message.
        extra: The extra that brings them.
        instead: A way on without them.

    Raises:
        ModelError: Some are not installed.
    """
    missing = [name for name in needed_packages() if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{what} needs {', '.join(missing)}: pip install 'trackwire[{extra}]'. On Linux the "
            "torch of the public index brings CUDA packages of several gigabytes; for a machine "
            f"without a GPU first pip install torch --index-url {_CPU_TORCH}. Or {instead}",
            code="model_needs",
            missing=tuple(missing),
        )


def find_folder(
    source: str,
    *,
    instead: str,
    patterns: Sequence[str] = WEIGHT_FILES,
    revision: str | None = None,
) -> Path:
    """Find the folder of a model; download it if it is not there.

    ``HF_HUB_OFFLINE`` is respected; the hub's client shows the progress of a download.

    Args:
        source: A folder, or a repository ``owner/name`` of the hub.
        instead: Ways on without it, the end of each message.
        patterns: Files that are wanted of a repository.
        revision: Branch, tag or commit of a repository; None for its main branch.

    Raises:
        ModelError: It is not on disk and cannot be downloaded.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        return local
    _require_repository(source)
    from huggingface_hub import HfApi, snapshot_download

    try:
        found = Path(snapshot_download(source, revision=revision, allow_patterns=list(patterns)))
        if not any(found.glob("*.safetensors")):
            # Without a connection the client takes what an earlier download left unfinished.
            HfApi().list_repo_files(source, revision=revision)
    except (OSError, ValueError) as error:  # the hub's errors are OSErrors, bad names ValueErrors
        raise explain_download(source, error, instead) from error
    return found


def peek_config(source: str, *, instead: str, revision: str | None = None) -> dict[str, Any]:
    """Read ``config.json`` of a repository of the hub before the rest of it is downloaded.

    Args:
        source: The repository, ``owner/name``.
        instead: Ways on without it, the end of each message.
        revision: Branch, tag or commit; None for the main branch.

    Raises:
        ModelError: There is no such repository or file, or it cannot be downloaded.
    """
    _require_repository(source)
    from huggingface_hub import snapshot_download, try_to_load_from_cache
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        known = try_to_load_from_cache(source, "config.json", revision=revision)
        if not isinstance(known, str):  # an older one tells the kind of model as well
            # A snapshot, since the download of a single file tries for long without a connection.
            fetched = snapshot_download(source, revision=revision, allow_patterns=["config.json"])
            known = str(Path(fetched) / "config.json")
        config = json.loads(Path(known).read_text(encoding="utf-8"))
    except LocalEntryNotFoundError as error:
        raise explain_download(source, error, instead) from error
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise ModelError(
            f"{source} has no readable config.json, so it is no model of transformers; take a "
            f"repository that has one, or {instead}",
            code="model_folder",
            source=source,
        ) from error
    except (OSError, ValueError) as error:
        raise explain_download(source, error, instead) from error
    return config if isinstance(config, dict) else {}


def _require_repository(source: str) -> None:
    """Refuse what is neither a folder nor has the form of a repository."""
    local = Path(source).expanduser()
    if local.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise ModelError(
            f"there is no folder {source!r}, and it is no hub repository 'owner/name'; 'trackwire "
            "models' lists the models that have short names",
            code="model_not_found",
            source=source,
        )


def find_on_disk(source: str, revision: str | None = None) -> Path | None:
    """Find the folder of a model without a download; None if its weights are not there.

    Args:
        source: A folder, or a repository of the hub. The hub's client must be installed.
        revision: Branch, tag or commit of a repository; None for its main branch.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        return local if any(local.glob("*.safetensors")) else None
    from huggingface_hub import try_to_load_from_cache

    try:
        config = try_to_load_from_cache(source, "config.json", revision=revision)
    except ValueError:  # no name that a repository can have
        return None
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if any(folder.glob("*.safetensors")) else None


def is_on_disk(source: str) -> bool | None:
    """Whether a model can be loaded without a download; None where nobody can tell.

    The hub's own client is asked where its cache lies and what is in it; without it nothing is
    known.
    """
    if not Path(source).expanduser().is_dir() and find_spec("huggingface_hub") is None:
        return None
    return find_on_disk(source) is not None


def explain_download(source: str, error: Exception, instead: str) -> ModelError:
    """Say why a download failed and what can be done.

    Args:
        source: The repository.
        error: What the hub's client raised.
        instead: Ways on without the repository.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HFValidationError):
        return ModelError(
            f"there is no folder {source!r}, and a hub repository cannot have that name: {error}; "
            f"write owner/name with letters, digits, '-', '_' and '.', or {instead}",
            code="model_not_found",
            source=source,
        )
    if isinstance(error, RevisionNotFoundError):
        return ModelError(
            f"the hub repository {source} has no such branch, tag or commit: {error}; see those "
            f"it has at https://huggingface.co/{source}/tree/main, or leave the revision out",
            code="model_not_found",
            source=source,
        )
    by_hand = f"fetch the files of {source} elsewhere and name their folder in model_id"
    if isinstance(error, GatedRepoError):
        return ModelError(
            f"{source} is gated: its owner asks you to accept a licence first. Open "
            f"https://huggingface.co/{source}, accept it, then run 'hf auth login' or set "
            f"HF_TOKEN to a token of that account. Other ways on: {by_hand}; or {instead}",
            code="model_gated",
            source=source,
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(
            f"there is no folder and no hub repository {source!r} (or it is private and no token "
            f"was given); check the name, run 'hf auth login' for a private one, or {instead}",
            code="model_not_found",
            source=source,
        )
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    why = "HF_HUB_OFFLINE forbids a download" if offline else "it cannot be downloaded"
    connect = "unset HF_HUB_OFFLINE once" if offline else "connect to huggingface.co and run again"
    return ModelError(
        f"{source} is not on this machine and {why} ({type(error).__name__}). Ways on: {connect}; "
        f"{by_hand}; or {instead}",
        code="model_not_downloaded",
        source=source,
    )


def read_config(folder: Path, source: str) -> dict[str, Any]:
    """Read ``config.json`` of a model whose weights lie beside it.

    Args:
        folder: The folder.
        source: What the user called it.

    Raises:
        ModelError: It is missing or no object, or there are no safetensors.
    """
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


def check_complete(report: dict[str, Any], source: str) -> None:
    """Refuse a model that lacks weights: random ones in their place would see nonsense in silence.

    Args:
        report: What the library says of the loading.
        source: What the user called the model.

    Raises:
        ModelError: Weights are missing or have another shape.
    """
    wrong: Sequence[Any] = [*report.get("missing_keys", ()), *report.get("mismatched_keys", ())]
    if wrong:
        shown = ", ".join(str(key) for key in sorted(map(str, wrong))[:5])
        raise ModelError(
            f"{len(wrong)} weights of {source} are missing or have another shape, such as {shown}: "
            "the files do not belong to this config.json; fetch the model anew",
            code="model_weights",
            source=source,
        )


def _listed(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())[:8] if folder.is_dir() else []
    return ", ".join(names) or "nothing"
