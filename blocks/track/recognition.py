"""What objects look like where the model sees them: to learn it, and to doubt who is seen again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .appearance import describe, is_known, learnt
from .overlap import inside_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .identity_options import IdentityOptions
    from .track_table import TrackTable
    from .view import TrackView

__all__ = ["learn_looks", "put_aside", "strangers"]

_EVERY, _SHARED, _SHARE = 5, 0.25, 0.1
"""Frames between two looks at a mask; part of its box in another from which the look may be the
other's; share of what is learnt in the new look."""


def strangers(
    table: TrackTable, view: TrackView, image: NDArray[np.uint8], options: IdentityOptions
) -> NDArray[np.bool_]:
    """Rule 1: tell which tracks the model sees again in something that does not look like them.

    Args:
        table: ``(N,)`` tracks as they were before this frame.
        view: What the model sees of them, aligned.
        image: ``(H, W, 3)`` uint8 BGR.
        options: ``reappear_likeness``; ``found_likeness`` for a track that may be anywhere, since
            the scene is another one.

    Returns:
        ``(N,)``; never a track whose look is not known.
    """
    result = np.zeros(len(table), dtype=bool)
    displaced = np.isnan(table.last_xyxy[:, 0])
    rows = np.flatnonzero(((table.unseen > 0) | displaced) & view.visible & is_known(table.look))
    if len(rows) > 0:
        least = np.where(displaced[rows], options.found_likeness, options.reappear_likeness)
        now = describe(image, view.xyxy[rows])
        similar = (now * table.look[rows]).sum(axis=1)
        result[rows] = is_known(now) & (similar < least)
    return result


def learn_looks(
    table: TrackTable, view: TrackView, image: NDArray[np.uint8], options: IdentityOptions
) -> TrackTable:
    """Learn every few frames what trusted masks show, where nothing else is in their boxes.

    Args:
        table: ``(N,)`` tracks, aged by this frame.
        view: What the model sees of them, aligned.
        image: ``(H, W, 3)`` uint8 BGR.
        options: ``min_mask_score``, ``reappear_likeness``.

    Returns:
        The table with looks that changed.
    """
    trusted = view.visible & (view.score >= options.min_mask_score)
    rows = np.flatnonzero(trusted & (table.since_detection % _EVERY == 0))
    if len(rows) == 0:
        return table
    shared = inside_fraction(view.xyxy[rows], view.xyxy)
    shared[np.arange(len(rows)), rows] = 0.0
    rows = rows[shared.max(axis=1, initial=0.0) < _SHARED]
    known, now = table.look[rows], describe(image, view.xyxy[rows])
    own = ~is_known(known) | ((known * now).sum(axis=1) >= options.reappear_likeness)
    look = table.look.copy()
    look[rows] = learnt(known, now * own[:, None], _SHARE)
    return replace(table, look=look)


def put_aside(
    table: TrackTable, view: TrackView, strange: NDArray[np.bool_], options: IdentityOptions
) -> TrackTable:
    """Rule 8: let the model forget who was away for long, or came back as somebody else.

    Args:
        table: ``(N,)`` tracks, aged by this frame.
        view: What the model sees of them, aligned.
        strange: ``(N,)`` what :func:`strangers` tells of them.
        options: ``lost_after``.

    Returns:
        The table with these tracks put aside; one that is seen again is not.
    """
    away = table.unseen >= options.lost_after
    return replace(table, aside=(table.aside | away | strange) & ~view.visible)
