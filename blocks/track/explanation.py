"""What a tracker decided on one frame, and why, for people and programs to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .evidence import Evidence
    from .mailbox import Request
    from .round import Job
    from .track_events import TrackEvent
    from .turn import Turn
    from .turn_result import TurnResult

__all__ = ["EXPLANATION_SCHEMA", "explained"]

EXPLANATION_SCHEMA: Final = "trackwire.explanation/1"
"""Value of ``schema``; the number rises when a reader must change."""


def explained(job: Job, turn: Turn, events: Sequence[TrackEvent], step: str) -> dict[str, Any]:
    """Put together what was decided on a frame.

    Args:
        job: The frame and its session as it was before.
        turn: What was decided, settled.
        events: What happened to tracks.
        step: Name of the tracker's step.

    Returns:
        JSON-ready values; ``docs/formats.md`` says what they mean.
    """
    video, result = job.frame.video, turn.result
    known_as = _names(job, result)
    return {
        "schema": EXPLANATION_SCHEMA,
        "step": step,
        "video_identifier": video.video_identifier,
        "frame_number": video.frame_number,
        "epoch": video.epoch,
        "gap": job.crossing.gap,
        "prompt_frame": turn.evidence is not None,
        "requests": [_request(request, answer) for request, answer in result.answers],
        "detections": [] if turn.evidence is None else _detections(turn.evidence),
        "decisions": [
            {**each.as_fields(), "tracker_id": known_as.get(each.track_id, each.track_id)}
            for each in result.decisions
        ],
        "tracks": _tracks(result),
        "events": [event.as_json() for event in events],
    }


def _names(job: Job, result: TurnResult) -> dict[int | None, int]:
    """The ids that go out of all tracks there were or are, by those that the rules use."""
    names: dict[int | None, int] = {}
    for table in (
        job.session.standing.table,
        job.corrections.standing.table,
        result.standing.table,
    ):
        names.update(zip(table.track_id.tolist(), table.tracker_id.tolist(), strict=True))
    return names


def _request(request: Request, answer: Any) -> dict[str, Any]:
    failed = isinstance(answer, BaseException)
    return {
        "request": type(request.command).__name__,
        "tracker_id": None if failed else answer,
        "error": getattr(answer, "code", type(answer).__name__) if failed else None,
    }


def _detections(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        {
            "detection_id": str(evidence.detection_id[row]),
            "class": str(evidence.class_name[row]),
            "confidence": round(float(evidence.confidence[row]), 6),
            "xyxy": [round(side, 3) for side in evidence.xyxy[row].tolist()],
        }
        for row in range(len(evidence))
    ]


def _box(xyxy: NDArray[np.float32]) -> list[float] | None:
    return [round(side, 3) for side in xyxy.tolist()] if np.isfinite(xyxy).all() else None


def _tracks(result: TurnResult) -> list[dict[str, Any]]:
    scores: Mapping[int, float] = dict(
        zip(result.view.track_id.tolist(), result.view.score.tolist(), strict=True)
    )
    table, names = result.standing.table, result.standing.table.shown_class()
    tracks = []
    for row, track_id in enumerate(table.track_id.tolist()):
        score = scores.get(track_id)
        tracks.append(
            {
                "tracker_id": int(table.tracker_id[row]),
                "class": str(names[row]),
                "visible": track_id in scores,
                "score": None if score is None else round(score, 6),
                "aside": bool(table.aside[row]),
                "xyxy": _box(table.last_xyxy[row]),
                "detection_id": str(table.detection_id[row]),
                "since_detection": int(table.since_detection[row]) - 1,
                "unseen": int(table.unseen[row]),
                "missed": int(table.missed[row]),
                "prompted": track_id in result.plan.conditioning,
                "remembered": track_id in result.plan.write,
            }
        )
    return tracks
