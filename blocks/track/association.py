"""Which detection is which track on one frame: rules 3 and 4 put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import rules
from .appearance import likeness, similarity
from .overlap import box_iou, inside_fraction, mask_iou, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .evidence import Evidence
    from .identity_options import IdentityOptions
    from .track_table import TrackTable
    from .view import TrackView

__all__ = ["Association", "Pairing"]

_PACE = 5.0
"""Frames in which an object may move by its own size, where it is looked for by its look."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Tracks with the detections that are theirs.

    Args:
        rows: ``(K,)`` the tracks, as positions.
        columns: ``(K,)`` their detections, likewise.
        overlap: ``(K,)`` of the detection with what is seen of the track, 0-1.
        weight: ``(K,)`` what spoke for the pair.
        strayed: ``(K,)`` pairs of rule 4.
        reasons: ``(K,)`` what spoke for the pair most: ``overlap`` or ``expected`` in rule 3;
            ``remnant``, ``last_seen``, ``expected`` or ``look`` in rule 4.
        unreached: ``(K,)`` pairs in which the mask does not reach the detection.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    overlap: NDArray[np.float64]
    weight: NDArray[np.float64]
    strayed: NDArray[np.bool_]
    reasons: NDArray[np.str_]
    unreached: NDArray[np.bool_]


class Association:
    """One frame's tracks against its detections.

    Args:
        table: The tracks.
        view: What the model sees of them, aligned.
        evidence: The detections.
        options: The thresholds.
        size_wh: Size of the frame, pixels.
    """

    def __init__(
        self,
        table: TrackTable,
        view: TrackView,
        evidence: Evidence,
        options: IdentityOptions,
        size_wh: tuple[int, int],
    ) -> None:
        self._table, self._view, self._evidence = table, view, evidence
        self._options = options
        self._seen_iou = np.zeros((len(table), len(evidence)))
        self._similar = similarity(table.look, evidence.look)
        self._alike = likeness(self._similar)
        self._gate = options.match_iou
        if evidence.masks is None:
            self._seen_iou[view.visible] = box_iou(view.xyxy[view.visible], evidence.xyxy)
        else:
            masks = view.take(view.visible).masks(size_wh)
            self._seen_iou[view.visible] = mask_iou(masks, evidence.masks)
            self._gate = options.match_mask_iou

    def pair(self) -> Pairing:
        """Return the pairs of rule 3, then those of rule 4."""
        table, options = self._table, self._options
        fits = rules.same_class(table.class_name, self._evidence.class_name, options)
        expected = self._expected_iou(np.zeros(len(table)))
        # Where several tracks can be expected a look is that of all of them.
        crowd = rules.best_other(expected).max(axis=0, initial=0.0)
        alike = 0.5 + (self._alike - 0.5) * (1.0 - crowd)
        since = table.since_detection
        signs = rules.Signs(self._seen_iou, expected, table.surprise(self._evidence.xyxy), alike)
        weight, possible = rules.weigh(signs, table.mask_trust, since, self._gate, options)
        slips = rules.misnamed(fits, self._seen_iou, expected, since, options)
        of_class = rules.favour_class(fits, table.class_trust, options)
        # Who is out of sight but was just detected keeps a neighbour from taking his detection.
        rows, columns = rules.match(weight + of_class, fits & possible | slips, gate=0.0)
        stray_weight, stray_reasons, possible = self._weigh_strays()
        left = np.ones_like(possible)
        left[rows] = False
        left[:, columns] = False
        by_look = left & self._recognised(left)
        stray_reasons = np.where(possible, stray_reasons, "look")
        possible = (possible | by_look) & left
        found, there = rules.match(stray_weight + of_class, (fits | slips) & possible, gate=0.0)
        overlap = self._seen_iou[np.append(rows, found), np.append(columns, there)]
        unreached = overlap < self._gate
        direct = np.where(unreached[: len(rows)], "expected", "overlap")
        return Pairing(
            rows=np.append(rows, found),
            columns=np.append(columns, there),
            overlap=overlap,
            weight=np.append(weight[rows, columns], stray_weight[found, there]),
            strayed=np.arange(len(overlap)) >= len(rows),
            reasons=np.append(direct, stray_reasons[found, there]),
            unreached=unreached,
        )

    def _weigh_strays(self) -> tuple[NDArray[np.float64], NDArray[np.str_], NDArray[np.bool_]]:
        """Rule 4: ten frames after its detection an object may be its own size away."""
        table, evidence, view = self._table, self._evidence, self._view
        lost = (~view.visible & (table.unseen <= self._options.recover_within))[:, None]
        recent = (table.since_detection <= self._options.motion_within)[:, None]
        near = self._expected_iou(np.minimum(table.since_detection / 10.0, 1.0)) * recent
        last = box_iou(table.last_xyxy, evidence.xyxy) * lost
        inside = inside_fraction(view.xyxy, evidence.xyxy)
        weight, possible = rules.weigh_strays(
            self._seen_iou, last, near, inside, self._alike, self._options
        )
        signs = np.array([self._seen_iou + inside / 2, last, near])
        reasons = np.array(["remnant", "last_seen", "expected"])[signs.argmax(axis=0)]
        return weight, reasons, possible

    def _recognised(self, left: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Rule 4: who was not seen for a while is looked for ever farther from where he was."""
        table, there = self._table, self._evidence.xyxy
        away = ~self._view.visible
        here = table.last_xyxy.astype(np.float64)
        moved = (
            there[None, :, :2] + there[None, :, 2:] - here[:, None, :2] - here[:, None, 2:]
        ) / 2
        side = np.sqrt(np.prod(here[:, 2:] - here[:, :2], axis=1))
        reach = np.linalg.norm(moved, axis=2) <= (side * (1.0 + table.unseen / _PACE))[:, None]
        reach |= np.isnan(side)[:, None]
        return rules.recognise(np.where(left, self._similar, np.nan), away, reach, self._options)

    def _expected_iou(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Overlap with the boxes expected if the objects went on, or if they stood still."""
        overlap = np.zeros_like(self._seen_iou)
        for expected in (self._table.expected_xyxy(), self._table.detection_xyxy):
            wide = widened(expected, margin)
            for row, share in enumerate(margin):
                there = self._evidence.xyxy
                around = widened(there, np.full(len(there), share))
                overlap[row] = np.maximum(overlap[row], box_iou(wide[[row]], around)[0])
        return overlap
