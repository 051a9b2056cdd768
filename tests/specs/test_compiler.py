"""The compiler: what comes out of it, and what its mistakes tell."""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import Any

import pytest

from trackwire.specs import (
    LiteralValue,
    Mistake,
    Reference,
    Registry,
    SpecificationError,
    Step,
    Template,
    Wire,
    Workflow,
    compile_workflow,
)

DOCUMENT: dict[str, Any] = {
    "version": "1.0",
    "inputs": [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowParameter", "name": "mode", "default_value": "every_frame"},
        {"type": "WorkflowParameter", "name": "interval", "kind": ["integer"]},
        {"type": "WorkflowParameter", "name": "class", "default_value": "person"},
    ],
    "steps": [
        {
            "type": "test/detector@v1",
            "name": "detect",
            "images": "$inputs.image",
            "class_filter": ["$inputs.class", "car"],
        },
        {
            "type": "test/tracker@v1",
            "name": "track",
            "images": "$inputs.image",
            "boxes": "$steps.detect.predictions",
            "prompt_mode": "$inputs.mode",
            "prompt_interval": "$inputs.interval",
        },
        {
            "type": "test/draw@v1",
            "name": "draw",
            "image": "$inputs.image",
            "predictions": "$steps.track.predictions",
            "style": {"palette": ["$inputs.class", {"of": "$steps.track.predictions"}]},
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "annotated", "selector": "$steps.draw.image"},
        {"type": "JsonField", "name": "all", "selector": "$steps.track.*"},
    ],
}


def compiled(registry: Registry, **changes: Any) -> Workflow:
    """Compile the document with some keys changed."""
    return compile_workflow({**DOCUMENT, **changes}, registry=registry, parameters={"interval": 5})


def step_of(workflow: Workflow, name: str) -> Step:
    """Find a step by its name."""
    return next(step for step in workflow.steps if step.name == name)


def changed(step: int, **properties: Any) -> dict[str, Any]:
    """Copy the document with properties of one step changed."""
    document = copy.deepcopy(DOCUMENT)
    document["steps"][step] |= properties
    return document


def only_mistake(document: Any, registry: Registry, **parameters: Any) -> Mistake:
    """Compile what holds exactly one mistake."""
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(document, registry=registry, parameters={"interval": 5, **parameters})
    assert len(caught.value.mistakes) == 1, str(caught.value)
    return caught.value.mistakes[0]


def test_properties_are_bound(registry: Registry) -> None:
    """Every property has a binding: literal with its default, wire, or template."""
    workflow = compiled(registry)
    track = step_of(workflow, "track")
    assert track.bindings["images"] == Wire(Reference(input="image"))
    assert track.bindings["boxes"] == Wire(Reference(step="detect", property="predictions"))
    detect = step_of(workflow, "detect")
    assert detect.bindings["confidence"] == LiteralValue(0.4)
    assert set(detect.bindings) == {"images", "confidence", "class_filter"}
    style = step_of(workflow, "draw").bindings["style"]
    predictions = Reference(step="track", property="predictions")
    assert isinstance(style, Template)
    assert style.references == (Reference(input="class"), predictions)
    assert style.structure == {"palette": (Reference(input="class"), {"of": predictions})}


def test_parameters_are_filled_in(registry: Registry) -> None:
    """A block finds the value of a parameter in its manifest and in its bindings."""
    workflow = compiled(registry)
    track = step_of(workflow, "track")
    assert track.manifest.model_dump()["prompt_mode"] == "every_frame"
    assert track.manifest.model_dump()["prompt_interval"] == 5
    assert track.bindings["prompt_mode"] == LiteralValue("every_frame")
    assert step_of(workflow, "detect").bindings["class_filter"] == LiteralValue(("person", "car"))
    assert workflow.parameters == {"mode": "every_frame", "interval": 5, "class": "person"}


def test_parameters_may_be_left_open_to_check_a_document(registry: Registry) -> None:
    """A document is checked before its parameters are known; their wires stay."""
    workflow = compile_workflow(DOCUMENT, registry=registry, require_parameters=False)
    track = step_of(workflow, "track")
    assert track.bindings["prompt_interval"] == Wire(Reference(input="interval"))
    assert "interval" not in workflow.parameters


def test_a_lazily_read_step_is_skippable(registry: Registry) -> None:
    """The detector may rest between prompts, the tracker and what is put out may not."""
    workflow = compiled(registry)
    assert [step.name for step in workflow.steps if step.skippable] == ["detect"]


