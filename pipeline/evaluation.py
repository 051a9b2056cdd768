"""How well tracks follow the truth: overlap, missed objects, switched and false identities.

Works on arrays only, so it judges masks and boxes alike: give it the matrix of overlaps, that of
:func:`mask_iou_matrix` or of ``supervision.box_iou_batch``.
Matching and identity switches follow CLEAR MOT (Bernardin and Stiefelhagen 2008), IDF1 follows
Ristani et al. 2016.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["TrackingScore", "TrackingTally", "mask_iou_matrix"]


def mask_iou_matrix(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Overlap of every true mask with every predicted one.

    Args:
        truth: ``(N, H, W)`` bool.
        predicted: ``(M, H, W)`` bool.

    Returns:
        ``(N, M)`` float64 intersection over union, 0 where both are empty.
    """
    if not len(truth) or not len(predicted):
        return np.zeros((len(truth), len(predicted)))
    left = truth.reshape(len(truth), -1).astype(np.float32)
    right = predicted.reshape(len(predicted), -1).astype(np.float32)
    shared = left @ right.T
    union = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1), np.float64)


@dataclass(frozen=True, slots=True)
class TrackingScore:
    """The verdict over a clip.

    Args:
        frames: Frames judged.
        mean_iou: Mean over the objects of ``iou_by_object``; NaN without objects.
        iou_by_object: Mean overlap for each true id, over the frames where it counts; 0 is
            taken for a frame on which it was missed.
        recall: Share of true objects on frames that were found.
        precision: Share of predictions that lie on a true object.
        mota: Multiple object tracking accuracy, at most 1.
        idf1: Identity F1, 0-1.
        identity_switches: How often a true object was taken over by another track id.
        fragments: How often a true object was lost and found again.
        missed: True objects on frames that nothing lay on.
        false_alarms: Predictions that lay on nothing.
        found_objects: True ids found on at least half of their frames.
        missed_objects: The other true ids.
        false_tracks: Track ids that lay on nothing in more than half of their frames.
        tracks: All track ids seen.
    """

    frames: int
    mean_iou: float
    iou_by_object: Mapping[int, float]
    recall: float
    precision: float
    mota: float
    idf1: float
    identity_switches: int
    fragments: int
    missed: int
    false_alarms: int
    found_objects: tuple[int, ...]
    missed_objects: tuple[int, ...]
    false_tracks: tuple[int, ...]
    tracks: tuple[int, ...]


@dataclass(slots=True)
class _Record:
    """What is known of one true object."""

    overlaps: list[float] = field(default_factory=list)
    found: int = 0
    last_track: int | None = None
    is_followed: bool = False


