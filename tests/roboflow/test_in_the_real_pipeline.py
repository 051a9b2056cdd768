"""Our tracker in the pipeline of Roboflow's engine, on people who walk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import supervision as sv

from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.pipeline.evaluation import TrackingScore, TrackingTally

Play = Callable[..., list[list[Any]]]
REPROMPT = {"prompt_mode": "every_n_frames", "prompt_interval": 10}


def _document(clip: Path, *more: dict[str, Any], **changes: Any) -> dict[str, Any]:
    detector = {
        "type": "tests/replayed_boxes@v1",
        "name": "detector",
        "images": "$inputs.image",
        "path": str(clip / "gt.txt"),
        **changes.pop("detector", {}),
    }
    tracker = {
        "type": "trackwire/video_tracker@v1",
        "name": "tracker",
        "images": "$inputs.image",
        "boxes": "$steps.detector.predictions",
        **changes,
    }
    outputs = [
        {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"},
        *(
            {"type": "JsonField", "name": s["name"], "selector": f"$steps.{s['name']}.*"}
            for s in more
        ),
    ]
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [detector, tracker, *more],
        "outputs": outputs,
    }


def _score(results: list[Any], clip: Path) -> TrackingScore:
    from guest_boxes import read_truth

    tally = TrackingTally(0.3)
    truth = read_truth(str(clip / "gt.txt"))
    for number, result in enumerate(results, 1):
        ids, xyxy = truth[number]
        tracks = result["tracks"]
        tally.add(ids, tracks.tracker_id, sv.box_iou_batch(xyxy, tracks.xyxy))
    return tally.score()


def test_the_engine_lists_the_block_with_our_options(engine: Any) -> None:
    """Its editor learns of the block and of each option as of its own."""
    from inference.core.workflows.execution_engine.introspection.blocks_loader import (
        describe_available_blocks,
    )

    blocks = describe_available_blocks(dynamic_blocks=[]).blocks
    (ours,) = [b for b in blocks if b.manifest_type_identifier == "trackwire/video_tracker@v1"]
    assert set(VideoTrackerManifest.model_fields) <= set(ours.block_schema["properties"])
    names = [output.name for output in ours.outputs_manifest]
    assert names == [output.name for output in VideoTrackerManifest.outputs]
    json.dumps(ours.block_schema)


def test_identities_survive_reprompts(play: Play, pedestrians: Path, walk: str) -> None:
    """Prompted every ten frames people keep their ids; starting anew, nobody does."""
    (kept,) = play(_document(pedestrians, **REPROMPT), [walk])
    assert len(kept) == 69
    score = _score(kept, pedestrians)
    assert score.identity_switches <= 1
    assert score.recall >= 0.75
    (anew,) = play(_document(pedestrians, on_reprompt="restart", **REPROMPT), [walk])
    assert _score(anew, pedestrians).identity_switches > 20


def test_sources_side_by_side_are_tracked_as_alone(
    play: Play, pedestrians: Path, walk: str
) -> None:
    """Two sources in one pipeline: each has the ids and boxes it would have alone."""
    document = _document(pedestrians, **REPROMPT)
    (alone,) = play(document, [walk])
    for results in play(document, [walk, walk]):
        assert len(results) == len(alone)
        for together, single in zip(results, alone, strict=True):
            assert together["tracks"].tracker_id.tolist() == single["tracks"].tracker_id.tolist()
            assert together["tracks"].xyxy == pytest.approx(single["tracks"].xyxy)


def test_blocks_of_the_engine_read_our_tracks(play: Play, pedestrians: Path, walk: str) -> None:
    """Masks are drawn, zones are timed and lines counted, also before the first detection."""
    tracks = "$steps.tracker.predictions"
    image = {"image": "$inputs.image"}
    line = [[0, 300], [760, 300]]
    zone = [[0, 0], [760, 0], [760, 570], [0, 570]]
    more = (
        {
            "type": "roboflow_core/mask_visualization@v1",
            "name": "masks",
            "predictions": tracks,
            **image,
        },
        {
            "type": "roboflow_core/line_counter@v2",
            "name": "line",
            "detections": tracks,
            "line_segment": line,
            **image,
        },
        {
            "type": "roboflow_core/time_in_zone@v2",
            "name": "zone",
            "detections": tracks,
            "zone": zone,
            **image,
        },
    )
    document = _document(pedestrians, *more, detector={"first": 5})
    (results,) = play(document, [walk], serialize_results=True)
    assert len(results) == 69
    assert [len(result["tracks"]["predictions"]) for result in results[:4]] == [0] * 4
    first = results[4]["tracks"]["predictions"][0]
    assert first["class"] == "person"
    assert len(first["points"]) > 2
    timed = results[40]["zone"]["timed_detections"]["predictions"]
    assert max(row["time_in_zone"] for row in timed) == pytest.approx(3.6, abs=0.2)


def test_a_branch_that_is_off_stops_no_tracking(play: Play, pedestrians: Path, walk: str) -> None:
    """A rate limiter before the detector saves its calls; the frames between are tracked."""
    limiter = {
        "type": "roboflow_core/rate_limiter@v1",
        "name": "limiter",
        "cooldown_seconds": 1.0,
        "depends_on": "$inputs.image",
        "next_steps": ["$steps.detector"],
        "video_reference_image": "$inputs.image",
    }
    document = _document(pedestrians, prompt_mode="every_frame")
    document["steps"].append(limiter)
    (results,) = play(document, [walk])
    seen = [len(result["tracks"]) for result in results]
    assert len(seen) == 69
    assert min(seen) >= 1
    assert _score(results, pedestrians).identity_switches <= 2


def test_a_failing_stream_fails_alone(
    play: Play, pedestrians: Path, walk: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With room for one stream the other gets None for each frame, and the pipeline goes on."""
    document = _document(pedestrians, max_sessions=1)
    results = play(document, [walk, walk])
    refused = [[result["tracks"] is None for result in stream] for stream in results]
    assert sorted(map(all, refused)) == [False, True]
    assert not any(map(any, [stream for stream in refused if not all(stream)]))
    assert "max_sessions" in caplog.text
