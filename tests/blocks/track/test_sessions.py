"""Streams and their sessions: gaps, failures, and who gets one."""

from __future__ import annotations

from typing import Any

import pytest

from trackwire.specs import Failure, ModelError, SessionError


@pytest.mark.parametrize(
    ("number", "where"),
    [(6, {"epoch": 1}), (3, {}), (6, {"size_wh": (80, 60)})],
    ids=["epoch", "back", "size"],
)
def test_a_gap_resets_and_asks_for_boxes_at_once(
    rig: Any, number: int, where: dict[str, Any]
) -> None:
    """A new epoch, a number that runs back or another size: new tracks, new ids, one event."""
    tracker = rig(rig.still, on_gap="reset")
    for earlier in range(6):
        tracker.step(earlier)
    assert not tracker.wants(6)
    assert tracker.wants(number, **where)
    found = tracker.step(number, rig.boxes([(5, 5, 35, 55)]), **where)
    assert found.tracker_id.tolist() in ([3], [])
    assert [event.kind for event in tracker.events] == ["tracker.session_reset"]
    assert len(tracker.model.open_states) <= 1


def test_frames_left_out_are_no_gap(rig: Any) -> None:
    """A live buffer drops frames; tracks go on, and only processed frames are counted."""
    tracker = rig(rig.still, prompt_mode="every_n_frames", prompt_interval=3)
    tracker.step(0)
    tracker.step(10)
    assert not tracker.wants(20)
    assert rig.places(tracker.step(20)).keys() == {1, 2}
    assert tracker.wants(21)
    assert tracker.events == []


def test_a_repeated_frame_fails_alone_and_changes_nothing(rig: Any) -> None:
    """The error names stream and frame; the next frame goes on as if nothing had been."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    tracker.step(0)
    before = tracker.tracker.sessions.peek("a").standing
    assert not tracker.wants(0)
    outcome = tracker.tick((tracker.frame(0), rig.boxes([rig.LEFT])))[0]
    assert isinstance(outcome.error, SessionError)
    assert (outcome.error.code, outcome.error.context["frame_number"]) == ("frame_repeated", 0)
    assert tracker.tracker.sessions.peek("a").standing is before
    assert rig.places(tracker.step(1)).keys() == {1, 2}


def test_streams_go_through_the_model_together(rig: Any) -> None:
    """One call of each kind for a batch of streams, and ids of each stream count from 1."""
    tracker = rig(rig.still)
    frames = [tracker.frame(0, stream=name) for name in "abc"]
    outcomes = tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
    assert [rig.places(each["predictions"]).keys() for each in outcomes] == [{1, 2}] * 3
    assert [name for name, _ in tracker.model.calls] == [
        "encode",
        "propagate",
        "prompt",
        "remember",
    ]


@pytest.mark.parametrize("phase", ["encode", "propagate", "prompt"])
def test_a_model_error_fails_only_the_stream_that_causes_it(rig: Any, phase: str) -> None:
    """The others are done one by one; the bad one keeps its tracks and goes on later."""
    tracker = rig(rig.still, prompt_mode="every_frame", reprompt="always")

    def tick(number: int) -> list[Any]:
        frames = [tracker.frame(number, stream=name) for name in "abc"]
        outcomes: list[Any] = tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
        return outcomes

    tick(0)
    tracker.model.faults[phase, "b", 1] = RuntimeError("out of memory")
    good, bad, also_good = tick(1)
    assert isinstance(bad.error, ModelError)
    assert "frame 1 of stream 'b'" in str(bad.error)
    assert "RuntimeError: out of memory" in str(bad.error)
    assert isinstance(bad.error.__cause__, RuntimeError)
    for outcome in (good, also_good, *tick(2)):
        assert rig.places(outcome["predictions"]) == {1: list(rig.LEFT), 2: list(rig.RIGHT)}


def test_a_half_written_memory_is_not_trusted(rig: Any) -> None:
    """If the model fails while it writes, tracks end with an event; ids go on from there."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    tracker.step(0)
    tracker.model.faults["remember", "a", 1] = RuntimeError("disk on fire")
    outcome = tracker.tick((tracker.frame(1), rig.boxes([rig.LEFT])))[0]
    assert isinstance(outcome, Failure)
    assert tracker.model.open_states == []
    assert [event.kind for event in tracker.events] == ["tracker.memory_lost"]
    assert rig.places(tracker.step(2)).keys() == {3, 4}


def test_a_failed_birth_leaves_no_state_behind(rig: Any) -> None:
    """States opened for a turn that failed are closed, and its ids are not spent."""
    tracker = rig(rig.still)
    tracker.model.faults["prompt", "a", 0] = RuntimeError("no")
    tracker.tick((tracker.frame(0), rig.boxes([rig.LEFT])))
    assert tracker.model.open_states == []
    assert rig.places(tracker.step(1)).keys() == {1, 2}


def test_the_end_of_a_stream_frees_all_but_the_count_of_ids(rig: Any) -> None:
    """Sessions and bytes return to zero; the same identifier never sees an old id again."""
    tracker = rig(rig.still)
    tracker.step(0)
    tracker.step(0, stream="b")
    assert tracker.tracker.sessions.nbytes() == 4000
    tracker.tracker.end_stream("a")
    tracker.tracker.end_stream("never seen")
    assert len(tracker.tracker.sessions) == 1
    assert rig.places(tracker.step(0)).keys() == {3, 4}
    tracker.tracker.close()
    assert (len(tracker.tracker.sessions), tracker.tracker.sessions.nbytes()) == (0, 0)
    assert tracker.model.open_states == []


def test_above_the_cap_a_live_stream_is_refused_with_one_event(rig: Any) -> None:
    """The streams that are tracked stay tracked; boxes of the refused one are not wanted."""
    tracker = rig(rig.still, max_sessions=1)
    tracker.step(0)
    assert not tracker.wants(0, stream="b")
    for number in range(3):
        frame = tracker.frame(number, stream="b")
        outcome = tracker.tick((frame, tracker.truth(frame)))[0]
        assert outcome.error.code == "session_cap"
    assert [event.kind for event in tracker.events] == ["tracker.session_refused"]
    assert rig.places(tracker.step(1)).keys() == {1, 2}
    tracker.tracker.end_stream("a")
    assert rig.places(tracker.step(3, stream="b")).keys() == {1, 2}
