"""What a tracker decided on each frame, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.specs import Batch, Resources


def explanation(tracker: Any, number: int, boxes: Any) -> dict[str, Any]:
    """Run one frame and return what was put out about it, by way of JSON."""
    (outcome,) = tracker.tick((tracker.frame(number), boxes))
    told: dict[str, Any] = json.loads(json.dumps(dict(outcome["explanation"])))
    return told


def test_each_detection_and_each_track_is_accounted_for(rig: Any) -> None:
    """Left out, born and matched: with the rule, the reason, the ids and the numbers."""
    tracker = rig(rig.still, prompt_mode="every_frame", explain=True, min_prompt_confidence=0.2)
    first = explanation(tracker, 0, rig.boxes([rig.LEFT, (0, 0, 9, 9)], confidence=[0.9, 0.1]))
    assert first["schema"] == "trackwire.explanation/1"
    assert (first["step"], first["video_identifier"], first["frame_number"]) == ("tracker", "a", 0)
    assert [each["detection_id"] for each in first["detections"]] == ["a/0/boxes/0"]
    assert [
        (each["rule"], each["verdict"], each["reason"], each["detection_id"], each["tracker_id"])
        for each in first["decisions"]
    ] == [
        (2, "ignored", "low_confidence", "a/0/boxes/1", None),
        (6, "born", "free", "a/0/boxes/0", 1),
    ]
    (track,) = first["tracks"]
    assert (track["tracker_id"], track["visible"], track["prompted"]) == (1, True, True)
    assert [event["event"] for event in first["events"]] == ["started"]
    second = explanation(tracker, 1, rig.boxes([rig.LEFT]))
    (matched,) = second["decisions"]
    assert (matched["verdict"], matched["tracker_id"]) == ("matched", 1)
    assert matched["values"]["iou"] == 1.0
    assert not second["tracks"][0]["prompted"]


def test_frames_without_prompts_and_requests_are_told(rig: Any) -> None:
    """A reader sees why nothing was matched, and what was asked for by hand."""
    tracker = rig(rig.still, explain=True)
    tracker.step(0)
    tracker.tracker.control.rename("a", 1, 40)
    tracker.tracker.control.prompt("a", box=(60, 90, 70, 100))
    told = explanation(tracker, 1, None)
    assert (told["prompt_frame"], told["gap"], told["detections"]) == (False, None, [])
    assert told["requests"] == [
        {"request": "RenameTrack", "tracker_id": 40, "error": None},
        {"request": "PromptTrack", "tracker_id": None, "error": "nothing_found"},
    ]
    assert [each["tracker_id"] for each in told["tracks"]] == [40, 2]


def test_decisions_name_tracks_as_they_are_known_outside(rig: Any) -> None:
    """Somebody who renamed a track looks for it under its new id."""
    tracker = rig(rig.still, prompt_mode="every_frame", explain=True)
    tracker.step(0)
    tracker.tracker.control.rename("a", 1, 40)
    told = explanation(tracker, 1, tracker.truth(tracker.frame(1)))
    assert [(each["verdict"], each["tracker_id"]) for each in told["decisions"]] == [
        ("matched", 40),
        ("matched", 2),
    ]


def test_nothing_is_put_together_unasked(rig: Any) -> None:
    """Off, the output is empty."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    assert explanation(tracker, 0, tracker.truth(tracker.frame(0))) == {}


def test_whoever_opens_a_tracker_may_listen(rig: Any) -> None:
    """Without a word in the document: this is what trackwire run --explain does."""
    helper, told = rig(rig.still), list[Mapping[str, Any]]()
    step = VideoTracker.manifest.model_validate(
        {"type": "trackwire/video_tracker@v1", "name": "tracker", "images": "$inputs.image"}
    )
    resources = Resources(model_loader=lambda _id: helper.model, explain=told.append)
    tracker = VideoTracker.open(step, resources)
    frame = helper.frame(0)
    tracker.run(Batch(["a"], {"images": [frame], "boxes": [helper.truth(frame)]}))
    assert [len(each["tracks"]) for each in told] == [2]
