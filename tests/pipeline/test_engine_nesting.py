"""Nesting: parts of frames are elements of their own, and come together again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import pytest

from trackwire.blocks import CropOrigin, Frame, build_detections
from trackwire.pipeline.engine import Engine, TickError
from trackwire.specs import (
    IMAGE,
    OBJECT_DETECTION_PREDICTION,
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

from .plain_block import VALUE, MakeFrame, Plain


class CountManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/count@v1"]
    image: Annotated[str, Selector(IMAGE)]


class Count(Plain):
    """Puts out the number of the frame."""

    manifest: ClassVar[type[BlockManifest]] = CountManifest

    def run(self, batch: Batch) -> Any:
        self.batches.append(batch)
        return [{"value": frame.video.frame_number} for frame in batch["image"]]


class SplitManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=1)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/split@v1"]
    value: Annotated[str, Selector(WILDCARD)]
    halt_on: tuple[int, ...] = ()
    fail_on: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    answer: Literal["good", "mapping", "names"] = "good"


class Split(Plain):
    """Splits a number n into 10n, 10n+1, ... of which there are n."""

    manifest: ClassVar[type[BlockManifest]] = SplitManifest

    def run(self, batch: Batch) -> Any:
        self.batches.append(batch)
        if self.step.answer == "mapping":
            return [{"value": 1} for _ in batch.streams]
        if self.step.answer == "names":
            return [[{"wrong": 1}] for _ in batch.streams]
        return [self._parts(value) for value in batch["value"]]

    def _parts(self, value: int) -> Any:
        if value in self.step.halt_on:
            return Halt("no parts")
        if value in self.step.fail_on:
            return Failure(RuntimeError("cannot split"))
        return [self._part(value * 10 + index) for index in range(value)]

    def _part(self, part: int) -> Any:
        if part in self.step.empty:
            return Halt("nothing there")
        return Failure(RuntimeError("torn")) if part in self.step.bad else {"value": part}


class DoubleManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/double@v1"]
    value: Annotated[str, Selector(WILDCARD)]
    bad: tuple[int, ...] = ()


class Double(Plain):
    """Doubles a number."""

    manifest: ClassVar[type[BlockManifest]] = DoubleManifest

    def run(self, batch: Batch) -> Any:
        self.batches.append(batch)
        return [
            Failure(RuntimeError("odd one")) if value in self.step.bad else {"value": value * 2}
            for value in batch["value"]
        ]


class GatherManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=-1)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/gather@v1"]
    parts: Annotated[str, Selector(WILDCARD)] | list[Annotated[str, Selector(WILDCARD)]]
    others: Annotated[str, Selector(WILDCARD)] | None = None
    whole: Annotated[str, Selector(WILDCARD)] | None = None


class Gather(Plain):
    """Puts out what it was given."""

    manifest: ClassVar[type[BlockManifest]] = GatherManifest

    def run(self, batch: Batch) -> Any:
        self.batches.append(batch)
        columns = zip(batch["parts"], batch["others"], batch["whole"], strict=True)
        return [{"value": tuple(each for each in given if each is not None)} for given in columns]


class GateManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    type: Literal["test/gate@v1"]
    value: Annotated[str, Selector(WILDCARD)]
    closed_on: tuple[int, ...]
    next_steps: list[Annotated[str, Selector(STEP)]]


class Gate(Plain):
    """Ends the branch for some numbers."""

    manifest: ClassVar[type[BlockManifest]] = GateManifest

    def run(self, batch: Batch) -> Any:
        closed = self.step.closed_on
        return [Halt() if value in closed else {} for value in batch["value"]]


class AskManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=False, lazy_inputs=frozenset({"value"}))
    outputs: ClassVar[tuple[OutputDefinition, ...]] = VALUE
    type: Literal["test/ask@v1"]
    image: Annotated[str, Selector(IMAGE)]
    value: Annotated[str, Selector(WILDCARD)]


class Ask(Plain):
    """Wants its value on even frames only."""

    manifest: ClassVar[type[BlockManifest]] = AskManifest

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {"value": [frame.video.frame_number % 2 == 0 for frame in eager["image"]]}

    def run(self, batch: Batch) -> Any:
        return [{"value": value} for value in batch["value"]]


class SinkManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=False, accepts_parts=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    type: Literal["test/sink@v1"]
    value: Annotated[str, Selector(WILDCARD)]


class Sink(Plain):
    """Takes whatever comes."""

    manifest: ClassVar[type[BlockManifest]] = SinkManifest

    def run(self, batch: Batch) -> Any:
        self.batches.append(batch)
        return [{} for _ in batch.streams]


REGISTRY = Registry([Count, Split, Double, Gather, Gate, Ask, Sink])
COUNT = {"type": "test/count@v1", "name": "count", "image": "$inputs.image"}


@pytest.fixture(autouse=True, params=[1, 3], ids=["one-thread", "threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every rule of this file holds whether steps run one after the other or not."""
    count = int(request.param)
    monkeypatch.setattr(sys.modules[__name__], "Engine", partial(Engine, threads=count))
    return count


