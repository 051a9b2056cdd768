"""Reading specifications: JSON strictly, and what is no JSON at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trackwire.specs import Mistake, Registry, SpecificationError, compile_workflow

GOOD: dict[str, Any] = {
    "version": "1.0",
    "inputs": [{"type": "WorkflowImage", "name": "image"}],
    "steps": [],
    "outputs": [{"type": "JsonField", "name": "image", "selector": "$inputs.image"}],
}


def mistakes(document: Any, registry: Registry) -> tuple[Mistake, ...]:
    """Compile what must be refused."""
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(document, registry=registry)
    return caught.value.mistakes


def test_broken_json_names_line_and_column(registry: Registry) -> None:
    """One looks for the place, so it is told, with the line as it stands there."""
    (mistake,) = mistakes('{\n  "version": "1.0"\n  "inputs": []\n}', registry)
    assert "line 3, column 3" in mistake.message
    assert mistake.found == '"inputs": []'


def test_a_path_given_as_text_is_recognised(registry: Registry) -> None:
    """A file name is no JSON text; the mistake says how files are passed."""
    (mistake,) = mistakes("workflow.json", registry)
    assert "pathlib.Path" in mistake.message


@pytest.mark.parametrize("text", ["", "   ", "null", "[]", "3", '"text"'])
def test_what_is_no_object_is_refused(text: str, registry: Registry) -> None:
    """Each text that holds no object gives exactly one mistake."""
    assert len(mistakes(text, registry)) == 1


def test_a_missing_file_is_a_mistake(tmp_path: Path, registry: Registry) -> None:
    """A file that is not there is told as such, with its path."""
    (mistake,) = mistakes(tmp_path / "none.json", registry)
    assert mistake.code == "unreadable_document"
    assert mistake.found is not None
    assert "none.json" in mistake.found


def test_a_file_that_is_no_text_is_a_mistake(tmp_path: Path, registry: Registry) -> None:
    """A picture passed by accident gives a mistake, not a UnicodeDecodeError."""
    path = tmp_path / "picture.json"
    path.write_bytes(b"\x89PNG\xff\xfe")
    (mistake,) = mistakes(path, registry)
    assert mistake.code == "unreadable_document"


def test_a_byte_order_mark_is_accepted(tmp_path: Path, registry: Registry) -> None:
    """Editors of Windows write one."""
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8-sig")
    assert compile_workflow(path, registry=registry).version == "1.0"


def test_endless_nesting_is_refused(registry: Registry) -> None:
    """A hostile document ends in a mistake, not in a RecursionError."""
    deep = "[" * 100_000 + "]" * 100_000
    assert mistakes(deep, registry)[0].code == "invalid_json"
    moderate: Any = {}
    for _ in range(100):
        moderate = {"a": moderate}
    assert mistakes({**GOOD, "ui": moderate}, registry)[0].code == "invalid_document"


def test_an_endless_number_is_refused(registry: Registry) -> None:
    """Python refuses to convert such numbers with a plain ValueError; it becomes a mistake."""
    assert mistakes('{"version": ' + "1" * 10_000 + "}", registry)[0].code == "invalid_json"


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", float("nan"), float("inf"), {1: 2}])
def test_values_that_are_no_json_are_placed(value: Any, registry: Registry) -> None:
    """A document built in Python may hold anything; what JSON does not know is a mistake."""
    found = mistakes({**GOOD, "ui": {"value": value}}, registry)
    assert [(each.code, each.path) for each in found] == [("invalid_document", "$.ui.value")]


def test_the_digest_is_of_the_meaning(registry: Registry) -> None:
    """Order of keys, blanks and the wrapper do not change it; any value does."""
    turned = dict(reversed(GOOD.items()))
    plain = compile_workflow(GOOD, registry=registry)
    assert compile_workflow(turned, registry=registry).digest == plain.digest
    nested = compile_workflow({"specification": GOOD}, registry=registry)
    assert nested.digest == plain.digest
    other = compile_workflow({**GOOD, "version": "1.1"}, registry=registry)
    assert other.digest != plain.digest
    assert len(plain.digest) == 64
