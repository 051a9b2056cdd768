"""Rule 7: which tracks lie on one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["Twins", "count_twins"]

Twins: TypeAlias = Mapping[tuple[int, int], int]
"""Frames in a row that two tracks lay on one object, by ``(older id, younger id)``."""


def count_twins(
    track_ids: NDArray[np.int64],
    overlap: NDArray[np.float64],
    distinct: NDArray[np.bool_],
    before: Twins,
    options: IdentityOptions,
) -> tuple[Twins, dict[int, int]]:
    """Rule 7: count how long two tracks have lain on one object, and name the younger ones.

    Two tracks that different detections claim on this frame are two objects, however alike their
    masks: the count starts again.

    Args:
        track_ids: ``(N,)`` visible tracks.
        overlap: ``(N, N)`` of their masks, 0-1.
        distinct: ``(N,)`` whether a detection claims the track on this frame.
        before: The counts up to the frame before.
        options: ``duplicate_iou``, ``duplicate_frames``.

    Returns:
        The counts with this frame, and the ids of the tracks that go, each with the older one.
    """
    twins: dict[tuple[int, int], int] = {}
    gone: dict[int, int] = {}
    alike = (overlap >= options.duplicate_iou) & ~(distinct[:, None] & distinct[None])
    for i, j in zip(*np.nonzero(np.triu(alike, k=1)), strict=True):
        pair = (int(min(track_ids[i], track_ids[j])), int(max(track_ids[i], track_ids[j])))
        twins[pair] = before.get(pair, 0) + 1
    for (older, younger), frames in sorted(twins.items()):
        if frames >= options.duplicate_frames and older not in gone:
            gone.setdefault(younger, older)
    return {pair: n for pair, n in twins.items() if gone.keys().isdisjoint(pair)}, gone
