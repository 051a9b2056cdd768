"""Suggestions: bold beside a mistake, careful where they decide whether there is one."""

from __future__ import annotations

import pytest

from trackwire.specs import near_misses, nearest


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("promt_mode", "prompt_mode"),  # a letter left out
        ("prompt_modde", "prompt_mode"),  # one too many
        ("prompt_mdoe", "prompt_mode"),  # two swapped
        ("prompt-mode", "prompt_mode"),  # another separator
        ("promptMode", "prompt_mode"),  # another case
        ("boxs", "boxes"),  # short words allow one slip
    ],
)
def test_a_slip_of_the_keyboard_is_a_near_miss(found: str, meant: str) -> None:
    """Typing errors are told from other words."""
    assert near_misses(found, ["prompt_interval", "boxes", "prompt_mode"])[0] == meant


@pytest.mark.parametrize(
    ("found", "choices"),
    [
        ("iou_threshold", ["threshold"]),  # another property, not a slip
        ("class_filter", ["color_filter"]),
        ("box", ["max"]),  # two slips are too many for three letters
        ("threshold", ["threshold"]),  # the word itself
        ("", ["images"]),
    ],
)
def test_another_word_is_no_near_miss(found: str, choices: list[str]) -> None:
    """Keys of other systems must be ignored, not taken for typing errors."""
    assert near_misses(found, choices) == ()


def test_the_nearest_come_first_and_few() -> None:
    """Help is short: at most the limit, the closest first, nothing if nothing is close."""
    choices = ["first_frame", "every_frame", "every_n_frames"]
    assert nearest("fristframe", choices)[0] == "first_frame"
    assert len(nearest("every_fram", choices, limit=1)) == 1
    assert nearest("xyz", choices) == ()


def test_a_block_is_found_without_its_namespace() -> None:
    """Ids are often remembered by their family only."""
    assert nearest("video_tracker@v1", ["trackwire/video_tracker@v1"]) == (
        "trackwire/video_tracker@v1",
    )
