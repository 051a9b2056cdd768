"""The folder of a detector of the hub, found or downloaded once its kind is known."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ...models.hub_folder import find_folder, peek_config, read_config
from .families import family_of

__all__ = ["find_detector_folder", "split_revision"]

_FILES: Final = ("*.json", "*.safetensors", "*.txt")  # the texts are vocabularies
_INSTEAD: Final = "set model_id to onnx:PATH of a detector in an ONNX file, which needs no download"


def find_detector_folder(source: str, base_directory: Path | None = None) -> Path:
    """Find the folder of a detector; download it if it is not there.

    Of a repository the configuration comes first, so that nobody waits for gigabytes of a model
    that is no detector.

    Args:
        source: ``owner/name`` or ``owner/name@revision`` of the hub, or a folder.
        base_directory: Where relative folders start.

    Raises:
        ModelError: It is not on disk and cannot be downloaded, or it is no detector.
    """
    name, revision = split_revision(source)
    local = (base_directory or Path()) / Path(name).expanduser()
    if local.is_dir():
        family_of(read_config(local, name), name)
        return local
    config = peek_config(name, instead=_INSTEAD, revision=revision)
    family_of(config, name)
    return find_folder(name, instead=_INSTEAD, patterns=_FILES, revision=revision)


def split_revision(source: str) -> tuple[str, str | None]:
    """Split ``owner/name@revision``.

    Returns:
        The name, and the revision; None where none is given.
    """
    name, _, revision = source.strip().partition("@")
    return name, revision or None
