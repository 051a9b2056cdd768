"""What comes of one frame of one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import supervision as sv

    from ..models.seam import MemoryPlan, Proposal
    from .decision import Decision
    from .mailbox import Request
    from .session import Standing, Tally
    from .track_events import TrackEvent
    from .track_table import TrackTable
    from .view import TrackView

__all__ = ["TurnResult"]


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What comes of a turn.

    Args:
        standing: What the session's standing becomes.
        visible: The tracks that are seen on this frame, as rows of a table.
        view: What is seen of them, aligned with ``visible``.
        mask: ``(N, H, W)`` their masks, likewise.
        accepted: Proposals of the model; for a track in more than one, the last counts.
        plan: What the model writes into memory.
        drop: Tracks the model forgets.
        last_id: The greatest id used by now.
        events: What happened to tracks, in order.
        answers: What became of the requests that were carried out.
        tally: What the turn adds to the session's counts.
        decisions: What was decided about detections and tracks, in the order of the rules.
    """

    standing: Standing
    visible: TrackTable
    view: TrackView
    mask: sv.CompactMask
    accepted: tuple[Proposal, ...]
    plan: MemoryPlan
    drop: frozenset[int]
    last_id: int
    events: tuple[TrackEvent, ...]
    answers: tuple[tuple[Request, Any], ...]
    tally: Tally
    decisions: tuple[Decision, ...]
