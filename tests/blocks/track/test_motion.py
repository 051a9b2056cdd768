"""Where detections lead to expect an object follows steady motion, and says how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from trackwire.blocks.track.motion import at_birth, corrected, surprise, variance

ONE = np.array([1])


def _walk(steps: list[float], frames: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detect an object of 10 x 10 pixels at each x, some frames apart."""
    place = np.array([[steps[0], 0, steps[0] + 10, 10]], np.float32)
    velocity, doubt = np.zeros((1, 2), np.float32), at_birth(1)
    for x in steps[1:]:
        expected = (place + np.tile(velocity * frames, 2)).astype(np.float32)
        seen = np.array([[x, 0, x + 10, 10]], np.float32)
        place, velocity, doubt = corrected(expected, velocity, doubt, frames * ONE, seen)
    return place, velocity, doubt


@pytest.mark.parametrize("frames", [1, 10])
def test_a_steady_pace_is_learnt(frames: int) -> None:
    """After some detections the next one is expected where it will be, however rare they are."""
    place, velocity, _ = _walk([2.0 * frames * k for k in range(12)], frames)
    assert velocity[0] == pytest.approx([2.0, 0.0], abs=0.1)
    assert place[0] == pytest.approx([22.0 * frames, 0, 22.0 * frames + 10, 10], abs=0.5)


def test_noise_is_filtered_out() -> None:
    """The place of what stands still trembles less than its detections do."""
    random = np.random.default_rng(0)
    off = [abs(_walk(list(random.normal(0, 0.5, 20)))[0][0, 0]) for _ in range(50)]
    assert np.mean(off) < 0.9 * 0.5 * np.sqrt(2 / np.pi)


def test_doubt_grows_with_the_time_without_detections() -> None:
    """The longer nothing was detected, the farther off the next detection may be."""
    _, _, doubt = _walk([0.0] * 10)
    spread = [variance(doubt, k * ONE)[0] for k in (1, 2, 5, 20)]
    assert spread == sorted(spread)
    assert spread[-1] > 20 * spread[0]


def test_surprise_is_told_in_the_size_of_the_object() -> None:
    """At twice the size the surprise is the same; where nothing is expected it is infinite."""
    here = np.array([[0, 0, 10, 20]], np.float32)
    there = np.array([[3, 0, 12, 22]], np.float32)
    allowed = np.array([0.01])
    assert surprise(2 * here, 2 * there, allowed) == pytest.approx(surprise(here, there, allowed))
    assert np.isinf(surprise(here * np.nan, there, allowed)).all()


def test_a_place_that_is_not_known_is_that_of_the_next_detection() -> None:
    """Behind a cut the first detection says where an object is."""
    seen = np.array([[5, 5, 15, 15]], np.float32)
    nowhere = np.full((1, 4), np.nan, np.float32)
    place, velocity, _ = corrected(nowhere, np.zeros((1, 2), np.float32), at_birth(1), ONE, seen)
    assert place.tolist() == seen.tolist()
    assert velocity.tolist() == [[0.0, 0.0]]
