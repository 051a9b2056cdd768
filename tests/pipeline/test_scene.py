"""Synthetic scenes: pictures and truth agree, and come out the same every time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from trackwire.pipeline.scene import (
    SCENE_NAMES,
    Actor,
    Backdrop,
    Camera,
    Keyframe,
    Scene,
    SceneRenderer,
    build_scene,
)

SMALL = (320, 180)


def _still(actor_id: int, center: tuple[float, float], depth: int, **changes: object) -> Actor:
    keyframes = (Keyframe(0, center), Keyframe(9, center))
    actor = Actor(
        actor_id, "thing", "disc", "grain", ((0, 0, 200), (0, 0, 250)), 0.4, depth, keyframes
    )
    return replace(actor, **changes)  # type: ignore[arg-type]


def _scene(*actors: Actor, **changes: object) -> Scene:
    scene = Scene("test", SMALL, Fraction(25), 10, actors)
    return replace(scene, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_a_scene_renders_the_same_pixels_every_time(name: str) -> None:
    """One seed, one clip: frames may be asked for in any order."""
    scene = build_scene(name, size_wh=SMALL, frame_count=30, seed=7)
    first, second = SceneRenderer(scene), SceneRenderer(scene)
    forwards = [first.image(number) for number in (0, 14, 29)]
    backwards = [second.image(number) for number in (29, 14, 0)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_another_picture() -> None:
    """The seed reaches the textures."""
    pictures = [
        SceneRenderer(build_scene(size_wh=SMALL, frame_count=5, seed=seed)).image(0)
        for seed in (1, 2)
    ]
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 3


@pytest.mark.parametrize("name", SCENE_NAMES)
def test_truth_is_consistent_on_every_frame(name: str) -> None:
    """Visible masks never overlap, lie inside the amodal ones, and their boxes are tight."""
    renderer = SceneRenderer(build_scene(name, size_wh=SMALL, frame_count=40))
    for number in range(40):
        truth = renderer.truth(number)
        assert truth.masks.sum(axis=0).max(initial=0) <= 1
        assert not (truth.masks & ~truth.amodal_masks).any()
        assert (truth.visible == truth.masks.any(axis=(1, 2))).all()
        assert ((truth.visible_fraction >= 0) & (truth.visible_fraction <= 1)).all()
        for mask, (x1, y1, x2, y2) in zip(truth.masks, truth.xyxy.astype(int), strict=True):
            assert mask[y1:y2, x1:x2].sum() == mask.sum()
            if mask.any():
                assert mask[y1:y2, x1].any()
                assert mask[y1:y2, x2 - 1].any()


def test_the_mask_is_where_the_object_was_painted() -> None:
    """Taking the actor out of the scene changes exactly the pixels of its mask and its rim."""
    actor = _still(1, (0.4, 0.5), 1)
    with_actor = SceneRenderer(_scene(actor, noise=0))
    without = SceneRenderer(_scene(noise=0))
    changed = (with_actor.image(3) != without.image(3)).any(axis=2)
    mask = with_actor.truth(3).masks[0]
    assert changed[mask].all()
    assert (changed & ~mask).sum() < 0.1 * mask.sum()


def test_the_nearer_actor_hides_the_farther() -> None:
    """Depth decides who is seen, not the order of the actors."""
    near, far = _still(1, (0.5, 0.5), 9), _still(2, (0.5, 0.5), 1, size=0.2)
    truth = SceneRenderer(_scene(near, far)).truth(0)
    assert truth.ids.tolist() == [1, 2]
    assert truth.visible.tolist() == [True, False]
    assert truth.xyxy[1].tolist() == [0, 0, 0, 0]
    assert truth.amodal_masks[1].any()


def test_scenery_hides_but_is_no_object() -> None:
    """An occluder takes pixels from an object and stays out of the truth."""
    occluder = _still(9, (0.5, 0.5), 9, is_object=False)
    truth = SceneRenderer(_scene(_still(1, (0.42, 0.5), 1), occluder)).truth(0)
    assert truth.ids.tolist() == [1]
    assert 0 < truth.visible_fraction[0] < 1


def test_amodal_extents_reach_beyond_the_edge() -> None:
    """An object half out of the picture keeps its whole extent and half of its area."""
    truth = SceneRenderer(_scene(_still(1, (0.0, 0.5), 1))).truth(0)
    assert truth.amodal_xyxy[0, 0] == pytest.approx(-36, abs=1)
    assert truth.amodal_xyxy[0, 2] == pytest.approx(36, abs=1.5)
    assert truth.visible_fraction[0] == pytest.approx(0.5, abs=0.03)


def test_an_actor_exists_between_its_first_and_last_keyframe() -> None:
    """Objects may come and go in the middle of a clip."""
    keyframes = (Keyframe(3, (0.5, 0.5)), Keyframe(6, (0.6, 0.5)))
    renderer = SceneRenderer(_scene(_still(1, (0.5, 0.5), 1, keyframes=keyframes)))
    present = [len(renderer.truth(number).ids) for number in range(10)]
    assert present == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]


def test_the_camera_moves_picture_and_truth_together() -> None:
    """A pan by a tenth of the width shifts an object's box by as much."""
    pan = Camera((Keyframe(0, (0.5, 0.5)), Keyframe(9, (0.6, 0.5))))
    renderer = SceneRenderer(_scene(_still(1, (0.5, 0.5), 1), camera=pan))
    shift = renderer.truth(0).xyxy[0] - renderer.truth(9).xyxy[0]
    np.testing.assert_allclose(shift, [32, 0, 32, 0], atol=1)


