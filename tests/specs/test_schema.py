"""The JSON Schema: what compiles is valid, slips are told, the committed file is current."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from trackwire.blocks import builtin_blocks
from trackwire.specs import Registry, library_names, load_library, workflow_schema

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "tests" / "resources" / "specs"
GOOD = sorted((FOLDER / "good").glob("*.json"))


@pytest.fixture(scope="module")
def built_in() -> dict[str, Any]:
    """The schema of the blocks that come with the package."""
    return workflow_schema(Registry(builtin_blocks()))


def test_the_committed_schema_is_current(built_in: dict[str, Any]) -> None:
    """Editors get the blocks there are; ``tools/block_reference.py`` writes the file."""
    committed = json.loads((ROOT / "specs" / "workflow.schema.json").read_text(encoding="utf-8"))
    assert committed == built_in, "run python tools/block_reference.py"


def test_it_is_a_schema(built_in: dict[str, Any]) -> None:
    """Editors refuse a schema that breaks the rules of its dialect."""
    Draft7Validator.check_schema(built_in)
    text = json.dumps(built_in)
    for reference in {part.split('"')[0] for part in text.split('"#/definitions/')[1:]}:
        assert reference in built_in["definitions"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_compiles_is_valid(path: Path, registry: Registry) -> None:
    """An editor marks nothing in a document that compiles."""
    validator = Draft7Validator(workflow_schema(registry))
    document = json.loads(path.read_text())
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("name", library_names())
def test_ready_made_documents_are_valid(name: str, built_in: dict[str, Any]) -> None:
    """The documents of the library serve as examples."""
    errors = Draft7Validator(built_in).iter_errors(load_library(name))
    assert [error.message for error in errors] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "trackwire/video_traker@v1"),  # no such block
        ("prompt_interval", 0),  # out of range
        ("prompt_mode", "sometimes"),  # none of the choices
        ("images", "inputs.image"),  # not written as a selector
        ("name", "my tracker"),  # no name
        ("boxes", 3),  # neither selector nor null
    ],
)
def test_slips_are_marked(key: str, value: object, built_in: dict[str, Any]) -> None:
    """What stands alone in a wrong place is told while one types, at that place."""
    document = copy.deepcopy(dict(load_library("track-moving-objects")))
    steps = [dict(step) for step in document["steps"]]
    at = next(index for index, step in enumerate(steps) if "video_tracker" in step["type"])
    steps[at][key] = value
    document["steps"] = steps
    errors = list(Draft7Validator(built_in).iter_errors(document))
    assert {error.json_path for error in errors} == {f"$.steps[{at}].{key}"}


def test_a_nested_specification_is_checked(built_in: dict[str, Any]) -> None:
    """A document under the key ``specification`` is a document."""
    validator = Draft7Validator(built_in)
    assert validator.is_valid({"specification": load_library("track-moving-objects")})
    assert not validator.is_valid({"specification": {"version": "1.0"}})
    assert not validator.is_valid({"version": "1.0"})


def test_each_id_says_what_it_does(built_in: dict[str, Any]) -> None:
    """Completion shows a sentence beside every type id."""
    types = built_in["definitions"]["step"]["properties"]["type"]
    assert len(types["enum"]) == len(types["enumDescriptions"])
    assert all(types["enumDescriptions"])
