"""Options of blocks: the types that many share, and those that hold for a whole run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from trackwire.specs import (
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    INTEGER,
    BlockError,
    BlockManifest,
    Selector,
    is_selector,
)

__all__ = ["Count", "Fraction", "has_selector", "require_settled"]

Count: TypeAlias = Annotated[int, Field(ge=1)] | Annotated[str, Selector(INTEGER)]
"""One or more, or a selector of a whole number."""
Fraction: TypeAlias = (
    Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE, FLOAT)]
)
"""From 0 to 1, or a selector of a number."""


def has_selector(value: Any) -> bool:
    """Tell whether a value holds a selector, at any depth of its lists and mappings."""
    if isinstance(value, list | tuple):
        return any(map(has_selector, value))
    if isinstance(value, dict):
        return any(map(has_selector, value.values()))
    return is_selector(value)


def require_settled(step: BlockManifest, names: Iterable[str]) -> None:
    """Make sure that options have values when a block opens.

    The engine has put the values of parameters into the manifest by then, so a selector that is
    left points at something that changes from frame to frame.

    Args:
        step: The manifest that the block opens with.
        names: Properties that must hold values.

    Raises:
        BlockError: Some of them are still wired; names all of them.
    """
    wired = {name: value for name in names if is_selector(value := getattr(step, name))}
    if wired:
        raise BlockError(
            f"{', '.join(wired)} of step {step.name!r} {'is' if len(wired) == 1 else 'are'} wired "
            f"to {', '.join(wired.values())}, which changes from frame to frame; such an option "
            "holds for a whole run: write a value, or wire a WorkflowParameter",
            code="option_changes",
            step=step.name,
            property=next(iter(wired)),
        )
