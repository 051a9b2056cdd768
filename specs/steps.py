"""Steps against their manifests: known blocks, known properties, values that are allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from .document import DeclaredStep
from .manifest import Block, BlockManifest
from .mistakes import MistakeCode, MistakeLog, json_path, show
from .properties import ManifestShape, PropertyShape, describe
from .registry import Registry
from .selectors import is_selector
from .suggest import near_misses, nearest

__all__ = ["PlacedStep", "place_step", "validate_manifest"]

_REMOTE_VARIABLE: Final = "WORKFLOWS_STEP_EXECUTION_MODE"


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A step whose block is known, before its values are validated.

    Args:
        declared: The step as written.
        block: Its block.
        shape: What the manifest says about properties.
        written: Values as written, by field name.
        keys: The key under which each field stands in the document.
    """

    declared: DeclaredStep
    block: type[Block]
    shape: ManifestShape
    written: Mapping[str, Any]
    keys: Mapping[str, str]

    def path_of(self, name: str) -> str:
        """JSON path of a property."""
        return json_path(self.declared.path, self.keys.get(name, name))

    @property
    def title(self) -> str:
        """How messages name the step."""
        name = self.declared.name
        return (
            f"{'a step without name' if name is None else f'step {name!r}'} ({self.declared.type})"
        )


def place_step(
    declared: DeclaredStep,
    registry: Registry,
    environment: Mapping[str, str],
    log: MistakeLog,
) -> PlacedStep | None:
    """Find the block of a step and sort its keys.

    Args:
        declared: The step as written.
        registry: Blocks to choose from.
        environment: Environment variables; ``WORKFLOWS_STEP_EXECUTION_MODE=remote`` refuses
            blocks that only run locally.
        log: Takes the mistakes.

    Returns:
        The step with its block, or None if the block is not known.
    """
    if declared.type is None:
        return None
    block = registry.get(declared.type)
    if block is None:
        _note_unknown_block(declared, declared.type, registry, log)
        return None
    if (
        block.manifest.traits.local_only
        and environment.get(_REMOTE_VARIABLE, "").strip().casefold() == "remote"
    ):
        log.add(
            MistakeCode.REMOTE_EXECUTION,
            json_path(declared.path, "type"),
            f"{declared.type} keeps its state on this machine and cannot be executed remotely; "
            f"unset {_REMOTE_VARIABLE} or set it to local",
            found=f"{_REMOTE_VARIABLE}=remote",
            allowed=("local",),
        )
    shape = describe(block.manifest)
    keys: dict[str, str] = {}
    for key in declared.properties:
        field = shape.fields.get(key)
        if field is not None and (field not in keys or key == field):
            keys[field] = key
    _note_unknown_keys(declared, shape, keys, log)
    written = {field: declared.properties[key] for field, key in keys.items()}
    return PlacedStep(declared, block, shape, written, keys)


def validate_manifest(
    step: PlacedStep,
    filled: Mapping[str, Any],
    log: MistakeLog,
    *,
    sources_for: Callable[[frozenset[str]], tuple[str, ...]],
) -> BlockManifest | None:
    """Validate the values of a step.

    Args:
        step: The step.
        filled: Values of run-time parameters that stand in place of selectors, by field name.
        log: Takes the mistakes. Properties about which something is noted already are left out.
        sources_for: Lists the selectors of the document that offer given kinds.

    Returns:
        The manifest with parameters filled in, or None if something is wrong.
    """
    values = {**step.written, **filled}
    payload = {"type": step.declared.type, "name": step.declared.name or "unnamed", **values}
    try:
        return step.block.manifest.model_validate(payload, by_name=True)
    except ValidationError as error:
        by_property: dict[str, list[Any]] = {}
        for detail in error.errors(include_url=False):
            head = str(detail["loc"][0]) if detail["loc"] else ""
            by_property.setdefault(step.shape.fields.get(head, head), []).append(detail)
    for name, details in by_property.items():
        _note_property(step, name, details, name in filled, values.get(name), log, sources_for)
    return None


def _note_unknown_block(
    declared: DeclaredStep, type_id: str, registry: Registry, log: MistakeLog
) -> None:
    # A namespace that is shared makes everything in it look alike: only families are compared.
    families = {known.rpartition("/")[2]: known for known in registry.type_ids}
    close = tuple(
        families[family] for family in nearest(type_id.rpartition("/")[2], families, limit=5)
    )
    canonical = sorted(block.manifest.type_ids()[0] for block in registry)
    log.add(
        MistakeCode.UNKNOWN_BLOCK,
        json_path(declared.path, "type"),
        "no such block; a block of another distribution must be installed, one of your own "
        "passed with a registry",
        found=show(type_id),
        allowed=close or canonical,
        suggestion=close[0] if close else None,
    )


