"""What a tracker was told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .evidence import Evidence
    from .gap import OnGap
    from .identity_options import IdentityOptions
    from .schedule import Schedule

__all__ = ["Rules"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a tracker was told to do.

    Args:
        schedule: Which frames are prompt frames.
        identity: The thresholds of the identity rules.
        on_reprompt: ``associate`` carries identities through prompts; ``restart`` drops all
            tracks at each prompt frame that has something to begin with, and begins anew.
        explain: Whether decisions are written down.
        on_gap: What a gap in the stream does.
    """

    schedule: Schedule
    identity: IdentityOptions
    on_reprompt: Literal["associate", "restart"] = "associate"
    explain: bool = False
    on_gap: OnGap = "associate"

    def usable(self, evidence: Evidence, live_tracks: int) -> int:
        """Count the detections that can be prompts: for tracks there are, or for new ones."""
        if live_tracks:
            return len(evidence)
        return int((evidence.confidence >= self.identity.birth_confidence).sum())
