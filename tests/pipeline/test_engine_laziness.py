"""Laziness: what nobody demands is not computed, and nobody can tell the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.pipeline.engine import Engine
from trackwire.specs import (
    IMAGE,
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

from .plain_block import VALUE, MakeFrame, Plain


class DetectorManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/detector@v1"]
    image: Annotated[str, Selector(IMAGE)]
    fail_on: tuple[str, ...] = ()
    halt_on: tuple[str, ...] = ()


class Detector(Plain):
    """Pure: puts out the frame number, fails or halts on some streams."""

    manifest: ClassVar[type[BlockManifest]] = DetectorManifest

    def run(self, batch: Batch) -> Any:
        self.seen += list(batch.streams)
        outcomes: list[Any] = []
        for stream, frame in zip(batch.streams, batch["image"], strict=True):
            if stream in self.step.fail_on:
                outcomes.append(Failure(RuntimeError("dark")))
            elif stream in self.step.halt_on:
                outcomes.append(Halt())
            else:
                outcomes.append({"value": frame.video.frame_number})
        return outcomes


class FilterManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/filter@v1"]
    source: Annotated[str, Selector(WILDCARD)]


class Filter(Plain):
    """Pure: reads eagerly, negates."""

    manifest: ClassVar[type[BlockManifest]] = FilterManifest

    def run(self, batch: Batch) -> Any:
        self.seen += list(batch.streams)
        return [{"value": -value} for value in batch["source"]]


class TrackerManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=False, lazy_inputs=frozenset({"boxes"}))
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("sum", frozenset({WILDCARD})),
        OutputDefinition("boxes", frozenset({WILDCARD})),
    )
    type: Literal["test/tracker@v1", "test/eager_tracker@v1"]
    image: Annotated[str, Selector(IMAGE)]
    boxes: Annotated[str, Selector(WILDCARD)]
    every: int = 2
    answer: Literal["good", "raises", "too few", "wrong name", "silent"] = "good"


class Tracker(Plain):
    """Stateful: demands boxes on every n-th frame, adds up what it consumed per stream."""

    manifest: ClassVar[type[BlockManifest]] = TrackerManifest

    def __init__(self, step: Any, resources: Resources) -> None:
        super().__init__(step, resources)
        self.sums: dict[str, int] = {}
        self.asked = 0

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        self.asked += 1
        assert "boxes" not in eager.columns
        match self.step.answer:
            case "raises":
                raise RuntimeError("cannot say")
            case "too few":
                return {"boxes": []}
            case "wrong name":
                return {"image": [True] * len(eager)}
            case "silent":
                return {}
        return {"boxes": [self._due(frame) for frame in eager["image"]]}

    def run(self, batch: Batch) -> Any:
        outcomes = []
        for stream, frame, boxes in zip(batch.streams, batch["image"], batch["boxes"], strict=True):
            self.seen.append(boxes)
            if self._due(frame) and not isinstance(boxes, Missing):
                self.sums[stream] = self.sums.get(stream, 0) + boxes
            outcomes.append({"sum": self.sums.get(stream, 0), "boxes": boxes})
        return outcomes

    def _due(self, frame: Any) -> bool:
        return bool(frame.video.frame_number % self.step.every == 0)


class EagerTrackerManifest(TrackerManifest):
    traits: ClassVar[Traits] = Traits(pure=False)
    type: Literal["test/eager@v1"]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


class EagerTracker(Tracker):
    """The same, reading its boxes eagerly."""

    manifest: ClassVar[type[BlockManifest]] = EagerTrackerManifest


REGISTRY = Registry([Detector, Filter, Tracker, EagerTracker])


def step(kind: str, name: str, **properties: Any) -> dict[str, Any]:
    """Write a step."""
    if kind != "filter":
        properties["image"] = "$inputs.image"
    return {"type": f"test/{kind}@v1", "name": name, **properties}


def open_engine(
    steps: list[dict[str, Any]], **result: str
) -> tuple[Engine, dict[str, Any], Resources]:
    """Compile a document and open an engine on it, with its blocks by name."""
    doc = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": steps,
        "outputs": [
            {"type": "JsonField", "name": name, "selector": selector}
            for name, selector in result.items()
        ],
    }
    resources = Resources(extras={})
    engine = Engine(compile_workflow(doc, registry=REGISTRY), resources)
    return engine, resources.extras["blocks"], resources


CHAIN = [
    step("detector", "detector"),
    step("filter", "filter", source="$steps.detector.value"),
    step("tracker", "tracker", boxes="$steps.filter.value"),
]


def test_need_travels_backwards(make_frame: MakeFrame) -> None:
    """Detector and filter run only for the elements that the tracker demands."""
    engine, blocks, _ = open_engine(CHAIN, sum="$steps.tracker.sum")
    engine.tick([make_frame("a", 0), make_frame("b", 1), make_frame("c", 2)])
    assert blocks["detector"].seen == ["a", "c"]
    assert blocks["filter"].seen == ["a", "c"]
    assert blocks["tracker"].seen == [0, Missing("not_computed"), -2]
    assert blocks["tracker"].asked == 1
    skipped = {each.name: each.skipped for each in engine.report().steps}
    assert skipped == {"detector": 1, "filter": 1, "tracker": 0}


def test_nothing_demanded_nothing_called(make_frame: MakeFrame) -> None:
    """Where no element is demanded the blocks are not called at all."""
    engine, blocks, _ = open_engine(CHAIN, sum="$steps.tracker.sum")
    engine.tick([make_frame("a", 1)])
    assert blocks["detector"].seen == []
    assert {each.calls for each in engine.report().steps if each.name != "tracker"} == {0}


def test_anybody_s_need_counts(make_frame: MakeFrame) -> None:
    """With two trackers the detector runs for what either demands."""
    steps = [
        step("detector", "detector"),
        step("tracker", "two", boxes="$steps.detector.value", every=2),
        step("tracker", "three", boxes="$steps.detector.value", every=3),
    ]
    engine, blocks, _ = open_engine(steps, two="$steps.two.sum", three="$steps.three.sum")
    engine.tick([make_frame(str(number), number) for number in range(7)])
    assert blocks["detector"].seen == ["0", "2", "3", "4", "6"]
    # what one demanded is not shown to the other: results must not hang on who else is there
    assert blocks["two"].seen[3] == Missing("not_computed")
    assert blocks["three"].seen[2] == Missing("not_computed")


def test_an_output_is_always_computed(make_frame: MakeFrame) -> None:
    """A step that is an output runs for all, yet the tracker sees only what it demanded."""
    engine, blocks, _ = open_engine(CHAIN, sum="$steps.tracker.sum", raw="$steps.detector.value")
    (result,) = engine.tick([make_frame("a", 1)])
    assert result.outputs["raw"] == 1
    assert blocks["detector"].seen == ["a"]
    assert blocks["filter"].seen == []
    assert blocks["tracker"].seen == [Missing("not_computed")]


def test_failed_detector_fails_those_who_demanded_it(make_frame: MakeFrame) -> None:
    """The tracker is not run for an element whose demanded boxes failed, and for others it is."""
    steps = [step("detector", "detector", fail_on=["a", "b"]), *CHAIN[1:]]
    engine, _, _ = open_engine(steps, sum="$steps.tracker.sum")
    a, b, c = engine.tick([make_frame("a", 0), make_frame("b", 1), make_frame("c", 2)])
    assert [failure.context["step"] for failure in a.failures] == ["detector"]
    assert a.outputs["sum"] is None
    assert (b.failures, b.outputs["sum"]) == ((), 0)
    assert (c.failures, c.outputs["sum"]) == ((), -2)


def test_branch_off_is_missing_boxes_not_a_missing_tracker(make_frame: MakeFrame) -> None:
    """A tracker goes on when the branch of its detector is off for a frame."""
    steps = [step("detector", "detector", halt_on=["a"]), *CHAIN[1:]]
    engine, blocks, _ = open_engine(steps, sum="$steps.tracker.sum")
    (result,) = engine.tick([make_frame("a", 0)])
    assert blocks["tracker"].seen == [Missing("branch_off")]
    assert (result.failures, result.outputs["sum"]) == ((), 0)


@pytest.mark.parametrize("answer", ["raises", "too few", "wrong name"])
def test_block_that_cannot_say_what_it_needs(make_frame: MakeFrame, answer: str) -> None:
    """A wrong answer to demand fails the reader for its elements, once, and computes nothing."""
    steps = [*CHAIN[:2], step("tracker", "tracker", boxes="$steps.filter.value", answer=answer)]
    engine, blocks, _ = open_engine(steps, sum="$steps.tracker.sum")
    (result,) = engine.tick([make_frame("a", 0)])
    assert [failure.context["step"] for failure in result.failures] == ["tracker"]
    assert (blocks["detector"].seen, blocks["tracker"].seen) == ([], [])
    assert result.outputs["sum"] is None


def test_input_left_out_of_the_answer_is_demanded(make_frame: MakeFrame) -> None:
    """A lazy input that demand does not name is computed for all elements."""
    steps = [*CHAIN[:2], step("tracker", "tracker", boxes="$steps.filter.value", answer="silent")]
    engine, blocks, _ = open_engine(steps, sum="$steps.tracker.sum")
    engine.tick([make_frame("a", 0), make_frame("b", 1)])
    assert blocks["detector"].seen == ["a", "b"]


@settings(max_examples=60, deadline=None)
@given(
    ticks=st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=1, max_size=8),
    every=st.integers(1, 4),
    bad=st.sets(st.sampled_from("abcd"), max_size=1),
)
def test_lazy_equals_eager(
    make_frame: MakeFrame, ticks: list[set[str]], every: int, bad: set[str]
) -> None:
    """What is consumed is the same whether the tracker reads lazily or eagerly."""

    def run(kind: str) -> list[dict[str, Any]]:
        steps = [
            *CHAIN[:2],
            step(kind, "tracker", boxes="$steps.filter.value", every=every),
            step("detector", "aside", fail_on=sorted(bad)),
        ]
        engine, _, _ = open_engine(steps, sum="$steps.tracker.sum", aside="$steps.aside.value")
        numbers = dict.fromkeys("abcd", 0)
        results = []
        for streams in ticks:
            frames = [make_frame(stream, numbers[stream]) for stream in sorted(streams)]
            numbers.update({stream: numbers[stream] + 1 for stream in streams})
            results += [dict(result.outputs) for result in engine.tick(frames)]
        return results

    assert run("tracker") == run("eager")
