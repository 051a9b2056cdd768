"""Flow control: when the steps that are named run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.blocks.route.continue_if import ContinueIf
from trackwire.blocks.route.delta_filter import DeltaFilter
from trackwire.blocks.route.rate_limiter import RateLimiter
from trackwire.pipeline import Engine
from trackwire.specs import Batch, Failure, Halt, compile_workflow

MANY = {
    "type": "StatementGroup",
    "statements": [
        {
            "type": "BinaryStatement",
            "left_operand": {"type": "DynamicOperand", "operand_name": "n"},
            "comparator": {"type": "(Number) >"},
            "right_operand": {"type": "StaticOperand", "value": 1},
        }
    ],
}


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def frame_at(seconds: float, *, stream: str = "cam", epoch: int = 0) -> Frame:
    """A frame of a file at a time in it."""
    video = VideoMetadata(
        video_identifier=stream,
        source_id=0,
        frame_number=0,
        epoch=epoch,
        media_time_s=Fraction(seconds),
        frame_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        received_s=0.0,
        comes_from_video_file=True,
    )
    return Frame(np.zeros((8, 8, 3), np.uint8), video)


def step_of(block: Any, **properties: Any) -> Any:
    """A manifest of a block, its wires left as they are."""
    wires = {"depends_on": "$steps.a.b", "image": "$inputs.image", "value": "$steps.a.b"}
    fields = {name: wire for name, wire in wires.items() if name in block.manifest.model_fields}
    written = {"type": block.manifest.type_ids()[0], "name": "gate", "next_steps": ["$steps.next"]}
    return block.manifest.model_validate({**written, **fields, **properties})


def passes(block: Any, stream: str = "cam", **values: Any) -> bool:
    """Ask a block about one element."""
    values.setdefault("next_steps", ["next"])
    (outcome,) = block.run(Batch((stream,), {name: [value] for name, value in values.items()}))
    assert not isinstance(outcome, Failure), outcome
    return not isinstance(outcome, Halt)


def test_a_rate_limit_counts_the_time_of_the_video() -> None:
    """However fast a file is read, steps run once in so many seconds of it."""
    block = RateLimiter(step_of(RateLimiter, cooldown_seconds=1.0))
    times = [0, 0.5, 0.9, 1.0, 1.5, 2.0, 3.5, 4.0]
    found = [
        time
        for time in times
        if passes(block, cooldown_seconds=1.0, depends_on=1, video_reference_image=frame_at(time))
    ]
    assert found == [0, 1.0, 2.0, 3.5]


def test_a_rate_limit_without_an_image_counts_the_clock() -> None:
    """Without a frame to look at, the time that passes is the clock's."""
    clock = Clock()
    block = RateLimiter(step_of(RateLimiter), clock=clock)
    values: dict[str, Any] = {
        "cooldown_seconds": 1.0,
        "depends_on": "text",
        "video_reference_image": None,
    }
    assert passes(block, **values)
    clock.now += 0.5
    assert not passes(block, **values)
    clock.now += 0.5
    assert passes(block, **values)


def test_a_rate_limit_holds_for_each_stream() -> None:
    """One stream does not use up the turn of another; a new epoch begins anew."""
    block = RateLimiter(step_of(RateLimiter))
    values: dict[str, Any] = {"cooldown_seconds": 10.0, "video_reference_image": None}
    assert passes(block, "one", depends_on=frame_at(5), **values)
    assert passes(block, "two", depends_on=frame_at(5), **values)
    assert not passes(block, "one", depends_on=frame_at(6), **values)
    assert passes(block, "one", depends_on=frame_at(0, epoch=1), **values)
    block.end_stream("two")
    assert passes(block, "two", depends_on=frame_at(6), **values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1, 2, 2, 1], [True, False, True, False, True]),
        ([None, None, 0], [True, False, True]),
        (
            [np.array([1]), np.array([1]), np.array([1, 2]), "text"],
            [True, False, True, True],
        ),
        ([{"a": 1}, {"a": 1}, {"a": 2}], [True, False, True]),
    ],
)
def test_changes_pass(values: list[Any], expected: list[bool]) -> None:
    """The first value passes, and every one that differs from the one before."""
    block = DeltaFilter(step_of(DeltaFilter))
    found = [passes(block, image=frame_at(0), value=value) for value in values]
    assert found == expected