def test_a_step_that_is_put_out_is_not_skippable(registry: Registry) -> None:
    """Somebody reads the result of every frame."""
    output = {"type": "JsonField", "name": "boxes", "selector": "$steps.detect.predictions"}
    workflow = compiled(registry, outputs=[*DOCUMENT["outputs"], output])
    assert not step_of(workflow, "detect").skippable


def test_the_detector_comes_after_what_the_tracker_needs_first(registry: Registry) -> None:
    """Demand is asked before work is done, wherever the detector stands in the document."""
    slow = {**DOCUMENT["steps"][0], "name": "slow"}
    paint = {
        "type": "test/draw@v1",
        "name": "paint",
        "image": "$inputs.image",
        "predictions": "$steps.slow.predictions",
    }
    track = {**DOCUMENT["steps"][1], "images": "$steps.paint.image"}
    steps = [DOCUMENT["steps"][0], track, DOCUMENT["steps"][2], slow, paint]
    names = [step.name for step in compiled(registry, steps=steps).steps]
    assert names.index("paint") < names.index("detect") < names.index("track")


def test_flow_control_runs_before_what_it_switches(registry: Registry) -> None:
    """A step that is named by another waits for it, and the one that switches is never skipped."""
    gate = {
        "type": "Gate",
        "name": "gate",
        "condition": "$steps.detect.predictions",
        "next_steps": ["$steps.track"],
    }
    workflow = compiled(registry, steps=[*DOCUMENT["steps"], gate])
    names = [step.name for step in workflow.steps]
    assert names == ["detect", "gate", "track", "draw"]
    assert not any(step.skippable for step in workflow.steps)


def test_nesting_is_measured(registry: Registry) -> None:
    """A crop goes one level down, what reads it stays there, gathering comes back."""
    crop = {
        "type": "test/crop@v1",
        "name": "crop",
        "images": "$inputs.image",
        "predictions": "$steps.detect.predictions",
    }
    inner = {"type": "Detector", "name": "inner", "images": "$steps.crop.crops"}
    gather = {"type": "test/gather@v1", "name": "gather", "images": "$steps.crop.crops"}
    workflow = compiled(registry, steps=[*DOCUMENT["steps"], crop, inner, gather])
    levels = {step.name: step.dimensionality for step in workflow.steps}
    assert levels == {"detect": 1, "track": 1, "draw": 1, "crop": 2, "inner": 2, "gather": 1}


def test_a_wildcard_output_has_the_kinds_of_all(registry: Registry) -> None:
    """The engine makes a dict of it; its reference says so."""
    output = compiled(registry).outputs[1]
    assert output.reference == Reference(step="track", property="*")
    assert output.kinds == {"instance_segmentation_prediction"}


def test_a_workflow_cannot_be_changed(registry: Registry) -> None:
    """It is shared between engines and threads."""
    document = copy.deepcopy(DOCUMENT)
    workflow = compile_workflow(document, registry=registry, parameters={"interval": 5})
    for mapping in (workflow.inputs, workflow.parameters, workflow.steps[0].bindings):
        assert isinstance(mapping, MappingProxyType)
    style = step_of(workflow, "draw").bindings["style"]
    assert isinstance(style, Template)
    assert isinstance(style.structure, MappingProxyType)
    before = repr(workflow)
    document["steps"][2]["style"]["palette"].clear()
    document["inputs"].clear()
    assert repr(workflow) == before
    assert document != DOCUMENT


def test_a_kind_mismatch_shows_both_sides_and_the_ways_out(registry: Registry) -> None:
    """One learns what the wire carries, what is wanted, and every source that would do."""
    mistake = only_mistake(changed(1, boxes="$inputs.image"), registry)
    assert mistake.code == "kind_mismatch"
    assert "offers image" in mistake.message
    assert "takes object_detection_prediction" in mistake.message
    # What only fits because its kind is open comes last.
    assert mistake.allowed == ("$steps.detect.predictions", "$inputs.mode", "$inputs.class")


def test_sources_that_would_close_a_cycle_are_not_offered(registry: Registry) -> None:
    """Advice must not lead into the next mistake: the drawing waits for the tracker."""
    mistake = only_mistake(changed(1, images="$steps.detect.predictions"), registry)
    assert mistake.allowed[0] == "$inputs.image"
    assert "$steps.draw.image" not in mistake.allowed