def test_the_backdrop_drifts() -> None:
    """The ground moves by its own speed, so a picture is not a still behind the objects."""
    drift = Backdrop(drift_xy=(10 / 320, 0.0))
    renderer = SceneRenderer(_scene(noise=0, backdrop=drift))
    np.testing.assert_array_equal(renderer.image(0)[:, :-10], renderer.image(1)[:, 10:])


def test_the_crossing_scene_tells_the_story_it_promises() -> None:
    """Objects are hidden whole and come back, one leaves and one enters."""
    renderer = SceneRenderer(build_scene("crossing", size_wh=SMALL, frame_count=100))
    seen = {
        number: dict(zip(truth.ids.tolist(), truth.visible_fraction.tolist(), strict=True))
        for number in range(100)
        for truth in [renderer.truth(number)]
    }
    beetle = [seen[number][3] for number in range(100)]
    assert min(beetle) == 0
    assert beetle[0] > 0.95
    assert beetle[-1] > 0.95
    assert 2 in seen[0]
    assert 2 not in seen[99]
    assert 5 not in seen[0]
    assert 5 in seen[99]


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: build_scene("nowhere"), "unknown scene 'nowhere'"),
        (lambda: build_scene(size_wh=(8, 8)), "16 to 8192"),
        (lambda: build_scene(frame_count=0), "at least one frame"),
        (lambda: _scene(noise=90), "noise"),
        (lambda: _scene(_still(1, (0, 0), 1), _still(1, (1, 1), 2)), "unique"),
        (lambda: _still(0, (0, 0), 1), "actor_id"),
        (lambda: _still(1, (0, 0), 1, keyframes=(Keyframe(2, (0, 0)),)), "two keyframes"),
        (lambda: _still(1, (0, 0), 1, keyframes=(Keyframe(2, (0, 0)),) * 2), "rise in time"),
        (lambda: _still(1, (0, 0), 1, size=0), "size"),
    ],
)
def test_a_wrong_scene_says_what_is_wrong(make: object, part: str) -> None:
    """A scene that cannot be rendered is refused where it is described."""
    with pytest.raises(ValueError, match=part):
        make()  # type: ignore[operator]


def test_a_frame_beyond_the_end_is_an_index_error() -> None:
    """Neither picture nor truth is made up for a frame that the clip does not have."""
    renderer = SceneRenderer(_scene())
    with pytest.raises(IndexError, match="frames 0 to 9"):
        renderer.image(10)
    with pytest.raises(IndexError, match="frames 0 to 9"):
        renderer.truth(-1)
