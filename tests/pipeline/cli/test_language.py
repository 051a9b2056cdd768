"""The commands that show the language: blocks, schema, graph, validate --explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackwire.pipeline.cli.app import app
from trackwire.specs import default_registry, workflow_schema

COMPATIBLE = Path(__file__).resolve().parents[2] / "resources" / "specs" / "compatible"


def call(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments])
    return result.exit_code, result.output


def test_blocks_are_listed() -> None:
    """Every block is in the list; a part of an id narrows it."""
    code, text = call("blocks")
    assert code == 0
    for block in default_registry():
        assert block.manifest.type_ids()[0] in text
    code, text = call("blocks", "visualization")
    assert "mask_visualization" in text
    assert "video_tracker" not in text


def test_one_block_is_described() -> None:
    """Properties with their defaults and what they take, outputs with their kinds."""
    code, text = call("blocks", "trackwire/video_tracker@v1")
    assert code == 0
    for expected in (
        "prompt_interval",
        "a whole number >= 1",
        "required",
        "computed on demand",
        "predictions\n    instance_segmentation_prediction",
        "cost: model",
    ):
        assert expected in text


def test_blocks_for_programs() -> None:
    """The JSON holds kinds and defaults of every property."""
    code, text = call("blocks", "trackwire/video_tracker@v1", "--json")
    assert code == 0
    (block,) = json.loads(text)
    boxes = next(each for each in block["properties"] if each["name"] == "boxes")
    assert boxes["lazy"]
    assert "object_detection_prediction" in boxes["kinds"]
    interval = next(each for each in block["properties"] if each["name"] == "prompt_interval")
    assert (interval["default"], interval["required"]) == (30, False)


def test_an_unknown_block() -> None:
    """A slip names what was meant, and is a wrong call."""
    code, text = call("blocks", "video_traker")
    assert code == 2
    assert "trackwire/video_tracker@v1" in text


def test_the_schema_goes_to_a_file_or_out(tmp_path: Path) -> None:
    """Both are the schema of the blocks that are installed."""
    expected = workflow_schema(default_registry())
    code, text = call("schema")
    assert (code, json.loads(text)) == (0, expected)
    path = tmp_path / "workflow.schema.json"
    assert call("schema", "-o", str(path))[0] == 0
    assert json.loads(path.read_text()) == expected
    assert call("schema", "-o", str(tmp_path / "nowhere" / "file"))[0] == 2


def test_a_graph_is_drawn() -> None:
    """The diagram goes to standard output and needs no parameters."""
    code, text = call("graph", "track-detections")
    assert code == 0
    assert text.startswith("flowchart TD\n")
    assert "step_tracker" in text


def test_validate_explains(tmp_path: Path) -> None:
    """Each step says what it does, costs and waits for; what looks unintended is told."""
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "ObjectDetectionModel",
                "name": "detect",
                "images": "$inputs.image",
                "model_id": "some/1",
            },
            {
                "type": "trackwire/video_tracker@v1",
                "name": "track",
                "images": "$inputs.image",
                "boxes": "$steps.detect.predictions",
                "prompt_interval": 5,
            },
            {
                "type": "roboflow_core/dynamic_crop@v1",
                "name": "crop",
                "images": "$inputs.image",
                "predictions": "$steps.track.predictions",
            },
            {
                "type": "roboflow_core/dot_visualization@v1",
                "name": "dots",
                "image": "$steps.crop.crops",
                "predictions": "$steps.crop.predictions",
            },
        ],
        "outputs": [{"type": "JsonField", "name": "dots", "selector": "$steps.dots.image"}],
    }
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps(document))
    code, text = call("validate", str(path), "--explain")
    assert code == 0
    for expected in (
        "runs for every frame on which track asks for it",
        "model: runs a network",
        "splits: what follows runs for each part",
        "runs for each part that crop makes",
        "look at $steps.track: prompt_interval is set",
    ):
        assert expected in text
    assert "look at" not in call("validate", str(path))[1]


def test_validate_tells_conditions() -> None:
    """What a gate switches off is said, and what cannot run without that."""
    path = COMPATIBLE / "continue_if_switches_what_depends.json"
    code, text = call("validate", str(path), "--explain")
    assert code == 0
    assert text.count("runs for every frame, unless gate switches it off") == 2
    assert text.count("runs for every frame, if classes ran") == 1


def test_lists_fit_a_narrow_terminal() -> None:
    """No name is cut off, and nothing is filled up with spaces."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["blocks"])
    assert result.exit_code == 0
    assert "\u2026" not in result.output
    for line in result.output.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 80


@pytest.mark.parametrize("command", ["graph", "validate"])
def test_wrong_documents_are_wrong_calls(command: str, tmp_path: Path) -> None:
    """Whatever looks at a document says what is wrong with it."""
    path = tmp_path / "workflow.json"
    path.write_text('{"version": "1.0"}')
    code, text = call(command, str(path))
    assert code == 2
    assert "missing_key" in text
