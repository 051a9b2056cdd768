"""The tracker block on a scene that is known exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.blocks.track.video_tracker import Sam2VideoTracker, VideoTracker
from trackwire.specs import (
    Batch,
    BlockError,
    Failure,
    Missing,
    ModelError,
    Resources,
    SessionError,
)

LEFT, RIGHT = (10, 20, 40, 80), (100, 20, 130, 80)


def still(stream: str, number: int) -> dict[str, tuple[int, int, int, int]]:
    """Two people who do not move."""
    return {"person1": LEFT, "person2": RIGHT}


def crossing(stream: str, number: int) -> dict[str, tuple[int, int, int, int]]:
    """One person walks past another who hides for five frames; a third comes in late."""
    objects = {"person1": (10 + 2 * number, 20, 40 + 2 * number, 80)}
    if not 10 <= number < 15:
        objects["person2"] = (100, 30, 130, 90)
    if number >= 20:
        objects["person3"] = (120, 95, 150, 115)
    return objects


def places(found: sv.Detections) -> dict[int, list[float]]:
    """Return the boxes of all tracks by id."""
    assert found.tracker_id is not None
    return dict(zip(found.tracker_id.tolist(), found.xyxy.tolist(), strict=True))


# What comes out


def test_predictions_have_every_field(rig: Any) -> None:
    """Boxes are the tight half-open boxes of the masks, and every standard field is there."""
    found = rig(still).step(0)
    assert places(found) == {1: list(LEFT), 2: list(RIGHT)}
    assert isinstance(found.mask, sv.CompactMask)
    assert found.mask.area.tolist() == [30 * 60, 30 * 60]
    assert found.data["class_name"].tolist() == ["person", "person"]
    assert found.data["parent_id"].tolist() == ["a/0", "a/0"]
    assert found.data["detection_id"].tolist() == ["a/0/tracker/0", "a/0/tracker/1"]
    assert found.data["prompt_detection_id"].tolist() == ["a/0/boxes/0", "a/0/boxes/1"]
    assert found.data["prediction_type"].tolist() == ["instance-segmentation"] * 2
    assert found.data["image_dimensions"].tolist() == [[120, 160]] * 2
    assert found.data["mask_score"] == pytest.approx([0.9, 0.9])


def test_an_empty_result_has_the_same_fields(rig: Any) -> None:
    """Nothing found is a value: readers of ids and masks need no special case."""
    empty, full = rig(still).step(0, rig.boxes([])), rig(still).step(0)
    assert len(empty) == 0
    assert empty.tracker_id is not None
    assert empty.tracker_id.dtype == np.int64
    assert empty.mask is not None
    assert empty.mask.shape == (0, 120, 160)
    assert empty.data.keys() == full.data.keys()


def test_class_and_confidence_are_those_of_the_latest_detection(rig: Any) -> None:
    """A track does not keep the first opinion of a detector, and names its detection."""
    tracker = rig(still, prompt_mode="every_n_frames", prompt_interval=2, class_agnostic=True)
    tracker.step(0, rig.boxes([LEFT], names=["car"], confidence=[0.9]))
    found = tracker.step(1)
    assert found.data["class_name"].tolist() == ["car"]
    found = tracker.step(2, rig.boxes([LEFT], names=["motorbike"], confidence=[0.4]))
    assert found.data["class_name"].tolist() == ["motorbike"]
    assert found.confidence == pytest.approx([0.4])
    assert found.data["prompt_detection_id"].tolist() == ["a/2/boxes/0"]
    assert found.tracker_id.tolist() == [1]


def test_detections_without_class_and_confidence_are_tolerated(rig: Any) -> None:
    """Bare boxes are as good as any; they keep the class that is known."""
    tracker = rig(still, prompt_mode="every_frame")
    found = tracker.step(0, rig.boxes([LEFT, RIGHT]))
    assert found.data["class_name"].tolist() == ["object", "object"]
    assert found.confidence.tolist() == [1.0, 1.0]
    tracker.step(1, rig.boxes([LEFT, RIGHT], names=["cat", "dog"]))
    found = tracker.step(2, rig.boxes([LEFT, RIGHT]))
    assert found.data["class_name"].tolist() == ["cat", "dog"]
    assert found.tracker_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    "box",
    [(50, 50, 50, 90), (200, 10, 300, 40), (-20, -20, -1, -1)],
)
def test_boxes_that_hold_no_pixel_are_left_out(rig: Any, box: Any) -> None:
    """An empty box, or one outside, is no detection, and stops nothing else."""
    assert len(rig(still).step(0, rig.boxes([box]))) == 0
    assert len(rig(still).step(0, rig.boxes([box, LEFT]))) == 1


def test_unwired_boxes_are_fine(rig: Any) -> None:
    """Without detections nothing is ever tracked, and the model is not bothered."""
    tracker = rig(still)
    for number in range(3):
        outcome = tracker.tracker.run(
            Batch(["a"], {"images": [tracker.frame(number)], "boxes": [Missing("not_wired")]})
        )
        assert len(outcome[0]["predictions"]) == 0
    assert tracker.model.calls == []


# Identity


def test_ids_last_through_prompts_hiding_and_crossing(rig: Any) -> None:
    """One object keeps one id through thirty prompts, five hidden frames and a newcomer."""
    for mode, interval in (("every_frame", 1), ("every_n_frames", 4)):
        tracker = rig(crossing, prompt_mode=mode, prompt_interval=interval)
        for number in range(32):
            found = tracker.step(number)
            truth = crossing("a", number)
            expected = {1: truth["person1"]}
            if "person2" in truth:
                expected[2] = truth["person2"]
            if "person3" in truth:
                expected[3] = truth["person3"]
            assert places(found) == {track: list(box) for track, box in expected.items()}


def test_every_frame_on_perfect_detections_equals_the_truth(rig: Any) -> None:
    """A track sits on its object on each frame, and the model is hardly prompted."""
    tracker = rig(still, prompt_mode="every_frame")
    for number in range(15):
        assert places(tracker.step(number)) == {1: list(LEFT), 2: list(RIGHT)}
    assert [(number, track) for _, number, track in tracker.model.prompted] == [(0, 1), (0, 2)]


def test_reprompt_always_prompts_each_match(rig: Any) -> None:
    """The same id, a new box, on every prompt frame."""
    tracker = rig(still, prompt_mode="every_frame", reprompt="always")
    for number in range(3):
        assert places(tracker.step(number)).keys() == {1, 2}
    assert len(tracker.model.prompted) == 6


def test_restart_drops_all_tracks_and_never_reuses_ids(rig: Any) -> None:
    """What the known block does at each prompt, but an id still means one object."""
    tracker = rig(still, prompt_mode="every_n_frames", prompt_interval=2, on_reprompt="restart")
    ids = [sorted(places(tracker.step(number))) for number in range(5)]
    assert ids == [[1, 2], [1, 2], [3, 4], [3, 4], [5, 6]]
    assert places(tracker.step(5)).keys() == {5, 6}
    assert places(tracker.step(6, rig.boxes([]))).keys() == {5, 6}
    assert len(tracker.model.open_states) == 1


def test_threshold_is_tested_at_birth_only(rig: Any) -> None:
    """A weak detection starts no track but carries one on."""
    tracker = rig(still, prompt_mode="every_frame", threshold=0.5)
    found = tracker.step(0, rig.boxes([LEFT, RIGHT], confidence=[0.5, 0.4]))
    assert places(found) == {1: list(LEFT)}
    found = tracker.step(1, rig.boxes([LEFT], confidence=[0.1]))
    assert found.confidence == pytest.approx([0.1])


def test_first_frame_waits_for_a_detection_that_can_become_a_track(rig: Any) -> None:
    """A frame with nothing but weak detections is not the first frame with detections."""
    tracker = rig(still, threshold=0.5)
    assert len(tracker.step(0, rig.boxes([]))) == 0
    assert len(tracker.step(1, rig.boxes([LEFT], confidence=[0.2]))) == 0
    assert tracker.wants(2)
    assert len(tracker.step(2, rig.boxes([LEFT], confidence=[0.8]))) == 1
    assert not tracker.wants(3)


def test_a_lost_track_ends_and_frees_the_memory(rig: Any) -> None:
    """After lost_after frames out of sight the track is gone, and no state is held for it."""

    def leaving(stream: str, number: int) -> dict[str, Any]:
        return {"person1": LEFT} if number < 3 else {}

    tracker = rig(leaving, lost_after=4)
    assert [len(tracker.step(number)) for number in range(7)] == [1, 1, 1, 0, 0, 0, 0]
    session = tracker.tracker.sessions.peek("a")
    assert len(session.standing.table) == 0
    assert tracker.model.open_states == []
    assert session.tally.ended == 1


def test_a_birth_on_a_track_is_put_off_until_there_is_room(rig: Any) -> None:
    """A second box on a tracked object is none; it is counted, and tried again."""
    tracker = rig(still, prompt_mode="every_frame")
    tracker.step(0, rig.boxes([LEFT]))
    inside = (12, 40, 38, 80)
    assert places(tracker.step(1, rig.boxes([LEFT, inside]))).keys() == {1}
    assert tracker.tracker.sessions.peek("a").tally.postponed == 1
    assert places(tracker.step(2, rig.boxes([LEFT, RIGHT]))).keys() == {1, 2}


def test_tracks_on_one_object_become_one(rig: Any) -> None:
    """Two boxes on one object are taken at their word until only one of them comes back."""
    tracker = rig(still, prompt_mode="every_n_frames", prompt_interval=2)
    shifted = (11, 20, 41, 80)
    assert len(tracker.step(0, rig.boxes([LEFT, shifted]))) == 2
    alive = [sorted(places(tracker.step(n, rig.boxes([LEFT])))) for n in range(1, 4)]
    assert alive == [[1, 2], [1, 2], [1]]


def test_max_objects_keeps_the_most_confident_and_says_so_once(rig: Any) -> None:
    """Above the limit the least confident are refused, with one event."""
    tracker = rig(still, prompt_mode="every_frame", max_objects=1)
    given = rig.boxes([LEFT, RIGHT], confidence=[0.6, 0.9])
    for number in range(3):
        assert places(tracker.step(number, given)) == {1: list(RIGHT)}
    assert [event.kind for event in tracker.events] == ["tracker.objects_refused"]


def test_memory_only_learns_what_it_trusts(rig: Any) -> None:
    """A low score keeps a frame out of memory; the mask still goes out, with its score."""
    tracker = rig(still, score=lambda _stream, number, _name: 0.2 if number == 2 else 0.9)
    found = [tracker.step(number) for number in range(4)]
    assert found[2].data["mask_score"] == pytest.approx([0.2, 0.2])
    written = [set(plan.write) for plan in tracker.model.open_states[0].written]
    assert written == [{1, 2}, {1, 2}, set(), {1, 2}]
    assert tracker.model.open_states[0].written[0].conditioning == {1, 2}


def test_masks_of_detections_match_and_prompt(rig: Any) -> None:
    """Where detections bring masks, masks are compared: boxes alike are not enough."""
    tracker = rig(still, prompt_mode="every_frame")
    whole, corner = np.zeros((1, 120, 160), dtype=bool), np.zeros((1, 120, 160), dtype=bool)
    whole[0, 20:80, 10:40] = True
    corner[0, 20:30, 10:40] = True
    assert len(tracker.step(0, rig.boxes([LEFT], mask=whole))) == 1
    tracker.step(1, rig.boxes([LEFT], mask=whole))
    wrong = np.zeros((1, 12, 16), dtype=bool)
    outcome = tracker.tick((tracker.frame(2), rig.boxes([LEFT], mask=wrong)))[0]
    assert "16x12, the frame is 160x120" in str(outcome.error)
    assert len(tracker.step(2, rig.boxes([LEFT], mask=corner))) == 1


# Frames, gaps and sessions


@pytest.mark.parametrize(
    ("number", "where"),
    [(6, {"epoch": 1}), (3, {}), (6, {"size_wh": (80, 60)})],
    ids=["epoch", "back", "size"],
)
def test_a_gap_resets_and_asks_for_boxes_at_once(
    rig: Any, number: int, where: dict[str, Any]
) -> None:
    """A new epoch, a number that runs back or another size: new tracks, new ids, one event."""
    tracker = rig(still)
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
    tracker = rig(still, prompt_mode="every_n_frames", prompt_interval=3)
    tracker.step(0)
    tracker.step(10)
    assert not tracker.wants(20)
    assert places(tracker.step(20)).keys() == {1, 2}
    assert tracker.wants(21)
    assert tracker.events == []


def test_a_repeated_frame_fails_alone_and_changes_nothing(rig: Any) -> None:
    """The error names stream and frame; the next frame goes on as if nothing had been."""
    tracker = rig(still, prompt_mode="every_frame")
    tracker.step(0)
    before = tracker.tracker.sessions.peek("a").standing
    assert not tracker.wants(0)
    outcome = tracker.tick((tracker.frame(0), rig.boxes([LEFT])))[0]
    assert isinstance(outcome.error, SessionError)
    assert (outcome.error.code, outcome.error.context["frame_number"]) == ("frame_repeated", 0)
    assert tracker.tracker.sessions.peek("a").standing is before
    assert places(tracker.step(1)).keys() == {1, 2}


def test_streams_go_through_the_model_together(rig: Any) -> None:
    """One call of each kind for a batch of streams, and ids of each stream count from 1."""
    tracker = rig(still)
    frames = [tracker.frame(0, stream=name) for name in "abc"]
    outcomes = tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
    assert [places(each["predictions"]).keys() for each in outcomes] == [{1, 2}] * 3
    assert [name for name, _ in tracker.model.calls] == [
        "encode",
        "propagate",
        "prompt",
        "remember",
    ]


@pytest.mark.parametrize("phase", ["encode", "propagate", "prompt"])
def test_a_model_error_fails_only_the_stream_that_causes_it(rig: Any, phase: str) -> None:
    """The others are done one by one; the bad one keeps its tracks and goes on later."""
    tracker = rig(still, prompt_mode="every_frame", reprompt="always")

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
        assert places(outcome["predictions"]) == {1: list(LEFT), 2: list(RIGHT)}


def test_a_half_written_memory_is_not_trusted(rig: Any) -> None:
    """If the model fails while it writes, tracks end with an event; ids go on from there."""
    tracker = rig(still, prompt_mode="every_frame")
    tracker.step(0)
    tracker.model.faults["remember", "a", 1] = RuntimeError("disk on fire")
    outcome = tracker.tick((tracker.frame(1), rig.boxes([LEFT])))[0]
    assert isinstance(outcome, Failure)
    assert tracker.model.open_states == []
    assert [event.kind for event in tracker.events] == ["tracker.memory_lost"]
    assert places(tracker.step(2)).keys() == {3, 4}


def test_a_failed_birth_leaves_no_state_behind(rig: Any) -> None:
    """States opened for a turn that failed are closed, and its ids are not spent."""
    tracker = rig(still)
    tracker.model.faults["prompt", "a", 0] = RuntimeError("no")
    tracker.tick((tracker.frame(0), rig.boxes([LEFT])))
    assert tracker.model.open_states == []
    assert places(tracker.step(1)).keys() == {1, 2}


def test_the_end_of_a_stream_frees_all_but_the_count_of_ids(rig: Any) -> None:
    """Sessions and bytes return to zero; the same identifier never sees an old id again."""
    tracker = rig(still)
    tracker.step(0)
    tracker.step(0, stream="b")
    assert tracker.tracker.sessions.nbytes() == 4000
    tracker.tracker.end_stream("a")
    tracker.tracker.end_stream("never seen")
    assert len(tracker.tracker.sessions) == 1
    assert places(tracker.step(0)).keys() == {3, 4}
    tracker.tracker.close()
    assert (len(tracker.tracker.sessions), tracker.tracker.sessions.nbytes()) == (0, 0)
    assert tracker.model.open_states == []


def test_above_the_cap_a_live_stream_is_refused_with_one_event(rig: Any) -> None:
    """The streams that are tracked stay tracked; boxes of the refused one are not wanted."""
    tracker = rig(still, max_sessions=1)
    tracker.step(0)
    assert not tracker.wants(0, stream="b")
    for number in range(3):
        frame = tracker.frame(number, stream="b")
        outcome = tracker.tick((frame, tracker.truth(frame)))[0]
        assert outcome.error.code == "session_cap"
    assert [event.kind for event in tracker.events] == ["tracker.session_refused"]
    assert places(tracker.step(1)).keys() == {1, 2}
    tracker.tracker.end_stream("a")
    assert places(tracker.step(3, stream="b")).keys() == {1, 2}


# The manifest


def test_both_ids_have_their_own_default_model() -> None:
    """Existing documents mean SAM 2.1, ours the embedded tracker."""
    assert VideoTracker.manifest.type_ids() == ("trackwire/video_tracker@v1",)
    assert Sam2VideoTracker.manifest.type_ids() == ("roboflow_core/segment_anything_2_video@v1",)
    assert VideoTracker.manifest.model_fields["model_id"].default == "lite"
    assert Sam2VideoTracker.manifest.model_fields["model_id"].default == "sam2video/small"


def test_existing_id_without_its_default_model_fails_clearly(rig: Any, no_weights: Path) -> None:
    """Packages or weights lack: no other model is taken in its place, the error says what to do."""
    step = Sam2VideoTracker.manifest.model_validate(
        {"type": Sam2VideoTracker.manifest.type_ids()[0], "name": "t", "images": "$inputs.image"}
    )
    with pytest.raises(ModelError, match="set model_id to 'lite'"):
        Sam2VideoTracker.open(step, Resources())
    assert rig(still, block=Sam2VideoTracker).step(0).tracker_id.tolist() == [1, 2]


def test_an_option_that_changes_from_frame_to_frame_is_refused(rig: Any) -> None:
    """Options hold for a run; the error names the property and what it is wired to."""
    with pytest.raises(BlockError, match=r"threshold of step 'tracker' .* \$steps\.x\.y"):
        rig(still, threshold="$steps.x.y")


# Properties

events = st.lists(
    st.sampled_from(["next", "next", "next", "jump", "repeat", "back", "epoch", "end", "blind"]),
    max_size=25,
)
modes = st.sampled_from(["first_frame", "every_n_frames", "every_frame"])


@settings(max_examples=40, deadline=None)
@given(events=events, mode=modes, restart=st.booleans())
def test_ids_are_never_reused(rig: Any, events: list[str], mode: str, restart: bool) -> None:
    """Whatever happens to a stream, an id that ended never comes back."""
    tracker = rig(
        crossing,
        prompt_mode=mode,
        prompt_interval=3,
        lost_after=2,
        on_reprompt="restart" if restart else "associate",
    )
    number = epoch = 0
    ended: set[int] = set()
    alive: set[int] = set()
    for event in events:
        if event == "end":
            tracker.tracker.end_stream("a")
        epoch += event == "epoch"
        number = {"jump": number + 7, "repeat": number, "back": max(number - 3, 0)}.get(
            event, number + 1
        )
        frame = tracker.frame(number, epoch=epoch)
        given = rig.boxes([]) if event == "blind" else tracker.truth(frame)
        outcome = tracker.tick((frame, given))[0]
        if isinstance(outcome, Failure):
            assert isinstance(outcome.error, SessionError)
            continue
        now = set(tracker.tracker.sessions.peek("a").standing.table.track_id.tolist())
        assert set(places(outcome["predictions"])) <= now
        ended |= alive - now
        assert not ended & now
        alive = now
    tracker.tracker.close()
    assert tracker.model.open_states == []


@settings(max_examples=25, deadline=None)
@given(before=st.integers(1, 8), after=st.integers(1, 8), mode=modes)
def test_a_reset_session_equals_a_fresh_one(rig: Any, before: int, after: int, mode: str) -> None:
    """After a gap nothing is left of the past but the count of ids."""
    used, fresh = (rig(crossing, prompt_mode=mode, prompt_interval=3) for _ in range(2))
    for number in range(before):
        used.step(number)
    spent = used.tracker.sessions.peek("a").ids.last
    for number in range(after):
        left = used.step(before + number, epoch=1)
        right = fresh.step(before + number, epoch=1)
        assert (left.tracker_id - spent).tolist() == right.tracker_id.tolist()
        assert left.xyxy.tolist() == right.xyxy.tolist()
        assert left.data["prompt_detection_id"].tolist() == (
            right.data["prompt_detection_id"].tolist()
        )


@settings(max_examples=25, deadline=None)
@given(orders=st.lists(st.permutations(range(3)), min_size=8, max_size=8))
def test_the_order_of_detections_is_irrelevant(rig: Any, orders: list[list[int]]) -> None:
    """A detector may list what it found in any order: ids and boxes are the same."""

    def walking(stream: str, number: int) -> dict[str, Any]:
        return {
            f"person{n}": (10 + 40 * n + number, 20, 40 + 40 * n + number, 80) for n in range(3)
        }

    straight, shuffled = (rig(walking, prompt_mode="every_frame") for _ in range(2))
    for number, order in enumerate(orders):
        truth = straight.truth(straight.frame(number))
        assert places(straight.step(number, truth)) == places(shuffled.step(number, truth[order]))


@settings(max_examples=30, deadline=None)
@given(
    mode=modes,
    interval=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from([1, 1, 1, 5, -2]), st.booleans()), max_size=15),
)
def test_demand_agrees_with_run(rig: Any, mode: str, interval: int, steps: list[Any]) -> None:
    """Boxes that were not demanded are not consumed, and asking changes nothing."""
    asked, told = (rig(crossing, prompt_mode=mode, prompt_interval=interval) for _ in range(2))
    number = 0
    for move, blind in [(0, False), *steps]:
        number = max(number + move, 0)
        frame = asked.frame(number)
        given = rig.boxes([]) if blind else asked.truth(frame)
        wanted = [asked.wants(number) for _ in range(2)]
        assert wanted[0] == wanted[1]
        columns = {"images": [frame], "boxes": [given]}
        before = told.tracker.sessions.peek("a")
        prompts = 0 if before is None else before.tally.prompt_frames
        (all_given,) = told.tracker.run(Batch(["a"], columns))
        (on_demand,) = asked.tick((frame, given))
        assert isinstance(all_given, Failure) == isinstance(on_demand, Failure)
        if isinstance(all_given, Failure):
            continue
        assert places(all_given["predictions"]) == places(on_demand["predictions"])
        consumed = told.tracker.sessions.peek("a").tally.prompt_frames - prompts
        assert wanted[0] or not consumed


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 4), length=st.integers(1, 10))
def test_streams_batched_equal_streams_one_by_one(rig: Any, count: int, length: int) -> None:
    """What happens in one stream changes nothing in another."""
    together, alone = (
        rig(crossing, prompt_mode="every_n_frames", prompt_interval=3) for _ in range(2)
    )
    names = [f"s{index}" for index in range(count)]
    for number in range(length):
        frames = [together.frame(number + 3 * i, stream=name) for i, name in enumerate(names)]
        batched = together.tick(*((frame, together.truth(frame)) for frame in frames))
        for index, name in enumerate(names):
            single = alone.step(number + 3 * index, stream=name)
            assert places(batched[index]["predictions"]) == places(single)
