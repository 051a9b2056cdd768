"""An object's memory holds what attention reads, and its bytes never change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.blocks.models.seam import MemoryPlan, Prompt

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

from trackwire.blocks.models.sam_video.memory import (  # noqa: E402 - after the skip above
    MemoryLayout,
    ObjectMemory,
)

BOX = (20.0, 10.0, 60.0, 50.0)
SIZE_WH = (96, 72)


def layout(conditioning: Any = 4, views: Any = 6, pointers: Any = 15) -> Any:
    """Sizes of a memory small enough to look through."""
    cpu = torch.device("cpu")
    return MemoryLayout(2, 3, 5, views, pointers, conditioning, torch.float32, torch.float32, cpu)


def write(memory: Any, number: Any, *, conditioning: Any) -> None:
    """Write a view that names its frame."""
    value = float(number + 1)
    memory.write(torch.full((2, 3), value), torch.full((5,), value), conditioning=conditioning)


def held(memory: Any) -> Any:
    """What attention reads: (frame, age) of views and pointers."""
    recall = memory.recall()
    views = [(int(memory.views[slot, 0, 0]) - 1, age) for slot, age in recall.views]
    pointers = [(int(memory.pointers[slot, 0]) - 1, age) for slot, age in recall.pointers]
    return sorted(views), sorted(pointers)


@settings(deadline=None)
@given(
    prompted=st.lists(st.booleans(), max_size=60),
    conditioning=st.integers(1, 4),
    views=st.integers(1, 6),
)
def test_memory_is_the_window_of_the_reference(
    prompted: Any, conditioning: Any, views: Any
) -> None:
    """Memory is the window of the reference."""
    memory = ObjectMemory(layout(conditioning, views, 2 * views + 3))
    before = memory.nbytes
    prompted = [True, *prompted]
    for number, flag in enumerate(prompted):
        write(memory, number, conditioning=flag)
    now = len(prompted)
    given_frames = [number for number, flag in enumerate(prompted) if flag]
    newest = given_frames[1:][-(conditioning - 1) :] if conditioning > 1 else []
    kept = [given_frames[0], *newest] if conditioning > 1 else given_frames[-1:]
    others = [number for number in range(now) if number not in kept]
    expected_views = [(number, 0) for number in kept]
    expected_views += [(number, now - number) for number in others if now - number <= views]
    reach = 2 * views + 3
    expected_pointers = [(number, now - number) for number in kept]
    expected_pointers += [(number, now - number) for number in others if now - number <= reach]
    assert held(memory) == (sorted(expected_views), sorted(expected_pointers))
    assert memory.nbytes == before


def test_frames_kept_out_leave_no_hole() -> None:
    """Frames kept out leave no hole."""
    steady, patchy = ObjectMemory(layout()), ObjectMemory(layout())
    for number in range(10):
        write(steady, number, conditioning=number == 0)
        write(patchy, number, conditioning=number == 0)
        # Hidden frames: nothing is written to `patchy`, and its time stands still.
    assert held(steady) == held(patchy)


def follow(
    lab: Any, model: Any, state: Any, frames: Any, start: Any = 0, prompts: Any = ()
) -> None:
    """Follow objects over some frames."""
    for number in range(start, start + frames):
        features = model.encode([lab.frame(number, SIZE_WH)])
        seen = model.propagate([state], features)
        new = list(prompts) if number == start else []
        answers = model.prompt([state], features, [new], seen)
        ids = frozenset(prompt.track_id for prompt in new)
        plan = MemoryPlan(ids | frozenset(state.objects), ids)
        model.remember([state], features, [[seen[0], answers[0]]], [plan])


def test_bytes_stay_the_same_with_every_frame(lab: Any) -> None:
    """Bytes stay the same with every frame."""
    model = lab.wrap(lab.calm_module("edgetam"), "edgetam")
    state = model.open(SIZE_WH)
    follow(lab, model, state, 50, prompts=[Prompt(1, xyxy=BOX)])
    after_50 = model.nbytes(state)
    assert after_50 > 0
    follow(lab, model, state, 100, start=50)
    assert model.nbytes(state) == after_50
    model.drop(state, [1, 99])
    assert model.nbytes(state) == 0


def test_short_lived_streams_leave_nothing_behind(lab: Any, live_tensors: Any) -> None:
    """Short lived streams leave nothing behind."""
    model = lab.wrap(lab.calm_module("edgetam"), "edgetam")

    def one_stream() -> None:
        state = model.open(SIZE_WH)
        follow(lab, model, state, 2, prompts=[Prompt(1, xyxy=BOX)])
        model.close(state)

    one_stream()
    before = live_tensors.count()
    for _ in range(40):
        one_stream()
    assert live_tensors.count() == before


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ["sam2video", "edgetam", "sam3trackervideo"])
def test_endless_streams_hold_constant_memory(lab: Any, live_tensors: Any, name: str) -> None:
    """2,000 frames and 200 streams: below 1 KB of resident memory a frame, nothing left over."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed (the extra 'dev')")
    model = lab.wrap(lab.calm_module(name), name)
    state = model.open(SIZE_WH)
    follow(lab, model, state, 50, prompts=[Prompt(1, xyxy=BOX)])
    after_50 = model.nbytes(state)
    follow(lab, model, state, 150, start=50)
    process = psutil.Process()
    points = [process.memory_info().rss]
    for start in range(200, 2000, 200):
        follow(lab, model, state, 200, start=start)
        points.append(process.memory_info().rss)
        if start == 800:
            assert model.nbytes(state) == after_50
    assert model.nbytes(state) == after_50
    assert (points[-1] - points[0]) / 1800 < 1024, points
    before = live_tensors.count()
    for number in range(200):
        other = model.open(SIZE_WH)
        follow(lab, model, other, 1, start=number, prompts=[Prompt(number, xyxy=BOX)])
        model.close(other)
    assert live_tensors.count() == before
