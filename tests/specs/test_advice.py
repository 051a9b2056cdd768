"""Advice: what is allowed, but hardly meant."""

from __future__ import annotations

from typing import Any

import pytest

from trackwire.specs import advise, compile_workflow, library_names, load_library

DETECTOR = {
    "type": "roboflow_core/roboflow_object_detection_model@v1",
    "name": "detect",
    "images": "$inputs.image",
    "model_id": "some/1",
}
TRACKER = {
    "type": "trackwire/video_tracker@v1",
    "name": "track",
    "images": "$inputs.image",
    "boxes": "$steps.detect.predictions",
}


def told(*steps: dict[str, Any], reads: str = "track", inputs: Any = ()) -> list[tuple[str, str]]:
    """Subjects and messages about a workflow of these steps."""
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}, *inputs],
        "steps": list(steps),
        "outputs": [
            {"type": "JsonField", "name": "out", "selector": f"$steps.{reads}.predictions"}
        ],
    }
    return [(each.subject, each.message) for each in advise(compile_workflow(document))]


def test_nothing_to_say() -> None:
    """A workflow whose parts all do something gets no advice."""
    assert told(DETECTOR, TRACKER) == []


@pytest.mark.parametrize("name", library_names())
def test_ready_made_workflows_are_as_meant(name: str) -> None:
    """The documents of the library are examples to follow."""
    workflow = compile_workflow(load_library(name), require_parameters=False)
    assert advise(workflow) == ()


def test_a_tracker_without_boxes() -> None:
    """A tracker that is given nothing to track says so."""
    ((subject, message),) = told({**TRACKER, "boxes": None})
    assert subject == "$steps.track"
    assert "nothing is wired to boxes" in message


@pytest.mark.parametrize("mode", ["first_frame", "every_frame"])
def test_an_interval_that_nobody_looks_at(mode: str) -> None:
    """``prompt_interval`` means nothing outside of ``every_n_frames``."""
    ((_, message),) = told(DETECTOR, {**TRACKER, "prompt_interval": 5, "prompt_mode": mode})
    assert "every_n_frames" in message
    good = {**TRACKER, "prompt_interval": 5, "prompt_mode": "every_n_frames"}
    assert told(DETECTOR, good) == []


def test_steps_and_inputs_without_effect() -> None:
    """A step or input that nobody reads is named, one that decides or remembers is not."""
    parameter = {"type": "WorkflowParameter", "name": "spare", "default_value": 1}
    gate = {
        "type": "roboflow_core/continue_if@v1",
        "name": "gate",
        "condition_statement": {
            "type": "StatementGroup",
            "statements": [
                {
                    "type": "UnaryStatement",
                    "operand": {"type": "DynamicOperand", "operand_name": "found"},
                    "operator": {"type": "Exists"},
                }
            ],
        },
        "evaluation_parameters": {"found": "$steps.detect.predictions"},
        "next_steps": ["$steps.track"],
    }
    spare = {**DETECTOR, "name": "spare"}
    said = told(DETECTOR, spare, gate, TRACKER, inputs=[parameter])
    assert [subject for subject, _ in said] == ["$inputs.spare", "$steps.spare"]
    assert "$steps.spare.inference_id" in said[1][1]


def test_a_parameter_in_a_property_is_read() -> None:
    """A parameter counts as read though its value has been put in."""
    parameter = {"type": "WorkflowParameter", "name": "limit", "default_value": 0.5}
    assert told({**DETECTOR, "confidence": "$inputs.limit"}, TRACKER, inputs=[parameter]) == []
