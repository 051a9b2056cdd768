"""A detector for synthetic scenes: it sees the truth, and errs as detectors do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
        rng = np.random.default_rng((self._seed, truth.frame_number))
        height, width = truth.masks.shape[1:]
        seen = truth.visible_fraction >= self._min_visible
        rows = np.flatnonzero(seen & (rng.random(len(seen)) >= self._dropout))
        rows = rng.permutation(rows)
        boxes = truth.xyxy[rows]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        drawn = boxes + rng.normal(0, self._jitter, boxes.shape) * sides
        limits = np.array([width, height, width, height])
        return SceneDetections(
            xyxy=np.clip(drawn, 0, limits).astype(np.float32),
            confidence=rng.uniform(0.6, 0.98, len(rows)).astype(np.float32),
            class_names=tuple(truth.class_names[row] for row in rows),
            truth_ids=truth.ids[rows],
        )
