"""Threads: steps that run at the same time give what they give one after the other."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from trackwire.blocks import Frame
from trackwire.pipeline.engine import Engine
from trackwire.specs import (
    IMAGE,
    STEP,
    WILDCARD,
    Batch,
    BlockManifest,
    Failure,
    Halt,
    Missing,
    OutputDefinition,
    Registry,
    Resources,
    Selector,
    Traits,
    compile_workflow,
)

from .plain_block import VALUE, MakeFrame

Wires: TypeAlias = list[Annotated[str, Selector(WILDCARD)]]


class NodeManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/node@v1"]
    image: Annotated[str, Selector(IMAGE)]
    reads: Wires = Field(default=[])
    next_steps: list[Annotated[str, Selector(STEP)]] = Field(default=[])
    fail_on: int = -1
    halt_on: int = -1


class Node:
    """Mixes what it reads with the number of the frame; fails or halts on one stream."""

    manifest: ClassVar[type[BlockManifest]] = NodeManifest

    def __init__(self, step: Any, resources: Resources) -> None:
        self.step = step
        self.meeting: threading.Barrier | None = resources.extras.get("meeting")

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        return cls(step, resources)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {}

    def run(self, batch: Batch) -> Any:
        if self.meeting is not None:
            self.meeting.wait()
        return [
            self._one(frame, reads)
            for frame, reads in zip(batch["image"], batch["reads"], strict=True)
        ]

    def _one(self, frame: Frame, reads: Sequence[Any]) -> Any:
        number = frame.video.frame_number
        if number == self.step.fail_on:
            return Failure(RuntimeError(self.step.name))
        if number == self.step.halt_on:
            return Halt()
        return {"value": (self.step.name, number, *reads)}

    def end_stream(self, stream: str) -> None: ...

    def close(self) -> None: ...


class KeeperManifest(NodeManifest):
    traits: ClassVar[Traits] = Traits(pure=False, lazy_inputs=frozenset({"lazily"}))
    type: Literal["test/keeper@v1"]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    lazily: Annotated[str, Selector(WILDCARD)]


class Keeper(Node):
    """Counts its calls per stream and reads one value on some frames only."""

    manifest: ClassVar[type[BlockManifest]] = KeeperManifest

    def __init__(self, step: Any, resources: Resources) -> None:
        super().__init__(step, resources)
        self.counts: dict[str, int] = {}

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {"lazily": [frame.video.frame_number % 2 == 0 for frame in eager["image"]]}

    def run(self, batch: Batch) -> Any:
        outcomes = super().run(batch)
        for stream, outcome, lazily in zip(batch.streams, outcomes, batch["lazily"], strict=True):
            self.counts[stream] = self.counts.get(stream, 0) + 1
            if isinstance(outcome, dict):
                seen = lazily.cause if isinstance(lazily, Missing) else lazily
                outcome["value"] = (*outcome["value"], self.counts[stream], seen)
        return outcomes


REGISTRY = Registry([Node, Keeper])


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A workflow of up to eight steps, wired at random, with gates, failures and lazy reads."""
    count = draw(st.integers(1, 8))
    steps: list[dict[str, Any]] = []
    for index in range(count):
        earlier = [f"$steps.s{before}.value" for before in range(index)]
        step: dict[str, Any] = {
            "name": f"s{index}",
            "type": "test/node@v1",
            "image": "$inputs.image",
            "reads": draw(st.lists(st.sampled_from(earlier or [""]), max_size=2 * bool(earlier))),
            "fail_on": draw(st.integers(-1, 4)),
            "halt_on": draw(st.integers(-1, 4)),
        }
        keeps = draw(st.booleans())
        if earlier and keeps:
            step |= {"type": "test/keeper@v1", "lazily": draw(st.sampled_from(earlier))}
        if index + 1 < count and draw(st.booleans()):
            step["next_steps"] = [f"$steps.s{draw(st.integers(index + 1, count - 1))}"]
        steps.append(step)
    wanted = draw(st.sets(st.integers(0, count - 1), min_size=1))
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": draw(st.permutations(steps)),
        "outputs": [
            {"type": "JsonField", "name": f"o{index}", "selector": f"$steps.s{index}.value"}
            for index in sorted(wanted)
        ],
    }


def results(
    document: dict[str, Any], ticks: Sequence[Sequence[Frame]], threads: int
) -> list[tuple[Any, list[str]]]:
    """What an engine makes of some ticks: outputs, and messages of failures, frame by frame."""
    workflow = compile_workflow(document, registry=REGISTRY)
    with Engine(workflow, threads=threads) as engine:
        return [
            (dict(result.outputs), [failure.message for failure in result.failures])
            for frames in ticks
            for result in engine.tick(frames)
        ]


@settings(max_examples=80, deadline=None)
@given(document=graphs(), threads=st.integers(2, 4))
def test_results_do_not_depend_on_threads(
    make_frame: MakeFrame, document: dict[str, Any], threads: int
) -> None:
    """Values, failures and their order are those of one thread, whatever waits for what."""
    ticks = [
        [make_frame("a", 0), make_frame("b", 1)],
        [make_frame("a", 2), make_frame("b", 3)],
        [make_frame("b", 4)],
    ]
    assert results(document, ticks, threads) == results(document, ticks, 1)


@settings(max_examples=60, deadline=None)
@given(document=graphs())
def test_results_do_not_depend_on_laziness(make_frame: MakeFrame, document: dict[str, Any]) -> None:
    """What is left out for lack of need changes no value, wherever nothing fails."""
    for step in document["steps"]:
        step["fail_on"] = -1
    ticks = [[make_frame("a", 0), make_frame("b", 1)], [make_frame("a", 2), make_frame("b", 3)]]
    made = []
    for lazy in (True, False):
        workflow = compile_workflow(document, registry=REGISTRY, lazy=lazy)
        assert lazy or not any(step.skippable for step in workflow.steps)
        with Engine(workflow) as engine:
            made.append([dict(each.outputs) for tick in ticks for each in engine.tick(tick)])
    assert made[0] == made[1]


def test_steps_of_a_level_run_at_the_same_time(make_frame: MakeFrame) -> None:
    """Two steps that wait for each other inside their blocks both get there."""
    steps = [
        {"type": "test/node@v1", "name": name, "image": "$inputs.image"} for name in ("one", "two")
    ]
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": steps,
        "outputs": [
            {"type": "JsonField", "name": name, "selector": f"$steps.{name}.value"}
            for name in ("one", "two")
        ],
    }
    resources = Resources(extras={"meeting": threading.Barrier(2, timeout=20)})
    with Engine(compile_workflow(document, registry=REGISTRY), resources, threads=2) as engine:
        (result,) = engine.tick([make_frame("a", 1)])
    assert result.failures == ()
    assert result.outputs == {"one": ("one", 1), "two": ("two", 1)}


def test_at_least_one_thread() -> None:
    """No threads is a mistake of the caller, told before anything opens."""
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [],
        "outputs": [{"type": "JsonField", "name": "image", "selector": "$inputs.image"}],
    }
    with pytest.raises(ValueError, match="threads must be 1 or more, found 0"):
        Engine(compile_workflow(document, registry=REGISTRY), threads=0)
