"""Reading manifests: where selectors may stand, told from the types of the properties."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, JsonValue

from trackwire.specs import (
    FLOAT,
    IMAGE,
    STRING,
    BlockManifest,
    OutputDefinition,
    Selector,
    Traits,
)
from trackwire.specs.properties import describe

ANY = frozenset({"*"})


class Rule(BaseModel):
    limit: float | Annotated[str, Selector(FLOAT)] = 0.0
    rules: list[Rule] = Field(default_factory=list)


class Manifest(BlockManifest):
    type: Literal["test/any@v1"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    images: Annotated[str, Selector(IMAGE)]
    bare: str = ""
    mixed: Annotated[float, Field(ge=0, lt=2)] | Annotated[str, Selector(FLOAT)] = 0.0
    optional: Annotated[str, Selector(STRING)] | None = None
    two: Annotated[str, Selector(STRING)] | Annotated[str, Selector(FLOAT)] | None = None
    items: list[str | Annotated[str, Selector(STRING)]] = Field(default_factory=list)
    only_items: tuple[Annotated[str, Selector(STRING)], ...] = ()
    table: dict[str, Annotated[str, Selector(FLOAT)] | float] = Field(default_factory=dict)
    plain_list: list[str] = Field(default_factory=list)
    free: dict[str, Any] = Field(default_factory=dict)
    anything: Any = None
    json_value: JsonValue = None
    rule: Rule | None = None
    renamed: int = Field(default=0, alias="old_name")
    choice: Literal["a", "b"] | Annotated[str, Selector(STRING)] = "a"


SHAPE = describe(Manifest)


def slots(name: str) -> tuple[Any, Any, bool, bool]:
    """Shorten what is said about a property."""
    shape = SHAPE.properties[name]
    return shape.whole, shape.inside, shape.literal, shape.literal_inside


def test_selectors_in_place_of_a_value() -> None:
    """Alone, beside values, beside null, and with the kinds of several united."""
    assert slots("images") == ({IMAGE}, None, False, False)
    assert slots("bare") == (None, None, True, False)
    assert slots("mixed") == ({FLOAT}, None, True, False)
    assert slots("optional") == ({STRING}, None, False, False)
    assert slots("two") == ({STRING, FLOAT}, None, False, False)


def test_selectors_inside_values() -> None:
    """In lists, tuples, the values of dicts, and models that hold themselves."""
    assert slots("items") == (None, {STRING}, True, True)
    assert slots("only_items") == (None, {STRING}, True, False)
    assert slots("table") == (None, {FLOAT}, True, True)
    assert slots("plain_list") == (None, None, True, True)
    assert slots("rule") == (None, {FLOAT}, True, True)


def test_open_types_take_any_selector() -> None:
    """Where anything may stand, so may any selector."""
    assert slots("free") == (None, ANY, True, True)
    assert slots("anything") == (ANY, ANY, True, True)
    assert slots("json_value") == (ANY, ANY, True, True)


def test_keys_lead_to_fields() -> None:
    """Aliases count, and images and image are one."""
    assert SHAPE.fields["image"] == SHAPE.fields["images"] == "images"
    assert SHAPE.fields["old_name"] == SHAPE.fields["renamed"] == "renamed"
    assert "name" not in SHAPE.fields


def test_what_is_allowed_is_said_in_words() -> None:
    """Mistakes show limits, choices and kinds."""
    assert SHAPE.properties["mixed"].allowed == (
        "a number >= 0 and < 2",
        "a selector of kind float",
    )
    assert SHAPE.properties["choice"].choices == ("a", "b")
    assert SHAPE.properties["optional"].allowed == ("a selector of kind string", "null")


def test_a_manifest_is_read_once() -> None:
    """Compiling is quick because shapes are kept."""
    assert describe(Manifest) is SHAPE
