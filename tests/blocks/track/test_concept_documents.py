"""What a document may say of a tracker by phrases, and what is wrong is said before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from trackwire.blocks.track.phrases import read_phrases
from trackwire.specs import BlockError, SpecificationError, advise, compile_workflow


def document(**step: Any) -> dict[str, Any]:
    """One step of the known id."""
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "roboflow_core/sam3_video@v1",
                "name": "tracker",
                "images": "$inputs.image",
                **step,
            }
        ],
        "outputs": [{"type": "JsonField", "name": "out", "selector": "$steps.tracker.predictions"}],
    }


def test_a_known_document_compiles_with_its_defaults() -> None:
    """The known block's fields are all there."""
    workflow = compile_workflow(document(class_names=["person", "forklift"]))
    manifest: Any = workflow.steps[0].manifest
    assert manifest.tracking_mode == "concept"
    assert (manifest.model_id, manifest.visual_model_id) == ("sam3video", "sam3trackervideo")
    assert (manifest.threshold, manifest.prompt_interval) == (0.5, 30)
    compile_workflow(document(class_names="person, forklift"))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({}, "class_names names nothing to find"),
        ({"class_names": []}, "class_names names nothing to find"),
        ({"class_names": " , "}, "class_names names nothing to find"),
        ({"class_names": ["$inputs.names", "person"]}, "takes no selector here"),
        ({"points": [{"x": 1, "y": 2}]}, "set tracking_mode to visual"),
        ({"class_names": [f"thing {each}" for each in range(65)]}, "has 65 phrases, at most 64"),
        ({"tracking_mode": "visual"}, "needs boxes, points or both"),
        (
            {"tracking_mode": "visual", "points": [{"x": 1, "y": 2, "positive": False}]},
            "at least one must lie on it",
        ),
        ({"tracking_mode": "visual", "points": [{"x": 1}]}, "a point is"),
        ({"tracking_mode": "both", "class_names": ["person"]}, "tracking_mode"),
        ({"class_names": ["person"], "threshold": 1.5}, "threshold"),
    ],
)
def test_what_cannot_work_is_a_mistake(step: dict[str, Any], words: str) -> None:
    """Nothing to find, too much to find, nothing to show: each says so."""
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(document(**step))
    assert words in str(caught.value)


def test_properties_of_the_other_mode_are_pointed_at() -> None:
    """What a mode does not look at is allowed, and advised against."""
    workflow = compile_workflow(document(class_names=["person"], prompt_mode="every_frame"))
    assert [each.message.split(":")[0] for each in advise(workflow)] == ["prompt_mode"]


@pytest.mark.parametrize("mode", ["concept", "visual"])
def test_documents_that_write_every_field_out_compile(mode: str) -> None:
    """All fields of the known block at their defaults: accepted, and nothing to point at."""
    written = {
        "tracking_mode": mode,
        "class_names": ["person", "forklift"] if mode == "concept" else None,
        "points": [{"x": 320, "y": 240, "positive": True}] if mode == "visual" else None,
        "boxes": None,
        "model_id": "sam3video",
        "visual_model_id": "sam3trackervideo",
        "prompt_mode": "first_frame",
        "prompt_interval": 30,
        "threshold": 0.5,
    }
    assert not advise(compile_workflow(document(**written)))


def test_every_field_of_the_known_block_can_be_wired() -> None:
    """What the known block lets documents wire may be wired here: the same kinds of inputs."""
    inputs = {
        "names": ["person"],
        "points": [{"x": 320, "y": 240, "positive": True}],
        "model": "sam3video",
        "every": 10,
        "least": 0.4,
    }
    wired = document(
        class_names="$inputs.names",
        points="$inputs.points",
        boxes="$steps.finder.predictions",
        model_id="$inputs.model",
        visual_model_id="$inputs.model",
        prompt_interval="$inputs.every",
        threshold="$inputs.least",
    )
    wired["inputs"] += [
        {"type": "WorkflowParameter", "name": name, "default_value": value}
        for name, value in inputs.items()
    ]
    wired["steps"].append(
        {
            "type": "roboflow_core/roboflow_object_detection_model@v2",
            "name": "finder",
            "images": "$inputs.image",
            "model_id": "yolov8n-640",
        }
    )
    for mode in ("concept", "visual"):
        wired["steps"][0]["tracking_mode"] = mode
        compile_workflow(wired)


def test_phrases_are_lists_or_one_text() -> None:
    """Spaces, repetitions, commas at the end and upper case do not count."""
    wanted = ("yellow disc", "person")
    assert read_phrases("yellow disc, person,", "step") == wanted
    assert read_phrases(["yellow  disc", "Yellow Disc", "person"], "step") == wanted
    assert read_phrases("Person,person", "step") == ("Person",), "spelled as the first one"
    assert read_phrases(["yellow disc", " person ", "person"], "step") == wanted
    assert read_phrases(" yellow disc,person,, person", "step") == wanted
    assert read_phrases((), "step") == ()
    with pytest.raises(BlockError) as caught:
        read_phrases([1], "step")
    assert caught.value.code == "phrase_type"
