"""A detector of another package behind the contract of all detectors."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from trackwire.specs import ModelError

from ..detector import Candidates, DetectOptions, wanted_classes
from ..found import build_found, cut_to_frame
from ..suppression import choose

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from ...frame import Frame

__all__ = ["Ask", "PackagedDetector", "PackagedModel", "to_candidates"]

_LARGEST_BATCH: Final = 16  # pictures of one call, so that memory has a bound


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a package's model, the same for all pictures of a call.

    Args:
        confidence: Least confidence, 0-1.
        iou_threshold: Boxes that overlap more are one object.
        class_agnostic: Compare boxes of different classes for overlap too.
        most: Most boxes of a picture.
    """

    confidence: float
    iou_threshold: float
    class_agnostic: bool
    most: int


class PackagedModel(Protocol):
    """A loaded model of a package."""

    @property
    def names(self) -> Mapping[int, str]:
        """Names by class id."""
        ...

    @property
    def provider(self) -> str:
        """The package, and where it computes."""
        ...

    def find(self, images: Sequence[NDArray[np.uint8]], ask: Ask) -> list[Candidates]:
        """Look at pictures.

        Args:
            images: ``(H, W, 3)`` uint8 BGR each.
            ask: What is wanted.

        Returns:
            For each picture boxes in pixels of it, each object once.
        """
        ...


class PackagedDetector:
    """A detector of another package. It takes one call at a time.

    Args:
        model: The loaded model.
        model_id: What the user called it, for errors.
    """

    def __init__(self, model: PackagedModel, model_id: str) -> None:
        self._model = model
        self._model_id = model_id
        self._lock = threading.Lock()

    @property
    def class_names(self) -> Mapping[int, str]:
        """See :attr:`Detector.class_names`."""
        return self._model.names

    @property
    def provider(self) -> str:
        """See :attr:`Detector.provider`."""
        return self._model.provider

    @property
    def makes_masks(self) -> bool:
        """See :attr:`Detector.makes_masks`."""
        return False

    def detect(
        self, frames: Sequence[Frame], options: Sequence[DetectOptions], producer: str
    ) -> list[sv.Detections]:
        """See :meth:`Detector.detect`."""
        wanted = [wanted_classes(self.class_names, each.class_filter) for each in options]
        asks = [
            Ask(each.confidence, each.iou_threshold, each.class_agnostic_nms, each.max_candidates)
            for each in options
        ]
        results: dict[int, sv.Detections] = {}
        for ask in dict.fromkeys(asks):
            members = [index for index, each in enumerate(asks) if each == ask]
            for start in range(0, len(members), _LARGEST_BATCH):
                part = members[start : start + _LARGEST_BATCH]
                found = self._find([frames[index] for index in part], ask)
                for index, each in zip(part, found, strict=True):
                    kept = choose(
                        each.pick(each.confidence >= ask.confidence),
                        options[index],
                        wanted[index],
                        overlapping=False,
                    )
                    kept = cut_to_frame(kept, frames[index].size_wh)
                    results[index] = build_found(frames[index], kept, self.class_names, producer)
        return [results[index] for index in range(len(frames))]

    def _find(self, frames: Sequence[Frame], ask: Ask) -> list[Candidates]:
        try:
            with self._lock:
                return self._model.find([frame.image for frame in frames], ask)
        except Exception as error:  # what packages raise shares no base but Exception
            raise ModelError(
                f"{self._model_id} failed on {self._model.provider}: "
                f"{type(error).__name__}: {error}",
                code="detector_failed",
                model_id=self._model_id,
            ) from error


def to_candidates(xyxy: object, confidence: object, class_id: object) -> Candidates:
    """Take arrays or tensors of a package over.

    Args:
        xyxy: ``(N, 4)`` in pixels of the picture.
        confidence: ``(N,)`` 0-1.
        class_id: ``(N,)``.
    """
    return Candidates(
        np.asarray(_on_cpu(xyxy), np.float32).reshape(-1, 4),
        np.asarray(_on_cpu(confidence), np.float32).reshape(-1),
        np.asarray(_on_cpu(class_id)).astype(np.int64).reshape(-1),
    )


def _on_cpu(values: object) -> object:
    cpu = getattr(values, "cpu", None)
    return values if cpu is None else cpu()
