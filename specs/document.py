"""The document: a specification taken apart into inputs, steps and outputs as declared.

Nothing is looked up here. What a block or a selector means is decided later; this module only
knows the shape of the language, and notes everything that does not have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from .declared_inputs import read_input
from .json_text import digest, read_json
from .mistakes import MistakeCode, MistakeLog, json_path, show
from .selectors import NAME_PATTERN
from .suggest import nearest
from .workflow import Input

__all__ = ["DeclaredOutput", "DeclaredStep", "Document", "read_document"]

_KEYS: Final = ("version", "inputs", "steps", "outputs")
_SYSTEMS: Final = ("parent", "own")
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class DeclaredStep:
    """A step as written.

    Args:
        name: Its name, or None if it has none that can be used.
        type: Its block id, or None if there is none.
        properties: All other keys, as plain JSON.
        path: JSON path of the step.
    """

    name: str | None
    type: str | None
    properties: Mapping[str, Any]
    path: str


@dataclass(frozen=True, slots=True)
class DeclaredOutput:
    """An output as written.

    Args:
        name: Its name.
        selector: The text of its selector.
        coordinates_system: Whose coordinates the values have.
        path: JSON path of the output.
    """

    name: str
    selector: str
    coordinates_system: Literal["own", "parent"]
    path: str


@dataclass(frozen=True, slots=True)
class Document:
    """A specification taken apart.

    Args:
        root: JSON path of the specification in what was read.
        version: As written.
        inputs: Usable declarations by name; the first one where a name occurs twice.
        input_paths: JSON path of each input.
        steps: All steps that are objects, in order.
        outputs: Usable declarations, in order.
        outputs_declared: How many outputs were written, usable or not.
        ambiguous: Names of inputs (``$inputs.x``) and steps (``$steps.x``) that occur twice:
            what they refer to cannot be told, so nothing is said about its kinds.
        unusable_names: Names that break the rules for names, so that no selector to them can be
            right.
        nameless_inputs: Whether an input lacks its name: references may mean it.
        nameless_steps: The same for the steps.
        inputs_known: False if the inputs could not be read, so that nothing can be said about
            references to them.
        steps_known: The same for the steps.
        digest: SHA-256 of the canonical JSON.
    """

    root: str
    version: str
    inputs: Mapping[str, Input]
    input_paths: Mapping[str, str]
    steps: tuple[DeclaredStep, ...]
    outputs: tuple[DeclaredOutput, ...]
    outputs_declared: int
    ambiguous: frozenset[str]
    unusable_names: frozenset[str]
    nameless_inputs: bool
    nameless_steps: bool
    inputs_known: bool
    steps_known: bool
    digest: str


@dataclass(slots=True)
class _Names:
    """Who took which name, over the sections of a document."""

    log: MistakeLog
    first_place: dict[str, str] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)
    missing_in: set[str] = field(default_factory=set)

    def take(self, section: str, entry: Mapping[str, Any], path: str) -> str | None:
        """Read ``name`` of an entry, or note why it cannot be used and return None."""
        place = json_path(path, "name")
        name = entry.get("name")
        if name is None:
            self.missing_in.add(section)
            if not self.log.touches(place):
                self.log.add(
                    MistakeCode.MISSING_KEY,
                    place,
                    "a name is needed; give one that is free",
                    allowed=("letters, digits, '_' and '-'",),
                )
            return None
        wildcard_free = isinstance(name, str) and _NAME.fullmatch(name)
        # Outputs are only keys of the result, nothing refers to them.
        if not isinstance(name, str) or not name or (section != "outputs" and not wildcard_free):
            self.log.add(
                MistakeCode.INVALID_NAME,
                place,
                "a name consists of letters, digits, '_' and '-'"
                if section != "outputs"
                else "a name is a string that is not empty",
                found=show(name),
                allowed=("letters, digits, '_' and '-'",)
                if section != "outputs"
                else ("any text",),
                suggestion=_usable_name(name) if isinstance(name, str) else None,
            )
            if isinstance(name, str) and name:
                self.unusable.add(name)
            else:
                self.missing_in.add(section)
            return None
        key = f"${section}.{name}"
        if key in self.first_place:
            self.log.add(
                MistakeCode.DUPLICATE_NAME,
                place,
                f"the name is taken by {self.first_place[key]}; names are unique in {section}: "
                "rename one of the two",
                found=show(name),
                allowed=("a name that is free",),
            )
            self.ambiguous.add(key)
        else:
            self.first_place[key] = path
        return name


def read_document(source: Mapping[str, Any] | str | Path, log: MistakeLog) -> Document:
    """Take a specification apart.

    Args:
        source: Parsed JSON, JSON text, or the path of a file that holds it. The specification
            may be nested under the key ``specification``. Unknown keys are ignored.
        log: Takes the mistakes.

    Returns:
        What could be read.

    Raises:
        SpecificationError: There is no object to take apart.
    """
    value = read_json(source, log)
    if value is None and log:
        raise log.error()
    root = "$"
    if isinstance(value, dict) and "specification" in value and "steps" not in value:
        value, root = value["specification"], "$.specification"
    if not isinstance(value, dict):
        log.add(
            MistakeCode.INVALID_DOCUMENT,
            root,
            "a specification is an object with version, inputs, steps and outputs",
            found=show(value),
            allowed=("an object",),
        )
        raise log.error()
    return _take_apart(value, root, log)


def _take_apart(value: dict[str, Any], root: str, log: MistakeLog) -> Document:
    names = _Names(log)
    version = _version(value, root, log)
    inputs: dict[str, Input] = {}
    input_paths: dict[str, str] = {}
    for path, entry in _entries(value, root, "inputs", log):
        name = names.take("inputs", entry, path)
        declared = read_input(entry, name or "unnamed", path, log)
        if name is not None:
            inputs.setdefault(name, declared)
            input_paths.setdefault(name, path)
    steps = tuple(
        _step(entry, path, names, log) for path, entry in _entries(value, root, "steps", log)
    )
    entries = tuple(_entries(value, root, "outputs", log))
    read = [_output(entry, path, names, log) for path, entry in entries]
    return Document(
        root=root,
        version=version,
        inputs=inputs,
        input_paths=input_paths,
        steps=steps,
        outputs=tuple(output for output in read if output is not None),
        outputs_declared=len(entries) if isinstance(value.get("outputs"), list) else 1,
        ambiguous=frozenset(names.ambiguous),
        unusable_names=frozenset(names.unusable),
        nameless_inputs="inputs" in names.missing_in,
        nameless_steps="steps" in names.missing_in,
        inputs_known=isinstance(value.get("inputs"), list),
        steps_known=isinstance(value.get("steps"), list),
        digest=digest(value),
    )


def _version(value: dict[str, Any], root: str, log: MistakeLog) -> str:
    path = json_path(root, "version")
    if "version" not in value:
        _missing_key(value, "version", path, log)
        return ""
    version = value["version"]
    if not isinstance(version, str):
        if not log.touches(path):
            log.add(
                MistakeCode.INVALID_DOCUMENT,
                path,
                "the version is a string",
                found=show(version),
                allowed=("a string",),
                suggestion='"1.0"',
            )
        return ""
    if not re.fullmatch(r"1(\.\d+){0,2}", version):
        log.add(
            MistakeCode.UNSUPPORTED_VERSION,
            path,
            "this version of the language is not known",
            found=show(version),
            allowed=("1.0", "any 1.x or 1.x.y"),
        )
    return version


def _entries(
    value: dict[str, Any], root: str, section: str, log: MistakeLog
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the objects of a section and note whatever is none."""
    path = json_path(root, section)
    if section not in value:
        _missing_key(value, section, path, log)
        return
    entries = value[section]
    if not isinstance(entries, list):
        if not log.touches(path):
            log.add(
                MistakeCode.INVALID_DOCUMENT,
                path,
                f"{section} is an array of objects",
                found=show(entries),
                allowed=("an array of objects",),
            )
        return
    for index, entry in enumerate(entries):
        place = json_path(path, index)
        if isinstance(entry, dict):
            yield place, entry
        elif not log.touches(place):
            log.add(
                MistakeCode.INVALID_DOCUMENT,
                place,
                f"each of the {section} is an object",
                found=show(entry),
                allowed=("an object",),
            )


