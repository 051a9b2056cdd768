"""Detectors to begin with, for lists; many more run by the same ids."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from ..models.hub_folder import find_on_disk, needed_packages

__all__ = ["KNOWN_DETECTORS", "KnownDetector"]


@dataclass(frozen=True, slots=True)
class KnownDetector:
    """A detector that is worth a try.

    Args:
        model_id: What a specification calls it.
        title: One line for people.
        licence: Of the weights.
        parameters: Weights of the network, as many as its authors or its page on the hub say.
        open_vocabulary: Whether it finds what ``class_names`` describes.
        packages: Modules of which one runs it; empty for those of the hub.
    """

    model_id: str
    title: str
    licence: str
    parameters: int
    open_vocabulary: bool = False
    packages: tuple[str, ...] = ()

    @property
    def hub_id(self) -> str | None:
        """Repository of the weights on the Hugging Face hub; None for a package's own."""
        return None if self.packages else self.model_id.removeprefix("hub:")

    def is_on_disk(self) -> bool | None:
        """Whether it loads without a download; None where nobody can tell."""
        if self.hub_id is None or find_spec("huggingface_hub") is None:
            return None
        return find_on_disk(self.hub_id) is not None

    def lacks(self) -> str | None:
        """Name the first package that is missing; None if it runs here."""
        if self.packages:
            there = any(find_spec(name) is not None for name in self.packages)
            return None if there else self.packages[0]
        missing = [name for name in needed_packages() if find_spec(name) is None]
        return missing[0] if missing else None


KNOWN_DETECTORS: Final[tuple[KnownDetector, ...]] = (
    KnownDetector(
        "hub:ustc-community/dfine-nano-coco", "D-FINE nano, 80 classes", "Apache-2.0", 3_800_000
    ),
    KnownDetector(
        "hub:PekingU/rtdetr_v2_r18vd", "RT-DETR v2 R18, 80 classes", "Apache-2.0", 20_000_000
    ),
    KnownDetector("hub:hustvl/yolos-tiny", "YOLOS tiny, COCO", "Apache-2.0", 6_500_000),
    KnownDetector(
        "hub:google/owlv2-base-patch16-ensemble",
        "OWLv2 base, finds what class_names describes",
        "Apache-2.0",
        155_000_000,
        open_vocabulary=True,
    ),
    KnownDetector(
        "hub:IDEA-Research/grounding-dino-tiny",
        "Grounding DINO tiny, finds what class_names describes",
        "Apache-2.0",
        172_000_000,
        open_vocabulary=True,
    ),
    KnownDetector(
        "rfdetr-nano",
        "RF-DETR nano, COCO",
        "Apache-2.0",
        30_500_000,
        packages=("rfdetr", "inference_models"),
    ),
    KnownDetector(
        "yolov8n-640",
        "YOLOv8 nano, 80 classes",
        "AGPL-3.0",
        3_200_000,
        packages=("inference_models", "ultralytics"),
    ),
)
"""Small ones of each kind."""
