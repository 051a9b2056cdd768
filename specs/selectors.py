"""Selectors: the strings that wire a property to an input or to the output of a step.

``$inputs.name``, ``$steps.step.property``, ``$steps.step`` (flow control) and, in outputs,
``$steps.step.*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import PydanticCustomError, core_schema

from .kinds import WILDCARD

__all__ = [
    "NAME_PATTERN",
    "SELECTOR_PATTERN",
    "Reference",
    "Selector",
    "is_selector",
    "parse_selector",
]

NAME_PATTERN: Final = r"[A-Za-z0-9_-]+"
SELECTOR_PATTERN: Final = (
    rf"^\$(inputs\.{NAME_PATTERN}|steps\.{NAME_PATTERN}(\.({NAME_PATTERN}|\*))?)$"
)
"""The form of a selector, for JSON Schema."""
_SELECTOR = re.compile(
    rf"\$(?:inputs\.(?P<input>{NAME_PATTERN})"
    rf"|steps\.(?P<step>{NAME_PATTERN})(?:\.(?P<property>{NAME_PATTERN}|\*))?)"
)

_MEANT = re.compile(r"\$(?:inputs?|steps?)\.")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed selector.

    Args:
        input: Name of a workflow input, or None for a step.
        step: Name of a step, or None for an input.
        property: Output of the step, ``*`` for all of them, None for the step itself.
    """

    input: str | None = None
    step: str | None = None
    property: str | None = None

    def __str__(self) -> str:
        if self.input is not None:
            return f"$inputs.{self.input}"
        tail = "" if self.property is None else f".{self.property}"
        return f"$steps.{self.step}{tail}"


def is_selector(value: object) -> bool:
    """Tell whether a JSON value is meant as a selector, well-formed or not.

    It is a string that starts like one; the slips ``$input.`` and ``$step.`` count as well.
    """
    return isinstance(value, str) and _MEANT.match(value) is not None


def parse_selector(text: str) -> Reference:
    """Parse a selector.

    Args:
        text: The string as written in the specification.

    Returns:
        What it points at.

    Raises:
        ValueError: The text is not a well-formed selector.
    """
    match = _SELECTOR.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no selector: write $inputs.NAME, $steps.STEP.PROPERTY or $steps.STEP, "
            "with names of letters, digits, '_' and '-'"
        )
    return Reference(match["input"], match["step"], match["property"])


class Selector:
    """Marks a manifest property that takes a selector, and names the kinds it accepts.

    To type checkers the property is the string that stands in the document.

    Args:
        kinds: Kinds that may be wired; none means any.

    Example:
        >>> class Manifest(BlockManifest):
        ...     images: Annotated[str, Selector(IMAGE)]
        ...     threshold: float | Annotated[str, Selector(FLOAT)] = 0.0
    """

    __slots__ = ("kinds",)

    def __init__(self, *kinds: str) -> None:
        self.kinds = frozenset(kinds or (WILDCARD,))

    def __repr__(self) -> str:
        return f"Selector({', '.join(map(repr, sorted(self.kinds)))})"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _well_formed, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": SELECTOR_PATTERN}


def _well_formed(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("$"):
        raise PydanticCustomError("selector", "a selector such as $inputs.image is needed")
    try:
        parse_selector(value)
    except ValueError as error:
        raise PydanticCustomError("selector", "{reason}", {"reason": str(error)}) from error
    return value
