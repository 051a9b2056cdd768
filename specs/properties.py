"""What a manifest says about its properties: which take selectors, of which kinds, and where."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from .kinds import WILDCARD
from .manifest import BlockManifest
from .selectors import Selector

__all__ = ["ManifestShape", "PropertyShape", "describe"]

_ANYTHING: Final = frozenset({WILDCARD})
_INTERCHANGEABLE: Final = {"images": "image", "image": "images"}


@dataclass(frozen=True, slots=True)
class PropertyShape:
    """One property of a manifest.

    Args:
        name: Name of the field.
        required: Whether it has no default.
        whole: Kinds that a selector in its place may have; None if it takes no selector.
        inside: Kinds that selectors inside its lists and dicts may have; None if there can be
            none.
        literal: Whether it takes values written out in the document.
        literal_inside: Whether its lists and dicts do.
        allowed: What may stand there, as text for people.
        choices: The values of its ``Literal`` types, as text.
    """

    name: str
    required: bool
    whole: frozenset[str] | None
    inside: frozenset[str] | None
    literal: bool
    literal_inside: bool
    allowed: tuple[str, ...]
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ManifestShape:
    """The properties of a manifest, except ``type`` and ``name``.

    Args:
        properties: By field name, in order of declaration.
        fields: Field name by the key that stands in a document: names, aliases, and ``image``
            for ``images`` or the other way round.
    """

    properties: Mapping[str, PropertyShape]
    fields: Mapping[str, str]


@cache
def describe(manifest: type[BlockManifest]) -> ManifestShape:
    """Read the shape of a manifest; each class is read once."""
    properties: dict[str, PropertyShape] = {}
    fields: dict[str, str] = {}
    for name, field in manifest.model_fields.items():
        if name in ("type", "name"):
            continue
        properties[name] = _property(name, field)
        for key in (name, field.alias, field.validation_alias):
            if isinstance(key, str):
                fields[key] = name
    for name, other in _INTERCHANGEABLE.items():
        if name in fields and other not in fields:
            fields[other] = fields[name]
    return ManifestShape(types.MappingProxyType(properties), types.MappingProxyType(fields))


def _property(name: str, field: FieldInfo) -> PropertyShape:
    slots = _slots(field.annotation, tuple(field.metadata))
    words = dict.fromkeys(_words(field.annotation, tuple(field.metadata)))
    return PropertyShape(
        name,
        required=field.is_required(),
        whole=slots.whole,
        inside=slots.inside,
        literal=slots.literal,
        literal_inside=slots.literal_inside,
        allowed=tuple(words),
        choices=tuple(each for each in _literals(field.annotation) if isinstance(each, str)),
    )


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where selectors may stand in values of a type."""

    whole: frozenset[str] | None = None
    inside: frozenset[str] | None = None
    literal: bool = False
    literal_inside: bool = False

    def __or__(self, other: _Slots) -> _Slots:
        return _Slots(
            _union(self.whole, other.whole),
            _union(self.inside, other.inside),
            self.literal or other.literal,
            self.literal_inside or other.literal_inside,
        )

    def nested(self) -> _Slots:
        """The slots of a list or dict whose parts have these slots."""
        inside = _union(self.whole, self.inside)
        return _Slots(None, inside, literal=True, literal_inside=self.literal)


def _union(left: frozenset[str] | None, right: frozenset[str] | None) -> frozenset[str] | None:
    if left is None or right is None:
        return right if left is None else left
    return left | right


def _slots(
    annotation: Any, metadata: tuple[Any, ...] = (), seen: frozenset[int] = frozenset()
) -> _Slots:
    """Find where selectors may stand in values of a type; ``seen`` ends recursive types."""
    marks = [mark for mark in metadata if isinstance(mark, Selector)]
    if marks:
        return _Slots(whole=marks[0].kinds)
    if annotation is Any or annotation is object or annotation is JsonValue:
        return _Slots(_ANYTHING, _ANYTHING, literal=True, literal_inside=True)
    if annotation is types.NoneType or annotation is None or id(annotation) in seen:
        return _Slots()
    seen |= {id(annotation)}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return reduce(or_, (_slots(each, (), seen) for each in arguments))
    if origin is Annotated or hasattr(annotation, "__value__"):
        inner = arguments[0] if arguments else annotation.__value__
        return _slots(inner, arguments[1:], seen)
    return _slots_of_parts(annotation, origin, arguments, seen)


def _slots_of_parts(
    annotation: Any, origin: Any, arguments: tuple[Any, ...], seen: frozenset[int]
) -> _Slots:
    """The slots of a type that is no union: of its items, values or fields."""
    if annotation in (list, tuple, dict, set, frozenset):
        return _Slots(inside=_ANYTHING, literal=True, literal_inside=True)
    parts: list[tuple[Any, tuple[Any, ...]]] = []
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.values()
        parts = [(field.annotation, tuple(field.metadata)) for field in fields]
    elif isinstance(origin, type) and origin is not Literal:
        # Of a mapping only the values may hold selectors; its keys are names.
        values = arguments[issubclass(origin, Mapping) :]
        parts = [(each, ()) for each in values if each is not Ellipsis]
    slots = _Slots(literal=True)
    for each, metadata in parts:
        slots |= _slots(each, metadata, seen).nested()
    return slots


def _words(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    """Name what a type takes, in words that fit beside a mistake."""
    marks = [mark for mark in metadata if isinstance(mark, Selector)]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if marks:
        yield f"a selector of kind {' or '.join(sorted(marks[0].kinds))}"
    elif origin is Annotated:
        yield from _words(arguments[0], arguments[1:])
    elif origin in (Union, types.UnionType):
        for each in arguments:
            yield from _words(each)
    elif origin is Literal:
        for value in arguments:
            yield "null" if value is None else str(value)
    else:
        limits = " and ".join(_limits(metadata))
        yield f"{_WORDS.get(origin or annotation, 'a value')}{' ' if limits else ''}{limits}"


_WORDS: Final[Mapping[Any, str]] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    set: "a list",
    frozenset: "a list",
    dict: "an object",
    types.NoneType: "null",
    None: "null",
}
_SIGNS: Final = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _limits(metadata: tuple[Any, ...]) -> Iterator[str]:
    for mark in metadata:
        nested = getattr(mark, "metadata", None)
        if isinstance(nested, list):  # a Field() inside Annotated keeps its limits in there
            yield from _limits(tuple(nested))
        for name, sign in _SIGNS.items():
            bound = getattr(mark, name, None)
            if bound is not None:
                yield f"{sign} {bound}"


def _literals(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, types.UnionType, Annotated):
        for each in get_args(annotation):
            yield from _literals(each)