class TrackingTally:
    """Judges a clip frame by frame.

    On each frame a pair that belonged together before stays together while it overlaps enough;
    the rest is matched for the largest total overlap.

    Args:
        min_iou: Overlap from which a prediction counts as found, above 0 and at most 1.

    Raises:
        ValueError: ``min_iou`` is out of range.

    Example:
        >>> tally = TrackingTally()
        >>> tally.add([1], [7], [[0.8]])
        >>> tally.score().identity_switches
        0
    """

    def __init__(self, min_iou: float = 0.5) -> None:
        if not 0 < min_iou <= 1:
            raise ValueError(f"min_iou must lie in (0, 1], found {min_iou}")
        self._min_iou = min_iou
        self._frames = 0
        self._objects: dict[int, _Record] = {}
        self._track_frames: Counter[int] = Counter()
        self._track_hits: Counter[int] = Counter()
        self._pairs: dict[int, Counter[int]] = defaultdict(Counter)
        self._switches = 0
        self._fragments = 0

    def add(
        self,
        truth_ids: Sequence[int] | NDArray[np.int64],
        track_ids: Sequence[int] | NDArray[np.int64],
        overlaps: ArrayLike,
        *,
        ignored: Sequence[bool] | NDArray[np.bool_] | None = None,
    ) -> dict[int, int]:
        """Judge one frame.

        Args:
            truth_ids: ``(N,)`` true ids.
            track_ids: ``(M,)`` predicted ids.
            overlaps: ``(N, M)`` overlap of each pair, 0-1.
            ignored: ``(N,)`` True for objects that need not be found on this frame, such as
                ones hidden almost whole; a prediction on them is no false alarm. None for none.

        Returns:
            The track on each true object that was found, by their ids.

        Raises:
            ValueError: Shapes do not fit, or an id occurs twice.
        """
        truth = [int(one) for one in truth_ids]
        tracks = [int(one) for one in track_ids]
        matrix = np.asarray(overlaps, np.float64).reshape(len(truth), len(tracks))
        excused = [False] * len(truth) if ignored is None else [bool(one) for one in ignored]
        if len(excused) != len(truth):
            raise ValueError(f"ignored needs {len(truth)} values, found {len(excused)}")
        for what, ids in (("true", truth), ("track", tracks)):
            if len(set(ids)) != len(ids):
                raise ValueError(f"{what} ids must be unique on a frame, found {ids}")
        self._frames += 1
        matches = self._match(truth, tracks, matrix)
        found = {truth[row]: tracks[column] for row, column in matches.items()}
        for row, object_id in enumerate(truth):
            column = matches.get(row)
            if excused[row]:
                if column is not None:
                    tracks[column] = -1  # on an excused object: neither hit nor false alarm
                continue
            overlap = 0.0 if column is None else float(matrix[row, column])
            self._note(object_id, None if column is None else tracks[column], overlap)
        self._track_frames.update(one for one in tracks if one != -1)
        return found

    def score(self) -> TrackingScore:
        """Sum up the frames judged so far."""
        by_object = {
            object_id: float(np.mean(record.overlaps))
            for object_id, record in sorted(self._objects.items())
        }
        asked = sum(len(record.overlaps) for record in self._objects.values())
        hits = sum(record.found for record in self._objects.values())
        predicted = sum(self._track_frames.values())
        found = [i for i, one in self._objects.items() if 2 * one.found >= len(one.overlaps)]
        errors = (asked - hits) + (predicted - hits) + self._switches
        return TrackingScore(
            frames=self._frames,
            mean_iou=float(np.mean(list(by_object.values()))) if by_object else float("nan"),
            iou_by_object=by_object,
            recall=_share(hits, asked),
            precision=_share(hits, predicted),
            mota=1 - errors / asked if asked else float("nan"),
            idf1=_share(2 * self._true_identities(), asked + predicted),
            identity_switches=self._switches,
            fragments=self._fragments,
            missed=asked - hits,
            false_alarms=predicted - hits,
            found_objects=tuple(sorted(found)),
            missed_objects=tuple(sorted(set(self._objects) - set(found))),
            false_tracks=tuple(
                track
                for track, count in sorted(self._track_frames.items())
                if 2 * self._track_hits[track] < count
            ),
            tracks=tuple(sorted(self._track_frames)),
        )

    def _match(
        self, truth: list[int], tracks: list[int], matrix: NDArray[np.float64]
    ) -> dict[int, int]:
        """Row to column for every pair that overlaps enough."""
        matches: dict[int, int] = {}
        for row, object_id in enumerate(truth):
            record = self._objects.get(object_id)
            if record is not None and record.last_track in tracks:
                column = tracks.index(record.last_track)
                if matrix[row, column] >= self._min_iou and column not in matches.values():
                    matches[row] = column
        rows = [row for row in range(len(truth)) if row not in matches]
        columns = [column for column in range(len(tracks)) if column not in matches.values()]
        rest = matrix[np.ix_(rows, columns)]
        gain = np.where(rest >= self._min_iou, rest, 0.0)
        for i, j in zip(*linear_sum_assignment(-gain), strict=True):
            if gain[i, j] > 0:
                matches[rows[i]] = columns[j]
        return matches

    def _note(self, object_id: int, track: int | None, overlap: float) -> None:
        record = self._objects.setdefault(object_id, _Record())
        record.overlaps.append(overlap)
        if track is None:
            record.is_followed = False
            return
        record.found += 1
        self._track_hits[track] += 1
        self._pairs[object_id][track] += 1
        if record.last_track is not None:
            self._switches += record.last_track != track
            self._fragments += not record.is_followed
        record.last_track, record.is_followed = track, True

    def _true_identities(self) -> int:
        """Hits under the best one-to-one pairing of true ids and track ids over the clip."""
        objects, tracks = list(self._pairs), sorted(self._track_hits)
        counts = np.array([[self._pairs[o][t] for t in tracks] for o in objects]).reshape(
            len(objects), len(tracks)
        )
        rows, columns = linear_sum_assignment(-counts)
        return int(counts[rows, columns].sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
