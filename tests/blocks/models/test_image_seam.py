"""Prompts for single pictures are checked where they are made, and answers can be taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trackwire.blocks.models.image_seam import LOGIT_LIMIT, ImagePrompts, Segmented
from trackwire.specs import ModelError


def points(*rows: tuple[float, float]) -> Any:
    """Points of one prompt."""
    return np.array([rows], np.float32)


def labels(*values: int) -> Any:
    """Labels of one prompt."""
    return np.array([values], np.int32)


def test_a_box_becomes_two_labelled_points_before_the_users_points() -> None:
    """The corners of a box carry the labels 2 and 3."""
    box = np.array([[1, 2, 30, 40]], np.float32)
    prompts = ImagePrompts(points((9, 8)), labels(0), box)
    found, kinds = prompts.as_points()
    assert found.tolist() == [[[1, 2], [30, 40], [9, 8]]]
    assert kinds.tolist() == [[2, 3, 0]]


def test_no_prompt_asks_for_the_most_prominent_object() -> None:
    """It is one padding point at 0, 0."""
    prompts = ImagePrompts()
    assert prompts.count == 1
    assert [each.tolist() for each in prompts.as_points()] == [[[[0, 0]]], [[-1]]]


def test_a_mask_alone_goes_with_a_padding_point() -> None:
    """One for each mask."""
    prompts = ImagePrompts(mask_logits=np.zeros((2, 1, 8, 8), np.float32))
    assert prompts.as_points()[1].tolist() == [[-1], [-1]]


def test_no_boxes_are_no_prompts() -> None:
    """A picture without detections asks for nothing."""
    prompts = ImagePrompts(boxes=np.zeros((0, 4), np.float32))
    assert prompts.count == 0
    assert prompts.as_points()[0].shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"points": points((1, 1))}, "without labels"),
        ({"labels": labels(1)}, "without points"),
        ({"points": points((1, 1)), "labels": labels(1, 1)}, r"\(B, P, 2\)"),
        ({"points": points((1, 1)), "labels": labels(2)}, r"found \[2\]"),
        ({"points": points((1, np.nan)), "labels": labels(1)}, "finite"),
        ({"boxes": np.zeros(4, np.float32)}, r"\(B, 4\)"),
        ({"mask_logits": np.zeros((1, 8, 8), np.float32)}, r"\(B, 1, h, w\)"),
        (
            {
                "boxes": np.zeros((2, 4), np.float32),
                "mask_logits": np.zeros((1, 1, 8, 8), np.float32),
            },
            "the same first dimension",
        ),
    ],
)
def test_prompts_that_do_not_fit_together_are_refused(given: dict[str, Any], says: str) -> None:
    """The message says what was found."""
    with pytest.raises(ModelError, match=says) as caught:
        ImagePrompts(**given)
    assert caught.value.code == "image_prompt"


def test_logits_are_handed_out_within_a_limit() -> None:
    """What is refined from stays within ±32; what is upscaled does not."""
    logits = np.array([-100, 0, 100], np.float32).reshape(1, 1, 1, 3)
    answer = Segmented(logits, np.ones((1, 1), np.float32), (3, 1))
    assert answer.low_res.ravel().tolist() == [-LOGIT_LIMIT, 0, LOGIT_LIMIT]
    assert answer.logits.max() == 100


def test_the_best_mask_of_each_prompt_is_the_most_confident_one() -> None:
    """Logits, expected overlap and what the model keeps stay together."""
    logits = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    iou = np.array([[0.1, 0.9, 0.2], [0.5, 0.4, 0.3]], np.float32)
    answer = Segmented(logits, iou, (1, 1), [["a", "b", "c"], ["d", "e", "f"]])
    best = answer.best()
    assert best.logits.ravel().tolist() == [1, 3]
    assert best.iou.ravel().tolist() == pytest.approx([0.9, 0.5])
    assert best.details == [["b"], ["d"]]
    assert answer.rows(1, 2).details == [["d", "e", "f"]]
    empty = answer.rows(0, 0).best()
    assert empty.logits.shape == (0, 1, 1, 1)
