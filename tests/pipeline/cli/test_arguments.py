"""What WORKFLOW and --param mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trackwire.pipeline.cli.console import UsageError
from trackwire.pipeline.cli.workflow_argument import compile_argument, parse_parameters
from trackwire.specs import SpecificationError

MINIMAL = {
    "version": "1.0",
    "inputs": [{"type": "WorkflowImage", "name": "image"}],
    "steps": [],
    "outputs": [{"type": "JsonField", "name": "same", "selector": "$inputs.image"}],
}


def test_values_are_json_and_else_text() -> None:
    """Numbers, booleans and lists come through, words need no quotes."""
    parsed = parse_parameters(["a=10", "b=true", "c=[1,2]", "d=person", "e=", "f=x=y", 'g="10"'])
    assert parsed == {
        "a": 10,
        "b": True,
        "c": [1, 2],
        "d": "person",
        "e": "",
        "f": "x=y",
        "g": "10",
    }


@pytest.mark.parametrize(
    ("pairs", "part"),
    [(["novalue"], "NAME=VALUE"), (["=5"], "NAME=VALUE"), (["a=1", "a=2"], "given twice")],
)
def test_a_wrong_pair_is_a_usage_error(pairs: list[str], part: str) -> None:
    """A typing mistake never becomes a parameter."""
    with pytest.raises(UsageError, match=part):
        parse_parameters(pairs)


def test_an_existing_file_is_seen_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path typed on the command line does not start at the document's folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxes.jsonl").write_text("")
    (tmp_path / "person").mkdir()
    parsed = parse_parameters(["path=boxes.jsonl", "other=missing.jsonl", "class=person"])
    assert parsed["path"] == str(tmp_path / "boxes.jsonl")
    assert parsed["other"] == "missing.jsonl"
    assert parsed["class"] == "person"


def test_a_file_wins_over_a_name_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the folder is what the user sees."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "track-detections").write_text(json.dumps(MINIMAL))
    compiled = compile_argument("track-detections", [])
    assert compiled.workflow.steps == ()
    assert compiled.base_directory == tmp_path


def test_a_ready_made_workflow_starts_at_the_working_directory() -> None:
    """A name of the library has no folder of the user's."""
    compiled = compile_argument("track-moving-objects", ["prompt_interval=7"])
    assert compiled.base_directory is None
    assert compiled.workflow.parameters["prompt_interval"] == 7


def test_an_unknown_workflow_names_the_near_and_all() -> None:
    """One message is enough to find the right name."""
    with pytest.raises(UsageError, match="Did you mean 'track-detections'") as caught:
        compile_argument("track-detection", [])
    assert "track-moving-objects" in str(caught.value)


def test_an_unknown_parameter_is_a_specification_error() -> None:
    """A parameter the workflow does not have is not ignored."""
    with pytest.raises(SpecificationError, match="promt_interval"):
        compile_argument("track-moving-objects", ["promt_interval=7"])
