"""Steering a tracker by hand while it runs."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest

from trackwire.specs import SessionError


def happened(tracker: Any) -> list[tuple[Any, ...]]:
    """Return what happened to tracks: event, id, reason, frame and the track that goes on."""
    return [
        (e.fields["event"], e.fields["tracker_id"], e.fields["reason"], e.frame_number)
        + ((e.fields["into"],) if "into" in e.fields else ())
        for e in tracker.track_events
    ]


def blind(rig: Any, tracker: Any, number: int) -> dict[int, list[float]]:
    """Run a frame on which nothing is detected."""
    places: dict[int, list[float]] = rig.places(tracker.step(number, rig.boxes([])))
    return places


@pytest.fixture
def tracked(rig: Any) -> Any:
    """A tracker that follows two people in stream ``a`` from frame 0 on."""
    tracker = rig(rig.still)
    tracker.step(0)
    tracker.track_events.clear()
    return tracker


@pytest.mark.parametrize(
    "given",
    [
        {"box": (98, 18, 132, 300)},
        {"points": [(110, 40), (120, 70), (5, 5)], "labels": [1, 1, 0]},
        {"mask": np.pad(np.ones((60, 30), dtype=bool), ((20, 40), (100, 30)))},
    ],
    ids=["box", "points", "mask"],
)
def test_a_prompt_begins_a_track(rig: Any, given: dict[str, Any]) -> None:
    """On the next frame, with an id of its own, whether or not detections are looked at."""
    tracker = rig(rig.still)
    tracker.step(0, rig.boxes([rig.LEFT], names=["person"]))
    asked = tracker.tracker.control.prompt("a", **given, class_name="forklift")
    assert not asked.done()
    found = tracker.step(1)
    assert asked.result(0) == 2
    assert rig.places(found) == {1: list(rig.LEFT), 2: list(rig.RIGHT)}
    assert found.data["class_name"].tolist() == ["person", "forklift"]
    assert found.data["prompt_detection_id"].tolist()[1] == "a/1/prompts/0"
    assert happened(tracker)[-1] == ("started", 2, "prompted", 1)


def test_a_prompt_needs_no_detections(rig: Any) -> None:
    """Boxes may be unwired: what is followed is what was pointed at."""
    tracker = rig(rig.still)
    assert blind(rig, tracker, 0) == {}
    tracker.tracker.control.prompt("a", box=rig.LEFT)
    assert blind(rig, tracker, 1) == {1: list(rig.LEFT)}
    assert blind(rig, tracker, 2) == {1: list(rig.LEFT)}
    assert tracker.wants(3)


def test_a_prompt_shows_the_model_a_track_anew(rig: Any, tracked: Any) -> None:
    """The id stays, the mask moves: here both people are swapped by hand."""
    control = tracked.tracker.control
    asked = (
        control.prompt("a", box=rig.RIGHT, tracker_id=1),
        control.prompt("a", box=rig.LEFT, tracker_id=2),
    )
    assert rig.places(tracked.step(1)) == {1: list(rig.RIGHT), 2: list(rig.LEFT)}
    assert [each.result(0) for each in asked] == [1, 2]
    assert happened(tracked) == []


def test_a_box_by_hand_and_a_detection_of_one_object_are_one_track(rig: Any) -> None:
    """On a prompt frame the detector may see what is being pointed at."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    tracker.step(0, rig.boxes([rig.LEFT]))
    tracker.tracker.control.prompt("a", box=rig.RIGHT)
    assert rig.places(tracker.step(1)) == {1: list(rig.LEFT), 2: list(rig.RIGHT)}
    assert rig.places(tracker.step(2)).keys() == {1, 2}


def test_what_is_removed_is_gone_and_forgotten(rig: Any, tracked: Any) -> None:
    """The model forgets it, its id is not used again, the other track goes on."""
    asked = tracked.tracker.control.remove("a", 1)
    assert rig.places(tracked.step(1)) == {2: list(rig.RIGHT)}
    assert asked.result(0) == 1
    assert set(tracked.model.open_states[0].follows) == {2}
    assert happened(tracked) == [("ended", 1, "removed", 1)]
    tracked.tracker.control.remove("a", 2)
    assert len(tracked.step(2)) == 0
    assert tracked.model.open_states == []
    tracked.tracker.control.prompt("a", box=rig.LEFT)
    assert rig.places(tracked.step(3)).keys() == {3}


def test_a_track_takes_a_new_id_or_a_name(rig: Any, tracked: Any) -> None:
    """Ids go on above the one that was given; a name outlasts detections."""
    control = tracked.tracker.control
    asked = control.rename("a", 1, 40), control.rename("a", 2, "referee")
    found = tracked.step(1)
    assert rig.places(found) == {40: list(rig.LEFT), 2: list(rig.RIGHT)}
    assert found.data["class_name"].tolist() == ["person", "referee"]
    assert [each.result(0) for each in asked] == [40, 2]
    assert happened(tracked) == [("renamed", 1, "requested", 1, 40)]
    control.remove("a", 40)
    control.prompt("a", box=rig.LEFT)
    assert rig.places(tracked.step(2)).keys() == {2, 41}
    control.rename("a", 2, "")
    assert tracked.step(3).data["class_name"].tolist()[0] == "person"


