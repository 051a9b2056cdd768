"""Broken documents of any kind: a mistake or a workflow, never another exception."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackwire.pipeline.planner import make_plan
from trackwire.specs import (
    MistakeCode,
    Registry,
    SpecificationError,
    Workflow,
    compile_workflow,
    default_registry,
    library_names,
    load_library,
)

DOCUMENT: dict[str, Any] = {
    "version": "1.0",
    "inputs": [
        {"type": "WorkflowImage", "name": "image"},
        {
            "type": "WorkflowParameter",
            "name": "interval",
            "kind": ["integer"],
            "default_value": 10,
        },
        {"type": "WorkflowBatchInput", "name": "boxes", "kind": ["*"], "dimensionality": 1},
    ],
    "steps": [
        {
            "type": "test/detector@v1",
            "name": "detect",
            "images": "$inputs.image",
            "confidence": 0.5,
            "class_filter": ["person", "car"],
        },
        {
            "type": "test/crop@v1",
            "name": "crop",
            "images": "$inputs.image",
            "predictions": "$steps.detect.predictions",
        },
        {
            "type": "test/tracker@v1",
            "name": "track",
            "images": "$inputs.image",
            "boxes": "$steps.detect.predictions",
            "prompt_interval": "$inputs.interval",
        },
        {
            "type": "test/gate@v1",
            "name": "gate",
            "condition": "$steps.track.predictions",
            "next_steps": ["$steps.draw"],
        },
        {
            "type": "test/draw@v1",
            "name": "draw",
            "image": "$inputs.image",
            "predictions": "$steps.track.predictions",
            "style": {"of": ["$steps.crop.crops", 3]},
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "annotated", "selector": "$steps.draw.image"},
        {"type": "JsonField", "name": "all", "selector": "$steps.track.*"},
    ],
}
TEXTS = [
    "$inputs.image",
    "$inputs.boxes",
    "$inputs.interval",
    "$steps.detect.predictions",
    "$steps.crop.crops",
    "$steps.draw.image",
    "$steps.draw",
    "$steps.track.*",
    "$steps.nobody.nothing",
    "$inputs.",
    "$",
    "WorkflowImage",
    "WorkflowParameter",
    "test/tracker@v1",
    "test/gather@v1",
    "track",
    "detect",
    "",
]
KEYS: list[str] = [
    "type",
    "name",
    "images",
    "image",
    "boxes",
    "kind",
    "selector",
    "specification",
    "styl",
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 99)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: its container and its key or index."""
    keys = range(len(value)) if isinstance(value, list) else list(value)
    for key in keys:
        yield value, key
        if isinstance(value[key], list | dict):
            yield from places(value[key])


