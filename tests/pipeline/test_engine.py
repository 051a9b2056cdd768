"""The engine: batching, failures, inputs and outputs, opening and closing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.blocks import Frame
from trackwire.pipeline.engine import Engine, TickError
from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    INTEGER,
    STEP,
    VIDEO_METADATA,
    WILDCARD,
    Batch,
    BlockError,
    BlockManifest,
    Event,
    Failure,
    Halt,
    ModelError,
    OutputDefinition,
    Registry,
    Resources,
    Selector,
    SpecificationError,
    Traits,
    compile_workflow,
    load_library,
)

MakeFrame: TypeAlias = Callable[..., Frame]


class Plain:
    """A block with the parts of the protocol that a test block rarely needs."""

    def __init__(self, step: Any, resources: Resources) -> None:
        self.step = step
        self.resources = resources
        self.ended: list[str] = []
        self.closed = 0
        cast("dict[str, Any]", resources.extras).setdefault("opened", []).append(self)

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        return cls(step, resources)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {}

    def end_stream(self, stream: str) -> None:
        self.ended.append(stream)

    def close(self) -> None:
        self.closed += 1


def outputs(*names: str) -> tuple[OutputDefinition, ...]:
    """Declare outputs of any kind."""
    return tuple(OutputDefinition(name, frozenset({WILDCARD})) for name in names)


class NumberManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=False)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = outputs("value", "streams")
    type: Literal["test/number@v1"]
    image: Annotated[str, Selector(IMAGE)]
    plus: int | Annotated[str, Selector(INTEGER)] = 0
    fail_on: tuple[str, ...] = ()
    mode: Literal["fail", "raise", "short", "extra", "names", "text", "model"] | None = None


class Number(Plain):
    """Puts out the frame number plus something; misbehaves as asked."""

    manifest: ClassVar[type[BlockManifest]] = NumberManifest

    def __init__(self, step: Any, resources: Resources) -> None:
        super().__init__(step, resources)
        if step.mode == "model":
            raise ModelError(f"no model for {step.name}", code="gone")

    def run(self, batch: Batch) -> Any:
        mode = self.step.mode
        if mode == "raise":
            raise ValueError("broken")
        good = [
            {"value": frame.video.frame_number + plus, "streams": tuple(batch.streams)}
            for frame, plus in zip(batch["image"], batch["plus"], strict=True)
        ]
        if mode == "short":
            return good[:-1]
        if mode == "names":
            return [{"value": 1} for _ in good]
        if mode == "text":
            return ["no mapping" for _ in good]
        return [
            Failure(RuntimeError("bad frame")) if stream in self.step.fail_on else outcome
            for stream, outcome in zip(batch.streams, good, strict=True)
        ]


class AddManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = outputs("value")
    type: Literal["test/add@v1"]
    values: list[Annotated[str, Selector(WILDCARD)] | int] | dict[str, Any]


class Add(Plain):
    """Adds up numbers from a list or dict with selectors inside."""

    manifest: ClassVar[type[BlockManifest]] = AddManifest

    def run(self, batch: Batch) -> Any:
        columns = [list(v.values()) if isinstance(v, Mapping) else v for v in batch["values"]]
        return [{"value": sum(numbers)} for numbers in columns]


class GateManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    type: Literal["test/gate@v1"]
    flag: Annotated[str, Selector(BOOLEAN, WILDCARD)]
    next_steps: list[Annotated[str, Selector(STEP)]]


class Gate(Plain):
    """Ends the branch where the frame number is odd."""

    manifest: ClassVar[type[BlockManifest]] = GateManifest

    def run(self, batch: Batch) -> Any:
        return [Halt("odd") if value % 2 else {} for value in batch["flag"]]


class ClockManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = outputs("stream")
    type: Literal["test/clock@v1"]
    video: Annotated[str, Selector(VIDEO_METADATA)]


class Clock(Plain):
    """Reads the metadata of the video."""

    manifest: ClassVar[type[BlockManifest]] = ClockManifest

    def run(self, batch: Batch) -> Any:
        return [{"stream": video.video_identifier} for video in batch["video"]]


REGISTRY = Registry([Number, Add, Gate, Clock])
IMAGE_INPUT = {"type": "WorkflowImage", "name": "image"}


def number(name: str, **properties: Any) -> dict[str, Any]:
    """Write a step of the block Number."""
    return {"type": "test/number@v1", "name": name, "image": "$inputs.image", **properties}


def document(
    steps: list[dict[str, Any]], result: Mapping[str, str], *inputs: dict[str, Any]
) -> dict[str, Any]:
    """Write a document."""
    return {
        "version": "1.0",
        "inputs": [IMAGE_INPUT, *inputs],
        "steps": steps,
        "outputs": [
            {"type": "JsonField", "name": name, "selector": selector}
            for name, selector in result.items()
        ],
    }


def engine_of(doc: dict[str, Any], resources: Resources | None = None, **parameters: Any) -> Engine:
    """Compile a document and open an engine on it."""
    workflow = compile_workflow(doc, registry=REGISTRY, parameters=parameters)
    return Engine(workflow, resources or Resources(extras={}))


def test_one_result_per_frame_in_order(make_frame: MakeFrame) -> None:
    """Results come in the order of the frames, streams batched into one call."""
    engine = engine_of(document([number("n")], {"v": "$steps.n.value", "s": "$steps.n.streams"}))
    results = engine.tick([make_frame("b", 7), make_frame("a", 3)])
    assert [result.outputs["v"] for result in results] == [7, 3]
    assert results[0].outputs["s"] == ("b", "a")
    assert [result.frame.video.video_identifier for result in results] == ["b", "a"]
    assert engine.report().steps[0].calls == 1


def test_inputs_of_all_kinds(make_frame: MakeFrame) -> None:
    """Images, metadata, parameters and batch inputs reach the steps."""
    doc = document(
        [
            number("n", plus="$inputs.offset"),
            {"type": "test/clock@v1", "name": "c", "video": "$inputs.meta"},
            {"type": "test/add@v1", "name": "l", "values": ["$steps.n.value", "$inputs.extra", 5]},
            {"type": "test/add@v1", "name": "d", "values": {"k": "$steps.n.value", "j": 1}},
        ],
        {"l": "$steps.l.value", "c": "$steps.c.stream", "d": "$steps.d.value", "all": "$steps.n.*"},
        {"type": "WorkflowParameter", "name": "offset", "kind": ["integer"]},
        {"type": "WorkflowVideoMetadata", "name": "meta"},
        {"type": "WorkflowBatchInput", "name": "extra", "kind": ["*"]},
    )
    engine = engine_of(doc, offset=100)
    one, two = engine.tick([make_frame("a", 1), make_frame("b", 2)], {"extra": [1000, 2000]})
    assert one.outputs == {
        "l": 1106,
        "c": "a",
        "d": 102,
        "all": {"value": 101, "streams": ("a", "b")},
    }
    assert two.outputs["l"] == 2107


def test_parameters_stand_in_the_manifest(make_frame: MakeFrame) -> None:
    """A block finds the value of a parameter in its manifest when it opens."""
    extras: dict[str, Any] = {}
    doc = document(
        [number("n", plus="$inputs.offset")],
        {"v": "$steps.n.value"},
        {"type": "WorkflowParameter", "name": "offset", "default_value": 3},
    )
    engine_of(doc, Resources(extras=extras))
    assert extras["opened"][0].step.plus == 3


def test_parameter_that_a_step_refuses() -> None:
    """A parameter that does not fit its property is refused before a block opens."""
    doc = document(
        [number("n", plus="$inputs.offset")],
        {"v": "$steps.n.value"},
        {"type": "WorkflowParameter", "name": "offset", "kind": ["*"]},
    )
    with pytest.raises(SpecificationError, match="offset"):
        engine_of(doc, offset="much")


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("raise", "step_raised"),  # an exception in run
        ("short", "outcome_count"),  # one outcome too few
        ("names", "outcome_names"),  # an output left out
        ("text", "outcome_type"),  # no mapping at all
    ],
)
def test_misbehaving_block(make_frame: MakeFrame, mode: str, code: str) -> None:
    """Whatever a block does wrong is a BlockError with step, stream and frame."""
    engine = engine_of(document([number("n", mode=mode)], {"v": "$steps.n.value"}))
    (result,) = engine.tick([make_frame("a", 4)])
    (failure,) = result.failures
    assert result.outputs == {"v": None}
    assert failure.code == code
    assert failure.context == {"step": "n", "stream": "a", "frame_number": 4}
    assert isinstance(failure.__cause__, Exception)


def test_failure_stays_with_its_element(make_frame: MakeFrame) -> None:
    """A step that fails for one stream fails there alone; what depends on it is not run."""
    events: list[Event] = []
    doc = document(
        [
            number("n", fail_on=["b"]),
            {"type": "test/add@v1", "name": "after", "values": ["$steps.n.value"]},
            number("other"),
        ],
        {"after": "$steps.after.value", "other": "$steps.other.value", "image": "$inputs.image"},
    )
    engine = engine_of(doc, Resources(outbox=events.append, extras={}))
    frames = [make_frame("a", 1), make_frame("b", 2), make_frame("c", 3)]
    a, b, c = engine.tick(frames)
    assert (a.outputs["after"], c.outputs["after"]) == (1, 3)
    assert b.outputs == {"after": None, "other": 2, "image": frames[1]}
    assert [failure.context["step"] for failure in b.failures] == ["n"]
    assert (a.failures, c.failures) == ((), ())
    assert [(event.kind, event.stream, event.step) for event in events] == [
        ("step.failed", "b", "n")
    ]
    assert next(step for step in engine.report().steps if step.name == "after").elements == 2


def test_halt_switches_a_branch_off(make_frame: MakeFrame) -> None:
    """What a gate names is not run for elements it halts, nor what depends on that."""
    doc = document(
        [
            number("n"),
            {
                "type": "test/gate@v1",
                "name": "gate",
                "flag": "$steps.n.value",
                "next_steps": ["$steps.behind"],
            },
            {"type": "test/add@v1", "name": "behind", "values": ["$steps.n.value", 10]},
            {"type": "test/add@v1", "name": "last", "values": ["$steps.behind.value", 100]},
        ],
        {"last": "$steps.last.value", "n": "$steps.n.value"},
    )
    results = engine_of(doc).tick([make_frame("a", 1), make_frame("b", 2)])
    assert [result.outputs for result in results] == [{"last": None, "n": 1}, {"last": 112, "n": 2}]
    assert all(result.failures == () for result in results)


def test_wrong_ticks_are_refused(make_frame: MakeFrame) -> None:
    """Two frames of one stream, and batch inputs that do not fit, are refused at once."""
    doc = document(
        [{"type": "test/add@v1", "name": "l", "values": ["$inputs.extra"]}],
        {"l": "$steps.l.value"},
        {"type": "WorkflowBatchInput", "name": "extra", "kind": ["*"]},
    )
    engine = engine_of(doc)
    wrong: list[tuple[str, list[Any], dict[str, list[int]]]] = [
        ("duplicate_stream", [make_frame("a", 1), make_frame("a", 2)], {"extra": [1, 2]}),
        ("missing_batch_input", [make_frame("a")], {}),
        ("batch_input_length", [make_frame("a")], {"extra": [1, 2]}),
        ("unknown_batch_input", [make_frame("a")], {"extra": [1], "more": [2]}),
    ]
    for code, frames, given_inputs in wrong:
        with pytest.raises(TickError) as caught:
            engine.tick(frames, given_inputs)
        assert caught.value.code == code
    engine.close()
    with pytest.raises(TickError, match="closed"):
        engine.tick([make_frame("a")], {"extra": [1]})


def test_missing_models_are_one_error() -> None:
    """All steps without a model are named in one error, and what was opened is closed."""
    extras: dict[str, Any] = {}
    steps = [number("fine"), number("x", mode="model"), number("y", mode="model")]
    doc = document(steps, {step["name"]: f"$steps.{step['name']}.value" for step in steps})
    with pytest.raises(ModelError) as caught:
        engine_of(doc, Resources(extras=extras))
    assert caught.value.context["steps"] == ("x", "y")
    assert caught.value.code == "gone"
    assert "'x'" in caught.value.message
    assert "'y'" in caught.value.message
    assert next(block for block in extras["opened"] if block.step.name == "fine").closed == 1


def test_the_ready_made_document_lacks_both_models_in_one_error(no_weights: Path) -> None:
    """Detector and tracker are named, with the ways on, before a frame is read."""
    with pytest.raises(ModelError) as caught:
        Engine(compile_workflow(load_library("detect-and-track")))
    assert caught.value.context["steps"] == ("detector", "tracker")
    detector, tracker = caught.value.context["errors"]
    assert detector.code == "detector_unavailable"
    packages = ("torch", "transformers", "safetensors", "huggingface_hub")
    lacking = any(find_spec(name) is None for name in packages)
    assert tracker.code == ("model_needs" if lacking else "model_not_downloaded")
    way = "pip install 'trackwire[sam]'" if lacking else "HF_HUB_OFFLINE"
    for text in ("'detector'", "'tracker'", "sam2video/small", way, "'lite'"):
        assert text in caught.value.message


def test_streams_end_and_blocks_close_once(make_frame: MakeFrame) -> None:
    """A stream ends once per run of it, blocks close once."""
    extras: dict[str, Any] = {}
    doc = document([number("n")], {"v": "$steps.n.value"})
    with engine_of(doc, Resources(extras=extras)) as engine:
        (block,) = extras["opened"]
        engine.tick([make_frame("a")])
        for stream in ("a", "a", "never"):
            engine.end_stream(stream)
        engine.tick([make_frame("a", 1)])
        engine.end_stream("a")
        assert block.ended == ["a", "a"]
    engine.close()
    assert block.closed == 1


def test_failing_clean_up_reaches_all_blocks(
    make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that cannot end a stream or close does not keep the others from it."""
    extras: dict[str, Any] = {}
    doc = document([number("x"), number("y")], {"x": "$steps.x.value", "y": "$steps.y.value"})
    engine = engine_of(doc, Resources(extras=extras))
    first, second = extras["opened"]

    def refuse(*_: Any) -> None:
        raise OSError("stuck")

    for block in (first, second):
        monkeypatch.setattr(block, "end_stream" if block is first else "close", refuse)
    engine.tick([make_frame("a")])
    with pytest.raises(BlockError, match="stuck"):
        engine.end_stream("a")
    assert second.ended == ["a"]
    with pytest.raises(BlockError, match="stuck"):
        engine.close()
    assert first.closed == 1


