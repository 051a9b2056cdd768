"""Rule 9: what enters memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...models.seam import MemoryPlan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["memory_reasons", "plan_memory"]


def memory_reasons(
    visible: NDArray[np.bool_],
    score: NDArray[np.float32],
    prompted: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.str_]:
    """Rule 9: tell of which tracks the frame stays out of memory, and why.

    Args:
        visible: ``(N,)``.
        score: ``(N,)`` 0-1.
        prompted: ``(N,)`` tracks that the model was prompted for on this frame; their masks rest
            on a detection, so their score does not matter.
        options: ``min_mask_score``.

    Returns:
        ``(N,)`` ``unseen``, ``low_score``, or empty for a track that learns from the frame.
    """
    doubtful = ~prompted & (score < options.min_mask_score)
    return np.select([~visible, doubtful], ["unseen", "low_score"], default="")


def plan_memory(
    track_ids: NDArray[np.int64], reasons: NDArray[np.str_], prompted: NDArray[np.bool_]
) -> MemoryPlan:
    """Rule 9: write down what enters memory: masks seen and trusted, and answers to prompts.

    Args:
        track_ids: ``(N,)`` tracks that live on.
        reasons: ``(N,)`` what :func:`memory_reasons` has against them.
        prompted: ``(N,)`` tracks that the model was prompted for on this frame.

    Returns:
        The plan; tracks prompted are its conditioning.
    """
    write = reasons == ""
    return MemoryPlan(
        write=frozenset(track_ids[write].tolist()),
        conditioning=frozenset(track_ids[write & prompted].tolist()),
    )