def _note_unknown_keys(
    declared: DeclaredStep, shape: ManifestShape, keys: Mapping[str, str], log: MistakeLog
) -> None:
    """Refuse keys that are a slip away from a property which is then silently left out."""
    left_out = [key for key, field in shape.fields.items() if field not in keys]
    for key in declared.properties:
        close = () if key in shape.fields else near_misses(key, left_out)
        if close:
            log.add(
                MistakeCode.UNKNOWN_PROPERTY,
                json_path(declared.path, key),
                f"{declared.type} has no property of this name",
                found=show(key),
                allowed=tuple(shape.properties),
                suggestion=close[0],
            )


def _meant_by_typo(step: PlacedStep, name: str) -> bool:
    keys = [key for key, field in step.shape.fields.items() if field == name]
    return any(
        key not in step.shape.fields and near_misses(key, keys) for key in step.declared.properties
    )


def _note_property(
    step: PlacedStep,
    name: str,
    details: list[Any],
    is_parameter: bool,
    value: Any,
    log: MistakeLog,
    sources_for: Callable[[frozenset[str]], tuple[str, ...]],
) -> None:
    shape = step.shape.properties.get(name)
    path = step.path_of(name) if name else step.declared.path
    if log.touches(path):
        return
    if shape is None:
        text = "; ".join(dict.fromkeys(_sentence(detail) for detail in details))
        log.add(MistakeCode.INVALID_VALUE, path, f"{step.title}: {text}")
    elif all(detail["type"] == "missing" and len(detail["loc"]) == 1 for detail in details):
        if not _meant_by_typo(step, name):
            log.add(
                MistakeCode.MISSING_PROPERTY,
                path,
                f"{step.title} needs {name!r}: {' or '.join(shape.allowed)}",
                allowed=(shape.whole is not None and sources_for(shape.whole)) or shape.allowed,
            )
    else:
        _note_value(step, shape, details, is_parameter, value, log)


def _note_value(
    step: PlacedStep,
    shape: PropertyShape,
    details: list[Any],
    is_parameter: bool,
    value: Any,
    log: MistakeLog,
) -> None:
    """Say in one mistake for each place what pydantic says for each member of a union."""
    about_values = [detail for detail in details if detail["type"] != "selector"] or details
    places: dict[str, list[Any]] = {}
    for detail in about_values:
        path, _ = _follow(step.path_of(shape.name), value, _location(detail)[1:])
        places.setdefault(path, []).append(detail)
    for path, group in places.items():
        if any(other.startswith((f"{path}.", f"{path}[")) for other in places):
            continue  # what one member of a union says of the whole, another says of a part
        _, found = _follow(step.path_of(shape.name), value, _location(group[0])[1:])
        if is_selector(found):
            continue  # where a selector leads, and that it is one, is the business of the wiring
        reasons = "; or ".join(dict.fromkeys(_sentence(detail) for detail in group))
        inside = path != step.path_of(shape.name)
        choices = tuple(dict.fromkeys(each for detail in group for each in _choices(detail)))
        allowed, likely = (choices, choices) if inside and choices else (shape.allowed, ())
        close = nearest(found, likely or shape.choices) if isinstance(found, str) else ()
        selector = step.written.get(shape.name)
        origin = f" the value of {selector}," if is_parameter else ""
        log.add(
            MistakeCode.INVALID_PARAMETER if is_parameter else MistakeCode.INVALID_VALUE,
            path,
            f"{step.title} does not take{origin} this value for {shape.name!r}: {reasons}",
            found=show(found),
            allowed=allowed,
            suggestion=close[0] if close else None,
        )


def _location(detail: Any) -> tuple[Any, ...]:
    """Where a value is wrong; of an object of unknown type it is the type."""
    location: tuple[Any, ...] = detail["loc"]
    if detail["type"] == "union_tag_invalid":
        return (*location, detail["ctx"]["discriminator"].strip("'"))
    return location


def _choices(detail: Any) -> list[str]:
    """The texts one of which pydantic wants."""
    context = detail.get("ctx", {})
    listed = context.get("expected_tags") or context.get("expected") or ""
    return re.findall(r"'([^']*)'", str(listed))


def _follow(path: str, value: Any, location: tuple[Any, ...]) -> tuple[str, Any]:
    """Walk down the value; the names of union members in the location lead nowhere."""
    for part in location:
        if isinstance(part, int):
            leads_on = isinstance(value, (list, tuple)) and part < len(value)
        else:
            leads_on = isinstance(value, Mapping) and part in value
        if leads_on:
            path, value = json_path(path, part), value[part]
    return path, value


def _sentence(detail: Any) -> str:
    if detail["type"] == "union_tag_invalid":
        return "nothing is of this type"
    text = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:]