def test_empty_tick(make_frame: MakeFrame) -> None:
    """A tick without frames runs nothing and gives nothing."""
    engine = engine_of(document([number("n")], {"v": "$steps.n.value"}))
    assert list(engine.tick([])) == []
    assert engine.report().steps[0].calls == 0


def test_report_counts_and_times(make_frame: MakeFrame) -> None:
    """The report counts ticks, frames, calls and failures, and has percentiles."""
    engine = engine_of(document([number("n", fail_on=["b"])], {"v": "$steps.n.value"}))
    assert engine.report().steps[0].p50_ms is None
    for index in range(5):
        engine.tick([make_frame("a", index), make_frame("b", index)])
    report = engine.report()
    (step,) = report.steps
    assert (report.ticks, report.frames) == (5, 10)
    assert (step.name, step.type, step.calls, step.elements, step.failed) == (
        "n",
        "test/number@v1",
        5,
        10,
        5,
    )
    assert step.p50_ms is not None
    assert step.p95_ms is not None
    assert 0 <= step.p50_ms <= step.p95_ms


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(["a", "b", "c", "d"]),
    bad=st.sets(st.sampled_from(["a", "b", "c", "d"])),
)
def test_order_of_streams_is_irrelevant(
    make_frame: MakeFrame, order: list[str], bad: set[str]
) -> None:
    """Each stream gets what it would get alone, whichever others fail, in any order."""
    doc = document(
        [
            number("n", fail_on=sorted(bad)),
            {"type": "test/add@v1", "name": "s", "values": ["$steps.n.value", 1]},
        ],
        {"s": "$steps.s.value"},
    )
    numbers = {"a": 1, "b": 2, "c": 3, "d": 4}
    results = engine_of(doc).tick([make_frame(stream, numbers[stream]) for stream in order])
    for stream, result in zip(order, results, strict=True):
        assert result.outputs["s"] == (None if stream in bad else numbers[stream] + 1)
        assert bool(result.failures) == (stream in bad)
