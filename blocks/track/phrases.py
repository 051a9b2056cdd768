"""Phrases that name what to find, as they are written in documents and come over wires."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from trackwire.specs import BlockError, Missing, is_selector

__all__ = ["MOST_PHRASES", "check_phrases", "read_phrases"]

MOST_PHRASES: Final = 64
"""Phrases at a time: the detector looks for each of them on every frame."""


def read_phrases(value: Any, step: str) -> tuple[str, ...]:
    """Read phrases: a list of them, or one text with commas between them.

    Args:
        value: As it stands on the wire. An empty list looks for nothing.
        step: Name of the step, for errors.

    Returns:
        The phrases in order, each once, with single spaces. Those that differ only in upper and
        lower case are one, spelled as the first of them.

    Raises:
        BlockError: There is nothing to read (``no_phrases``), it is something else
            (``phrase_type``), or there are too many (``too_many_phrases``).
    """
    if value is None or isinstance(value, Missing):
        raise BlockError(
            f"step {step!r} got no class_names; give a list of phrases, or an empty one to look "
            "for nothing",
            code="no_phrases",
            step=step,
        )
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        raise _not_phrases(step, value)
    phrases: dict[str, str] = {}
    for part in parts:
        if not isinstance(part, str):
            raise _not_phrases(step, part)
        phrase = " ".join(part.split())
        if phrase:
            phrases.setdefault(phrase.lower(), phrase)
    if len(phrases) > MOST_PHRASES:
        raise BlockError(
            f"step {step!r} got {len(phrases)} phrases, at most {MOST_PHRASES} can be looked for "
            "at a time; take more general ones, or spread them over several steps",
            code="too_many_phrases",
            step=step,
        )
    return tuple(phrases.values())


def check_phrases(value: list[str] | str | None) -> None:
    """Check phrases that are written in a document.

    Args:
        value: As written; what is wired cannot be checked.

    Raises:
        ValueError: There are none, or too many.
    """
    written = [value] if isinstance(value, str) else value or []
    if any(is_selector(each) for each in written):
        return
    try:
        phrases = read_phrases(value, "")
    except BlockError:
        phrases = () if value is None else tuple(map(str, written))
    if not phrases:
        raise ValueError(
            "class_names names nothing to find; write a list of phrases, such as "
            '["person", "forklift"], or wire one'
        )
    if len(phrases) > MOST_PHRASES:
        raise ValueError(
            f"class_names has {len(phrases)} phrases, at most {MOST_PHRASES} can be looked for at "
            "a time; take more general ones, or spread them over several steps"
        )


def _not_phrases(step: str, found: Any) -> BlockError:
    return BlockError(
        f"class_names of step {step!r} must be a list of phrases, or one text with commas between "
        f"them, found {type(found).__name__} {found!r:.60}",
        code="phrase_type",
        step=step,
    )
