"""A prompt acts on the very frame it was given for, and nothing else changes a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trackwire.blocks.models.seam import MemoryPlan, Prompt
from trackwire.specs import ModelError

SIZE_WH = (96, 72)
FAMILIES = ("sam2video", "edgetam", "sam3trackervideo")
HERE, THERE = (5.0, 5.0, 40.0, 40.0), (50.0, 30.0, 90.0, 70.0)


@pytest.fixture(scope="module")
def model(lab: Any) -> Any:
    """A model that sees every object."""
    return lab.wrap(lab.seeing_module("edgetam"), "edgetam")


def advance(
    lab: Any, model: Any, state: Any, number: Any, prompts: Any = (), epoch: Any = 0
) -> Any:
    """Take one frame, as the session does."""
    features = model.encode([lab.frame(number, SIZE_WH, epoch=epoch)])
    seen = model.propagate([state], features)
    answers = model.prompt([state], features, [list(prompts)], seen)
    ids = frozenset(prompt.track_id for prompt in prompts)
    plan = MemoryPlan(ids | frozenset(state.objects), ids)
    model.remember([state], features, [[seen[0], answers[0]]], [plan])
    return seen[0], answers[0]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("number", [0, 7, 1_000_003])
def test_two_boxes_give_two_masks_on_their_frame(lab: Any, name: str, number: Any) -> None:
    """Two boxes give two masks on their frame."""
    model = lab.wrap(lab.seeing_module(name), name)
    state = model.open(SIZE_WH)
    if number:
        advance(lab, model, state, number - 1, [Prompt(9, xyxy=HERE)])
    _, answers = advance(lab, model, state, number, [Prompt(1, xyxy=HERE), Prompt(2, xyxy=THERE)])
    one, two = answers.masks([1, 2]).to_dense()
    assert (one != two).mean() > 0.01


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_prompt_acts_after_a_fresh_start(lab: Any, model: Any, epoch: Any) -> None:
    """A prompt acts after a fresh start."""
    old = model.open(SIZE_WH)
    advance(lab, model, old, 40, [Prompt(1, xyxy=HERE)])
    model.close(old)
    fresh = model.open(SIZE_WH)
    _, first = advance(lab, model, fresh, 3, [Prompt(1, xyxy=THERE)], epoch)
    _, again = advance(lab, model, model.open(SIZE_WH), 3, [Prompt(1, xyxy=THERE)])
    np.testing.assert_array_equal(first.masks([1]).to_dense(), again.masks([1]).to_dense())


def test_proposing_changes_nothing(lab: Any, model: Any) -> None:
    """Proposing changes nothing."""
    state = model.open(SIZE_WH)
    advance(lab, model, state, 0, [Prompt(1, xyxy=HERE)])
    features = model.encode([lab.frame(1, SIZE_WH)])
    first = model.propagate([state], features)[0]
    model.prompt([state], features, [[Prompt(1, xyxy=THERE), Prompt(2, xyxy=HERE)]], [first])
    second = model.propagate([state], features)[0]
    assert second.track_ids.tolist() == [1]
    assert (first.low_res == second.low_res).all()


def test_a_later_proposal_wins_and_a_dropped_track_stays_away(lab: Any, model: Any) -> None:
    """A later proposal wins and a dropped track stays away."""
    state = model.open(SIZE_WH)
    advance(lab, model, state, 0, [Prompt(1, xyxy=HERE), Prompt(2, xyxy=HERE)])
    features = model.encode([lab.frame(1, SIZE_WH)])
    seen = model.propagate([state], features)
    model.drop(state, [2, 77])
    model.remember([state], features, [[seen[0]]], [MemoryPlan(frozenset({1}))])
    assert list(state.objects) == [1]


def test_scores_boxes_and_masks_agree(lab: Any, model: Any) -> None:
    """Scores boxes and masks agree."""
    state = model.open(SIZE_WH)
    _, answers = advance(lab, model, state, 0, [Prompt(5, xyxy=HERE), Prompt(3, xyxy=THERE)])
    assert answers.track_ids.tolist() == [5, 3]
    assert answers.score.dtype == np.float32
    assert ((answers.score >= 0) & (answers.score <= 1)).all()
    masks = answers.masks([3, 5]).to_dense()[::-1]
    for mask, box, visible in zip(masks, answers.xyxy, answers.visible, strict=True):
        assert mask.any() == visible
        if visible:
            rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
            assert box.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    with pytest.raises(KeyError):
        answers.masks([4])


def test_shown_masks_need_not_overlap(lab: Any) -> None:
    """Shown masks need not overlap."""
    module = lab.seeing_module("edgetam")
    model = lab.wrap(module, "edgetam", non_overlap=True)
    state = model.open(SIZE_WH)
    _, answers = advance(lab, model, state, 0, [Prompt(1, xyxy=HERE), Prompt(2, xyxy=THERE)])
    low = answers.masks([1, 2]).to_dense()
    together = lab.wrap(module, "edgetam")
    _, plain = advance(
        lab, together, together.open(SIZE_WH), 0, [Prompt(1, xyxy=HERE), Prompt(2, xyxy=THERE)]
    )
    overlap = plain.masks([1, 2]).to_dense().all(0).mean()
    assert overlap > 0.01, "the plain masks must overlap for this to mean anything"
    assert low.all(0).mean() < 0.2 * overlap


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ([Prompt(1, xyxy=HERE), Prompt(1, xyxy=THERE)], "prompt_twice"),
        (
            [Prompt(1, points=np.zeros((1, 2), np.float32), labels=np.array([2], np.int32))],
            "prompt_label",
        ),
        ([Prompt(1, mask=np.ones((3, 3), bool))], "prompt_mask_size"),
    ],
)
def test_prompts_that_cannot_be_answered_are_refused(
    lab: Any, model: Any, prompts: Any, code: Any
) -> None:
    """Prompts that cannot be answered are refused."""
    state = model.open(SIZE_WH)
    features = model.encode([lab.frame(0, SIZE_WH)])
    seen = model.propagate([state], features)
    with pytest.raises(ModelError) as caught:
        model.prompt([state], features, [prompts], seen)
    assert caught.value.code == code


def test_misuse_is_told(lab: Any, model: Any) -> None:
    """Misuse is told."""
    state = model.open(SIZE_WH)
    features = model.encode([lab.frame(0, SIZE_WH)])
    seen = model.propagate([state], features)
    with pytest.raises(ModelError, match="no accepted view") as caught:
        model.remember([state], features, [seen], [MemoryPlan(frozenset({4}))])
    assert caught.value.code == "memory_plan"
    model.close(state)
    with pytest.raises(ModelError) as caught:
        model.propagate([state], features)
    assert caught.value.code == "closed_state"
