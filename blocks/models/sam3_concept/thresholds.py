"""The numbers that decide what is detected, what is new and what is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

__all__ = ["Thresholds"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What ``config.json`` of the model says of detections and tracks.

    Args:
        detection: Score above which something is detected.
        nms: Overlap above which the weaker of two detections of a phrase is left out; 0 for none.
        match: Overlap with a track from which a detection is nothing new.
        confirm: Overlap with a detection from which a track is confirmed by it.
        birth: Score from which a detection becomes a track.
        recondition_every: Frames between renewals of the memory of confirmed tracks; 0 for never.
        recondition_score: Score of the detection, and object logit of the track, for a renewal.
        recondition_overlap: Overlap of the two for a renewal.
        recondition_on_tracks: Whether a renewal takes the track's mask, or the detection's.
        probation: Frames after its birth in which a track can be taken back.
        probation_unmatched: Frames without a detection that take it back.
        probation_overlaps: Frames on one detection with an older track that take it back.
        occlusion: Overlap of two tracks of which the one that was hidden last is hidden again.
        speck: Largest hole that is filled and sprinkle that is removed, low-resolution pixels.
    """

    detection: float = 0.5
    nms: float = 0.1
    match: float = 0.1
    confirm: float = 0.5
    birth: float = 0.7
    recondition_every: int = 16
    recondition_score: float = 0.8
    recondition_overlap: float = 0.8
    recondition_on_tracks: bool = True
    probation: int = 15
    probation_unmatched: int = 8
    probation_overlaps: int = 8
    occlusion: float = 0.7
    speck: int = 16

    @classmethod
    def of(cls, config: Any) -> Self:
        """Read a ``Sam3VideoConfig``."""
        return cls(
            detection=config.score_threshold_detection,
            nms=config.det_nms_thresh,
            match=config.assoc_iou_thresh,
            confirm=config.trk_assoc_iou_thresh,
            birth=config.new_det_thresh,
            recondition_every=config.recondition_every_nth_frame,
            recondition_score=config.high_conf_thresh,
            recondition_overlap=config.high_iou_thresh,
            recondition_on_tracks=config.recondition_on_trk_masks,
            probation=config.hotstart_delay,
            probation_unmatched=config.hotstart_unmatch_thresh,
            probation_overlaps=config.hotstart_dup_thresh,
            occlusion=config.suppress_overlapping_based_on_recent_occlusion_threshold,
            speck=config.fill_hole_area,
        )
