"""Which object has which id, on a scene that is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def test_ids_last_through_prompts_hiding_and_crossing(rig: Any) -> None:
    """One object keeps one id through thirty prompts, five hidden frames and a newcomer."""
    for mode, interval in (("every_frame", 1), ("every_n_frames", 4)):
        tracker = rig(rig.crossing, prompt_mode=mode, prompt_interval=interval)
        for number in range(32):
            found = tracker.step(number)
            truth = rig.crossing("a", number)
            expected = {1: truth["person1"]}
            if "person2" in truth:
                expected[2] = truth["person2"]
            if "person3" in truth:
                expected[3] = truth["person3"]
            assert rig.places(found) == {track: list(box) for track, box in expected.items()}


def test_every_frame_on_perfect_detections_equals_the_truth(rig: Any) -> None:
    """A track sits on its object on each frame, and the model is hardly prompted."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    for number in range(15):
        assert rig.places(tracker.step(number)) == {1: list(rig.LEFT), 2: list(rig.RIGHT)}
    assert [(number, track) for _, number, track in tracker.model.prompted] == [(0, 1), (0, 2)]


def test_reprompt_always_prompts_each_match(rig: Any) -> None:
    """The same id, a new box, on every prompt frame."""
    tracker = rig(rig.still, prompt_mode="every_frame", reprompt="always")
    for number in range(3):
        assert rig.places(tracker.step(number)).keys() == {1, 2}
    assert len(tracker.model.prompted) == 6


def test_restart_drops_all_tracks_and_never_reuses_ids(rig: Any) -> None:
    """What the known block does at each prompt, but an id still means one object."""
    tracker = rig(rig.still, prompt_mode="every_n_frames", prompt_interval=2, on_reprompt="restart")
    ids = [sorted(rig.places(tracker.step(number))) for number in range(5)]
    assert ids == [[1, 2], [1, 2], [3, 4], [3, 4], [5, 6]]
    assert rig.places(tracker.step(5)).keys() == {5, 6}
    assert rig.places(tracker.step(6, rig.boxes([]))).keys() == {5, 6}
    assert len(tracker.model.open_states) == 1


def test_threshold_is_tested_at_birth_only(rig: Any) -> None:
    """A weak detection starts no track but carries one on."""
    tracker = rig(rig.still, prompt_mode="every_frame", threshold=0.5)
    found = tracker.step(0, rig.boxes([rig.LEFT, rig.RIGHT], confidence=[0.5, 0.4]))
    assert rig.places(found) == {1: list(rig.LEFT)}
    found = tracker.step(1, rig.boxes([rig.LEFT], confidence=[0.1]))
    assert found.confidence == pytest.approx([0.1])


def test_first_frame_waits_for_a_detection_that_can_become_a_track(rig: Any) -> None:
    """A frame with nothing but weak detections is not the first frame with detections."""
    tracker = rig(rig.still, threshold=0.5)
    assert len(tracker.step(0, rig.boxes([]))) == 0
    assert len(tracker.step(1, rig.boxes([rig.LEFT], confidence=[0.2]))) == 0
    assert tracker.wants(2)
    assert len(tracker.step(2, rig.boxes([rig.LEFT], confidence=[0.8]))) == 1
    assert not tracker.wants(3)


def test_a_lost_track_ends_and_frees_the_memory(rig: Any) -> None:
    """After lost_after frames out of sight the track is gone, and no state is held for it."""

    def leaving(stream: str, number: int) -> dict[str, Any]:
        return {"person1": rig.LEFT} if number < 3 else {}

    tracker = rig(leaving, lost_after=4)
    assert [len(tracker.step(number)) for number in range(7)] == [1, 1, 1, 0, 0, 0, 0]
    session = tracker.tracker.sessions.peek("a")
    assert len(session.standing.table) == 0
    assert tracker.model.open_states == []
    assert session.tally.ended == 1


def test_a_good_mask_on_what_is_never_detected_ends(rig: Any) -> None:
    """A track that no detection confirms any more ends, unless it was shown by hand."""
    tracker = rig(rig.still, prompt_mode="every_frame", unconfirmed_after=8)
    tracker.step(0, rig.boxes([rig.LEFT]))
    tracker.tracker.control.prompt("a", box=rig.RIGHT)
    alive = [sorted(rig.places(tracker.step(n, rig.boxes([])))) for n in range(1, 12)]
    assert alive == [[1, 2]] * 8 + [[2]] * 3