def thawed(value: Any) -> Any:
    """Copy a document so that it can be changed."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    return [thawed(item) for item in value] if isinstance(value, list | tuple) else value


REAL: list[dict[str, Any]] = [
    *(thawed(load_library(name)) for name in library_names()),
    {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "roboflow_core/roboflow_object_detection_model@v1",
                "name": "detect",
                "images": "$inputs.image",
                "model_id": "some/1",
            },
            {
                "type": "roboflow_core/detections_filter@v1",
                "name": "sure",
                "predictions": "$steps.detect.predictions",
                "operations": [
                    {
                        "type": "DetectionsFilter",
                        "filter_operation": {
                            "type": "StatementGroup",
                            "statements": [
                                {
                                    "type": "BinaryStatement",
                                    "left_operand": {
                                        "type": "DynamicOperand",
                                        "operations": [
                                            {
                                                "type": "ExtractDetectionProperty",
                                                "property_name": "confidence",
                                            }
                                        ],
                                    },
                                    "comparator": {"type": "(Number) >="},
                                    "right_operand": {
                                        "type": "StaticOperand",
                                        "value": 0.5,
                                    },
                                }
                            ],
                        },
                    }
                ],
                "operations_parameters": {},
            },
            {
                "type": "roboflow_core/dynamic_crop@v1",
                "name": "crop",
                "images": "$inputs.image",
                "predictions": "$steps.sure.predictions",
            },
            {
                "type": "roboflow_core/rate_limiter@v1",
                "name": "limit",
                "cooldown_seconds": 1,
                "depends_on": "$steps.sure.predictions",
                "next_steps": ["$steps.draw"],
            },
            {
                "type": "roboflow_core/bounding_box_visualization@v1",
                "name": "draw",
                "image": "$inputs.image",
                "predictions": "$steps.sure.predictions",
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": "crops", "selector": "$steps.crop.crops"},
            {"type": "JsonField", "name": "drawn", "selector": "$steps.draw.image"},
        ],
    },
]


@st.composite
def mutated(draw: st.DrawFn, documents: tuple[dict[str, Any], ...] = (DOCUMENT,)) -> dict[str, Any]:
    """A document with up to four places changed, removed, doubled or renamed."""
    document: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 4))):
        found: list[tuple[Any, Any]] = list(places(document)) or [({"x": 1}, "x")]
        container, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "text", "remove", "double", "rename"]))
        if change == "replace":
            container[key] = draw(json_values)
        elif change == "text":
            container[key] = draw(st.sampled_from(TEXTS))
        elif change == "remove":
            del container[key]
        elif isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        else:
            container[draw(st.sampled_from(KEYS))] = container.pop(key)
    return document


@given(document=mutated(), parameters=st.dictionaries(st.sampled_from(KEYS), json_values))
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_broken_document_is_refused_or_compiled(
    document: dict[str, Any], parameters: dict[str, Any], registry: Registry
) -> None:
    """Whatever is wrong is told as mistakes with a known code and a place."""
    check(document, parameters, registry)


@given(
    document=mutated(tuple(REAL)), parameters=st.dictionaries(st.sampled_from(KEYS), json_values)
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_broken_document_of_real_blocks(
    document: dict[str, Any], parameters: dict[str, Any]
) -> None:
    """The blocks that come with the package keep the promise as well."""
    check(document, parameters, default_registry())


@pytest.mark.soak
@pytest.mark.timeout(1800)
@given(
    document=mutated((DOCUMENT, *REAL)),
    parameters=st.dictionaries(st.sampled_from(KEYS), json_values),
)
@settings(max_examples=5000, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_five_thousand_broken_documents(
    document: dict[str, Any], parameters: dict[str, Any], registry: Registry
) -> None:
    """The same, for many more documents than fit into a run of all tests."""
    check(document, parameters, default_registry().with_blocks(*registry.blocks))


def check(document: dict[str, Any], parameters: dict[str, Any], registry: Registry) -> None:
    """Compile a document; it may be refused properly, or give a workflow that can be planned."""
    before = repr(document)
    try:
        workflow = compile_workflow(document, registry=registry, parameters=parameters)
    except SpecificationError as error:
        check_mistakes(error)
    else:
        assert isinstance(workflow, Workflow)
        seen: set[str] = set()
        for step in workflow.steps:
            assert not {link for link in reads(step) if link not in seen}
            seen.add(step.name)
        assert len(make_plan(workflow).steps) == len(workflow.steps)
    assert repr(document) == before


def check_mistakes(error: SpecificationError) -> None:
    """Every mistake has a known code, a place and a text."""
    assert error.mistakes
    for mistake in error.mistakes:
        assert mistake.code in set(MistakeCode)
        assert mistake.path.startswith(("$", "parameters"))
        assert mistake.message
        assert mistake.found is not None or mistake.code.startswith("missing_"), mistake
        assert mistake.allowed or mistake.suggestion or "; " in mistake.message, mistake


def reads(step: Any) -> set[str]:
    """The steps whose outputs a step reads."""
    found = set()
    for binding in step.bindings.values():
        references = getattr(binding, "references", ()) or (getattr(binding, "reference", None),)
        found |= {each.step for each in references if each is not None and each.property}
    return found - {None}


@given(document=json_values)
@settings(max_examples=200, deadline=None)
def test_any_json_is_refused(document: Any, registry: Registry) -> None:
    """Nothing that is not a specification compiles, and nothing crashes."""
    value = {"specification": document}
    for each in (value, document if isinstance(document, dict) else value):
        try:
            compile_workflow(each, registry=registry)
        except SpecificationError:
            continue
        raise AssertionError(each)
