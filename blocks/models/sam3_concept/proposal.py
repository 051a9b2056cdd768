"""What the concept model finds on one frame of one stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..sam_video.masks import compact_crops, enlarge, extents

if TYPE_CHECKING:
    import supervision as sv
    import torch

    from ..concept_seam import ConceptEnd
    from .rules import TrackNote

__all__ = ["Followed", "Sam3Proposal", "Writing"]


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the tracks of a state are on a frame, as the tracker alone sees it.

    Args:
        track_ids: ``N`` tracks, in the order of the state.
        low_res: ``(N, h, w)`` float32 mask logits, as decoded.
        pointer: ``(N, C)`` object pointers.
        object_logit: ``(N,)`` float32, on the device.
        seen_logit: ``(N,)`` float32, the same as an array.
        iou: ``(N,)`` float32, the overlap that the tracker expects of each mask.
    """

    track_ids: tuple[int, ...]
    low_res: torch.Tensor
    pointer: torch.Tensor
    object_logit: torch.Tensor
    seen_logit: NDArray[np.float32]
    iou: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Writing:
    """What enters the memory once a proposal is accepted.

    Args:
        followed: The tracks there were.
        masks: ``(N, h, w)`` float32 logits of these as the memory takes them.
        renewed: Tracks whose view becomes a conditioning frame.
        births: New tracks, each with its mask logits ``(h, w)``.
        notes: Of all tracks that go on.
    """

    followed: Followed
    masks: torch.Tensor
    renewed: frozenset[int]
    births: Mapping[int, torch.Tensor]
    notes: Mapping[int, TrackNote]


@dataclass(frozen=True, slots=True)
class _Crop:
    """A mask at full-frame size, cut to where it can be."""

    x: int
    y: int
    pixels: NDArray[np.bool_]

    def without(self, other: _Crop) -> _Crop:
        """What another mask does not cover."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.pixels.shape[1], other.x + other.pixels.shape[1])
        bottom = min(self.y + self.pixels.shape[0], other.y + other.pixels.shape[0])
        if right <= left or bottom <= top:
            return self
        own = self.pixels.copy()
        own[top - self.y : bottom - self.y, left - self.x : right - self.x] &= ~other.pixels[
            top - other.y : bottom - other.y, left - other.x : right - other.x
        ]
        return _Crop(self.x, self.y, own)

    def tight(self) -> _Crop:
        """The smallest crop that holds the mask; 1 by 1 where it is empty."""
        rows, columns = np.flatnonzero(self.pixels.any(1)), np.flatnonzero(self.pixels.any(0))
        if not len(rows):
            return _Crop(0, 0, np.zeros((1, 1), dtype=np.bool_))
        y, x = int(rows[0]), int(columns[0])
        part = self.pixels[y : int(rows[-1]) + 1, x : int(columns[-1]) + 1]
        return _Crop(self.x + x, self.y + y, part)


class Sam3Proposal:
    """Tracks of one frame. Immutable; built by the model only.

    Masks and boxes are computed when first asked for.

    Args:
        track_ids: ``(N,)`` those that go on, then those born.
        phrase: ``(N,)`` which phrase of the query each belongs to.
        score: ``(N,)`` float32.
        mask_score: ``(N,)`` float32.
        detection_score: ``(N,)`` float32.
        logits: ``(N, h, w)`` float32 mask logits, on the device.
        size_wh: Size of the frame, pixels.
        born: The new ones.
        ends: Tracks that end.
        refused: New objects without room.
        writing: What enters the memory.
    """

    def __init__(
        self,
        *,
        track_ids: Sequence[int],
        phrase: Sequence[int],
        score: NDArray[np.float32],
        mask_score: NDArray[np.float32],
        detection_score: Sequence[float],
        logits: torch.Tensor,
        size_wh: tuple[int, int],
        born: frozenset[int],
        ends: tuple[ConceptEnd, ...],
        refused: int,
        writing: Writing,
    ) -> None:
        self.track_ids = np.array(track_ids, dtype=np.int64).reshape(-1)
        self.phrase = np.array(phrase, dtype=np.int64).reshape(-1)
        self.score = score.astype(np.float32)
        self.mask_score = mask_score.astype(np.float32)
        self.detection_score = np.array(detection_score, dtype=np.float32).reshape(-1)
        self.born = born
        self.ends = ends
        self.refused = refused
        self.writing = writing
        self._logits = logits
        self._size_wh = size_wh

    @cached_property
    def row_of(self) -> Mapping[int, int]:
        """Row of each track."""
        return MappingProxyType({int(track): row for row, track in enumerate(self.track_ids)})

    @property
    def visible(self) -> NDArray[np.bool_]:
        """``(N,)`` whether the object is seen with a mask that is not empty."""
        return self.xyxy[:, 2] > self.xyxy[:, 0]

    @cached_property
    def xyxy(self) -> NDArray[np.float32]:
        """``(N, 4)`` tight boxes of the masks, half-open, pixels; zeros where not visible."""
        boxes = np.zeros((len(self.track_ids), 4), dtype=np.float32)
        for row, crop in enumerate(self._crops):
            if crop.pixels.any():
                height, width = crop.pixels.shape
                boxes[row] = (crop.x, crop.y, crop.x + width, crop.y + height)
        return boxes

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        """Build masks at full-frame size; those of one phrase do not overlap.

        Args:
            track_ids: Tracks of this proposal, any order; the result follows it.

        Returns:
            ``(K, H, W)`` masks; all background for a track that is not visible.

        Raises:
            KeyError: A track is not in this proposal.
        """
        chosen = [self._crops[self.row_of[int(track)]] for track in track_ids]
        offsets = [(crop.x, crop.y) for crop in chosen]
        return compact_crops([crop.pixels for crop in chosen], offsets, self._size_wh)

    @cached_property
    def _crops(self) -> tuple[_Crop, ...]:
        """The masks at full-frame size. Of two of a phrase the surer one has the pixels of both."""
        whole = self._whole()
        order = np.lexsort((self.track_ids, -self.score)).tolist()
        shown = dict(enumerate(whole))
        for place, row in enumerate(order):
            for surer in order[:place]:
                if self.phrase[surer] == self.phrase[row]:
                    shown[row] = shown[row].without(whole[surer])
        return tuple(shown[row].tight() for row in range(len(whole)))

    def _whole(self) -> list[_Crop]:
        import torch

        crops = []
        with torch.inference_mode():
            for logits, box in zip(self._logits, extents(self._logits, self._size_wh), strict=True):
                if box is None:
                    crops.append(_Crop(0, 0, np.zeros((1, 1), dtype=np.bool_)))
                    continue
                pixels = (enlarge(logits, self._size_wh, box) > 0).cpu().numpy()
                crops.append(_Crop(box[0], box[1], pixels))
        return crops
