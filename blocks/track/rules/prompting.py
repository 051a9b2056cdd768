"""Rule 5: of which matches the model hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["prompt_reasons"]


def prompt_reasons(
    score: NDArray[np.float32],
    overlap: NDArray[np.float64],
    since_conditioning: NDArray[np.int64],
    recovered: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.str_]:
    """Rule 5: tell for which matched tracks the model hears of the detection, and why.

    Args:
        score: ``(K,)`` of the propagated masks, 0-1.
        overlap: ``(K,)`` of what is seen of each track with its detection, 0-1.
        since_conditioning: ``(K,)`` frames since the model was last prompted for the track.
        recovered: ``(K,)`` tracks whose mask does not reach the detection: lost, or elsewhere.
        options: ``reprompt``, ``min_mask_score``, ``reprompt_iou``, ``reprompt_pause``,
            ``refresh_iou``, ``refresh_every``.

    Returns:
        ``(K,)`` ``recovered``, ``low_score``, ``low_overlap``, ``refresh``, ``always``, or empty
        where the model goes on by itself.
    """
    pause = since_conditioning >= options.reprompt_pause
    refresh = (overlap >= options.refresh_iou) & (since_conditioning >= options.refresh_every)
    reasons = [
        (recovered, "recovered"),
        (pause & (score < options.min_mask_score), "low_score"),
        (pause & (overlap < options.reprompt_iou), "low_overlap"),
        (refresh, "refresh"),
        (np.full(len(score), options.reprompt == "always"), "always"),
    ]
    return np.select([mask for mask, _ in reasons], [name for _, name in reasons], default="")
