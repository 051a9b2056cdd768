"""What becomes of ids where a stream breaks off, or shows another scene."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trackwire.blocks.track.appearance import describe, is_known, learnt, likeness, similarity
from trackwire.blocks.track.identity_options import IdentityOptions
from trackwire.blocks.track.rules import recognise
from trackwire.blocks.track.scene import Scene

LEFT, RIGHT, TOP, LOW = (10, 20, 40, 80), (100, 20, 130, 80), (60, 10, 85, 60), (30, 60, 55, 115)
RED, BLUE = (20, 20, 220), (220, 60, 20)


def background(kind: int) -> np.ndarray:
    """Make a picture with much structure: each kind is another place."""
    colours = np.random.default_rng(kind).integers(50 * kind, 50 * kind + 90, (6, 8, 3))
    return np.repeat(np.repeat(colours, 20, axis=0), 20, axis=1).astype(np.uint8)


def scene(_stream: str, number: int) -> dict[str, Any]:
    """Two people; from frame 5 on another camera shows them at other places."""
    return {"red": LEFT, "blue": RIGHT} if number < 5 else {"red": LOW, "blue": TOP}


def paint(image: np.ndarray, number: int) -> None:
    """Draw the scene."""
    image[:] = background(0 if number < 5 else 3)
    for name, (x1, y1, x2, y2) in scene("a", number).items():
        image[y1:y2, x1:x2] = RED if name == "red" else BLUE


def places(found: Any) -> dict[int, tuple[float, ...]]:
    """Return the boxes of all tracks by id."""
    boxes = map(tuple, found.xyxy.tolist())
    return dict(zip(found.tracker_id.tolist(), boxes, strict=True))


def test_after_a_cut_objects_are_known_by_their_look(rig: Any) -> None:
    """Boxes are wanted at once, and ids follow the looks to where the objects are now."""
    tracker = rig(scene, paint=paint)
    for number in range(5):
        assert places(tracker.step(number)) == {1: LEFT, 2: RIGHT}
    assert tracker.wants(5)
    tracker.model.scene = lambda _stream, _number: {}  # the model sees nobody again by itself
    assert len(tracker.step(5, rig.boxes([]))) == 0
    tracker.model.scene = scene
    assert places(tracker.step(6)) == {1: LOW, 2: TOP}
    assert [event.kind for event in tracker.events].count("tracker.gap") == 1


def test_a_cut_resets_where_gaps_do(rig: Any) -> None:
    """A cut is a gap without a reconnect."""
    tracker = rig(scene, paint=paint, on_gap="reset")
    tracker.step(0)
    assert places(tracker.step(5)).keys() == {3, 4}


@pytest.mark.parametrize("where", [{"epoch": 1}, {"size_wh": (80, 60)}], ids=["epoch", "size"])
def test_ids_go_on_where_the_scene_still_matches(rig: Any, where: dict[str, Any]) -> None:
    """A reconnect to the same view keeps ids; at another size places are scaled."""
    shrink = 2 if "size_wh" in where else 1

    def seen(_stream: str, number: int) -> dict[str, Any]:
        people = {"red": LEFT, "blue": RIGHT}
        if number < 5:
            return people
        return {name: tuple(side // shrink for side in box) for name, box in people.items()}

    tracker = rig(seen)
    for number in range(5):
        tracker.step(number)
    assert tracker.wants(5, **where)
    found = tracker.step(5, **where)
    assert places(found) == {1: seen("a", 5)["red"], 2: seen("a", 5)["blue"]}
    assert len(tracker.model.open_states) == 1


def test_a_model_that_takes_up_somebody_else_is_not_believed(rig: Any) -> None:
    """Who was out of sight and comes back looking like another waits for a detection."""

    def hiding(_stream: str, number: int) -> dict[str, Any]:
        return {"one": LEFT} if number != 3 else {}

    def dress(image: np.ndarray, number: int) -> None:
        image[:] = background(0)
        image[20:80, 10:40] = RED if number < 3 else BLUE

    tracker = rig(hiding, paint=dress)
    assert [len(tracker.step(number)) for number in range(6)] == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(("within", "expected"), [(300, 1), (10, 2)])
def test_a_lost_object_comes_back_by_its_look(rig: Any, within: int, expected: int) -> None:
    """The model forgot it long ago; a detection far away that looks like it brings the id back."""

    def leaving(_stream: str, number: int) -> dict[str, Any]:
        return {"red": LEFT} if number < 3 else {"red": RIGHT} if number >= 20 else {}

    def dress(image: np.ndarray, number: int) -> None:
        image[:] = background(0)
        for x1, y1, x2, y2 in leaving("a", number).values():
            image[y1:y2, x1:x2] = RED

    tracker = rig(
        leaving, paint=dress, prompt_mode="every_frame", lost_after=5, found_within=within
    )
    for number in range(20):
        tracker.step(number)
    assert tracker.model.open_states == []
    assert places(tracker.step(20)).keys() == {expected}


# What a scene and a look are


def test_a_cut_is_told_from_light_and_camera() -> None:
    """Half the light, or a pan by an eighth of the width, is the same scene."""
    here = background(1)
    one = Scene.of(here)
    assert one.matches(Scene.of(here // 2))
    assert one.matches(Scene.of(np.roll(here, 20, axis=1)))
    assert not one.matches(Scene.of(background(3)))


def test_a_pan_is_measured_and_a_walker_is_none() -> None:
    """The shift is that of what stands still, in pixels of the frame."""
    wide = np.kron(np.random.default_rng(5).integers(0, 255, (30, 50, 3)), np.ones((8, 8, 1)))
    here, there = (np.ascontiguousarray(wide[:, x : x + 320], np.uint8) for x in (20, 30))
    assert Scene.of(here).shift_to(Scene.of(there)) == pytest.approx((-10, 0), abs=2)
    walker = here.copy()
    walker[100:160, 50:90] = 0
    assert Scene.of(here).shift_to(Scene.of(walker)) == (0.0, 0.0)


def test_looks_tell_colours_apart_and_say_nothing_where_there_is_nothing() -> None:
    """One coat is like itself; what has no surroundings of another colour has no look."""
    image = background(0)
    image[:, 60:90] = 128
    image[20:80, 10:40], image[20:80, 100:130] = RED, BLUE
    boxes = np.array([LEFT, RIGHT, (68, 40, 80, 60)], np.float32)
    looks = describe(image, boxes)
    assert is_known(looks).tolist() == [True, True, False]
    similar = similarity(looks, looks)
    assert similar[0, 0] == pytest.approx(1.0)
    assert similar[0, 1] < 0.3
    assert np.isnan(similar[2]).all()
    assert likeness(similar)[2].tolist() == [0.5] * 3
    assert not is_known(describe(np.zeros((120, 160, 3), np.uint8), boxes)).any()
    blend = learnt(looks[:1], looks[1:2], 0.2)
    assert np.linalg.norm(blend) == pytest.approx(1.0)
    assert (blend @ looks[0])[0] > (blend @ looks[1])[0]


def test_a_look_alone_needs_to_be_nobody_elses() -> None:
    """Two lost tracks alike, one that is seen, and one out of reach are not recognised."""
    similar = np.array([[0.9, 0.5], [0.88, 0.4], [0.3, 0.8]])
    away, reach = np.array([True, True, True]), np.ones((3, 2), dtype=bool)
    options = IdentityOptions()
    assert recognise(similar, away, reach, options).tolist() == [
        [False, False],
        [False, False],
        [False, True],
    ]
    away = np.array([True, False, True])
    assert recognise(similar, away, reach, options)[:, 0].tolist() == [True, False, False]
    assert not recognise(similar, away, ~reach, options).any()
