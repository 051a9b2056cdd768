"""Scenes that put identities to the test keep what their names promise."""

from __future__ import annotations

import numpy as np
import pytest

from trackwire.pipeline.scene import SceneDetector, SceneRenderer, build_scene

NAMES = ("crossings", "hidden-10", "hidden-25", "hidden-60", "departures", "look-alikes",
         "pan-and-shake", "cuts")  # fmt: skip


def _visible(name: str, frames: int) -> dict[int, np.ndarray]:
    """Visible fraction of each object over the clip."""
    renderer = SceneRenderer(build_scene(name, size_wh=(160, 90), frame_count=frames))
    seen: dict[int, np.ndarray] = {}
    for number in range(frames):
        truth = renderer.truth(number)
        for actor, fraction in zip(truth.ids.tolist(), truth.visible_fraction, strict=True):
            seen.setdefault(actor, np.zeros(frames))[number] = fraction
    return seen


def _gaps(hidden: np.ndarray) -> list[int]:
    """Lengths of the whole stretches of frames that are true, without those cut by the clip."""
    steps = np.diff(np.concatenate([[0], hidden.astype(int), [0]]))
    pairs = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [int(end - start) for start, end in pairs if start > 0 and end < len(hidden)]


@pytest.mark.parametrize("frames", [10, 25, 60])
def test_things_are_hidden_whole_for_the_time_in_the_name(frames: int) -> None:
    """Each object hides again and again, and for as long as promised, save a star's points."""
    for visible in _visible(f"hidden-{frames}", 300).values():
        gaps = _gaps(visible == 0)
        assert gaps
        assert all(abs(gap - frames) <= 8 for gap in gaps)


def test_crossings_cover_the_one_behind_almost_whole() -> None:
    """In passing less than a quarter is seen of the one behind, and only for moments."""
    seen = _visible("crossings", 300)
    covered = [gap for visible in seen.values() for gap in _gaps(visible < 0.25)]
    assert len(covered) >= 4
    assert max(covered) < 25


def test_departed_things_come_back() -> None:
    """Each object is out of the picture for a while and is seen whole again."""
    for visible in _visible("departures", 400).values():
        assert _gaps(visible < 0.25)
        assert visible[np.flatnonzero(visible < 0.05)[0] :].max() > 0.9


def test_a_cut_moves_everything_at_once() -> None:
    """From one frame to the next boxes jump by more than they otherwise move in ten."""
    renderer = SceneRenderer(build_scene("cuts", size_wh=(160, 90), frame_count=160))
    before, after = renderer.image(149), renderer.image(150)
    usual = np.abs(renderer.image(148).astype(int) - before).mean()
    assert np.abs(after.astype(int) - before).mean() > 1.5 * usual


@pytest.mark.parametrize("name", NAMES)
def test_a_class_tells_nobody_apart(name: str) -> None:
    """Trackers must tell objects apart by sight: all bear one class name."""
    scene = build_scene(name, frame_count=10)
    assert {actor.name for actor in scene.actors if actor.is_object} == {"thing"}


def test_look_alikes_share_their_looks_and_no_pixel_pattern() -> None:
    """Look-alikes have one shape, texture and palette; the pattern itself differs."""
    actors = build_scene("look-alikes", frame_count=10).actors
    assert len({(actor.shape, actor.texture, actor.colours) for actor in actors}) == 1
    assert len({actor.actor_id for actor in actors}) == len(actors) == 4


def test_a_detector_draws_boxes_of_known_objects() -> None:
    """Objects that cannot be seen are not reported; errors depend on the frame, not on history."""
    xyxy = np.array([[10, 10, 30, 40], [50, 20, 80, 60]], np.float32)
    detector = SceneDetector(dropout=0.0)
    found = detector.draw(3, xyxy, (100, 80), reportable=np.array([False, True]))
    assert found.truth_ids.tolist() == [1]
    assert found.class_names == ("object",)
    assert np.abs(found.xyxy - xyxy[[1]]).max() < 8
    again = SceneDetector(dropout=0.0).draw(3, xyxy, (100, 80), reportable=np.array([False, True]))
    np.testing.assert_array_equal(found.xyxy, again.xyxy)
