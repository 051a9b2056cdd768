"""A detector for synthetic scenes: it sees the truth, and errs as detectors do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .renderer import FrameTruth

__all__ = ["SceneDetections", "SceneDetector"]


@dataclass(frozen=True, slots=True)
class SceneDetections:
    """What the detector reports on one frame. The arrays are aligned.

    Args:
        xyxy: ``(N, 4)`` float32 boxes in pixels.
        confidence: ``(N,)`` float32, 0-1.
        class_names: ``(N,)`` class names.
        truth_ids: ``(N,)`` int64, which objects were seen; for judges, never for trackers.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_names: tuple[str, ...]
    truth_ids: NDArray[np.int64]


class SceneDetector:
    """Draws imperfect boxes around the visible parts of objects.

    The same seed, frame and truth give the same detections, whatever was asked before.

    Args:
        seed: Seed of the errors.
        jitter: Standard deviation of each side's error, as a share of the box's size.
        dropout: Probability that an object is not reported, 0-1.
        min_visible: Objects of which a smaller fraction is seen are not reported, 0-1.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        jitter: float = 0.03,
        dropout: float = 0.1,
        min_visible: float = 0.4,
    ) -> None:
        self._seed = seed
        self._jitter = jitter
        self._dropout = dropout
        self._min_visible = min_visible

    def detect(self, truth: FrameTruth) -> SceneDetections:
        """Report the objects of one frame.

        Args:
            truth: What is really there.

        Returns:
            The detections, in random order, so that order tells nothing about identity.
        """
        height, width = truth.masks.shape[1:]
        return self.draw(
            truth.frame_number,
            truth.xyxy,
            (width, height),
            ids=truth.ids,
            class_names=truth.class_names,
            reportable=truth.visible_fraction >= self._min_visible,
        )

    def draw(
        self,
        frame_number: int,
        xyxy: NDArray[np.float32],
        size_wh: tuple[int, int],
        *,
        ids: NDArray[np.int64] | None = None,
        class_names: Sequence[str] | None = None,
        reportable: NDArray[np.bool_] | None = None,
    ) -> SceneDetections:
        """Report objects of which the boxes are known, such as those of an annotated video.

        Args:
            frame_number: 0-based; the errors depend on it.
            xyxy: ``(N, 4)`` true boxes, pixels.
            size_wh: Size of the frame; what is drawn is cut to it.
            ids: ``(N,)`` identities for the judge; None counts from 0.
            class_names: ``(N,)``; None calls each ``object``.
            reportable: ``(N,)`` bool, objects that can be seen at all; None for all.

        Returns:
            The detections, in random order, so that order tells nothing about identity.
        """
        rng = np.random.default_rng((self._seed, frame_number))
        count = len(xyxy)
        seen = np.ones(count, np.bool_) if reportable is None else reportable
        rows = np.flatnonzero(seen & (rng.random(count) >= self._dropout))
        rows = rng.permutation(rows)
        boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)[rows]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        drawn = boxes + rng.normal(0, self._jitter, boxes.shape) * sides
        names = tuple(class_names or ("object",) * count)
        return SceneDetections(
            xyxy=np.clip(drawn, 0, np.array(size_wh * 2)).astype(np.float32),
            confidence=rng.uniform(0.6, 0.98, len(rows)).astype(np.float32),
            class_names=tuple(names[int(row)] for row in rows),
            truth_ids=(np.arange(count) if ids is None else ids)[rows].astype(np.int64),
        )
