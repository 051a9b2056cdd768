"""Documents as people write them: one idea a file, the bad ones naming what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trackwire.specs import (
    MistakeCode,
    Registry,
    SpecificationError,
    Workflow,
    compile_workflow,
)

FOLDER = Path(__file__).parent.parent / "resources" / "specs"
GOOD = sorted((FOLDER / "good").glob("*.json"))
BAD = sorted((FOLDER / "bad").glob("*.json"))


def annotation(path: Path, key: str) -> Any:
    """Read a sibling key that the language ignores, even where the file is no valid JSON."""
    text = path.read_text()
    start = text.find(f'"{key}":')
    if start < 0:
        return None
    return json.JSONDecoder().raw_decode(text[start + len(key) + 3 :].lstrip())[0]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_document_compiles(path: Path, registry: Registry) -> None:
    """What the language allows compiles, every step after all it reads."""
    workflow = compile_workflow(path, registry=registry)
    assert isinstance(workflow, Workflow)
    assert workflow == compile_workflow(path.read_text(), registry=registry)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_document_names_its_mistakes(
    path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake is reported with its code and place, and causes no false ones elsewhere."""
    for name, value in (annotation(path, "$environment") or {}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(path, registry=registry, parameters=annotation(path, "$parameters"))
    found = sorted((mistake.code, mistake.path) for mistake in caught.value.mistakes)
    expected = sorted((each["code"], each["path"]) for each in annotation(path, "$expect"))
    assert found == expected, str(caught.value)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_shows_both_sides(
    path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found stands beside what is allowed; only what is not there cannot be shown."""
    for name, value in (annotation(path, "$environment") or {}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(path, registry=registry, parameters=annotation(path, "$parameters"))
    for mistake in caught.value.mistakes:
        assert mistake.code.startswith("missing_") == (mistake.found is None), mistake
        assert mistake.allowed, mistake
        assert mistake.path in str(mistake)


def test_every_code_has_a_bad_document() -> None:
    """No code exists that no document provokes; a missing file cannot lie in a folder."""
    provoked = {each["code"] for path in BAD for each in annotation(path, "$expect")}
    elsewhere = {MistakeCode.UNREADABLE_DOCUMENT, MistakeCode.UNKNOWN_IMAGE_INPUT}
    assert provoked | {code.value for code in elsewhere} == {code.value for code in MistakeCode}


def test_ten_mistakes_are_ten(registry: Registry) -> None:
    """All mistakes are reported at once, in the order of the document."""
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(FOLDER / "bad" / "ten_mistakes.json", registry=registry)
    assert len(caught.value.mistakes) == 10
    paths = [mistake.path for mistake in caught.value.mistakes]
    assert paths[0].startswith("$.inputs")
    assert paths[-1].startswith("$.outputs")
    assert str(caught.value).startswith("10 mistakes in the workflow specification")