def test_changes_are_those_of_a_stream(make_frame: Callable[..., Frame]) -> None:
    """Each stream has its last value; detections that are equal are no change."""
    block = DeltaFilter(step_of(DeltaFilter))
    frame = make_frame()
    one, same = (build_detections(frame, [[0, 0, 4, 4]], producer="t") for _ in range(2))
    assert passes(block, "a", image=frame, value=one)
    assert passes(block, "b", image=frame, value=one)
    assert not passes(block, "a", image=frame, value=same)
    block.end_stream("a")
    assert passes(block, "a", image=frame, value=same)


def test_a_condition_may_last() -> None:
    """With a delay the steps go on for a while after the condition was last true."""
    block = ContinueIf(step_of(ContinueIf, condition_statement=MANY, stop_delay=1.0))

    def ask(seconds: float, n: int, stream: str = "cam") -> bool:
        parameters = {"n": n, "image": frame_at(seconds)}
        return passes(block, stream, evaluation_parameters=parameters, stop_delay=1.0)

    assert not ask(0.0, 0)
    assert ask(0.5, 2)
    assert ask(1.4, 0)
    assert not ask(1.6, 0)
    assert ask(2.0, 5)
    assert not ask(2.1, 0, stream="other")
    block.end_stream("cam")
    assert not ask(2.1, 0)


def test_a_condition_without_an_image_lasts_by_the_clock() -> None:
    """Without a frame among the parameters the clock tells how long ago it was true."""
    clock = Clock()
    block = ContinueIf(step_of(ContinueIf, condition_statement=MANY), clock=clock)
    assert passes(block, evaluation_parameters={"n": 2}, stop_delay=5.0)
    clock.now += 4.0
    assert passes(block, evaluation_parameters={"n": 0}, stop_delay=5.0)
    clock.now += 2.0
    assert not passes(block, evaluation_parameters={"n": 0}, stop_delay=5.0)


def test_without_next_steps_nothing_passes() -> None:
    """A condition that names no step lets nothing through."""
    block = ContinueIf(step_of(ContinueIf, condition_statement=MANY))
    assert not passes(block, next_steps=[], evaluation_parameters={"n": 2}, stop_delay=0.0)


def test_a_condition_that_cannot_be_told_fails_its_element() -> None:
    """A value that cannot be compared is a failure of that element, not of the others."""
    block = ContinueIf(step_of(ContinueIf, condition_statement=MANY))
    columns: dict[str, list[Any]] = {
        "next_steps": [["next"]] * 2,
        "evaluation_parameters": [{"n": "many"}, {"n": 2}],
        "stop_delay": [0.0] * 2,
    }
    bad, good = block.run(Batch(("a", "b"), columns))
    assert isinstance(bad, Failure)
    assert good == {}


def test_branches_are_switched_for_each_stream(make_frame: Callable[..., Frame]) -> None:
    """In one tick a branch is on for one stream and off for another, and outputs say so."""
    workflow = compile_workflow(
        {
            "version": "1.0",
            "inputs": [
                {"type": "WorkflowImage", "name": "image"},
                {
                    "type": "WorkflowBatchInput",
                    "name": "found",
                    "kind": ["object_detection_prediction"],
                },
            ],
            "steps": [
                {
                    "type": "PropertyDefinition",
                    "name": "count",
                    "data": "$inputs.found",
                    "operations": [{"type": "SequenceLength"}],
                },
                {
                    "type": "ContinueIf",
                    "name": "gate",
                    "condition_statement": MANY,
                    "evaluation_parameters": {"n": "$steps.count.output"},
                    "next_steps": ["$steps.classes"],
                },
                {
                    "type": "PropertyDefinition",
                    "name": "classes",
                    "data": "$inputs.found",
                    "operations": [
                        {"type": "DetectionsPropertyExtract", "property_name": "class_name"}
                    ],
                },
            ],
            "outputs": [
                {"type": "JsonField", "name": "count", "selector": "$steps.count.output"},
                {"type": "JsonField", "name": "classes", "selector": "$steps.classes.output"},
            ],
        }
    )
    frames = [make_frame(stream="a"), make_frame(stream="b")]
    box = [1, 1, 5, 5]
    found = [
        build_detections(frames[0], [box], producer="t"),
        build_detections(frames[1], [box, box], producer="t"),
    ]
    with Engine(workflow) as engine:
        outputs: list[Mapping[str, Any]] = [
            result.outputs for result in engine.tick(frames, {"found": found})
        ]
    assert outputs[0] == {"count": 1, "classes": None}
    assert outputs[1] == {"count": 2, "classes": ["object", "object"]}
