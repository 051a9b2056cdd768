"""Our tracker in the pipeline of Roboflow's engine, on people who walk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire.pipeline.evaluation import TrackingScore, TrackingTally, box_iou_matrix

Play = Callable[..., list[list[Any]]]


def _document(clip: Path, *, boxes: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "tests/replayed_boxes@v1",
                "name": "detector",
                "images": "$inputs.image",
                "path": str(clip / "gt.txt"),
                **(boxes or {}),
            },
            {
                "type": "trackwire/video_tracker@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$steps.detector.predictions",
                **options,
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"}
        ],
    }


def _video(clip: Path) -> str:
    return str(clip / "frames" / "%06d.jpg")


def _score(results: list[Any], clip: Path) -> TrackingScore:
    from guest_boxes import read_truth

    tally = TrackingTally(0.3)
    truth = read_truth(str(clip / "gt.txt"))
    for number, result in enumerate(results, 1):
        ids, xyxy = truth[number]
        tracks = result["tracks"]
        tally.add(ids, tracks.tracker_id, box_iou_matrix(xyxy, tracks.xyxy))
    return tally.score()


def test_identities_survive_reprompts(play: Play, pedestrians: Path) -> None:
    """Prompted every ten frames, nobody changes identity; starting anew, everybody does."""
    options = {"prompt_mode": "every_n_frames", "prompt_interval": 10}
    (kept,) = play(_document(pedestrians, **options), [_video(pedestrians)])
    assert len(kept) == 69
    score = _score(kept, pedestrians)
    assert score.identity_switches <= 1
    assert score.recall >= 0.75
    (anew,) = play(_document(pedestrians, on_reprompt="restart", **options), [_video(pedestrians)])
    assert _score(anew, pedestrians).identity_switches > 20
