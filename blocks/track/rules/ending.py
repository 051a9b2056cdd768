"""Rule 8: which tracks end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["end_reasons"]


def end_reasons(
    unseen: NDArray[np.int64],
    missed: NDArray[np.int64],
    missed_span: NDArray[np.int64],
    doubtful: NDArray[np.bool_],
    by_hand: NDArray[np.bool_],
    known: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.str_]:
    """Rule 8: tell which tracks end on this frame, and why.

    Args:
        unseen: ``(N,)`` frames in a row that the track was not visible.
        missed: ``(N,)`` prompt frames in a row on which nothing matched.
        missed_span: ``(N,)`` frames from the first of these to now.
        doubtful: ``(N,)`` visible with a score that is low.
        by_hand: ``(N,)`` shown by hand: it may be nothing that the detector looks for.
        known: ``(N,)`` tracks whose look is known, so that a detection can bring them back.
        options: ``lost_after``, ``found_within``, ``unmatched_prompts``, ``unmatched_span``,
            ``unconfirmed_after``.

    Returns:
        ``(N,)`` ``lost``, ``unconfirmed``, or empty for a track that lives on.
    """
    unconfirmed = (missed >= options.unmatched_prompts) & (missed_span >= options.unmatched_span)
    ended = unconfirmed & doubtful
    if options.unconfirmed_after is not None:
        often = missed >= 2 * options.unmatched_prompts
        forsaken = often & (missed_span >= options.unconfirmed_after)
        ended |= forsaken & (unseen == 0) & ~by_hand
    patience = np.where(known, max(options.found_within, options.lost_after), options.lost_after)
    return np.select([unseen >= patience, ended], ["lost", "unconfirmed"], "")
