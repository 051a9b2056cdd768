"""The folder of a detector of the hub, found or downloaded once its kind is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trackwire.specs import ModelError

from ...models.hub_folder import find_folder, peek_config, read_config
from .families import family_of

__all__ = ["HubSource", "find_detector_folder"]

_FILES: Final = ("*.json", "*.safetensors", "*.txt")  # the texts are vocabularies
_INSTEAD: Final = "set model_id to onnx:PATH of a detector in an ONNX file, which needs no download"
_REVISION: Final = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where a detector of the hub comes from.

    Args:
        name: ``owner/name``, or the folder as it was written.
        revision: Branch, tag or commit of a repository; None for its main branch.
        folder: The folder; None for a repository.
    """

    name: str
    revision: str | None
    folder: Path | None

    @classmethod
    def parse(cls, text: str, base_directory: Path | None = None) -> HubSource:
        """Read what stands behind ``hub:``; what is a folder is not looked up on the hub.

        Args:
            text: ``owner/name`` or ``owner/name@revision`` of the hub, or a folder.
            base_directory: Where relative folders start.

        Raises:
            ModelError: The revision is none, or is one of a folder.
        """
        whole = text.strip()
        base = base_directory or Path()
        folder = base / Path(whole).expanduser()
        if folder.is_dir():
            return cls(whole, None, folder)
        name, at, revision = whole.partition("@")
        local = bool(name) and (base / Path(name).expanduser()).is_dir()
        if at and (local or not _REVISION.fullmatch(revision)):
            why = f"{name!r} is a folder, which has no revisions" if local else "it cannot be one"
            raise ModelError(
                f"the revision {revision!r} in 'hub:{whole}' does not exist: {why}; allowed "
                "behind the @ is a branch, tag or commit of a hub repository, such as main",
                code="model_not_found",
                source=whole,
            )
        return cls(name, revision or None, None)


def find_detector_folder(source: HubSource) -> Path:
    """Find the folder of a detector; download it if it is not there.

    Of a repository the configuration comes first, so that nobody waits for gigabytes of a model
    that is no detector.

    Args:
        source: Where it comes from.

    Raises:
        ModelError: It is not on disk and cannot be downloaded, or it is no detector.
    """
    name, revision = source.name, source.revision
    if source.folder is not None:
        family_of(read_config(source.folder, name), name)
        return source.folder
    config = peek_config(name, instead=_INSTEAD, revision=revision)
    family_of(config, name)
    return find_folder(name, instead=_INSTEAD, patterns=_FILES, revision=revision)