def test_detections_do_not_take_a_name_back(rig: Any) -> None:
    """But they still match the track by the class they know."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    tracker.step(0)
    tracker.tracker.control.rename("a", 1, "referee")
    for number in range(1, 4):
        found = tracker.step(number)
        assert found.data["class_name"].tolist() == ["referee", "person"]
        assert found.tracker_id.tolist() == [1, 2]


def test_merging_keeps_the_first_id_and_the_one_that_is_seen(rig: Any) -> None:
    """Somebody who went out of sight and came back as another is one again."""

    def returning(stream: str, number: int) -> dict[str, Any]:
        if number < 2:
            return {"person1": rig.LEFT}
        return {"person2": rig.RIGHT} if number > 3 else {}

    tracker = rig(returning, prompt_mode="every_frame")
    for number in range(6):
        tracker.step(number)
    assert tracker.tracker.control.status().sessions[0].tracks == (1, 2)
    asked = tracker.tracker.control.merge("a", 1, 2)
    assert rig.places(tracker.step(6)) == {1: list(rig.RIGHT)}
    assert asked.result(0) == 1
    assert happened(tracker)[-2:] == [
        ("merged", 2, "requested", 6, 1),
        ("found", 1, "requested", 6),
    ]
    assert rig.places(tracker.step(7)) == {1: list(rig.RIGHT)}


def test_merging_two_that_are_seen_keeps_the_first_one(rig: Any, tracked: Any) -> None:
    """Its mask goes on, the other's is forgotten."""
    tracked.tracker.control.merge("a", 2, 1)
    assert rig.places(tracked.step(1)) == {2: list(rig.RIGHT)}
    assert happened(tracked) == [("merged", 1, "requested", 1, 2)]


def test_a_track_that_ended_comes_back_by_a_merge(rig: Any) -> None:
    """An id means one object: whoever knows that it is the same one may say so."""

    def returning(stream: str, number: int) -> dict[str, Any]:
        return {"person1": rig.LEFT} if number < 2 or number > 5 else {}

    tracker = rig(returning, prompt_mode="every_frame", lost_after=2)
    for number in range(6):
        tracker.step(number)
    assert rig.places(tracker.step(6)).keys() == {2}
    tracker.tracker.control.merge("a", 1, 2)
    assert rig.places(tracker.step(7)).keys() == {1}
    session = tracker.tracker.sessions.peek("a")
    assert (session.tally.born, session.tally.ended) == (2, 1)
    with pytest.raises(SessionError, match="has no track 2; there are: 1"):
        tracker.tracker.control.merge("a", 2, 1)


def test_a_reset_begins_anew_and_asks_for_boxes_at_once(rig: Any, tracked: Any) -> None:
    """All tracks end; the next frame is a first frame; ids go on; one event."""
    assert not tracked.wants(1)
    asked = tracked.tracker.control.reset("a")
    assert tracked.wants(1)
    assert rig.places(tracked.step(1)).keys() == {3, 4}
    assert asked.result(0) is None
    assert len(tracked.model.open_states) == 1
    assert [event.kind for event in tracked.events] == ["tracker.session_reset"]
    assert [each[:3] for each in happened(tracked)] == [
        ("ended", 1, "reset"),
        ("ended", 2, "reset"),
        ("started", 3, "detected"),
        ("started", 4, "detected"),
    ]
    assert tracked.tracker.control.status().sessions[0].tally.resets == 1


