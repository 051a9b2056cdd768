"""The detections of one frame as a tracker reads them: clean columns in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..models.seam import Prompt
from .appearance import LOOK_SIZE, describe
from .overlap import inside_fraction

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame

__all__ = ["Evidence"]

_SHARED = 0.25
"""Part of a box inside another from which its look may be the other's."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Detections as columns of equal length.

    The order is by confidence, then place, then class and id: it does not depend on the order in
    which a detector happens to list what it found, and so neither do identities.

    Args:
        xyxy: ``(M, 4)`` float32 boxes inside the frame, pixels, half-open, not empty.
        confidence: ``(M,)`` float32; 1.0 where the detector gives none.
        class_id: ``(M,)`` int64; 0 where the detector gives none.
        class_name: ``(M,)`` str; empty where the detector gives neither name nor number.
        detection_id: ``(M,)`` str.
        look: ``(M, LOOK_SIZE)`` float32, what each looks like, by ``appearance.describe``; zero
            rows where that says nothing.
        clear: ``(M,)`` bool, detections that share little of their box with others: the look is
            their own.
        masks: ``(M, H, W)``, or None unless every detection has a mask that is not empty.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    class_name: NDArray[np.str_]
    detection_id: NDArray[np.str_]
    look: NDArray[np.float32]
    clear: NDArray[np.bool_]
    masks: sv.CompactMask | None = None

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def of(cls, detections: sv.Detections, frame: Frame) -> Self:
        """Read detections; boxes are clipped, those that are empty or outside are left out.

        Args:
            detections: As they stand on the wire; class, confidence and ``data`` may be absent.
            frame: The frame they were made on.

        Raises:
            ValueError: The masks have another size than the frame.
        """
        count = len(detections)
        width, height = frame.size_wh
        xyxy = np.asarray(detections.xyxy, dtype=np.float32).reshape(-1, 4)
        class_id, class_name = _classes(detections)
        whole = cls(
            xyxy=np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float32)),
            confidence=_column(detections.confidence, np.ones(count, dtype=np.float32)),
            class_id=class_id,
            class_name=class_name,
            detection_id=_ids(detections, frame),
            look=np.zeros((count, LOOK_SIZE), dtype=np.float32),
            clear=np.ones(count, dtype=bool),
            masks=_masks(detections.mask, (height, width)),
        )
        sides = whole.xyxy[:, 2:] - whole.xyxy[:, :2]
        sound = (sides > 0).all(axis=1) & np.isfinite(whole.confidence)
        kept = whole._order()
        clean = whole.take(kept[sound[kept]])
        shared = inside_fraction(clean.xyxy, clean.xyxy)
        np.fill_diagonal(shared, 0.0)
        return replace(
            clean,
            look=describe(frame.image, clean.xyxy),
            clear=shared.max(axis=1, initial=0.0) < _SHARED,
        )

    @classmethod
    def none(cls) -> Self:
        """Return no detections."""
        return cls(
            xyxy=np.empty((0, 4), dtype=np.float32),
            confidence=np.empty(0, dtype=np.float32),
            class_id=np.empty(0, dtype=np.int64),
            class_name=np.empty(0, dtype=np.str_),
            detection_id=np.empty(0, dtype=np.str_),
            look=np.empty((0, LOOK_SIZE), dtype=np.float32),
            clear=np.empty(0, dtype=bool),
        )

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return the detections at the given positions."""
        return type(self)(
            self.xyxy[rows],
            self.confidence[rows],
            self.class_id[rows],
            self.class_name[rows],
            self.detection_id[rows],
            self.look[rows],
            self.clear[rows],
            None if self.masks is None else self.masks[rows],
        )

    def prompts(self, track_ids: NDArray[np.int64]) -> list[Prompt]:
        """Ask the model for ``(M,)`` tracks: with the mask if there is one, else the box."""
        prompts = []
        for row, track_id in enumerate(track_ids.tolist()):
            x1, y1, x2, y2 = self.xyxy[row].tolist()
            mask = None if self.masks is None else self.masks[row]
            prompts.append(Prompt(track_id, xyxy=(x1, y1, x2, y2), mask=mask))
        return prompts

    def _order(self) -> NDArray[np.intp]:
        places = self.xyxy.T[::-1]
        order: NDArray[np.intp] = np.lexsort(
            (self.detection_id, self.class_name, *places, -self.confidence)
        )
        return order


def _classes(detections: sv.Detections) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    count = len(detections)
    names = detections.data.get("class_name")
    numbers = detections.class_id
    class_id = _column(numbers, np.zeros(count, dtype=np.int64))
    if names is not None:
        return class_id, np.asarray(names).astype(str)
    if numbers is not None:
        return class_id, class_id.astype(str)
    return class_id, np.full(count, "")


def _ids(detections: sv.Detections, frame: Frame) -> NDArray[np.str_]:
    given = detections.data.get("detection_id")
    if given is not None:
        return np.asarray(given).astype(str)
    unnamed = [f"{frame.image_id}/boxes/{index}" for index in range(len(detections))]
    return np.array(unnamed, dtype=str)


def _masks(masks: Any, size_hw: tuple[int, int]) -> sv.CompactMask | None:
    if masks is None or len(masks) == 0:
        return None
    import supervision as sv

    if tuple(masks.shape[1:]) != size_hw:
        raise ValueError(
            f"the masks of the detections are {masks.shape[2]}x{masks.shape[1]}, the frame is "
            f"{size_hw[1]}x{size_hw[0]}; a tracker needs masks of the size of the frame"
        )
    if not isinstance(masks, sv.CompactMask):
        dense = np.asarray(masks, dtype=bool)
        masks = sv.CompactMask.from_dense(dense, sv.mask_to_xyxy(dense), size_hw)
    return masks if (np.asarray(masks.area) > 0).all() else None


def _column(values: Any, default: NDArray[Any]) -> NDArray[Any]:
    return default if values is None else np.asarray(values).astype(default.dtype)
