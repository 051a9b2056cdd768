"""Selectors: the strings that wire a property to an input or to the output of a step.

``$inputs.name``, ``$steps.step.property``, ``$steps.step`` (flow control) and, in outputs,
``$steps.step.*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator

__all__ = [
    "NAME_PATTERN",
    "Reference",
    "Selector",
    "SelectorKinds",
    "is_selector",
    "parse_selector",
]

NAME_PATTERN: Final = r"[A-Za-z0-9_-]+"
_SELECTOR = re.compile(
    rf"\$(?:inputs\.(?P<input>{NAME_PATTERN})"
    rf"|steps\.(?P<step>{NAME_PATTERN})(?:\.(?P<property>{NAME_PATTERN}|\*))?)"
)


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
    """Tell whether a JSON value is meant as a selector: a string that starts like one."""
    return isinstance(value, str) and value.startswith(("$inputs.", "$steps."))


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


def _well_formed(value: str) -> str:
    if not value.startswith("$"):
        raise ValueError(f"a selector such as $inputs.image is needed, found {value!r}")
    parse_selector(value)
    return value


@dataclass(frozen=True, slots=True)
class SelectorKinds:
    """Marks an annotation as a selector and names the kinds it accepts."""

    kinds: frozenset[str]


def Selector(*kinds: str) -> Any:  # noqa: N802 - used as a type in manifests, reads as one
    """Type of a manifest property that takes a selector of the given kinds.

    Example:
        >>> class Manifest(BlockManifest):
        ...     images: Selector(IMAGE)
        ...     threshold: float | Selector(FLOAT) = 0.0
    """
    return Annotated[str, AfterValidator(_well_formed), SelectorKinds(frozenset(kinds or ("*",)))]
