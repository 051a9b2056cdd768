"""A detector that shall find some of its classes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .detector import DetectOptions, Detector, wanted_classes

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame

__all__ = ["NarrowedDetector"]


class NarrowedDetector:
    """A detector with classes of its own that finds only the named ones.

    Args:
        detector: The detector.
        class_names: Names of classes it knows.

    Raises:
        BlockError: It knows none of that name.
    """

    def __init__(self, detector: Detector, class_names: Sequence[str]) -> None:
        kept = wanted_classes(detector.class_names, class_names, asked_by="class_names")
        self._detector = detector
        self._names = {number: detector.class_names[number] for number in kept or ()}

    @property
    def class_names(self) -> Mapping[int, str]:
        """See :attr:`Detector.class_names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`Detector.provider`."""
        return self._detector.provider

    @property
    def makes_masks(self) -> bool:
        """See :attr:`Detector.makes_masks`."""
        return self._detector.makes_masks

    def detect(
        self, frames: Sequence[Frame], options: Sequence[DetectOptions], producer: str
    ) -> list[sv.Detections]:
        """See :meth:`Detector.detect`."""
        every = list(self._names.values())
        for each in options:
            wanted_classes(self._names, each.class_filter)
        narrowed = [
            each if each.class_filter is not None else replace(each, class_filter=every)
            for each in options
        ]
        return self._detector.detect(frames, narrowed, producer)
