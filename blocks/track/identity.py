"""Which object is which: the rules that carry identities through prompts, as pure functions.

On a frame they run in this order. Rules 2 to 6 need a prompt frame.

1. The model propagates all tracks; the rules only read what it proposes.
2. :func:`keep_detections`: an optional cut by confidence, an optional class-wise suppression.
3. :func:`weigh`, :func:`match`: detections against tracks that are visible, best total overlap
   with the mask and with the box expected from the detections before, above a gate. A mask that
   slid on to something else does not take the identity along.
4. :func:`weigh_strays`, :func:`match`: what is left against tracks lately lost, or seen where
   nothing was detected: by their last box, by the box expected, by what is still seen of them.
5. :func:`needs_prompt`: a matched track keeps its memory; the model only hears of the detection
   if the mask has become doubtful, or has been good for long enough to be confirmed.
6. :func:`choose_births`: a detection that is no track is born unless it lies on one.
7. :func:`count_twins`: of two tracks on one object the younger goes.
8. :func:`find_ended`: a track ends when it was not seen, or not confirmed, for too long.
9. :func:`plan_memory`: what is not seen, or not trusted, stays out of memory.
10. :class:`IdCounter`: ids rise and are never reused.

All thresholds are fields of :class:`~.identity_options.IdentityOptions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..models.seam import MemoryPlan
from .identity_options import IdentityOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BirthChoice",
    "IdCounter",
    "Twins",
    "choose_births",
    "count_twins",
    "find_ended",
    "keep_detections",
    "match",
    "needs_prompt",
    "plan_memory",
    "same_class",
    "weigh",
    "weigh_strays",
]

Twins: TypeAlias = Mapping[tuple[int, int], int]
"""Frames in a row that two tracks lay on one object, by ``(older id, younger id)``."""


def keep_detections(
    confidence: NDArray[np.float32],
    xyxy: NDArray[np.float32],
    class_name: NDArray[np.str_],
    options: IdentityOptions,
) -> NDArray[np.intp]:
    """Rule 2: choose the detections that are looked at.

    Args:
        confidence: ``(M,)`` 0-1.
        xyxy: ``(M, 4)`` boxes, pixels.
        class_name: ``(M,)`` names.
        options: ``min_prompt_confidence``, ``prompt_nms_iou``, ``class_agnostic``.

    Returns:
        Positions kept, in rising order.
    """
    kept = np.flatnonzero(confidence >= options.min_prompt_confidence)
    if options.prompt_nms_iou is None or len(kept) < 2:
        return kept
    import supervision as sv

    columns: list[NDArray[Any]] = [xyxy[kept], confidence[kept, None]]
    if not options.class_agnostic:
        columns.append(np.unique(class_name[kept], return_inverse=True)[1].reshape(-1, 1))
    survivors = sv.box_non_max_suppression(np.hstack(columns), options.prompt_nms_iou)
    return kept[survivors]


def same_class(
    track_class: NDArray[np.str_], detection_class: NDArray[np.str_], options: IdentityOptions
) -> NDArray[np.bool_]:
    """Tell which detections may be which tracks, by class.

    Args:
        track_class: ``(N,)`` names; empty where the class is not known.
        detection_class: ``(M,)`` names; empty where the class is not known.
        options: ``class_agnostic``.

    Returns:
        ``(N, M)``; an unknown class fits every other.
    """
    tracks, detections = track_class[:, None], detection_class[None]
    if options.class_agnostic:
        return np.ones((len(track_class), len(detection_class)), dtype=bool)
    fits: NDArray[np.bool_] = (tracks == detections) | (tracks == "") | (detections == "")
    return fits


def weigh(
    seen_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    since_detection: NDArray[np.int64],
    seen_gate: float,
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 3: weigh where tracks are seen against where their detections lead to expect them.

    A fresh detection says as much about the next one as the mask does; what it says fades, to a
    half after ten frames.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        expected_iou: ``(N, M)`` its overlap with the box expected.
        since_detection: ``(N,)`` frames since a detection matched the track.
        seen_gate: Least overlap with what is seen.
        options: ``motion_iou``, ``motion_within``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    recent = (since_detection <= options.motion_within)[:, None]
    fading = 1.0 / (1.0 + since_detection[:, None] / 10.0)
    possible = (seen_iou >= seen_gate) | (recent & (expected_iou >= options.motion_iou))
    return seen_iou + np.where(recent, fading * expected_iou, 0.0), possible


def weigh_strays(
    seen_iou: NDArray[np.float64],
    last_iou: NDArray[np.float64],
    expected_iou: NDArray[np.float64],
    inside: NDArray[np.float64],
    options: IdentityOptions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rule 4: add up the signs that a detection is a track which lies, or lay, elsewhere.

    Args:
        seen_iou: ``(N, M)`` overlap of each detection with what is seen of each track.
        last_iou: ``(N, M)`` its overlap with the last box of a lost track.
        expected_iou: ``(N, M)`` its overlap with the box expected, both widened.
        inside: ``(N, M)`` part of the box of what is seen inside the detection's: what is half
            hidden shows a small part of itself. Counts half, as any small mask is inside much.
        options: ``recover_iou``.

    Returns:
        ``(N, M)`` weights, and ``(N, M)`` which pairs are possible.
    """
    weight = np.maximum(seen_iou, last_iou) + expected_iou + inside / 2
    return weight, weight >= options.recover_iou


