"""Links: which steps wait for which, told from the text of a document alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .document import DeclaredStep
from .mistakes import json_path
from .selectors import Reference, is_selector, parse_selector
from .steps import PlacedStep

__all__ = ["Link", "find_links", "reference_or_none", "selectors_in"]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of the graph as it stands in the document.

    Args:
        before: The step that runs first.
        after: The step that waits for it.
        path: JSON path of the selector.
        lazy: Whether it is read through a lazy input.
        control: Whether ``before`` names ``after``, to be able to switch it off.
    """

    before: str
    after: str
    path: str
    lazy: bool
    control: bool = False


def find_links(
    steps: Mapping[str, DeclaredStep], placed: Mapping[str, PlacedStep | None]
) -> tuple[Link, ...]:
    """Find which steps wait for which, from the text alone, so that broken steps take part.

    A selector that names a step without a property is flow control: the step that is named
    waits for the one that names it.
    """
    links = []
    for name, declared in steps.items():
        step = placed[name]
        lazy_inputs = step.block.manifest.traits.lazy_inputs if step else frozenset[str]()
        for key, value in declared.properties.items():
            property_name = step.shape.fields.get(key) if step else key
            if property_name is None:
                continue  # an unknown key, which the language ignores
            for path, text in selectors_in(value, json_path(declared.path, key)):
                reference = reference_or_none(text)
                target = reference.step if reference else None
                if reference is None or target is None or target not in steps:
                    continue
                if reference.property is None:
                    links.append(Link(name, target, path, lazy=False, control=True))
                else:
                    lazy = property_name in lazy_inputs
                    links.append(Link(target, name, path, lazy))
    return tuple(links)


def reference_or_none(text: str) -> Reference | None:
    """Parse a selector; None if it is not well-formed."""
    try:
        return parse_selector(text)
    except ValueError:
        return None


def selectors_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Find everything in a JSON value that is meant as a selector, with its JSON path."""
    if is_selector(value):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from selectors_in(item, json_path(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from selectors_in(item, json_path(path, index))
