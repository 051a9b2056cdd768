"""The known id of SAM 3 in its visual mode: points and boxes on the video tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, VideoMetadata
from trackwire.blocks.track.sam3_video import Sam3VideoTracker
from trackwire.specs import Batch, Failure, Resources

RED, GREEN = (60, 40), (150, 80)
"""Centres of the two squares on frame 0; both move to the right by a pixel each frame."""


def picture(number: int, stream: str = "a", epoch: int = 0) -> Frame:
    """A red and a green square, 40 pixels wide, on noise."""
    noise = np.random.default_rng(7)
    image = noise.integers(90, 130, (120, 200, 3), dtype=np.uint8)
    for (x, y), colour in ((RED, (20, 20, 220)), (GREEN, (20, 220, 20))):
        left = x - 20 + number
        image[y - 20 : y + 20, left : left + 40] = colour
    video = VideoMetadata(stream, 0, number, epoch, None, datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    return Frame(image, video)


def points(*places: tuple[int, int]) -> list[Any]:
    """One point on each object."""
    return [[{"x": x, "y": y, "positive": True}] for x, y in places]


@pytest.fixture
def follow() -> Iterator[Callable[..., Any]]:
    """Open the block with the embedded model."""
    opened: list[Sam3VideoTracker] = []

    def of(clock: Any = None, **step: Any) -> Sam3VideoTracker:
        manifest = Sam3VideoTracker.manifest.model_validate(
            {
                "type": "roboflow_core/sam3_video@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "tracking_mode": "visual",
                "visual_model_id": "lite@192",
                "points": "$inputs.points",
                **step,
            }
        )
        resources = Resources() if clock is None else Resources(clock=clock)
        opened.append(Sam3VideoTracker.open(manifest, resources))
        return opened[-1]

    yield of
    for tracker in opened:
        tracker.close()


def tick(tracker: Sam3VideoTracker, frame: Frame, shown: Any, boxes: Any = None) -> Any:
    """Take one frame through: the ids that are put out, or the failure."""
    stream = frame.video.video_identifier
    batch = Batch([stream], {"images": [frame], "boxes": [boxes], "points": [shown]})
    (outcome,) = tracker.run(batch)
    if isinstance(outcome, Failure):
        return outcome.error
    assert isinstance(outcome, Mapping)
    return outcome["predictions"].tracker_id.tolist()


def test_points_begin_tracks_once(follow: Callable[..., Any]) -> None:
    """One object for each list of points; the first frame that has any is the only one."""
    tracker = follow()
    assert tick(tracker, picture(0), None) == []
    for number in range(1, 6):
        assert tick(tracker, picture(number), points(RED, GREEN)) == [1, 2]


def test_boxes_and_points_begin_tracks_side_by_side(follow: Callable[..., Any]) -> None:
    """A box and a point on two objects: two tracks, the one with its detection's class."""
    tracker = follow(boxes="$steps.finder.predictions")
    x, y = GREEN
    boxes = sv.Detections(
        np.array([[x - 20, y - 20, x + 20, y + 20]], np.float32),
        confidence=np.array([0.9], np.float32),
        class_id=np.array([7]),
        data={"class_name": np.array(["van"])},
    )
    batch: dict[str, Any] = {"images": [picture(0)], "boxes": [boxes], "points": [points(RED)]}
    assert tracker.demand(Batch(["a"], batch)) == {"boxes": [True]}
    (outcome,) = tracker.run(Batch(["a"], batch))
    assert isinstance(outcome, Mapping)
    assert set(outcome) == {"predictions", "events"}
    found = outcome["predictions"]
    assert found.tracker_id.tolist() == [1, 2]
    names = found.data["class_name"].tolist()
    assert sorted(names) == ["object", "van"]
    centre = found.get_anchors_coordinates(sv.Position.CENTER)[names.index("van")]
    assert np.abs(centre - GREEN).max() < 8


@pytest.mark.parametrize("mode", ["every_n_frames", "every_frame"])
def test_later_prompts_keep_the_ids_under_any_name(follow: Callable[..., Any], mode: str) -> None:
    """Points that are shown again refine the track they began, also after it was renamed."""
    tracker = follow(prompt_mode=mode, prompt_interval=2)
    for number in range(2):
        assert tick(tracker, picture(number), points(RED)) == [1]
    tracker.control.rename("a", 1, 9)
    for number in range(2, 5):
        assert tick(tracker, picture(number), points(RED)) == [9]