def step(kind: str, name: str, value: Any, **properties: Any) -> dict[str, Any]:
    """Write a step; what it reads is the value of another step, or a selector."""
    source = value if "$" in value else f"$steps.{value}.value"
    key = "parts" if kind == "gather" else "value"
    if kind == "ask":
        properties["image"] = "$inputs.image"
    return {"type": f"test/{kind}@v1", "name": name, key: source, **properties}


def open_engine(
    steps: list[dict[str, Any]], *results: str, inputs: Sequence[dict[str, Any]] = ()
) -> tuple[Engine, dict[str, Any]]:
    """Open an engine on steps; the results are steps whose values are outputs."""
    doc = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}, *inputs],
        "steps": [COUNT, *steps],
        "outputs": [
            {"type": "JsonField", "name": name, "selector": f"$steps.{name}.value"}
            for name in results
        ],
    }
    extras: dict[str, Any] = {}
    engine = Engine(compile_workflow(doc, registry=REGISTRY), Resources(extras=extras))
    return engine, extras["blocks"]


def run(
    make_frame: MakeFrame, numbers: Sequence[int], steps: list[dict[str, Any]], *results: str
) -> tuple[list[dict[str, Any]], list[int], dict[str, Any]]:
    """Run one tick of frames with these numbers: outputs, counts of failures, blocks."""
    engine, blocks = open_engine(steps, *results)
    made = engine.tick([make_frame(chr(97 + place), n) for place, n in enumerate(numbers)])
    return [dict(each.outputs) for each in made], [len(each.failures) for each in made], blocks


def test_parts_are_elements_and_outputs_nest(make_frame: MakeFrame) -> None:
    """A step behind a split sees the parts of all frames in one call, its outputs are lists."""
    steps = [step("split", "split", "count"), step("double", "double", "split")]
    outputs, _, blocks = run(make_frame, [2, 0, 1], steps, "split", "double", "count")
    assert outputs == [
        {"split": [20, 21], "double": [40, 42], "count": 2},
        {"split": [], "double": [], "count": 0},
        {"split": [10], "double": [20], "count": 1},
    ]
    (batch,) = blocks["double"].batches
    assert list(batch.streams) == ["a", "a", "c"]
    assert list(batch.indices) == [(0,), (1,), (0,)]
    assert list(blocks["count"].batches[0].indices) == []


def test_splits_within_splits(make_frame: MakeFrame) -> None:
    """Parts of parts nest twice and carry both indices."""
    steps = [step("split", "one", "count"), step("split", "two", "one", empty=[101])]
    steps.append(step("double", "double", "two"))
    outputs, _, blocks = run(make_frame, [1], steps, "two", "double")
    expected = [100, None, *range(102, 110)]
    assert outputs[0]["two"] == [expected]
    assert outputs[0]["double"] == [[None if part is None else part * 2 for part in expected]]
    assert list(blocks["double"].batches[0].indices)[:2] == [(0, 0), (0, 2)]


def test_gathering_gives_lists(make_frame: MakeFrame) -> None:
    """A gathering step has the parts of an element as a list beside its own values."""
    steps = [
        step("split", "split", "count"),
        step("double", "double", "split"),
        step("gather", "gather", "double", others="$steps.split.value", whole="$steps.count.value"),
    ]
    outputs, _, _ = run(make_frame, [2, 0], steps, "gather")
    assert outputs == [{"gather": ([40, 42], [20, 21], 2)}, {"gather": ([], [], 0)}]


def test_gathering_one_of_two_levels(make_frame: MakeFrame) -> None:
    """Gathering takes away the innermost level only."""
    steps = [
        step("split", "one", "count"),
        step("split", "two", "one"),
        step("gather", "gather", "two"),
    ]
    outputs, _, _ = run(make_frame, [1], steps, "gather")
    assert outputs == [{"gather": [(list(range(100, 110)),)]}]


