"""Rule 6: which detections become tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["BirthChoice", "choose_births"]


@dataclass(frozen=True, slots=True)
class BirthChoice:
    """What becomes of detections that are no track.

    Args:
        born: Positions of those that become tracks, most confident first.
        postponed: Positions of those that lie on a track; tried again on the next prompt frame.
        refused: Positions of those for which ``max_objects`` left no room.
        reasons: ``(M,)`` why each is what it is: ``free``, ``covered``, ``overlaps``, ``no_room``,
            or ``low_confidence`` for one that is in none of the other parts.
    """

    born: NDArray[np.intp]
    postponed: NDArray[np.intp]
    refused: NDArray[np.intp]
    reasons: NDArray[np.str_]


def choose_births(
    confidence: NDArray[np.float32],
    covered: NDArray[np.float64],
    nearest_iou: NDArray[np.float64],
    room: int,
    options: IdentityOptions,
) -> BirthChoice:
    """Rule 6: choose the detections that become tracks.

    Args:
        confidence: ``(M,)`` 0-1. Equally confident detections keep their order.
        covered: ``(M,)`` part of the box under visible masks, 0-1.
        nearest_iou: ``(M,)`` greatest overlap of the box with a visible track's.
        room: Tracks that may still be added.
        options: ``birth_confidence``, ``birth_uncovered``, ``birth_max_iou``.

    Returns:
        The choice.
    """
    able = confidence >= options.birth_confidence
    bare = 1.0 - covered >= options.birth_uncovered
    apart = nearest_iou < options.birth_max_iou
    ranked = np.argsort(-confidence, kind="stable")
    wanted = ranked[(able & bare & apart)[ranked]]
    refused = wanted[max(room, 0) :]
    reasons = np.select(
        [~able, ~bare, ~apart, np.isin(np.arange(len(confidence)), refused)],
        ["low_confidence", "covered", "overlaps", "no_room"],
        default="free",
    )
    postponed = np.flatnonzero(able & ~(bare & apart))
    return BirthChoice(wanted[: max(room, 0)], postponed, refused, reasons)
