"""The inputs a document declares: images, video metadata, parameters, batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from .json_text import freeze
from .kinds import IMAGE, KINDS, VIDEO_METADATA, WILDCARD
from .mistakes import MistakeCode, MistakeLog, json_path, show
from .parameters import value_fits
from .suggest import near_misses, nearest
from .workflow import Input

__all__ = ["DEEPEST_BATCH", "INPUT_TYPES", "read_input"]

Role: TypeAlias = Literal["image", "video_metadata", "parameter", "batch"]

INPUT_TYPES: Final[Mapping[str, Role]] = {
    "WorkflowImage": "image",
    "InferenceImage": "image",
    "WorkflowVideoMetadata": "video_metadata",
    "WorkflowParameter": "parameter",
    "InferenceParameter": "parameter",
    "WorkflowBatchInput": "batch",
}
DEEPEST_BATCH: Final = 8
"""Levels that a batch input may have."""


def read_input(entry: Mapping[str, Any], name: str, path: str, log: MistakeLog) -> Input:
    """Read the declaration of one input.

    Args:
        entry: The object as written.
        name: Its name.
        path: JSON path of the object.
        log: Takes the mistakes.

    Returns:
        The input. What could not be read is replaced by what fits everywhere, so that one
        mistake does not cause others where the input is used.
    """
    role = _role(entry, path, log)
    if role is None:
        return Input(name, "batch", frozenset({WILDCARD}))
    if role == "image":
        return Input(name, "image", frozenset({IMAGE}))
    if role == "video_metadata":
        return Input(name, "video_metadata", frozenset({VIDEO_METADATA}))
    kinds = _kinds(entry, path, log)
    if role == "batch":
        return Input(name, "batch", kinds, dimensionality=_dimensionality(entry, path, log))
    default = entry.get("default_value")
    if default is not None and not value_fits(default, kinds):
        log.add(
            MistakeCode.INVALID_VALUE,
            json_path(path, "default_value"),
            f"the default of parameter {name!r} is not of its kind",
            found=show(default),
            allowed=sorted(kinds),
        )
    return Input(
        name,
        "parameter",
        kinds,
        default=freeze(default),
        required="default_value" not in entry,
        dimensionality=0,
    )


def _role(entry: Mapping[str, Any], path: str, log: MistakeLog) -> Role | None:
    kind = entry.get("type")
    place = json_path(path, "type")
    if isinstance(kind, str) and kind in INPUT_TYPES:
        return INPUT_TYPES[kind]
    if log.touches(place):
        return None
    if kind is None:
        log.add(MistakeCode.MISSING_KEY, place, "an input needs a type", allowed=tuple(INPUT_TYPES))
        return None
    close = nearest(kind, INPUT_TYPES) if isinstance(kind, str) else ()
    log.add(
        MistakeCode.UNKNOWN_INPUT_TYPE,
        place,
        "not a type of input",
        found=show(kind),
        allowed=tuple(INPUT_TYPES),
        suggestion=close[0] if close else None,
    )
    return None


def _kinds(entry: Mapping[str, Any], path: str, log: MistakeLog) -> frozenset[str]:
    """Read ``kind``: a list of names, or of objects that have one."""
    place = json_path(path, "kind")
    written = entry.get("kind")
    if written is None or written == [] or log.touches(place):
        return frozenset({WILDCARD})
    entries = written if isinstance(written, list) else [written]
    names = [item.get("name") if isinstance(item, dict) else item for item in entries]
    kinds = set()
    for index, name in enumerate(names):
        item_path = json_path(place, index) if isinstance(written, list) else place
        if not isinstance(name, str) or not name:
            log.add(
                MistakeCode.UNKNOWN_KIND,
                item_path,
                "a kind is a name",
                found=show(entries[index]),
                allowed=sorted(KINDS),
            )
            continue
        # Other blocks bring kinds of their own, so only a slip of the keyboard is refused.
        close = () if name in KINDS else near_misses(name, KINDS)
        if close:
            log.add(
                MistakeCode.UNKNOWN_KIND,
                item_path,
                "not a kind",
                found=show(name),
                allowed=sorted(KINDS),
                suggestion=close[0],
            )
        else:
            kinds.add(name)
    return frozenset(kinds) if len(kinds) == len(set(map(str, names))) else frozenset({WILDCARD})


def _dimensionality(entry: Mapping[str, Any], path: str, log: MistakeLog) -> int:
    value = entry.get("dimensionality", 1)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= DEEPEST_BATCH:
        return value
    place = json_path(path, "dimensionality")
    if not log.touches(place):
        log.add(
            MistakeCode.INVALID_VALUE,
            place,
            f"the dimensionality of a batch is a whole number from 1 to {DEEPEST_BATCH}",
            found=show(value),
            allowed=(f"1 to {DEEPEST_BATCH}",),
        )
    return 1
