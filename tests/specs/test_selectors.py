"""Selectors: text to reference and back, and their place in manifests."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trackwire.specs import (
    FLOAT,
    IMAGE,
    NAME_PATTERN,
    BlockManifest,
    OutputDefinition,
    Reference,
    Selector,
    Traits,
    is_selector,
    parse_selector,
)

names = st.from_regex(NAME_PATTERN, fullmatch=True)
references = st.one_of(
    st.builds(Reference, input=names),
    st.builds(Reference, step=names, property=st.none() | st.just("*") | names),
)


class Manifest(BlockManifest):
    type: Literal["test/any@v1"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    images: Annotated[str, Selector(IMAGE)]
    threshold: float | Annotated[str, Selector(FLOAT)] = 0.0


@given(references)
def test_a_reference_survives_its_text(reference: Reference) -> None:
    """Text and reference say the same, whatever the names."""
    assert parse_selector(str(reference)) == reference
    assert is_selector(str(reference))


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but ValueError comes out, and what is accepted is kept to the letter."""
    try:
        reference = parse_selector(text)
    except ValueError:
        return
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "inputs.image",  # no dollar
        "$inputs",  # no name
        "$inputs.",  # an empty one
        "$inputs.a.b",  # an input has no parts
        "$inputs.*",  # nor a wildcard
        "$steps.a.b.c",  # outputs are not nested
        "$steps.a b.c",  # a blank
        "$steps.a.b\n",  # a line end at the end, which `$` in a pattern lets pass
        "$steps.ä.b",  # names are ASCII
    ],
)
def test_what_is_no_selector(text: str) -> None:
    """A selector has exactly one of the written forms."""
    with pytest.raises(ValueError, match="is no selector"):
        parse_selector(text)


def test_a_property_takes_a_selector_or_its_values() -> None:
    """A union with a selector keeps numbers as numbers and selectors as text."""
    manifest = Manifest(
        type="test/any@v1", name="x", images="$inputs.image", threshold="$inputs.threshold"
    )
    assert manifest.threshold == "$inputs.threshold"
    assert Manifest(type="test/any@v1", name="x", images="$inputs.i", threshold=1).threshold == 1.0
    with pytest.raises(ValidationError):
        Manifest(type="test/any@v1", name="x", images="image")


def test_a_selector_has_a_json_schema() -> None:
    """Editors can check selectors: the schema has the pattern."""
    schema = Manifest.model_json_schema()["properties"]["images"]
    assert schema["type"] == "string"
    assert schema["pattern"].startswith("^")
