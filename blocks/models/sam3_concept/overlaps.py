"""How much masks overlap, and what of them is left where they compete for pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ..sam_video.masks import keep_apart

if TYPE_CHECKING:
    import torch

__all__ = ["HIDDEN", "hide_the_overrun", "mask_overlaps"]

HIDDEN: Final = -10.0
"""Mask logit of what is hidden."""

_LEFT: Final = 0.3
"""Part of its area that a mask must keep where others are more certain, or it is taken back."""


def mask_overlaps(masks: torch.Tensor, others: torch.Tensor) -> NDArray[np.float32]:
    """IoU of each mask with each other one.

    Args:
        masks: ``(N, h, w)`` bool.
        others: ``(M, h, w)`` bool.

    Returns:
        ``(N, M)``; 0 where both are empty.
    """
    one, other = masks.flatten(1).float(), others.flatten(1).float()
    shared = one @ other.T  # sums of zeros and ones: exact in any precision of the inputs
    union = one.sum(1)[:, None] + other.sum(1)[None] - shared
    found: NDArray[np.float32] = (shared / union.clamp(min=1)).cpu().numpy()
    return found


def hide_the_overrun(masks: torch.Tensor, phrase: NDArray[np.int64]) -> torch.Tensor:
    """Hide masks of which little would be left if each pixel had one owner in each phrase.

    Args:
        masks: ``(N, h, w)`` float32 logits of one frame.
        phrase: ``(N,)`` which phrase each is of.

    Returns:
        ``(N, h, w)`` with those masks at -10 and below; the others as they are.
    """
    import torch

    result = masks.clone()
    for group in np.unique(phrase).tolist():
        rows = np.flatnonzero(phrase == group).tolist()
        if len(rows) < 2:
            continue
        own = masks[rows]
        before = (own > 0).sum((1, 2)).clamp(min=1.0)
        left = (keep_apart(own) > 0).sum((1, 2)) / before
        result[rows] = torch.where((left >= _LEFT)[:, None, None], own, own.clamp(max=HIDDEN))
    return result
