"""Weights of models, downloaded before a workflow asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trackwire.specs import ModelError, Resources

from .detect.model_id import HUB, ONNX, load_detector
from .detect.packages.loading import is_packaged
from .models.catalog import find_video_model
from .models.concept_catalog import CONCEPT_MODELS, find_concept_model
from .models.hub_folder import find_folder, find_on_disk, require_packages

__all__ = ["DownloadedModel", "download_model"]

_INSTEAD: Final = "fetch it on a machine that is connected and copy the folder"


@dataclass(frozen=True, slots=True)
class DownloadedModel:
    """Where the weights of a model are.

    Args:
        model_id: As it was asked for.
        folder: Where they lie; None where they are part of the install, or a package keeps them.
        was_there: Whether nothing had to be fetched; None where nobody can tell.
    """

    model_id: str
    folder: Path | None
    was_there: bool | None

    def nbytes(self) -> int:
        """Bytes of the files in the folder."""
        return sum(_files(self.folder).values())


def download_model(model_id: str, base_directory: Path | None = None) -> DownloadedModel:
    """Download the weights of a tracker or detector, unless they are there.

    Args:
        model_id: An id of the catalog, a hub repository or folder of a tracker; ``hub:`` and
            ``onnx:`` ids and those of packages for detectors. A package is asked to load its
            detector, since it alone knows where its weights belong.
        base_directory: Where relative folders start.

    Raises:
        ModelError: There is no such model, or it cannot be downloaded.
    """
    name = model_id.strip()
    if name.startswith(ONNX):
        return _file(name, base_directory or Path())
    if name.startswith(HUB):
        return _detector(name, base_directory or Path())
    if is_packaged(name):
        load_detector(name, Resources(base_directory=base_directory))
        return DownloadedModel(name, None, None)
    takes_phrases = name.partition("@")[0] in {each.model_id for each in CONCEPT_MODELS}
    find = find_concept_model if takes_phrases else find_video_model
    entry, _ = find(name, base_directory)
    if entry.hub_id is None:
        folder = Path(entry.model_id)
        return DownloadedModel(name, folder if folder.is_dir() else None, was_there=True)
    require_packages(f"the download of {name}", "sam", _INSTEAD)
    before = _files(find_on_disk(entry.hub_id))
    folder = find_folder(entry.hub_id, instead=_INSTEAD)
    return DownloadedModel(name, folder, before == _files(folder))


def _detector(model_id: str, base_directory: Path) -> DownloadedModel:
    from .detect.hub.hub_folders import HubSource, find_detector_folder

    require_packages(f"the download of {model_id}", "hub", _INSTEAD)
    source = HubSource.parse(model_id.removeprefix(HUB), base_directory)
    if source.folder is not None:
        return DownloadedModel(model_id, find_detector_folder(source), was_there=True)
    before = _files(find_on_disk(source.name, source.revision))
    folder = find_detector_folder(source)
    return DownloadedModel(model_id, folder, before == _files(folder))


def _file(model_id: str, base_directory: Path) -> DownloadedModel:
    path = base_directory / Path(model_id.removeprefix(ONNX).strip()).expanduser()
    if not path.is_file():
        raise ModelError(
            f"there is no detector at {path.absolute()}, and ONNX files are downloaded from "
            "nowhere; put it there, or name a detector of the hub, such as "
            "hub:PekingU/rtdetr_v2_r18vd",
            code="model_not_found",
            path=str(path),
        )
    return DownloadedModel(model_id, path, was_there=True)


def _files(folder: Path | None) -> dict[str, int]:
    if folder is None:
        return {}
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    return {str(path): path.stat().st_size for path in paths if path.is_file()}
