"""What becomes of tracks where a stream breaks off and goes on: reconnects, seeks, scene cuts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from .motion import at_birth
from .scene import Scene
from .schedule import PromptClock
from .session import Standing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..frame import Frame
    from .track_table import TrackTable

__all__ = ["Crossing", "OnGap", "cross"]

OnGap: TypeAlias = Literal["reset", "associate"]
"""What a gap does: all tracks end, or tracks go on where the scene still matches."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """How a session comes from one frame to the next.

    Args:
        standing: Where it stands as the frame is taken up.
        gap: What broke in between, for people; None for nothing.
        outcome: ``on`` without a gap; ``kept`` where the scene still matches, so that tracks go on
            where they are; ``sought`` where tracks are looked for anew; ``reset``.
        keeps_state: Whether the model's memory still serves.
    """

    standing: Standing
    gap: str | None = None
    outcome: Literal["on", "kept", "sought", "reset"] = "on"
    keeps_state: bool = True


def cross(standing: Standing, frame: Frame, on_gap: OnGap) -> Crossing:
    """Take a session to its next frame. Changes nothing of what it is given.

    A cut is a gap like any other: a frame that shows another scene than the one before.

    Args:
        standing: Where the session stands after the frame before.
        frame: The coming frame.
        on_gap: What to do with a gap.

    Raises:
        SessionError: The frame was processed before.
    """
    reason, scene = standing.gap_before(frame), Scene.of(frame.image)
    before = standing.scene
    after = replace(standing, scene=scene)
    if before is None:
        return Crossing(after)
    matches = before.matches(scene)
    if reason is None and matches:
        shift = before.shift_to(scene) if len(after.table) else (0.0, 0.0)
        return Crossing(replace(after, table=_carried(after.table, 1.0, shift)))
    reason = reason or "the scene was cut"
    if on_gap == "reset":
        fresh = replace(Standing.fresh(), scene=scene)
        return Crossing(fresh, reason, "reset", keeps_state=False)
    same_size = before.size_wh == frame.size_wh
    after = replace(after, clock=PromptClock(), twins={})
    table = after.table
    if matches:
        ratio = np.array(frame.size_wh) / np.array(before.size_wh)
        table = _carried(table, np.tile(ratio, 2), (0.0, 0.0))
    else:
        table = _displaced(table)
    if not same_size:
        table = replace(table, aside=np.ones(len(table), dtype=bool))
    standing = replace(after, table=table)
    return Crossing(standing, reason, "kept" if matches else "sought", keeps_state=same_size)


def _carried(
    table: TrackTable, ratio: float | NDArray[np.float64], shift_xy: tuple[float, float]
) -> TrackTable:
    """Move with the camera, or to another size of the picture, what is known of places."""
    if not any(shift_xy) and np.all(np.asarray(ratio) == 1.0):
        return table
    shift = np.tile(np.array(shift_xy, np.float32), 2)
    return replace(
        table,
        last_xyxy=(table.last_xyxy * ratio + shift).astype(np.float32),
        detection_xyxy=(table.detection_xyxy * ratio + shift).astype(np.float32),
        place_xyxy=(table.place_xyxy * ratio + shift).astype(np.float32),
        velocity=(table.velocity * np.asarray(ratio).reshape(-1)[:2]).astype(np.float32),
    )


def _displaced(table: TrackTable) -> TrackTable:
    """Forget where objects are; what they look like is all that is left."""
    return replace(
        table,
        last_xyxy=np.full_like(table.last_xyxy, np.nan),
        detection_xyxy=np.full_like(table.detection_xyxy, np.nan),
        place_xyxy=np.full_like(table.place_xyxy, np.nan),
        velocity=np.zeros_like(table.velocity),
        doubt=at_birth(len(table)),
    )