def test_empty_parts_keep_their_place(make_frame: MakeFrame) -> None:
    """A part without values is None in an output, is not run, and is left out of lists."""
    steps = [
        step("split", "split", "count", empty=[30]),
        step("double", "double", "split"),
        step("gather", "gather", "double"),
    ]
    outputs, failures, blocks = run(make_frame, [3], steps, "double", "gather")
    assert outputs == [{"double": [None, 62, 64], "gather": ([62, 64],)}]
    assert failures == [0]
    assert list(blocks["double"].batches[0].indices) == [(1,), (2,)]


def test_a_failed_part_fails_alone_but_no_list_lacks_it(make_frame: MakeFrame) -> None:
    """Other parts go on; what gathers is not run for that frame, since its list would lie."""
    steps = [
        step("split", "split", "count", bad=[20]),
        step("double", "double", "split"),
        step("gather", "gather", "double"),
    ]
    outputs, failures, _ = run(make_frame, [2, 1], steps, "double", "gather")
    assert outputs == [{"double": [None, 42], "gather": None}, {"double": [20], "gather": ([20],)}]
    assert failures == [1, 0]


def test_a_failure_says_which_part(make_frame: MakeFrame) -> None:
    """The error names frame and part."""
    engine, _ = open_engine(
        [step("split", "split", "count"), step("double", "double", "split", bad=[31])], "double"
    )
    (result,) = engine.tick([make_frame("a", 3)])
    (failure,) = result.failures
    assert failure.context["part"] == (1,)
    assert "frame 3 of a, part [1]: odd one" in failure.message


@pytest.mark.parametrize("answer", ["mapping", "names"])
def test_wrong_parts_fail_the_step(make_frame: MakeFrame, answer: str) -> None:
    """A split that answers with values instead of parts, or with wrong outputs, fails."""
    steps = [step("split", "split", "count", answer=answer)]
    _, failures, _ = run(make_frame, [1], steps, "split")
    assert failures == [1]


def test_frames_that_were_not_split(make_frame: MakeFrame) -> None:
    """Where the split itself failed or ended the branch there is no list at all."""
    steps = [
        step("split", "split", "count", halt_on=[1], fail_on=[2]),
        step("double", "double", "split"),
        step("gather", "gather", "double"),
    ]
    outputs, failures, _ = run(make_frame, [1, 2, 3], steps, "double", "gather")
    assert outputs[0] == outputs[1] == {"double": None, "gather": None}
    assert outputs[2]["double"] == [60, 62, 64]
    assert failures == [0, 1, 0]


def test_a_gate_behind_a_split_masks_parts(make_frame: MakeFrame) -> None:
    """A branch is switched off for parts, not for their frame."""
    steps = [
        step("split", "split", "count"),
        step("gate", "gate", "split", closed_on=[20], next_steps=["$steps.double"]),
        step("double", "double", "split"),
        step("gather", "gather", "double"),
    ]
    outputs, _, _ = run(make_frame, [2, 1], steps, "double", "gather")
    assert outputs == [
        {"double": [None, 42], "gather": ([42],)},
        {"double": [20], "gather": ([20],)},
    ]


def test_a_gate_before_a_split_masks_all_parts(make_frame: MakeFrame) -> None:
    """What decides about a frame decides about all its parts."""
    steps = [
        step("split", "split", "count"),
        step("gate", "gate", "count", closed_on=[2], next_steps=["$steps.double"]),
        step("double", "double", "split"),
    ]
    outputs, _, _ = run(make_frame, [2, 1], steps, "double", "split")
    assert outputs == [
        {"double": [None, None], "split": [20, 21]},
        {"double": [20], "split": [10]},
    ]


def test_demand_reaches_through_splits(make_frame: MakeFrame) -> None:
    """Nothing is split, worked on or gathered for frames whose list nobody wants."""
    steps = [
        step("split", "split", "count"),
        step("double", "double", "split"),
        step("gather", "gather", "double"),
        step("ask", "ask", "gather"),
    ]
    outputs, _, blocks = run(make_frame, [1, 2, 3], steps, "ask")
    missing = Missing("not_computed")
    assert outputs == [{"ask": missing}, {"ask": ([40, 42],)}, {"ask": missing}]
    for name in ("count", "split", "gather"):
        assert [list(batch.streams) for batch in blocks[name].batches] == [["b"]]
    assert list(blocks["double"].batches[0].streams) == ["b", "b"]


