"""Objects and streams in one batch are followed as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trackwire.blocks.models.seam import MemoryPlan, Prompt

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

FAMILIES = ("sam2video", "edgetam", "sam3trackervideo")
SIZES = ((96, 72), (64, 80), (120, 60))


@st.composite
def scenes(draw: Any) -> Any:
    """Streams of their own sizes; each object starts at its own frame and may be prompted again."""
    streams = draw(st.integers(1, 3))
    events = st.tuples(st.integers(0, 5), st.sampled_from(["box", "points"]), st.booleans())
    return [draw(st.lists(events, min_size=1, max_size=3)) for _ in range(streams)]


def prompt_of(track_id: Any, kind: Any, size_wh: Any) -> Any:
    """The prompt of a track."""
    width, height = size_wh
    x = 4.0 + 9.0 * track_id
    if kind == "box":
        return Prompt(track_id, xyxy=(x, 5.0, min(x + 30, width), height - 8.0))
    points = np.array([[x, height / 2]], np.float32)
    return Prompt(track_id, points=points, labels=np.array([1], np.int32))


def follow(lab: Any, model: Any, scene: Any, groups: Any) -> Any:
    """Follow a scene with the streams split into groups; low-resolution logits by frame."""
    found = {}
    states = [model.open(SIZES[stream]) for stream in range(len(scene))]
    for number in range(8):
        for group in groups:
            images = [lab.frame(number, SIZES[stream], seed=stream) for stream in group]
            features = model.encode(images)
            chosen = [states[stream] for stream in group]
            seen = model.propagate(chosen, features)
            asked = [
                [
                    prompt_of(track, kind, SIZES[stream])
                    for track, (start, kind, again) in enumerate(scene[stream])
                    if number == start or (again and number == start + 2)
                ]
                for stream in group
            ]
            answers = model.prompt(chosen, features, asked, seen)
            plans = []
            for state, prompts in zip(chosen, asked, strict=True):
                ids = frozenset(prompt.track_id for prompt in prompts)
                plans.append(MemoryPlan(ids | frozenset(state.objects), ids))
            accepted = [list(pair) for pair in zip(seen, answers, strict=True)]
            model.remember(chosen, features, accepted, plans)
            for stream, views in zip(group, accepted, strict=True):
                for view in views:
                    for track, row in view.row_of.items():
                        logit = float(view.diagnostics["object_logit"][row])
                        found[number, stream, track] = (view.low_res[row], logit)
    return found


@pytest.fixture(scope="module", params=FAMILIES)
def pair(lab: Any, request: Any) -> Any:
    """One model twice: with large batches, and with one object and stream at a time.

    Memories are exact: a sum that differs in the last bit, as it does in batches of another size,
    would tip the rounding of remembered views to bfloat16 now and then.
    """
    module, name = lab.calm_module(request.param), request.param
    return tuple(lab.wrap(module, name, batch=size, exact_memory=True) for size in (16, 1))


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(scene=scenes())
def test_batched_equals_one_by_one(lab: Any, pair: Any, scene: Any) -> None:
    """Over several frames in float32, to 1e-4."""
    batched, single = pair
    everything = follow(lab, batched, scene, [range(len(scene))])
    alone = follow(lab, single, scene, [[stream] for stream in range(len(scene))])
    assert everything.keys() == alone.keys()
    assert any(logit > 0 for _, logit in alone.values())
    for key, (low_res, logit) in everything.items():
        expected, expected_logit = alone[key]
        assert (low_res - expected).abs().max() < 1e-4, key
        assert logit == pytest.approx(expected_logit, abs=1e-4), key


@pytest.mark.parametrize("name", FAMILIES)
def test_batched_equals_one_by_one_with_rounded_memories(lab: Any, name: str) -> None:
    """Frame by frame from the same states, as what rounding tips goes on into later frames."""
    module = lab.calm_module(name)
    batched, single = lab.wrap(module, name, batch=16), lab.wrap(module, name, batch=1)
    states = [batched.open(size) for size in SIZES]
    for number in range(10):
        images = [lab.frame(number, size, seed=stream) for stream, size in enumerate(SIZES)]
        features = batched.encode(images)
        asked = [
            [prompt_of(3 * stream + number, "box", size)] if number < 3 else []
            for stream, size in enumerate(SIZES)
        ]
        seen = batched.propagate(states, features)
        answers = batched.prompt(states, features, asked, seen)
        for stream, state in enumerate(states):
            own = single.encode([images[stream]])
            alone = single.propagate([state], own)
            answer = single.prompt([state], own, [asked[stream]], alone)
            for many, one in ((seen[stream], alone[0]), (answers[stream], answer[0])):
                torch.testing.assert_close(many.low_res, one.low_res, atol=1e-4, rtol=0)
                torch.testing.assert_close(many.pointer, one.pointer, atol=1e-4, rtol=0)
                np.testing.assert_allclose(many.score, one.score, atol=1e-4)
        plans = [
            MemoryPlan(
                frozenset(state.objects) | {prompt.track_id for prompt in prompts},
                frozenset(prompt.track_id for prompt in prompts),
            )
            for state, prompts in zip(states, asked, strict=True)
        ]
        accepted = [list(views) for views in zip(seen, answers, strict=True)]
        batched.remember(states, features, accepted, plans)


def test_an_empty_state_proposes_nothing(lab: Any) -> None:
    """An empty state proposes nothing."""
    model = lab.wrap(lab.calm_module("edgetam"), "edgetam")
    states = [model.open((96, 72)), model.open((64, 80))]
    features = model.encode([lab.frame(0, (96, 72)), lab.frame(0, (64, 80))])
    for proposal in model.propagate(states, features):
        assert len(proposal.track_ids) == 0
        assert proposal.xyxy.shape == (0, 4)
        assert proposal.visible.shape == (0,)
        assert len(proposal.masks([])) == 0
    assert model.encode([]) == []
    assert model.propagate([], []) == []
