"""Detectors of the hub behind the contract of all detectors."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import numpy as np

from ...models.hub_folder import require_packages
from ...models.sam_video.placement import choose_device
from ..detector import Candidates, DetectOptions, wanted_classes
from ..found import build_found, cut_to_frame
from ..suppression import choose
from .hub_folders import HubSource, find_detector_folder
from .network import HubNetwork
from .pictures import batches

if TYPE_CHECKING:
    import supervision as sv

    from ...frame import Frame

__all__ = ["HubDetector", "load_hub_detector"]

_INSTEAD: Final = "set model_id to onnx:PATH, which needs no extra"
_LOADED: Final[WeakValueDictionary[tuple[object, ...], HubNetwork]] = WeakValueDictionary()
_LOADING: Final = threading.Lock()


class HubDetector:
    """A detector of the hub.

    Args:
        network: Its network, which other detectors with other phrases may share.
        class_names: What to look for with an open vocabulary; None for the network's own classes.

    Raises:
        BlockError: The network cannot read one of the names.
        ModelError: The network has no tokenizer.
    """

    def __init__(self, network: HubNetwork, class_names: Sequence[str] | None = None) -> None:
        self._network = network
        names = class_names
        self._names = network.class_names if names is None else dict(enumerate(names))
        self._phrases = None if names is None else network.read_phrases(names)

    @property
    def class_names(self) -> Mapping[int, str]:
        """See :attr:`Detector.class_names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`Detector.provider`."""
        return str(self._network.device)

    @property
    def makes_masks(self) -> bool:
        """See :attr:`Detector.makes_masks`."""
        return False

    @property
    def open_vocabulary(self) -> bool:
        """Whether it finds what its names describe."""
        return self._phrases is not None

    @property
    def network(self) -> HubNetwork:
        """The network, which may be shared."""
        return self._network

    def detect(
        self, frames: Sequence[Frame], options: Sequence[DetectOptions], producer: str
    ) -> list[sv.Detections]:
        """See :meth:`Detector.detect`."""
        wanted = [wanted_classes(self._names, each.class_filter) for each in options]
        recipe, device = self._network.recipe, self._network.device
        results: dict[int, sv.Detections] = {}
        for batch in batches([frame.image for frame in frames], recipe, device):
            read = self._network.look(batch, self._phrases)
            boxes, confidence, classes = (np.asarray(each) for each in read)
            for row, index in enumerate(batch.indices):
                frame, asked = frames[index], options[index]
                span = np.array(recipe.span_wh(frame.size_wh) * 2, np.float32)
                found = Candidates(boxes[row] * span, confidence[row], classes[row])
                found = choose(
                    found.pick(found.confidence >= asked.confidence),
                    asked,
                    wanted[index],
                    overlapping=self._network.family.overlapping,
                )
                found = cut_to_frame(found, frame.size_wh)
                results[index] = build_found(frame, found, self._names, producer)
        return [results[index] for index in range(len(frames))]


def load_hub_detector(
    source: str,
    *,
    base_directory: Path | None = None,
    device: str = "auto",
    class_names: Sequence[str] | None = None,
) -> HubDetector:
    """Load a detector, or share its network with whoever holds the same one in this process.

    Args:
        source: ``owner/name`` or ``owner/name@revision`` of the hub, or a folder.
        base_directory: Where relative folders start.
        device: ``auto``, or a device of torch.
        class_names: What an open vocabulary detector shall find; other detectors take no names
            here.

    Raises:
        BlockError: An open vocabulary detector was given no names, or names it cannot read.
        ModelError: It cannot be found or run.
    """
    from .phrases import clean_names

    require_packages(f"the detector {source}", "hub", _INSTEAD)
    wanted = HubSource.parse(source, base_directory)
    network = _network(find_detector_folder(wanted), wanted.name, device)
    if not network.family.open_vocabulary:
        return HubDetector(network)
    return HubDetector(network, clean_names(class_names, wanted.name))


def _network(folder: Path, source: str, device: str) -> HubNetwork:
    place = choose_device(device)
    files = sorted(folder.glob("*.safetensors"))
    state = tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    key = (folder.resolve(), state, str(place))
    with _LOADING:
        loaded = _LOADED.get(key)
        if loaded is None:
            loaded = _LOADED[key] = HubNetwork(folder, source, place)
        return loaded