def test_an_impure_block_may_accept_parts(make_frame: MakeFrame) -> None:
    """A sink behind a crop gets the parts of a frame in one call."""
    steps = [step("split", "split", "count"), step("sink", "sink", "split")]
    _, _, blocks = run(make_frame, [2], steps, "split")
    assert [list(batch["value"]) for batch in blocks["sink"].batches] == [[20, 21]]


TILES = {"type": "WorkflowBatchInput", "name": "tiles", "kind": ["*"], "dimensionality": 2}


def test_nested_batch_inputs(make_frame: MakeFrame) -> None:
    """A batch input of dimensionality 2 is a list per frame, whose items are elements."""
    engine, _ = open_engine(
        [step("double", "double", "$inputs.tiles"), step("gather", "gather", "double")],
        "double",
        "gather",
        inputs=[TILES],
    )
    frames = [make_frame("a"), make_frame("b"), make_frame("c")]
    results = engine.tick(frames, {"tiles": [[1, 2], [], (3,)]})
    assert [each.outputs["double"] for each in results] == [[2, 4], [], [6]]
    assert [each.outputs["gather"] for each in results] == [([2, 4],), ([],), ([6],)]


@pytest.mark.parametrize("given", [[1], [None], ["text"], [{"a": 1}]])
def test_a_nested_batch_input_is_lists(make_frame: MakeFrame, given: list[Any]) -> None:
    """What is not nested as declared is refused before anything runs."""
    engine, _ = open_engine([step("double", "double", "$inputs.tiles")], "double", inputs=[TILES])
    with pytest.raises(TickError, match=r"'tiles'.*dimensionality 2") as caught:
        engine.tick([make_frame("a")], {"tiles": given})
    assert caught.value.code == "batch_input_shape"


class CutManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=1)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("crops", frozenset({IMAGE})),
    )
    type: Literal["test/cut@v1"]
    image: Annotated[str, Selector(IMAGE)]


class Cut(Plain):
    """Cuts two squares of 8 pixels out of a frame."""

    manifest: ClassVar[type[BlockManifest]] = CutManifest

    def run(self, batch: Batch) -> Any:
        return [[self._cut(frame, left) for left in (4, 12)] for frame in batch["image"]]

    def _cut(self, frame: Frame, left: int) -> dict[str, Any]:
        origin = CropOrigin(frame.image_id, frame.image_id, (left, 6), frame.size_wh)
        image = frame.image[6:14, left : left + 8].copy()
        return {"crops": Frame(image, frame.video, origin)}


class FindManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset({OBJECT_DETECTION_PREDICTION})),
    )
    type: Literal["test/find@v1"]
    image: Annotated[str, Selector(IMAGE)]


class Find(Plain):
    """Finds one box in each picture."""

    manifest: ClassVar[type[BlockManifest]] = FindManifest

    def run(self, batch: Batch) -> Any:
        return [
            {"predictions": build_detections(frame, [(1, 2, 3, 4)], producer="find")}
            for frame in batch["image"]
        ]


def test_coordinates_of_outputs(make_frame: MakeFrame) -> None:
    """``parent`` tells boxes in the full frame, ``own`` in the crop; steps see their own."""
    doc = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {"type": "test/cut@v1", "name": "cut", "image": "$inputs.image"},
            {"type": "test/find@v1", "name": "find", "image": "$steps.cut.crops"},
        ],
        "outputs": [
            {"type": "JsonField", "name": "default", "selector": "$steps.find.predictions"},
            {"type": "JsonField", "name": "all", "selector": "$steps.find.*"},
            {
                "type": "JsonField",
                "name": "own",
                "selector": "$steps.find.predictions",
                "coordinates_system": "own",
            },
        ],
    }
    engine = Engine(compile_workflow(doc, registry=Registry([Cut, Find])), Resources(extras={}))
    (result,) = engine.tick([make_frame("a", size_wh=(32, 24))])
    boxes = {
        "default": [each.xyxy.tolist() for each in result.outputs["default"]],
        "all": [each["predictions"].xyxy.tolist() for each in result.outputs["all"]],
        "own": [each.xyxy.tolist() for each in result.outputs["own"]],
    }
    in_frame = [[[5, 8, 7, 10]], [[13, 8, 15, 10]]]
    assert boxes == {"default": in_frame, "all": in_frame, "own": [[[1, 2, 3, 4]]] * 2}