def test_a_reset_shows_the_points_anew(follow: Callable[..., Any]) -> None:
    """Whoever resets a stream begins anew: the next frame is the first one, once."""
    tracker = follow()
    assert tick(tracker, picture(0), points(RED)) == [1]
    tracker.control.reset("a")
    for number in range(1, 4):
        assert tick(tracker, picture(number), points(RED)) == [2]


@pytest.mark.parametrize(("on_gap", "ids"), [("reset", [2]), ("associate", [1])])
def test_a_gap_shows_the_points_anew(
    follow: Callable[..., Any], on_gap: str, ids: list[int]
) -> None:
    """After a gap points are due: they begin new tracks, or refine those that go on."""
    tracker = follow(on_gap=on_gap)
    assert tick(tracker, picture(0), points(RED)) == [1]
    for number in range(3):
        assert tick(tracker, picture(number, epoch=1), points(RED)) == ids


def test_a_stream_that_lost_its_session_is_shown_the_points_again(
    follow: Callable[..., Any],
) -> None:
    """A session that gave way to another stream is a new one when it returns."""
    now = [0.0]
    tracker = follow(lambda: now[0], max_sessions=1, idle_after_s=1.0)
    assert tick(tracker, picture(0), points(RED)) == [1]
    now[0] += 2.0
    assert tick(tracker, picture(0, "b"), points(GREEN)) == [1]
    now[0] += 2.0
    assert tick(tracker, picture(1), points(RED)) == [2], "ids are used up"
    assert len(tracker._points._streams) == 1, "nothing is kept of streams that are gone"


def test_points_are_shown_again_if_the_model_failed(
    follow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not for the points: they come again, and one track comes of them."""
    tracker = follow()
    model = tracker._tracker._model
    with monkeypatch.context() as broken:
        broken.setattr(model.wrapped, "encode", lambda *_: 1 / 0)
        for number in range(3):
            assert tick(tracker, picture(number), points(RED)) == []
    for number in range(3, 6):
        assert tick(tracker, picture(number), points(RED)) == [1]


def test_points_that_wait_are_not_shown_twice(
    follow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that fail leave the points of a later object waiting: one track comes of them."""
    tracker = follow(prompt_mode="every_frame")
    assert tick(tracker, picture(0), points(RED)) == [1]
    model = tracker._tracker._model
    with monkeypatch.context() as broken:
        broken.setattr(model.wrapped, "encode", lambda *_: 1 / 0)
        for number in range(1, 3):
            assert tick(tracker, picture(number), points(RED, GREEN)).code == "tracking_failed"
    for number in range(3, 5):
        assert tick(tracker, picture(number), points(RED, GREEN)) == [1, 2]


def test_an_object_that_was_removed_is_shown_as_a_new_one(follow: Callable[..., Any]) -> None:
    """Where points are shown on every frame, a removal by hand makes room for a new track."""
    tracker = follow(prompt_mode="every_frame")
    assert tick(tracker, picture(0), points(RED)) == [1]
    tracker.control.remove("a", 1)
    seen = [tick(tracker, picture(number), points(RED)) for number in range(1, 5)]
    assert seen == [[], [2], [2], [2]]


def test_what_is_no_points_fails_the_element(follow: Callable[..., Any]) -> None:
    """The error says what points are; the session stays as it is, and other streams go on."""
    tracker = follow()
    frames = [picture(0, "a"), picture(0, "b")]
    shown = [[{"x": 1}], points(RED)]
    batch = Batch(["a", "b"], {"images": frames, "boxes": [None, None], "points": shown})
    bad, good = tracker.run(batch)
    assert isinstance(bad, Failure)
    assert "a point is" in str(bad.error)
    assert isinstance(good, Mapping)
    assert good["predictions"].tracker_id.tolist() == [1]
    assert tick(tracker, frames[0], points(RED)) == [1], "the same frame may come again"
    assert tick(tracker, frames[0], points(RED)).code == "frame_repeated"
