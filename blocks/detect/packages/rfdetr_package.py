"""RF-DETR by its authors' package ``rfdetr``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .packaged_detector import Ask, to_candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..detector import Candidates

__all__ = ["RFDETR_CLASSES", "RfdetrModel"]

RFDETR_CLASSES: Final[Mapping[str, str]] = {
    "rfdetr-nano": "RFDETRNano",
    "rfdetr-small": "RFDETRSmall",
    "rfdetr-medium": "RFDETRMedium",
    "rfdetr-base": "RFDETRBase",
    "rfdetr-large": "RFDETRLarge",
}
"""Class of the package for each id."""


class RfdetrModel:
    """A detector of the package.

    Args:
        model_id: One of :data:`RFDETR_CLASSES`. The package downloads the weights.
        device: ``auto``, or a device of torch.
    """

    def __init__(self, model_id: str, device: str) -> None:
        rfdetr: Any = import_module("rfdetr")

        where = {} if device == "auto" else {"device": device}
        self._model = getattr(rfdetr, RFDETR_CLASSES[model_id])(**where)
        self._place = device
        names = self._model.class_names
        # A list in later versions, names by id in earlier ones.
        self._names = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
        self._ids = {name: number for number, name in self._names.items()}

    @property
    def names(self) -> Mapping[int, str]:
        """See :attr:`PackagedModel.names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`PackagedModel.provider`."""
        return f"rfdetr ({self._place})"

    def find(self, images: Sequence[NDArray[np.uint8]], ask: Ask) -> list[Candidates]:
        """See :meth:`PackagedModel.find`."""
        rgb = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        found = self._model.predict(rgb, threshold=ask.confidence)
        return [self._read(each) for each in (found if isinstance(found, list) else [found])]

    def _read(self, found: Any) -> Candidates:
        # Weights trained on COCO number its classes from 1 with gaps, the list has none: what
        # counts is the name.
        called = found.data.get("class_name")
        ids = found.class_id
        if called is not None:
            ids = [
                self._ids.get(str(name), number) for name, number in zip(called, ids, strict=True)
            ]
        return to_candidates(found.xyxy, found.confidence, ids)