def _missing_key(value: dict[str, Any], key: str, path: str, log: MistakeLog) -> None:
    strangers = [other for other in value if other not in _KEYS]
    close = nearest(key, strangers)
    log.add(
        MistakeCode.MISSING_KEY,
        path,
        f"the key {key!r} is needed" + (f"; is {close[0]!r} meant for it?" if close else ""),
        allowed=_KEYS,
    )


def _step(entry: dict[str, Any], path: str, names: _Names, log: MistakeLog) -> DeclaredStep:
    name = names.take("steps", entry, path)
    block_type = entry.get("type")
    place = json_path(path, "type")
    if block_type is None:
        if not log.touches(place):
            log.add(
                MistakeCode.MISSING_KEY,
                place,
                "a step needs the id of its block as type",
                allowed=("namespace/family@v1",),
            )
    elif not isinstance(block_type, str):
        log.add(
            MistakeCode.INVALID_DOCUMENT,
            place,
            "the type of a step is the id of its block, a string",
            found=show(block_type),
            allowed=("namespace/family@v1",),
        )
        block_type = None
    properties = {key: item for key, item in entry.items() if key not in ("name", "type")}
    return DeclaredStep(name, block_type, properties, path)


def _output(
    entry: dict[str, Any], path: str, names: _Names, log: MistakeLog
) -> DeclaredOutput | None:
    name = names.take("outputs", entry, path)
    kind = entry.get("type")
    if kind != "JsonField":
        log.add(
            MistakeCode.UNKNOWN_OUTPUT_TYPE if kind is not None else MistakeCode.MISSING_KEY,
            json_path(path, "type"),
            "an output is of type JsonField",
            found=None if kind is None else show(kind),
            allowed=("JsonField",),
            suggestion="JsonField",
        )
    system = entry.get("coordinates_system", "parent")
    if system not in _SYSTEMS:
        close = nearest(system, _SYSTEMS) if isinstance(system, str) else ()
        log.add(
            MistakeCode.INVALID_VALUE,
            json_path(path, "coordinates_system"),
            "not a coordinate system",
            found=show(system),
            allowed=_SYSTEMS,
            suggestion=close[0] if close else None,
        )
        system = "parent"
    selector = entry.get("selector")
    place = json_path(path, "selector")
    if selector is None:
        if not log.touches(place):
            log.add(
                MistakeCode.MISSING_KEY,
                place,
                "an output needs a selector",
                allowed=("$steps.NAME.PROPERTY", "$steps.NAME.*", "$inputs.NAME"),
            )
        return None
    if not isinstance(selector, str):
        log.add(
            MistakeCode.INVALID_SELECTOR,
            place,
            "a selector is a string such as $steps.NAME.PROPERTY",
            found=show(selector),
            allowed=("$steps.NAME.PROPERTY", "$steps.NAME.*", "$inputs.NAME"),
        )
        return None
    return DeclaredOutput(name or "unnamed", selector, system, path)


def _usable_name(name: str) -> str | None:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or None