def match(
    overlap: NDArray[np.float64], allowed: NDArray[np.bool_], gate: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rules 3 and 4: pair tracks with detections so that the total overlap is greatest.

    Pairs below the gate do not weigh in, so a bad pair cannot push a good one aside.

    Args:
        overlap: ``(N, M)`` of N tracks and M detections, or what :func:`weigh` makes of it.
        allowed: ``(N, M)`` pairs that may be.
        gate: Least overlap of a pair.

    Returns:
        Rows and columns of the pairs, ``(K,)`` each, rows rising.
    """
    from scipy.optimize import linear_sum_assignment

    possible = allowed & (overlap >= gate) & (overlap > 0.0)
    rows, columns = linear_sum_assignment(np.where(possible, overlap, 0.0), maximize=True)
    real = possible[rows, columns]
    return rows[real], columns[real]


def needs_prompt(
    score: NDArray[np.float32],
    overlap: NDArray[np.float64],
    since_conditioning: NDArray[np.int64],
    recovered: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.bool_]:
    """Rule 5: choose the matched tracks for which the model hears of the detection.

    Args:
        score: ``(K,)`` of the propagated masks, 0-1.
        overlap: ``(K,)`` of what is seen of each track with its detection, 0-1.
        since_conditioning: ``(K,)`` frames since the model was last prompted for the track.
        recovered: ``(K,)`` tracks whose mask does not reach the detection: lost, or elsewhere.
        options: ``reprompt``, ``min_mask_score``, ``reprompt_iou``, ``reprompt_pause``,
            ``refresh_iou``, ``refresh_every``.

    Returns:
        ``(K,)``.
    """
    if options.reprompt == "always":
        return np.ones(len(score), dtype=bool)
    doubtful = (score < options.min_mask_score) | (overlap < options.reprompt_iou)
    doubtful &= since_conditioning >= options.reprompt_pause
    confirmed = (overlap >= options.refresh_iou) & (since_conditioning >= options.refresh_every)
    return recovered | doubtful | confirmed


@dataclass(frozen=True, slots=True)
class BirthChoice:
    """What becomes of detections that are no track.

    Args:
        born: Positions of those that become tracks, most confident first.
        postponed: Positions of those that lie on a track; tried again on the next prompt frame.
        refused: Positions of those for which ``max_objects`` left no room.
    """

    born: NDArray[np.intp]
    postponed: NDArray[np.intp]
    refused: NDArray[np.intp]


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
        The choice; detections that are not confident enough are in none of its parts.
    """
    able = confidence >= options.birth_confidence
    free = (1.0 - covered >= options.birth_uncovered) & (nearest_iou < options.birth_max_iou)
    ranked = np.argsort(-confidence, kind="stable")
    wanted = ranked[(able & free)[ranked]]
    return BirthChoice(
        born=wanted[: max(room, 0)],
        postponed=np.flatnonzero(able & ~free),
        refused=wanted[max(room, 0) :],
    )


def count_twins(
    track_ids: NDArray[np.int64],
    overlap: NDArray[np.float64],
    distinct: NDArray[np.bool_],
    before: Twins,
    options: IdentityOptions,
) -> tuple[Twins, frozenset[int]]:
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
        The counts with this frame, and the ids of the tracks that go.
    """
    twins: dict[tuple[int, int], int] = {}
    gone: set[int] = set()
    alike = (overlap >= options.duplicate_iou) & ~(distinct[:, None] & distinct[None])
    for i, j in zip(*np.nonzero(np.triu(alike, k=1)), strict=True):
        pair = (int(min(track_ids[i], track_ids[j])), int(max(track_ids[i], track_ids[j])))
        twins[pair] = before.get(pair, 0) + 1
    for (older, younger), frames in sorted(twins.items()):
        if frames >= options.duplicate_frames and older not in gone:
            gone.add(younger)
    return {pair: n for pair, n in twins.items() if not gone.intersection(pair)}, frozenset(gone)


def find_ended(
    unseen: NDArray[np.int64],
    missed: NDArray[np.int64],
    missed_span: NDArray[np.int64],
    trusted: NDArray[np.bool_],
    options: IdentityOptions,
) -> NDArray[np.bool_]:
    """Rule 8: choose the tracks that end on this frame.

    Args:
        unseen: ``(N,)`` frames in a row that the track was not visible.
        missed: ``(N,)`` prompt frames in a row on which nothing matched.
        missed_span: ``(N,)`` frames from the first of these to now.
        trusted: ``(N,)`` visible with a score that is not low.
        options: ``lost_after``, ``unmatched_prompts``, ``unmatched_span``.

    Returns:
        ``(N,)``.
    """
    unconfirmed = (missed >= options.unmatched_prompts) & (missed_span >= options.unmatched_span)
    return (unseen >= options.lost_after) | (unconfirmed & ~trusted)


def plan_memory(
    track_ids: NDArray[np.int64],
    visible: NDArray[np.bool_],
    score: NDArray[np.float32],
    prompted: NDArray[np.bool_],
    options: IdentityOptions,
) -> MemoryPlan:
    """Rule 9: choose what enters memory: masks seen and trusted, and the answers to prompts.

    Args:
        track_ids: ``(N,)`` tracks that live on.
        visible: ``(N,)``.
        score: ``(N,)`` 0-1.
        prompted: ``(N,)`` tracks that the model was prompted for on this frame; their masks rest
            on a detection, so their score does not matter.
        options: ``min_mask_score``.

    Returns:
        The plan; tracks prompted are its conditioning.
    """
    write = visible & (prompted | (score >= options.min_mask_score))
    return MemoryPlan(
        write=_id_set(track_ids[write]), conditioning=_id_set(track_ids[write & prompted])
    )


@dataclass(slots=True)
class IdCounter:
    """Rule 10: gives out the ids of one stream; they rise from 1 and never return.

    Args:
        last: The id given out last, 0 for none.
    """

    last: int = field(default=0)

    def preview(self, count: int) -> NDArray[np.int64]:
        """Show the ids that would come next, without giving them out."""
        return np.arange(self.last + 1, self.last + 1 + count, dtype=np.int64)

    def spend(self, track_ids: Iterable[int]) -> None:
        """Note ids as given out, for ever."""
        self.last = max(self.last, *track_ids, 0)


def _id_set(track_ids: NDArray[np.int64]) -> frozenset[int]:
    return frozenset(track_ids.tolist())
