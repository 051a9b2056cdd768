"""Which detection is which track, what is new, and what ends: rules on small arrays.

Most of them are those of SAM 3. They were made for whole videos, of which the first results are
held back until it is known which tracks are sound; here nothing is held back, so a track that
turns out to be none was put out for some frames. Two further rules end tracks that nothing speaks
for any more, without which their number would only grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..concept_seam import ConceptEnd

if TYPE_CHECKING:
    from ..concept_seam import ConceptQuery
    from .thresholds import Thresholds

__all__ = ["Matching", "TrackNote", "hidden_again", "match", "noted", "over"]


@dataclass(frozen=True, slots=True)
class TrackNote:
    """What is known of a track beside its memory.

    Args:
        phrase: What it is one of.
        born: Frame of the session, counted from 0.
        detection_score: Score of the detection it was born of.
        hidden_at: The last frame on which it was hidden, -1 for none.
        unmatched: Frames on which it was seen and not detected.
        unmatched_run: The same, those since the last one it was detected on.
        unseen: Frames in a row without a sight of it.
        shared: Older tracks with which it lay on one detection, and on how many frames.
    """

    phrase: str
    born: int
    detection_score: float
    hidden_at: int = -1
    unmatched: int = 0
    unmatched_run: int = 0
    unseen: int = 0
    shared: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Matching:
    """What the detections of a frame say of the tracks.

    Args:
        new: Detections (rows) that are no track yet, in the order in which they are born.
        refused: How many more were, for which there was no room.
        unmatched: ``(M,)`` bool, tracks that are seen, and not detected.
        groups: For each detection the tracks (rows) that lie on it.
        confirmed: Tracks (rows) that a sure detection confirms, each with that detection.
    """

    new: tuple[int, ...]
    refused: int
    unmatched: NDArray[np.bool_]
    groups: tuple[tuple[int, ...], ...]
    confirmed: Mapping[int, int]


def match(
    overlap: NDArray[np.float32],
    score: NDArray[np.float32],
    seen: NDArray[np.bool_],
    thresholds: Thresholds,
    room: int,
) -> Matching:
    """Hold detections against tracks. Several tracks may match one detection.

    Args:
        overlap: ``(N, M)`` mask IoU of detections with tracks; 0 for different phrases.
        score: ``(N,)`` of the detections.
        seen: ``(M,)`` tracks whose mask is not empty.
        thresholds: The limits.
        room: How many tracks may be born.
    """
    tracks, detections = len(seen), len(score)
    best = overlap.max(axis=1, initial=0.0)
    fresh = (score >= thresholds.birth) & (best < thresholds.match)
    if not tracks:  # the first detections need not be better than others to become tracks
        fresh = np.ones(detections, dtype=bool)
    new = np.flatnonzero(fresh).tolist()
    if len(new) > room:
        order = np.argsort(-score[new], kind="stable")[: max(room, 0)]
        kept = [new[row] for row in order.tolist()]
    else:
        kept = new
    sure = (score >= thresholds.recondition_score) & (best >= thresholds.recondition_overlap)
    return Matching(
        new=tuple(kept),
        refused=len(new) - len(kept),
        unmatched=seen & ~(overlap >= thresholds.confirm).any(axis=0),
        groups=tuple(tuple(np.flatnonzero(row >= thresholds.match).tolist()) for row in overlap),
        confirmed={
            int(overlap[row].argmax()): row for row in np.flatnonzero(sure & ~fresh).tolist()
        }
        if tracks
        else {},
    )


def noted(
    notes: Mapping[int, TrackNote],
    matching: Matching,
    seen: NDArray[np.bool_],
    frame: int,
    thresholds: Thresholds,
) -> dict[int, TrackNote]:
    """Write down what a frame says of the tracks.

    Args:
        notes: Of ``M`` tracks, in the order of the rows of ``matching``.
        matching: What was detected of them.
        seen: ``(M,)`` tracks whose mask is not empty.
        frame: The frame of the session.
        thresholds: How long a track is on probation.

    Returns:
        The notes after the frame, same order; ``hidden_at`` is not touched.
    """
    ids = list(notes)
    after: dict[int, TrackNote] = {}
    for row, (track_id, note) in enumerate(notes.items()):
        missed = bool(matching.unmatched[row])
        on_probation = note.born > frame - thresholds.probation
        run = note.unmatched_run
        if seen[row]:  # what is out of sight can be neither detected nor missed
            run = run + 1 if missed else 0
        after[track_id] = replace(
            note,
            unmatched=note.unmatched + missed,
            unmatched_run=run,
            unseen=0 if seen[row] else note.unseen + 1,
            shared=note.shared if on_probation else MappingProxyType({}),
        )
    for group in matching.groups:
        if len(group) < 2:
            continue
        first = min((ids[row] for row in group), key=lambda each: notes[each].born)
        for track_id in (ids[row] for row in group):
            note = after[track_id]
            if track_id != first and note.born > frame - thresholds.probation:
                shared = {**note.shared, first: note.shared.get(first, 0) + 1}
                after[track_id] = replace(note, shared=MappingProxyType(shared))
    return after


def over(
    notes: Mapping[int, TrackNote], frame: int, thresholds: Thresholds, query: ConceptQuery
) -> tuple[ConceptEnd, ...]:
    """Tell which tracks end on a frame.

    Args:
        notes: After the frame.
        frame: The frame of the session.
        thresholds: The rules of probation.
        query: How long a track may go on without being seen, or detected.
    """
    ends: list[ConceptEnd] = []
    gone: set[int] = set()
    for track_id, note in notes.items():
        on_probation = note.born > frame - thresholds.probation
        doubles = [
            older
            for older, times in note.shared.items()
            if times >= thresholds.probation_overlaps and older in notes and older not in gone
        ]
        if note.unseen >= query.lost_after:
            end = ConceptEnd(track_id, "lost")
        elif note.unmatched_run >= query.unconfirmed_after or (
            on_probation and note.unmatched >= thresholds.probation_unmatched
        ):
            end = ConceptEnd(track_id, "unconfirmed")
        elif on_probation and doubles:
            end = ConceptEnd(track_id, "duplicate", doubles[0])
        else:
            continue
        gone.add(track_id)
        ends.append(end)
    return tuple(ends)


def hidden_again(
    overlap: NDArray[np.float32], notes: Sequence[TrackNote], least: float
) -> NDArray[np.bool_]:
    """Of two tracks on one spot, tell the one to hide: the one that was hidden last.

    Where one of them was never hidden, both are shown.

    Args:
        overlap: ``(M, M)`` IoU of the masks of the tracks.
        notes: Of the tracks, before this frame.
        least: Overlap from which they are on one spot.

    Returns:
        ``(M,)`` tracks to hide.
    """
    hidden_at = np.array([note.hidden_at for note in notes], dtype=np.int64)
    phrases = np.array([note.phrase for note in notes])
    close = (overlap >= least) & (phrases[:, None] == phrases[None])
    np.fill_diagonal(close, val=False)
    later = (hidden_at[:, None] > hidden_at[None]) & (hidden_at[None] > -1)
    found: NDArray[np.bool_] = (close & later).any(axis=1)
    return found