@pytest.mark.parametrize(
    ("document", "suggestion"),
    [
        (changed(1, boxes="$steps.detekt.predictions"), "$steps.detect.predictions"),
        (changed(1, boxes="$steps.detect.prediction"), "$steps.detect.predictions"),
        (changed(1, images="$inputs.imgae"), "$inputs.image"),
        (changed(1, images="$input.image"), "$inputs.image"),
        (changed(1, images="image"), "$inputs.image"),
        (changed(1, prompt_mode="firstframe"), "first_frame"),
        (changed(1, type="tracker@v1"), "test/tracker@v1"),
        (changed(0, confidense=0.5), "confidence"),
    ],
)
def test_mistakes_say_what_was_meant(
    document: dict[str, Any], suggestion: str | None, registry: Registry
) -> None:
    """Most mistakes are slips, and the right word is near."""
    assert only_mistake(document, registry).suggestion == suggestion


def test_an_unknown_key_beside_the_real_one_is_ignored(registry: Registry) -> None:
    """Unknown keys are no mistakes; only one that stands in for a property is."""
    document = changed(1, promt_mode="never", comment="as in the other document")
    compile_workflow(document, registry=registry, parameters={"interval": 5})


def test_a_value_shows_what_is_allowed(registry: Registry) -> None:
    """Limits and choices stand beside the mistake, in words."""
    mistake = only_mistake(changed(0, confidence=40), registry)
    assert mistake.found == "40"
    assert mistake.allowed == (
        "a number >= 0 and <= 1",
        "a selector of kind float_zero_to_one",
    )
    mistake = only_mistake(changed(1, prompt_mode="never"), registry)
    assert mistake.allowed[:3] == ("first_frame", "every_n_frames", "every_frame")


def test_a_parameter_is_checked_like_a_value(registry: Registry) -> None:
    """A wrong value is told at the property that refuses it, naming the parameter."""
    mistake = only_mistake(DOCUMENT, registry, mode="never")
    assert mistake.code == "invalid_parameter"
    assert mistake.path == "$.steps[1].prompt_mode"
    assert "$inputs.mode" in mistake.message


def test_a_wrong_wire_closes_no_cycle(registry: Registry) -> None:
    """It will be laid anew; one mistake is told once."""
    mistake = only_mistake(changed(1, boxes="$steps.draw.image"), registry)
    assert mistake.code == "kind_mismatch"
    assert mistake.suggestion is None
    assert mistake.allowed[0] == "$steps.detect.predictions"


def test_an_empty_registry_knows_no_block() -> None:
    """Given is given: it does not fall back to the built-in blocks."""
    with pytest.raises(SpecificationError) as caught:
        compiled(Registry(), inputs=DOCUMENT["inputs"])
    assert {mistake.code for mistake in caught.value.mistakes} == {"unknown_block"}


def test_any_value_of_a_parameter_can_be_shown(registry: Registry) -> None:
    """Callers may give what JSON cannot hold; the mistake must not fail over it."""
    value: dict[Any, Any] = {(1, 2): 3}
    value["self"] = value
    mistake = only_mistake(DOCUMENT, registry, interval=value)
    assert mistake.code == "invalid_parameter"
    assert mistake.found == "a dict"


def test_remote_execution_only_concerns_local_steps(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps no state on this machine may be executed anywhere."""
    monkeypatch.setenv("WORKFLOWS_STEP_EXECUTION_MODE", "REMOTE")
    output = {"type": "JsonField", "name": "o", "selector": "$steps.detect.predictions"}
    compiled(registry, steps=DOCUMENT["steps"][:1], outputs=[output])
    assert only_mistake(DOCUMENT, registry).code == "remote_execution"
    monkeypatch.setenv("WORKFLOWS_STEP_EXECUTION_MODE", "local")
    compiled(registry)


def test_the_error_reads_well(registry: Registry) -> None:
    """The text has path, code, what was found, what is allowed, and what was meant."""
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(
            changed(1, boxes="$steps.detekt.predictions"),
            registry=registry,
            parameters={"interval": 5},
        )
    assert str(caught.value).splitlines() == [
        "1 mistake in the workflow specification",
        (
            "- $.steps[1].boxes: the document has no step 'detekt'; add it, or wire another "
            "[unknown_step]"
        ),
        "    found:   $steps.detekt.predictions",
        "    allowed: $steps.detect, $steps.draw",
        "    did you mean: $steps.detect.predictions",
    ]
