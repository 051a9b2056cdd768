"""Detectors by the package ``inference-models``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trackwire.specs import ModelError

from .packaged_detector import Ask, to_candidates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..detector import Candidates

__all__ = ["InferenceModel"]


class InferenceModel:
    """A detector of the package.

    Args:
        model_id: As the package takes it. The package downloads the weights, with the key in
            ``ROBOFLOW_API_KEY`` where they are private.
        device: ``auto``, or a device of torch.

    Raises:
        ModelError: The model is no object detector with classes of its own.
    """

    def __init__(self, model_id: str, device: str) -> None:
        package: Any = import_module("inference_models")

        where = {} if device == "auto" else {"device": device}
        model = package.AutoModel.from_pretrained(model_id, **where)
        if not isinstance(model, package.ObjectDetectionModel):
            raise ModelError(
                f"{model_id} is a {type(model).__name__} of inference-models; allowed are object "
                "detectors with classes of their own",
                code="detector_type",
                model_id=model_id,
            )
        self._model = model
        self._names = {index: str(name) for index, name in enumerate(model.class_names)}
        self._place = device

    @property
    def names(self) -> Mapping[int, str]:
        """See :attr:`PackagedModel.names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`PackagedModel.provider`."""
        return f"inference-models ({self._place})"

    def find(self, images: Sequence[NDArray[np.uint8]], ask: Ask) -> list[Candidates]:
        """See :meth:`PackagedModel.find`."""
        found = self._model.infer(
            list(images),
            input_color_format="bgr",
            confidence=ask.confidence,
            iou_threshold=ask.iou_threshold,
            max_detections=ask.most,
            class_agnostic_nms=ask.class_agnostic,
        )
        return [to_candidates(each.xyxy, each.confidence, each.class_id) for each in found]
