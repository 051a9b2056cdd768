"""What the model proposes for one frame of one stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import masks as full_size

if TYPE_CHECKING:
    import supervision as sv
    import torch

__all__ = ["MaskCare", "SamProposal"]


@dataclass(frozen=True, slots=True)
class MaskCare:
    """How masks are tidied before they are shown; the memory gets them as they are.

    Args:
        hole_area: Largest hole filled, low-resolution pixels; 0 for none.
        sprinkle_area: Largest sprinkle removed, likewise.
        non_overlap: Whether a pixel belongs to one object at most.
    """

    hole_area: int = 0
    sprinkle_area: int = 0
    non_overlap: bool = False


class SamProposal:
    """Masks, boxes and scores of some tracks. Immutable; built by the model only.

    Boxes and masks are computed when first asked for, from logits that stay on the device.

    Args:
        track_ids: ``(N,)`` the tracks.
        low_res: ``(N, h, w)`` float32 mask logits, on the device.
        pointer: ``(N, C)`` object pointers, on the device.
        object_logit: ``(N,)`` float32, on the device.
        diagnostics: ``(N,)`` float32 arrays ``object_logit`` and ``predicted_iou``.
        prompted: Whether this answers prompts.
        given: Masks ``(S, S)`` bool that were given as prompts, by row; the memory takes them
            at the full size of the model's picture.
        size_wh: Size of the frame, pixels.
        care: How masks are tidied.
    """

    def __init__(
        self,
        track_ids: Sequence[int],
        low_res: torch.Tensor,
        pointer: torch.Tensor,
        object_logit: torch.Tensor,
        diagnostics: Mapping[str, NDArray[np.float32]],
        *,
        prompted: bool,
        size_wh: tuple[int, int],
        care: MaskCare,
        given: Mapping[int, torch.Tensor] = MappingProxyType({}),
    ) -> None:
        self.low_res = low_res
        self.pointer = pointer
        self.object_logit = object_logit
        self.prompted = prompted
        self.given = given
        self._ids = np.array(track_ids, dtype=np.int64).reshape(-1)
        self._diagnostics = MappingProxyType(dict(diagnostics))
        self._size_wh = size_wh
        self._care = care

    @property
    def track_ids(self) -> NDArray[np.int64]:
        """``(N,)`` the tracks."""
        return self._ids

    @cached_property
    def row_of(self) -> Mapping[int, int]:
        """Row of each track."""
        return MappingProxyType({int(track): row for row, track in enumerate(self._ids)})

    @property
    def score(self) -> NDArray[np.float32]:
        """``(N,)`` probability that the object is seen times the overlap expected, 0-1."""
        seen = 1.0 / (1.0 + np.exp(-self._diagnostics["object_logit"].astype(np.float64)))
        expected = np.clip(self._diagnostics["predicted_iou"], 0.0, 1.0)
        return np.asarray(seen * expected, dtype=np.float32)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """``(N,)`` whether the object is seen with a mask that is not empty."""
        return self._boxes[:, 2] > self._boxes[:, 0]

    @property
    def xyxy(self) -> NDArray[np.float32]:
        """``(N, 4)`` tight boxes of the masks, half-open, pixels; zeros where not visible."""
        return self._boxes.astype(np.float32)

    @property
    def diagnostics(self) -> Mapping[str, NDArray[Any]]:
        """``object_logit`` and ``predicted_iou`` as the model gives them, ``(N,)`` each."""
        return self._diagnostics

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        """Build masks at full-frame size.

        Args:
            track_ids: Tracks of this proposal, any order; the result follows it.

        Returns:
            ``(K, H, W)`` masks; all background for a track that is not visible.

        Raises:
            KeyError: A track is not in this proposal.
        """
        import torch

        rows = [self.row_of[int(track)] for track in track_ids]
        with torch.inference_mode():
            return full_size.compact(self._shown[rows], self._boxes[rows], self._size_wh)

    @cached_property
    def _shown(self) -> torch.Tensor:
        """``(N, h, w)`` tidied logits."""
        import torch

        care = self._care
        with torch.inference_mode():
            logits = full_size.fill_small_areas(self.low_res, care.hole_area, care.sprinkle_area)
            return full_size.keep_apart(logits) if care.non_overlap else logits

    @cached_property
    def _boxes(self) -> NDArray[np.int32]:
        """``(N, 4)`` tight boxes; an object that the model does not see has none."""
        import torch

        with torch.inference_mode():
            boxes = full_size.tight_boxes(self._shown, self._size_wh)
        boxes[self._diagnostics["object_logit"] <= 0] = 0
        return boxes