def test_requests_are_carried_out_in_order(rig: Any, tracked: Any) -> None:
    """One may rest on another that waits; what can do nothing any more says so."""
    control = tracked.tracker.control
    lost = control.prompt("a", box=rig.LEFT, tracker_id=1)
    renamed, removed = control.rename("a", 1, 7), control.remove("a", 7)
    with pytest.raises(SessionError, match="has no track 7"):
        control.remove("a", 7)
    assert rig.places(tracked.step(1)).keys() == {2}
    assert (renamed.result(0), removed.result(0)) == (7, 7)
    with pytest.raises(SessionError) as told:
        lost.result(0)
    assert told.value.code == "prompt_withdrawn"
    assert "let a frame pass" in str(told.value)


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda control: control.remove("nobody", 1), "unknown_stream"),
        (lambda control: control.remove("a", 3), "unknown_track"),
        (lambda control: control.prompt("a", box=(0, 0, 9, 9), tracker_id=3), "unknown_track"),
        (lambda control: control.rename("a", 3, "x"), "unknown_track"),
        (lambda control: control.rename("a", 1, 2), "id_used"),
        (lambda control: control.rename("a", 1, 1), "same_track"),
        (lambda control: control.merge("a", 1, 1), "same_track"),
        (lambda control: control.merge("a", 3, 1), "unknown_track"),
    ],
)
def test_what_cannot_be_is_refused_at_once(tracked: Any, ask: Any, code: str) -> None:
    """The caller hears it, with what there is; nothing waits and nothing changes."""
    with pytest.raises(SessionError) as told:
        ask(tracked.tracker.control)
    assert told.value.code == code
    assert tracked.step(1).tracker_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"box": (0, 0, 9, 9), "points": [(1, 1)]},
        {"box": (9, 0, 0, 9)},
        {"box": (0, 0, 9, float("nan"))},
        {"box": (0, 0, 9)},
        {"points": [(1, 1)], "labels": [0]},
        {"points": [(1, 1)], "labels": [1, 1]},
        {"points": []},
        {"box": (0, 0, 9, 9), "labels": [1]},
        {"mask": np.zeros((120, 160), dtype=bool)},
    ],
)
def test_a_malformed_prompt_is_refused_at_once(tracked: Any, given: dict[str, Any]) -> None:
    """One of box, points and mask, and it must point at something."""
    with pytest.raises(ValueError, match=r"box|points|mask|labels"):
        tracked.tracker.control.prompt("a", **given)


@pytest.mark.parametrize(
    ("given", "code", "found"),
    [
        ({"box": (200, 0, 220, 9)}, "prompt_outside", "[200.0, 0.0, 220.0, 9.0]"),
        ({"mask": np.ones((12, 16), dtype=bool)}, "prompt_size", "16x12"),
        ({"box": (60, 90, 70, 100)}, "nothing_found", "draw a box around the whole object"),
    ],
)
def test_a_prompt_that_leads_to_nothing_fails_alone(
    tracked: Any, given: Any, code: str, found: str
) -> None:
    """The future and one event say why, and what to do; the frame and the tracks are as ever."""
    asked = tracked.tracker.control.prompt("a", **given)
    assert tracked.step(1).tracker_id.tolist() == [1, 2]
    with pytest.raises(SessionError) as told:
        asked.result(0)
    assert told.value.code == code
    assert found in str(told.value)
    assert [(e.kind, e.fields["code"]) for e in tracked.events] == [
        ("tracker.request_failed", code)
    ]


def test_a_prompt_above_max_objects_is_refused(rig: Any) -> None:
    """The limit holds for what is pointed at as well."""
    tracker = rig(rig.still, max_objects=1)
    tracker.step(0, rig.boxes([rig.LEFT]))
    asked = tracker.tracker.control.prompt("a", box=rig.RIGHT)
    assert rig.places(tracker.step(1)).keys() == {1}
    refused = asked.exception(0)
    assert isinstance(refused, SessionError)
    assert refused.code == "max_objects"
    assert "has 1 tracks, as many as max_objects allows" in str(refused)


def test_a_prompt_that_breaks_the_model_does_not_break_the_stream(tracked: Any) -> None:
    """The frame is done without it; a fault that is not the prompt's leaves it waiting."""
    control = tracked.tracker.control
    tracked.model.faults["prompt", "a", 1] = RuntimeError("no")
    asked = control.prompt("a", box=(100, 20, 130, 80))
    assert tracked.step(1).tracker_id.tolist() == [1, 2]
    assert getattr(asked.exception(0), "code", None) == "tracking_failed"
    tracked.model.faults["encode", "a", 2] = RuntimeError("no")
    asked = control.remove("a", 1)
    tracked.tick((tracked.frame(2), None))
    assert not asked.done()
    assert tracked.step(3).tracker_id.tolist() == [2]
    assert asked.result(0) == 1


def test_a_request_may_be_cancelled_before_its_frame(tracked: Any) -> None:
    """Then nothing happens."""
    asked = tracked.tracker.control.remove("a", 1)
    assert asked.cancel()
    assert tracked.step(1).tracker_id.tolist() == [1, 2]
    with pytest.raises(CancelledError):
        asked.result(0)


def test_what_waits_when_a_stream_ends_fails(tracked: Any) -> None:
    """Nobody waits for ever for a frame that does not come."""
    asked = tracked.tracker.control.remove("a", 1)
    tracked.tracker.end_stream("a")
    assert getattr(asked.exception(0), "code", None) == "stream_ended"
    assert tracked.tracker.control.streams == ()


def test_a_gap_comes_before_what_was_asked_for(rig: Any) -> None:
    """The tracks it was about have ended: it is not done to those that came after."""
    tracked = rig(rig.still, on_gap="reset")
    tracked.step(0)
    asked = tracked.tracker.control.remove("a", 1)
    assert tracked.step(1, epoch=1).tracker_id.tolist() == [3, 4]
    assert getattr(asked.exception(0), "code", None) == "unknown_track"
