"""What is asked for in one picture: prompts, and what is known of the objects they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..coordinates import in_coordinates_of
from ..detections import CLASS_NAME, DEFAULT_CLASS_NAME, DETECTION_ID
from .asking import Ask

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame

__all__ = ["FOREGROUND", "Prompted"]

FOREGROUND = "foreground"
"""Class of what no detection gave a class."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """``N`` prompts of one picture, with columns of what their detections say.

    Args:
        asks: The prompts.
        class_id: ``(N,)`` int64.
        class_name: ``(N,)`` str.
        detection_id: ``(N,)`` str, empty where there was no detection.
        tracker_id: ``(N,)`` int64, or None unless all come from tracked detections.
    """

    asks: Sequence[Ask]
    class_id: NDArray[np.int64]
    class_name: NDArray[np.str_]
    detection_id: NDArray[np.str_]
    tracker_id: NDArray[np.int64] | None

    @classmethod
    def of(cls, frame: Frame, detections: sv.Detections | None, further: Sequence[Ask]) -> Self:
        """Put together what is asked for.

        Args:
            frame: The picture.
            detections: Detections of objects that are wanted, made on the picture, on a crop of
                it or on what it was cut from; boxes are clipped to it, and those outside left
                out. None for no detections.
            further: Objects asked for otherwise. With neither these nor detections, the most
                prominent object is asked for.
        """
        if detections is None:
            return cls._unnamed(further or [Ask()])
        made_here = in_coordinates_of(frame, detections)
        width, height = frame.size_wh
        edges = np.array([width, height, width, height], np.float32)
        xyxy = np.clip(np.asarray(made_here.xyxy, np.float32).reshape(-1, 4), 0, edges)
        rows = np.flatnonzero((xyxy[:, 2:] > xyxy[:, :2]).all(axis=1))
        asks = [Ask(xyxy=(x1, y1, x2, y2)) for x1, y1, x2, y2 in xyxy[rows].tolist()]
        count = len(detections)
        boxed = cls(
            asks,
            _column(detections.class_id, np.zeros(count, np.int64))[rows],
            _column(detections.data.get(CLASS_NAME), np.full(count, DEFAULT_CLASS_NAME))[rows],
            _column(detections.data.get(DETECTION_ID), np.full(count, ""))[rows],
            None if detections.tracker_id is None else detections.tracker_id[rows].astype(np.int64),
        )
        return boxed._and(cls._unnamed(further)) if further else boxed

    def take(self, rows: Sequence[int]) -> Self:
        """Return the prompts at the given positions."""
        chosen = np.asarray(rows, np.intp)
        return type(self)(
            [self.asks[row] for row in rows],
            self.class_id[chosen],
            self.class_name[chosen],
            self.detection_id[chosen],
            None if self.tracker_id is None else self.tracker_id[chosen],
        )

    @classmethod
    def _unnamed(cls, asks: Sequence[Ask]) -> Self:
        count = len(asks)
        nothing = np.full(count, "")
        return cls(asks, np.zeros(count, np.int64), np.full(count, FOREGROUND), nothing, None)

    def _and(self, other: Self) -> Self:
        return type(self)(
            [*self.asks, *other.asks],
            np.concatenate([self.class_id, other.class_id]),
            np.concatenate([self.class_name, other.class_name]),
            np.concatenate([self.detection_id, other.detection_id]),
            None,
        )


def _column(values: Any, default: NDArray[Any]) -> NDArray[Any]:
    return default if values is None else np.asarray(values).astype(default.dtype.kind)
