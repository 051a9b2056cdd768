"""What was decided about a detection or a track on a frame, and why, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .association import Pairing
    from .evidence import Evidence
    from .rules import BirthChoice

__all__ = [
    "Decision",
    "Verdict",
    "decisions_about",
    "decisions_of_birth",
    "decisions_to_ignore",
    "decisions_to_pair",
]

Verdict: TypeAlias = Literal[
    "ignored",
    "matched",
    "recovered",
    "prompted",
    "born",
    "postponed",
    "refused",
    "ended",
    "forgotten",
    "kept",
    "put_aside",
]
"""What became of it; :class:`Decision` says what each means."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of one rule.

    ``ignored``
        Rule 2, a detection: it is not looked at.
    ``matched``, ``recovered``
        Rules 3 and 4, a pair: the detection is the track.
    ``prompted``
        Rule 5, a track: the model hears of its detection.
    ``born``, ``postponed``, ``refused``
        Rule 6, a detection: it became a track; it waits for the next prompt frame; it does not.
    ``ended``
        Rules 7 and 8, a track.
    ``forgotten``
        Rule 9, a track: what is seen of it stays out of memory.
    ``kept``, ``put_aside``
        Rule 0, a track after a gap: it goes on where it was; it is looked for anew.

    Args:
        rule: Number of the rule, 0-9.
        verdict: What was decided.
        reason: Why, a short code in ``snake_case``.
        track_id: The track, None where the decision is about a detection alone.
        detection_id: The detection, None where it is about a track alone.
        values: The numbers it rests on, by name.
    """

    rule: int
    verdict: Verdict
    reason: str
    track_id: int | None = None
    detection_id: str | None = None
    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def as_fields(self) -> dict[str, object]:
        """Return the decision as JSON takes it."""
        return {
            "rule": self.rule,
            "verdict": self.verdict,
            "reason": self.reason,
            "tracker_id": self.track_id,
            "detection_id": self.detection_id,
            "values": {name: float(value) for name, value in self.values.items()},
        }


def decisions_to_ignore(reasons: NDArray[np.str_], evidence: Evidence) -> list[Decision]:
    """Write down rule 2: the detections with a reason against them."""
    return [
        Decision(
            2,
            "ignored",
            str(reason),
            detection_id=str(evidence.detection_id[row]),
            values={"confidence": float(evidence.confidence[row])},
        )
        for row, reason in enumerate(reasons)
        if reason
    ]


def decisions_to_pair(
    track_id: NDArray[np.int64], chosen: Evidence, pairs: Pairing, asked: NDArray[np.str_]
) -> list[Decision]:
    """Write down rules 3 to 5 for pairs; the other columns are aligned with them."""
    found: list[Decision] = []
    for row, (track, detection) in enumerate(zip(track_id, chosen.detection_id, strict=True)):
        who, what = int(track), str(detection)
        values = {"iou": float(pairs.overlap[row]), "weight": float(pairs.weight[row])}
        reason = str(pairs.reasons[row])
        if pairs.strayed[row]:
            found.append(Decision(4, "recovered", reason, who, what, values))
        else:
            found.append(Decision(3, "matched", reason, who, what, values))
        if asked[row]:
            found.append(Decision(5, "prompted", str(asked[row]), who, what))
    return found


def decisions_of_birth(
    rest: Evidence,
    choice: BirthChoice,
    new_ids: NDArray[np.int64],
    covered: NDArray[np.float64],
    nearest: NDArray[np.float64],
) -> list[Decision]:
    """Write down rule 6 for the detections ``rest``; ``new_ids`` are those of the ones born."""
    ids = dict(zip(choice.born.tolist(), new_ids.tolist(), strict=True))
    postponed = set(choice.postponed.tolist())
    return [
        Decision(
            6,
            "born" if row in ids else "postponed" if row in postponed else "refused",
            str(reason),
            track_id=ids.get(row),
            detection_id=str(rest.detection_id[row]),
            values={"covered": float(covered[row]), "iou": float(nearest[row])},
        )
        for row, reason in enumerate(choice.reasons)
    ]


def decisions_about(
    rule: int, verdict: Verdict, track_id: NDArray[np.int64], reasons: NDArray[np.str_]
) -> list[Decision]:
    """Write down one verdict about the tracks that have a reason for it."""
    return [
        Decision(rule, verdict, str(reason), track_id=int(track))
        for track, reason in zip(track_id, reasons, strict=True)
        if reason
    ]
