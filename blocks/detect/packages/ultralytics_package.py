"""YOLO by the package ``ultralytics``, where its user has installed it.

The package and its weights are under the AGPL-3.0, which asks whoever serves others with them over
a network to give away the source of the whole program, or under a licence that is sold. Nothing of
it is part of this project, and nothing here asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import ModelError

from .packaged_detector import Ask, to_candidates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..detector import Candidates

__all__ = ["YOLO_ID", "UltralyticsModel"]

YOLO_ID: Final = re.compile(r"yolov?(?P<version>\d+)(?P<size>[a-z])-(?P<side>\d+)")
"""Ids of detectors: version, size, side of the input in pixels."""
_LAST_WITH_V: Final = 10  # from version 11 on the files' names have no v


class UltralyticsModel:
    """A detector of the package.

    Args:
        model_id: As :data:`YOLO_ID` says. The package downloads the weights.
        device: ``auto``, or a device of torch.

    Raises:
        ModelError: The weights are not those of a detector.
    """

    def __init__(self, model_id: str, device: str) -> None:
        package: Any = import_module("ultralytics")

        parts = YOLO_ID.fullmatch(model_id)
        if parts is None:
            raise ValueError(f"{model_id!r} is no id such as yolov8n-640")
        letter = "v" if int(parts["version"]) <= _LAST_WITH_V else ""
        self._model = package.YOLO(f"yolo{letter}{parts['version']}{parts['size']}.pt")
        task = getattr(self._model, "task", "detect")
        if task != "detect":
            raise ModelError(
                f"{model_id} does the task {task!r} of ultralytics; allowed is 'detect'",
                code="detector_type",
                model_id=model_id,
            )
        self._side = int(parts["side"])
        self._place = device
        names: Mapping[Any, Any] = self._model.names
        self._names = {int(number): str(name) for number, name in names.items()}

    @property
    def names(self) -> Mapping[int, str]:
        """See :attr:`PackagedModel.names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`PackagedModel.provider`."""
        return f"ultralytics ({self._place}), under the AGPL-3.0"

    def find(self, images: Sequence[NDArray[np.uint8]], ask: Ask) -> list[Candidates]:
        """See :meth:`PackagedModel.find`."""
        found = self._model.predict(
            list(images),
            imgsz=self._side,
            conf=ask.confidence,
            iou=ask.iou_threshold,
            max_det=ask.most,
            agnostic_nms=ask.class_agnostic,
            device=None if self._place == "auto" else self._place,
            verbose=False,
        )
        return [to_candidates(each.boxes.xyxy, each.boxes.conf, each.boxes.cls) for each in found]