def test_a_birth_on_a_track_is_put_off_until_there_is_room(rig: Any) -> None:
    """A second box on a tracked object is none; it is counted, and tried again."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    tracker.step(0, rig.boxes([rig.LEFT]))
    inside = (12, 40, 38, 80)
    assert rig.places(tracker.step(1, rig.boxes([rig.LEFT, inside]))).keys() == {1}
    assert tracker.tracker.sessions.peek("a").tally.postponed == 1
    assert rig.places(tracker.step(2, rig.boxes([rig.LEFT, rig.RIGHT]))).keys() == {1, 2}


def test_tracks_on_one_object_become_one(rig: Any) -> None:
    """Two boxes on one object are taken at their word until only one of them comes back."""
    tracker = rig(rig.still, prompt_mode="every_n_frames", prompt_interval=2)
    shifted = (11, 20, 41, 80)
    assert len(tracker.step(0, rig.boxes([rig.LEFT, shifted]))) == 2
    alive = [sorted(rig.places(tracker.step(n, rig.boxes([rig.LEFT])))) for n in range(1, 4)]
    assert alive == [[1, 2], [1, 2], [1]]


def test_max_objects_keeps_the_most_confident_and_says_so_once(rig: Any) -> None:
    """Above the limit the least confident are refused, with one event."""
    tracker = rig(rig.still, prompt_mode="every_frame", max_objects=1)
    given = rig.boxes([rig.LEFT, rig.RIGHT], confidence=[0.6, 0.9])
    for number in range(3):
        assert rig.places(tracker.step(number, given)) == {1: list(rig.RIGHT)}
    assert [event.kind for event in tracker.events] == ["tracker.objects_refused"]


def test_memory_only_learns_what_it_trusts(rig: Any) -> None:
    """A low score keeps a frame out of memory; the mask still goes out, with its score."""
    tracker = rig(rig.still, score=lambda _stream, number, _name: 0.2 if number == 2 else 0.9)
    found = [tracker.step(number) for number in range(4)]
    assert found[2].data["mask_score"] == pytest.approx([0.2, 0.2])
    written = [set(plan.write) for plan in tracker.model.open_states[0].written]
    assert written == [{1, 2}, {1, 2}, set(), {1, 2}]
    assert tracker.model.open_states[0].written[0].conditioning == {1, 2}


def test_masks_of_detections_match_and_prompt(rig: Any) -> None:
    """Where detections bring masks, masks are compared: boxes alike are not enough."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    whole, corner = np.zeros((1, 120, 160), dtype=bool), np.zeros((1, 120, 160), dtype=bool)
    whole[0, 20:80, 10:40] = True
    corner[0, 20:30, 10:40] = True
    assert len(tracker.step(0, rig.boxes([rig.LEFT], mask=whole))) == 1
    tracker.step(1, rig.boxes([rig.LEFT], mask=whole))
    wrong = np.zeros((1, 12, 16), dtype=bool)
    outcome = tracker.tick((tracker.frame(2), rig.boxes([rig.LEFT], mask=wrong)))[0]
    assert "16x12, the frame is 160x120" in str(outcome.error)
    assert len(tracker.step(2, rig.boxes([rig.LEFT], mask=corner))) == 1


def test_a_neighbour_takes_no_detection_of_somebody_just_lost(rig: Any) -> None:
    """Out of sight for a frame, a track keeps the detection that lies where it must be."""
    gone = (46, 20, 76, 80)

    def sliding(stream: str, number: int) -> dict[str, Any]:
        return (
            {"person1": rig.LEFT, "person2": gone} if number < 2 else {"person1": (32, 20, 62, 80)}
        )

    tracker = rig(sliding, prompt_mode="every_frame")
    for number in range(2):
        tracker.step(number, rig.boxes([rig.LEFT, gone]))
    tracker.step(2, rig.boxes([gone]))
    table = tracker.tracker.sessions.peek("a").standing.table
    assert dict(zip(table.track_id.tolist(), table.since_detection.tolist(), strict=True)) == {
        1: 2,
        2: 1,
    }
