"""Suggestions: what somebody probably meant.

Two questions are told apart. :func:`nearest` looks for help to print beside a mistake that is
known to be one, and may guess boldly. :func:`near_misses` decides whether something is a typing
error at all, and therefore only counts slips of the keyboard.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["near_misses", "nearest"]

_SHORT = 5


def nearest(found: str, choices: Iterable[str], *, limit: int = 3) -> tuple[str, ...]:
    """Rank the choices that resemble what was found.

    Args:
        found: The text as written.
        choices: What could stand there.
        limit: How many to return at most.

    Returns:
        The closest first; empty if nothing is close.

    Example:
        >>> nearest("firstframe", ["first_frame", "every_frame"])[0]
        'first_frame'
    """
    spellings: dict[str, str] = {}
    for choice in choices:
        spellings.setdefault(choice.casefold(), choice)
        # A block id is often remembered without its namespace.
        spellings.setdefault(choice.rpartition("/")[2].casefold(), choice)
    close = get_close_matches(found.casefold(), spellings, n=2 * limit, cutoff=0.6)
    return tuple(dict.fromkeys(spellings[match] for match in close))[:limit]


def near_misses(found: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Find the choices that differ from what was found by a slip of the keyboard only.

    One slip (a letter left out, added, replaced, or two swapped) for texts of up to five
    letters, two for longer ones. Case, ``-``, ``_`` and blanks do not count.

    Args:
        found: The text as written.
        choices: What was probably meant; never includes ``found`` itself.

    Returns:
        The matching choices, fewest slips first.

    Example:
        >>> near_misses("promt_mode", ["prompt_mode", "prompt_interval"])
        ('prompt_mode',)
        >>> near_misses("iou_threshold", ["threshold"])
        ()
    """
    text = _letters(found)
    slips = 1 if len(text) <= _SHORT else 2
    ranked = []
    for choice in choices:
        if choice != found:
            distance = _slips_between(text, _letters(choice), slips)
            if distance <= slips:
                ranked.append((distance, choice))
    return tuple(choice for _, choice in sorted(ranked))


def _letters(text: str) -> str:
    return text.casefold().translate({ord(mark): None for mark in "-_ "})


def _slips_between(left: str, right: str, limit: int) -> int:
    """Optimal string alignment distance, or ``limit + 1`` as soon as it must be above it."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, start=1):
        current = [row]
        for column, other in enumerate(right, start=1):
            cost = min(
                above[column] + 1,
                current[column - 1] + 1,
                above[column - 1] + (letter != other),
            )
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, above = above, current
    return above[-1]
