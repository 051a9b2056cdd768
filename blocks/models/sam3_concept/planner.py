"""From what is detected and what is followed to what a frame shows and what is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..concept_seam import ConceptEnd
from ..sam_video.masks import fill_small_areas
from .overlaps import HIDDEN, hide_the_overrun, mask_overlaps
from .proposal import Sam3Proposal, Writing
from .rules import Matching, TrackNote, hidden_again, match, noted, over

if TYPE_CHECKING:
    import torch

    from ..concept_seam import ConceptQuery
    from .detector import Detected
    from .features import ConceptFeatures
    from .proposal import Followed
    from .thresholds import Thresholds

__all__ = ["Planner"]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One frame of one stream, on its way through the rules.

    Args:
        query: What is asked for.
        detected: What the detector found.
        followed: What the tracker found.
        phrase: ``(N,)`` which phrase of the query each track is of.
        masks: ``(N, h, w)`` the tracks' mask logits, tidied; hidden ones at -10.
        matching: What the one says of the other.
        renewed: Tracks (rows) whose memory is renewed, each with the detection (row).
        births: New tracks, each with its detection (row).
        notes: Of all tracks, after the frame.
    """

    query: ConceptQuery
    detected: Detected
    followed: Followed
    phrase: NDArray[np.int64]
    masks: torch.Tensor
    matching: Matching
    renewed: Mapping[int, int]
    births: Mapping[int, int]
    notes: Mapping[int, TrackNote]


class Planner:
    """Applies the rules to one frame of one stream at a time. Holds nothing of any stream.

    Args:
        thresholds: Their limits.
        ends: Whether tracks end.
    """

    def __init__(self, thresholds: Thresholds, *, ends: bool = True) -> None:
        self._limits = thresholds
        self._ends = ends

    def plan(
        self,
        notes: Mapping[int, TrackNote],
        frame: int,
        features: ConceptFeatures,
        query: ConceptQuery,
        detected: Detected,
        followed: Followed,
    ) -> Sam3Proposal:
        """Decide what a frame shows and what is remembered of it.

        Args:
            notes: Of the tracks of the state.
            frame: The frame of the session, counted from 0.
            features: Of the frame.
            query: What is asked for.
            detected: What the detector found.
            followed: What the tracker found: the tracks that are still asked for.
        """
        scene = self._hold_together(notes, frame, query, detected, followed)
        unwanted = [
            ConceptEnd(track, "unwanted")
            for track, note in notes.items()
            if note.phrase not in query.phrases and track not in query.without
        ]
        ends = over(scene.notes, frame, self._limits, query) if self._ends else ()
        gone = {end.track_id for end in ends}
        kept = {track: note for track, note in scene.notes.items() if track not in gone}
        writing = Writing(
            followed,
            hide_the_overrun(self._for_memory(scene), scene.phrase),
            frozenset(followed.track_ids[row] for row in scene.renewed),
            {track: detected.masks[row] for track, row in scene.births.items()},
            kept,
        )
        return self._shown(scene, writing, features.size_wh, (*unwanted, *ends))

    def _hold_together(
        self,
        notes: Mapping[int, TrackNote],
        frame: int,
        query: ConceptQuery,
        detected: Detected,
        followed: Followed,
    ) -> _Scene:
        """Match detections and tracks, and find out who is new, renewed and hidden."""
        limits = self._limits
        masks = fill_small_areas(followed.low_res, limits.speck, limits.speck)
        before = {track: notes[track] for track in followed.track_ids}
        places = {phrase: place for place, phrase in enumerate(query.phrases)}
        phrase = np.array([places[note.phrase] for note in before.values()], dtype=np.int64)
        seen = (masks > 0).flatten(1).any(1).cpu().numpy()
        overlap = mask_overlaps(detected.masks > 0, masks > 0)
        same = detected.phrase[:, None] == phrase[None]
        overlap = np.where(same, overlap, np.float32(0.0))
        matching = match(overlap, detected.score, seen, limits, query.max_objects - len(before))
        after = noted(before, matching, seen, frame, limits)
        renewed = self._renewed(matching, followed, frame)
        if limits.occlusion > 0.0 and before:
            masks, hidden = self._hide(masks, tuple(before.values()))
            for track, is_hidden in zip(before, hidden.tolist(), strict=True):
                if is_hidden:
                    after[track] = replace(after[track], hidden_at=frame)
        births = {query.next_id + place: row for place, row in enumerate(matching.new)}
        for track, row in births.items():
            name = query.phrases[int(detected.phrase[row])]
            after[track] = TrackNote(name, frame, float(detected.score[row]))
        return _Scene(query, detected, followed, phrase, masks, matching, renewed, births, after)

    def _renewed(self, matching: Matching, followed: Followed, frame: int) -> dict[int, int]:
        """Now and then a sure detection confirms that the tracker is on the object."""
        every = self._limits.recondition_every
        if every < 1 or frame % every:
            return {}
        least = self._limits.recondition_score
        return {
            row: detection
            for row, detection in matching.confirmed.items()
            if followed.seen_logit[row] > least
        }

    def _hide(
        self, masks: torch.Tensor, notes: Sequence[TrackNote]
    ) -> tuple[torch.Tensor, NDArray[np.bool_]]:
        """Of tracks on one spot hide those that were hidden last; tell which are not seen."""
        import torch

        positive = masks > 0
        again = hidden_again(mask_overlaps(positive, positive), notes, self._limits.occlusion)
        empty = ~positive.flatten(1).any(1).cpu().numpy()
        rows = torch.from_numpy(again).to(masks.device)[:, None, None]
        return torch.where(rows, HIDDEN, masks), empty | again

    def _for_memory(self, scene: _Scene) -> torch.Tensor:
        """The masks of the tracks as they compete for a place in the memory."""
        if self._limits.recondition_on_tracks or not scene.renewed:
            return scene.masks
        masks = scene.masks.clone()
        for row, detection in scene.renewed.items():
            masks[row] = (scene.detected.masks[detection] >= 0.5).float()
        return masks

    def _shown(
        self,
        scene: _Scene,
        writing: Writing,
        size_wh: tuple[int, int],
        ends: tuple[ConceptEnd, ...],
    ) -> Sam3Proposal:
        """Gather what goes out: tracks that go on, renewed ones as detected, then new ones."""
        import torch

        limits, followed, detected = self._limits, scene.followed, scene.detected
        rows = [row for row, track in enumerate(followed.track_ids) if track in writing.notes]
        shown = scene.masks.clone()
        for row, detection in scene.renewed.items():
            shown[row] = detected.masks[detection]
        new = list(scene.births.values())
        fresh = fill_small_areas(detected.masks[new], limits.speck, limits.speck)
        ids = [*(followed.track_ids[row] for row in rows), *scene.births]
        seen = 1.0 / (1.0 + np.exp(-followed.seen_logit[rows].astype(np.float64)))
        places = {phrase: place for place, phrase in enumerate(scene.query.phrases)}
        return Sam3Proposal(
            track_ids=ids,
            phrase=[places[writing.notes[track].phrase] for track in ids],
            score=np.concatenate([seen, detected.score[new]]),
            mask_score=np.concatenate(
                [seen * np.clip(followed.iou[rows], 0.0, 1.0), detected.score[new]]
            ),
            detection_score=[writing.notes[track].detection_score for track in ids],
            logits=torch.cat([shown[rows], fresh]),
            size_wh=size_wh,
            born=frozenset(scene.births),
            ends=ends,
            refused=scene.matching.refused,
            writing=writing,
        )
