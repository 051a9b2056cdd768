"""The block drives our tracker with that engine's batches, one stream or many."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks.roboflow_plugin.guest_block import GuestTracker, make_tracker_block
from trackwire.blocks.roboflow_plugin.known_engine import KnownEngine
from trackwire.specs import BlockError, ModelError, SessionError

OPTIONS = {"model_id": "lite@192", "prompt_mode": "every_n_frames", "prompt_interval": 3}


def _boxes(number: int) -> sv.Detections:
    left = 40 + 3 * number
    return sv.Detections(
        xyxy=np.array([[left, 40, left + 40, 80]], np.float32),
        data={"class_name": np.array(["square"], object)},
    )


def _ids(result: dict[str, Any]) -> list[int]:
    ids: list[int] = result["predictions"].tracker_id.tolist()
    return ids


def test_an_id_lasts_through_prompts(tracker: GuestTracker, picture: Callable[..., Any]) -> None:
    """Prompted every three frames, one square is one id, where the square is."""
    for number in range(1, 8):
        (result,) = tracker.run([picture("cam", number)], [_boxes(number)], **OPTIONS)
        assert _ids(result) == [1]
        tracks = result["predictions"]
        assert tracks.xyxy[0] == pytest.approx(_boxes(number).xyxy[0], abs=8)
        assert tracks.data["class_name"].tolist() == ["square"]
        assert tracks.data["parent_id"].tolist() == ["image"]
    tracker.close()
    assert tracker.tracker is None


def test_before_the_first_boxes_results_are_empty(
    tracker: GuestTracker, picture: Callable[..., Any]
) -> None:
    """No boxes, empty boxes and no value for boxes all give detections of length 0."""
    for number, boxes in enumerate([None, [None], [sv.Detections.empty()]], 1):
        (result,) = tracker.run([picture("cam", number)], boxes, **OPTIONS)
        assert _ids(result) == []
    (result,) = tracker.run([picture("cam", 4)], [_boxes(4)], **OPTIONS)
    assert _ids(result) == [1]


def test_streams_in_one_batch_have_tracks_of_their_own(
    tracker: GuestTracker, picture: Callable[..., Any]
) -> None:
    """What stands in another row of the batch changes nothing; rows keep their order."""
    for number in range(1, 5):
        pictures = [picture("left", number), None, picture("right", number)]
        boxes = [_boxes(number), None, None if number < 3 else _boxes(number)]
        left, nothing, right = tracker.run(pictures, boxes, **OPTIONS)
        assert _ids(left) == [1]
        assert nothing["predictions"] is None
        assert _ids(right) == ([] if number < 3 else [1])


def test_frames_of_one_stream_in_one_batch_come_in_order(
    tracker: GuestTracker, picture: Callable[..., Any]
) -> None:
    """Someone who sends a clip as one batch gets what sending it frame by frame gives."""
    batch = [picture("cam", number) for number in range(1, 5)]
    results = tracker.run(batch, [_boxes(number) for number in range(1, 5)], **OPTIONS)
    assert [_ids(result) for result in results] == [[1]] * 4
    assert tracker.tracker is not None
    (session,) = tracker.tracker.sessions
    assert session.tally.frames == 4


def test_a_restarted_source_begins_anew_with_new_ids(
    tracker: GuestTracker, picture: Callable[..., Any]
) -> None:
    """A number that runs back drops the tracks; their ids are not used again."""
    options = OPTIONS | {"on_gap": "reset"}
    tracker.run([picture("cam", 9)], [_boxes(9)], **options)
    (result,) = tracker.run([picture("cam", 1)], [None], **options)
    assert _ids(result) == []
    (result,) = tracker.run([picture("cam", 2)], [_boxes(2)], **options)
    assert _ids(result) == [2]


def test_pictures_without_numbers_are_counted(
    tracker: GuestTracker, picture: Callable[..., Any]
) -> None:
    """Frames sent by hand are all number 0, with a time that goes on."""
    for number in range(1, 5):
        unnumbered = picture("cam", number)
        unnumbered.video_metadata.frame_number = 0
        (result,) = tracker.run([unnumbered], [_boxes(number)], **OPTIONS)
        assert _ids(result) == [1]


def test_a_frame_that_fails_fails_alone(
    tracker: GuestTracker, picture: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Crops of one frame are refused, told in the log, and the other stream goes on."""
    crops = [picture("crops", 1), picture("crops", 1), picture("cam", 1)]
    with caplog.at_level(logging.ERROR, "trackwire.roboflow_plugin"):
        first, second, other = tracker.run(crops, [_boxes(1)] * 3, **OPTIONS)
    assert _ids(first) == [1]
    assert second["predictions"] is None
    assert _ids(other) == [1]
    assert "came twice" in caplog.text
    with pytest.raises(SessionError, match="crops of one frame"):
        tracker.run([picture("crops", 1)], None, on_error="stop", **OPTIONS)


def test_masks_of_another_size_fail_their_frame(
    tracker: GuestTracker, picture: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which size was found and which is needed."""
    boxes = _boxes(1)
    boxes.mask = np.ones((1, 10, 10), dtype=bool)
    (result,) = tracker.run([picture()], [boxes], **OPTIONS)
    assert result["predictions"] is None
    assert "10x10" in caplog.text
    assert "200x120" in caplog.text


def test_options_hold_for_a_run(tracker: GuestTracker, picture: Callable[..., Any]) -> None:
    """An option wired to something that changes is refused by name."""
    tracker.run([picture()], None, **OPTIONS)
    with pytest.raises(BlockError, match=r"prompt_interval changed .* from \[3\] to \[5\]"):
        tracker.run([picture("cam", 2)], None, **{**OPTIONS, "prompt_interval": 5})


def test_an_unknown_model_raises(tracker: GuestTracker, picture: Callable[..., Any]) -> None:
    """A mistake in the document is no matter of single frames."""
    with pytest.raises(ModelError, match="lite"):
        tracker.run([picture()], None, model_id="lyte")


def test_silent_streams_are_freed_and_their_ids_stay_used(
    stand_in: KnownEngine, picture: Callable[..., Any]
) -> None:
    """The engine does not tell that a stream ended: many identifiers leave few sessions."""
    now_s = [0.0]
    tracker = make_tracker_block(stand_in)("cpu", clock=lambda: now_s[0])
    options = {**OPTIONS, "session_timeout_s": 10.0}
    tracker.run([picture("gone", 1)], [_boxes(1)], **options)
    for step in range(1, 100):
        now_s[0] = step * 6.0
        tracker.run([picture(f"visitor-{step}", 1)], None, **options)
        assert len(tracker.tracker.sessions) <= 3
    (result,) = tracker.run([picture("gone", 2)], [_boxes(2)], **options)
    assert _ids(result) == [2]
    assert [event["event"] for event in result["events"]] == ["started"]


def test_threads_wait_for_one_another(tracker: GuestTracker, picture: Callable[..., Any]) -> None:
    """Two threads with a stream each get what they would get alone."""
    found: dict[str, list[list[int]]] = {"a": [], "b": []}

    def drive(stream: str) -> None:
        for number in range(1, 9):
            (result,) = tracker.run([picture(stream, number)], [_boxes(number)], **OPTIONS)
            found[stream].append(_ids(result))

    threads = [threading.Thread(target=drive, args=(stream,)) for stream in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == {"a": [[1]] * 8, "b": [[1]] * 8}
