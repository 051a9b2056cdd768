"""What a session knows of its tracks: one immutable table of columns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .appearance import is_known, learnt
from .motion import at_birth, corrected, surprise, variance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .evidence import Evidence

__all__ = ["TrackTable"]

_STRANGE, _LEARNT = 0.5, 0.2
"""Similarity below which a look is not learnt; share of what is learnt in the new look."""
_LATEST = 0.2
"""What the latest detection weighs in averages over those of a track."""
_CALM, _WILD = 0.05, 4.0
"""Least and greatest part of the doubt of a motion that detections can make of it."""


@dataclass(frozen=True, slots=True)
class TrackTable:
    """Tracks as columns of equal length, in the order of their births.

    Args:
        track_id: ``(N,)`` int64, rising: what the model and the rules know a track by.
        tracker_id: ``(N,)`` int64, what it is known by outside: the same, unless the track was
            renamed or merged.
        label: ``(N,)`` str, the class name it was given by hand; empty for none.
        class_id: ``(N,)`` int64, of the latest detection consumed for the track.
        class_name: ``(N,)`` str, likewise; empty where that detection had no class.
        misnamed: ``(N,)`` int64, detections in a row that were of another class.
        class_trust: ``(N,)`` float32, part of the detections of late that were of ``class_name``.
        mask_trust: ``(N,)`` float32, how much they overlapped with what was seen of the track.
        noise: ``(N,)`` float32, square of how far off they were, over what ``doubt`` allows.
        confidence: ``(N,)`` float32, of the latest detection.
        detection_id: ``(N,)`` str, likewise.
        detection_xyxy: ``(N, 4)`` float32, box of that detection, moved with the camera; NaN as
            ``last_xyxy``.
        place_xyxy: ``(N, 4)`` float32, the same with the noise of detections filtered out.
        since_detection: ``(N,)`` int64, frames from that detection's to the coming one.
        velocity: ``(N, 2)`` float32, pixels a frame that the centres of detections move.
        doubt: ``(N, 3)`` float32, how unsure place and velocity are, by ``motion``.
        last_xyxy: ``(N, 4)`` float32, tight box of the mask last seen; NaN where that says nothing
            of where the object is now.
        unseen: ``(N,)`` int64, frames in a row that the track was not visible.
        missed: ``(N,)`` int64, prompt frames in a row on which nothing matched although the
            track was seen: of what is hidden no detection is to be expected.
        missed_span: ``(N,)`` int64, frames since the first of these.
        since_conditioning: ``(N,)`` int64, frames since the model was last prompted for it.
        look: ``(N, LOOK_SIZE)`` float32, what it looks like; zero rows where nothing is known.
        by_hand: ``(N,)`` bool, shown by hand: no detector need know it.
        aside: ``(N,)`` bool, tracks that the model has forgotten, or never knew in this state:
            only a detection can bring them back.
    """

    track_id: NDArray[np.int64]
    tracker_id: NDArray[np.int64]
    label: NDArray[np.str_]
    class_id: NDArray[np.int64]
    class_name: NDArray[np.str_]
    misnamed: NDArray[np.int64]
    class_trust: NDArray[np.float32]
    mask_trust: NDArray[np.float32]
    noise: NDArray[np.float32]
    confidence: NDArray[np.float32]
    detection_id: NDArray[np.str_]
    detection_xyxy: NDArray[np.float32]
    place_xyxy: NDArray[np.float32]
    since_detection: NDArray[np.int64]
    velocity: NDArray[np.float32]
    doubt: NDArray[np.float32]
    last_xyxy: NDArray[np.float32]
    unseen: NDArray[np.int64]
    missed: NDArray[np.int64]
    missed_span: NDArray[np.int64]
    since_conditioning: NDArray[np.int64]
    look: NDArray[np.float32]
    by_hand: NDArray[np.bool_]
    aside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.track_id)

    @classmethod
    def newborn(cls, track_id: NDArray[np.int64], evidence: Evidence) -> Self:
        """Make tracks of detections that were just born.

        Args:
            track_id: ``(N,)`` their ids.
            evidence: ``(N,)`` their detections.
        """
        zeros = np.zeros(len(track_id), dtype=np.int64)
        return cls(
            track_id=track_id,
            tracker_id=track_id,
            label=np.full(len(track_id), ""),
            class_id=evidence.class_id,
            class_name=evidence.class_name,
            misnamed=zeros,
            class_trust=np.ones(len(track_id), dtype=np.float32),
            mask_trust=np.ones(len(track_id), dtype=np.float32),
            noise=np.ones(len(track_id), dtype=np.float32),
            confidence=evidence.confidence,
            detection_id=evidence.detection_id,
            detection_xyxy=evidence.xyxy,
            place_xyxy=evidence.xyxy,
            since_detection=zeros,
            velocity=np.zeros((len(track_id), 2), dtype=np.float32),
            doubt=at_birth(len(track_id)),
            last_xyxy=evidence.xyxy,
            unseen=zeros,
            missed=zeros,
            missed_span=zeros,
            since_conditioning=zeros,
            look=evidence.look * evidence.clear[:, None],
            by_hand=np.zeros(len(track_id), dtype=bool),
            aside=np.zeros(len(track_id), dtype=bool),
        )

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the chosen rows, by position or by a ``(N,)`` bool."""
        return type(self)(*(column[rows] for column in self._columns()))

    def shown_class(self) -> NDArray[np.str_]:
        """Return the class names that go out, ``(N,)``; empty where nothing is known."""
        shown: NDArray[np.str_] = np.where(self.label == "", self.class_name, self.label)
        return shown

    def known_as(
        self, row: int, *, tracker_id: int | None = None, label: str | None = None
    ) -> Self:
        """Return the table with one track known under another id or class name outside.

        Args:
            row: The track.
            tracker_id: Its id, None to leave it.
            label: Its class name, None to leave it; empty for that of its detections.
        """
        table, at = self, np.array([row])
        if tracker_id is not None:
            ids = _put(table.tracker_id, at, np.array([tracker_id], dtype=np.int64))
            table = replace(table, tracker_id=ids)
        if label is not None:
            table = replace(table, label=_put(table.label, at, np.array([label])))
        return table

    def ids(self, rows: NDArray[np.bool_]) -> frozenset[int]:
        """Return the ``track_id`` of the chosen rows, a ``(N,)`` bool."""
        return frozenset(self.track_id[rows].tolist())

    def shown_by_hand(self, track_ids: Iterable[int]) -> Self:
        """Return the table with some tracks known as shown by hand, by ``track_id``."""
        return replace(self, by_hand=self.by_hand | np.isin(self.track_id, list(track_ids)))

    def joined(self, other: TrackTable) -> Self:
        """Return the rows of both tables, the other's last."""
        pairs = zip(self._columns(), other._columns(), strict=True)
        return type(self)(*(np.concatenate(pair) for pair in pairs))

    def refreshed(
        self,
        rows: NDArray[np.intp],
        evidence: Evidence,
        overlap: NDArray[np.float64],
        class_after: int = 1,
    ) -> Self:
        """Return the table with the class data of detections just consumed.

        Args:
            rows: ``(K,)`` the tracks.
            evidence: ``(K,)`` their detections. One that has no class leaves the track's class.
            overlap: ``(K,)`` of each detection with what is seen of the track, 0-1.
            class_after: Detections in a row of other classes until the last one's is taken.
        """
        names, before = evidence.class_name, self.class_name[rows]
        other = (names != "") & (before != "") & (names != before)
        slips = np.where(other, self.misnamed[rows] + 1, 0)
        named = (names != "") & (~other | (slips >= class_after))
        trust = np.where(names == "", self.class_trust[rows], _mean(self.class_trust[rows], ~other))
        return replace(
            self._moved(rows, evidence.xyxy),
            class_trust=_put(self.class_trust, rows, np.where(other & named, 1 - trust, trust)),
            mask_trust=_put(self.mask_trust, rows, _mean(self.mask_trust[rows], overlap)),
            class_id=_put(self.class_id, rows[named], evidence.class_id[named]),
            class_name=_put(self.class_name, rows[named], names[named]),
            misnamed=_put(self.misnamed, rows, np.where(named, 0, slips)),
            confidence=_put(self.confidence, rows, evidence.confidence),
            detection_id=_put(self.detection_id, rows, evidence.detection_id),
            look=_put(self.look, rows, self._look(rows, evidence)),
        )

    def expected_xyxy(self) -> NDArray[np.float32]:
        """Return where the detections of each track lead to expect the next one, ``(N, 4)``."""
        shift = self.velocity * self.since_detection[:, None]
        return (self.place_xyxy + np.tile(shift, 2)).astype(np.float32)

    def surprise(self, xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
        """Measure how far boxes are from where the tracks' detections lead to expect them.

        Args:
            xyxy: ``(M, 4)`` pixels.

        Returns:
            ``(N, M)``, about 1 for the next detection of a track; infinite where none is expected.
        """
        allowed = variance(self.doubt, self.since_detection) * self.noise
        return surprise(self.expected_xyxy()[:, None], xyxy[None], allowed[:, None])

    def aged(
        self,
        *,
        visible: NDArray[np.bool_],
        xyxy: NDArray[np.float32],
        prompted: NDArray[np.bool_],
        claimed: NDArray[np.bool_],
        on_prompt_frame: bool,
    ) -> Self:
        """Return the table one frame later.

        Args:
            visible: ``(N,)`` tracks seen on this frame.
            xyxy: ``(N, 4)`` where, tight boxes.
            prompted: ``(N,)`` tracks for which the model was prompted.
            claimed: ``(N,)`` tracks that a detection matched.
            on_prompt_frame: Whether tracks that nothing claimed were missed.
        """
        missed = self.missed
        if on_prompt_frame:
            missed = np.where(claimed, 0, missed + visible)
        began_before = (self.missed > 0) & (missed > 0)
        return replace(
            self,
            last_xyxy=np.where(visible[:, None], xyxy, self.last_xyxy),
            unseen=np.where(visible, 0, self.unseen + 1),
            missed=missed,
            missed_span=np.where(began_before, self.missed_span + 1, 0),
            since_conditioning=np.where(prompted, 0, self.since_conditioning + 1),
            since_detection=self.since_detection + 1,
        )

    def _moved(self, rows: NDArray[np.intp], xyxy: NDArray[np.float32]) -> Self:
        """The table with the places of detections just consumed."""
        since, doubt = self.since_detection[rows], self.doubt[rows]
        expected = self.expected_xyxy()[rows]
        place, velocity, doubt_after = corrected(expected, self.velocity[rows], doubt, since, xyxy)
        off = surprise(expected, xyxy, variance(doubt, since))
        off = np.where(np.isinf(off), 1.0, np.minimum(off, _WILD))
        noise = np.maximum(_mean(self.noise[rows], off), _CALM)
        return replace(
            self,
            noise=_put(self.noise, rows, noise),
            detection_xyxy=_put(self.detection_xyxy, rows, xyxy),
            place_xyxy=_put(self.place_xyxy, rows, place),
            since_detection=_put(self.since_detection, rows, np.zeros_like(rows)),
            velocity=_put(self.velocity, rows, velocity),
            doubt=_put(self.doubt, rows, doubt_after),
        )

    def _look(self, rows: NDArray[np.intp], evidence: Evidence) -> NDArray[np.float32]:
        """The looks of some tracks with one more, unless it is hardly theirs."""
        known, similar = self.look[rows], (self.look[rows] * evidence.look).sum(axis=1)
        own = evidence.clear & ((similar >= _STRANGE) | ~is_known(known))
        return learnt(known, evidence.look * own[:, None], _LEARNT)

    def _columns(self) -> Iterable[NDArray[Any]]:
        return (getattr(self, column.name) for column in fields(self))


def _put(column: NDArray[Any], rows: NDArray[np.intp], values: NDArray[Any]) -> NDArray[Any]:
    # Text columns are as wide as their longest entry: writing in place would cut longer ones.
    changed = column.astype(np.result_type(column, values))
    changed[rows] = values
    return changed


def _mean(before: NDArray[np.float32], latest: NDArray[Any]) -> NDArray[np.float32]:
    mixed: NDArray[np.float32] = ((1 - _LATEST) * before + _LATEST * latest).astype(np.float32)
    return mixed
