"""The JSON Schema of workflow documents, for editors that complete and check while one types.

A schema knows which keys and values a step may have. What it cannot know is where a selector
leads and whether kinds fit: that is the compiler's business.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from .declared_inputs import DEEPEST_BATCH, INPUT_TYPES
from .kinds import KINDS
from .manifest import Block
from .properties import describe
from .registry import Registry
from .selectors import NAME_PATTERN, SELECTOR_PATTERN

__all__ = ["SCHEMA_DIALECT", "workflow_schema"]

SCHEMA_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""Draft 7: the latest that editors support in full."""

_SELECTOR: Final = {"$ref": "#/definitions/selector"}


def workflow_schema(registry: Registry) -> dict[str, Any]:
    """Make the JSON Schema of the documents that a registry's blocks allow.

    Args:
        registry: The blocks.

    Returns:
        A schema in draft 7, of plain JSON values, the same for the same blocks.
    """
    manifests = [block.manifest for block in registry]
    _, made = models_json_schema(
        [(manifest, "validation") for manifest in manifests],
        ref_template="#/definitions/{model}",
    )
    references, _ = models_json_schema(
        [(manifest, "validation") for manifest in manifests],
        ref_template="{model}",
    )
    definitions = {name: _tidied(schema) for name, schema in made.get("$defs", {}).items()}
    rules = []
    for block in registry:
        name = references[block.manifest, "validation"]["$ref"]
        definitions[name] = _step(block, definitions[name])
        rules.append(
            {
                "if": {
                    "properties": {"type": {"enum": list(block.manifest.type_ids())}},
                    "required": ["type"],
                },
                "then": {"$ref": f"#/definitions/{name}"},
            }
        )
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "Trackwire workflow",
        "if": {"required": ["specification"], "not": {"required": ["steps"]}},
        "then": {"properties": {"specification": {"$ref": "#/definitions/workflow"}}},
        "else": {"$ref": "#/definitions/workflow"},
        "definitions": {
            "workflow": _WORKFLOW,
            "name": _NAME,
            "selector": {
                "type": "string",
                "pattern": SELECTOR_PATTERN,
                "description": "What a property reads: $inputs.NAME or $steps.STEP.OUTPUT.",
            },
            "input": _INPUT,
            "output": _OUTPUT,
            "step": {
                "type": "object",
                "required": ["type", "name"],
                "properties": {"type": _types(registry.blocks), "name": {"$ref": _NAME_PLACE}},
                "allOf": rules,
            },
            **dict(sorted(definitions.items())),
        },
    }


def _types(blocks: Sequence[type[Block]]) -> dict[str, Any]:
    """The ids of all blocks, each with what the block does."""
    described = sorted(
        (type_id, _summary(block)) for block in blocks for type_id in block.manifest.type_ids()
    )
    return {
        "type": "string",
        "description": "Which block the step is, and in which version.",
        "enum": [type_id for type_id, _ in described],
        "enumDescriptions": [summary for _, summary in described],
    }


def _summary(block: type[Block]) -> str:
    text = inspect.cleandoc(block.__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).replace("``", "`")


def _step(block: type[Block], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one block's steps: keys as the language takes them, not only as fields."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    alternatives: list[dict[str, Any]] = []
    shape = describe(block.manifest)
    keys_of: dict[str, list[str]] = {}
    for key, field in shape.fields.items():
        keys_of.setdefault(field, []).append(key)
    for field, keys in keys_of.items():
        info = block.manifest.model_fields[field]
        written = schema["properties"]
        found: Any = next(
            (written[key] for key in (info.validation_alias, info.alias, field) if key in written),
            {},
        )
        properties |= dict.fromkeys(keys, found)
        if shape.properties[field].required:
            if len(keys) == 1:
                required += keys
            else:
                alternatives.append({"anyOf": [{"required": [key]} for key in keys]})
    outputs = ", ".join(output.name for output in block.manifest.outputs) or "none"
    step: dict[str, Any] = {
        "description": f"{_summary(block)} Outputs: {outputs}.",
        "properties": properties,
        "required": required,
    }
    return {**step, "allOf": alternatives} if alternatives else step


def _tidied(schema: Any) -> Any:
    """Drop what only repeats names, and write the pattern of selectors once."""
    if isinstance(schema, dict):
        if schema.get("pattern") == SELECTOR_PATTERN:
            rest = {key: value for key, value in schema.items() if key not in ("pattern", "type")}
            return {**_tidied_keys(rest), "allOf": [_SELECTOR]} if len(rest) > 1 else _SELECTOR
        return _tidied_keys(schema)
    return [_tidied(item) for item in schema] if isinstance(schema, list) else schema


def _tidied_keys(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {name: _tidied(each) for name, each in value.items()}
        if key == "properties"
        else _tidied(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and key != "discriminator"
    }


_NAME_PLACE: Final = "#/definitions/name"
_NAME: Final = {
    "type": "string",
    "pattern": f"^{NAME_PATTERN}$",
    "description": "A name of your own: letters, digits, '_' and '-'.",
}
_WORKFLOW: Final = {
    "type": "object",
    "required": ["version", "inputs", "steps", "outputs"],
    "properties": {
        "version": {
            "type": "string",
            "pattern": r"^1(\.\d+){0,2}$",
            "default": "1.0",
            "description": "Version of the language.",
        },
        "inputs": {
            "type": "array",
            "items": {"$ref": "#/definitions/input"},
            "description": "What comes from outside: frames, metadata, parameters.",
        },
        "steps": {
            "type": "array",
            "items": {"$ref": "#/definitions/step"},
            "description": "Blocks, wired to inputs and to one another; their order is free.",
        },
        "outputs": {
            "type": "array",
            "items": {"$ref": "#/definitions/output"},
            "description": "What comes out, by name.",
        },
    },
}
_KIND: Final = {
    "anyOf": [
        {"type": "string", "examples": sorted(KINDS)},
        {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    ]
}
_INPUT: Final = {
    "type": "object",
    "required": ["type", "name"],
    "properties": {
        "type": {
            "type": "string",
            "enum": list(INPUT_TYPES),
            "description": "What kind of input it is.",
        },
        "name": {"$ref": _NAME_PLACE},
        "kind": {
            "anyOf": [{"type": "array", "items": _KIND}, _KIND, {"type": "null"}],
            "description": "Kinds of the values of a parameter or batch; everything if left out.",
        },
        "default_value": {"description": "Value of a parameter that is not given."},
        "dimensionality": {
            "type": "integer",
            "minimum": 1,
            "maximum": DEEPEST_BATCH,
            "default": 1,
            "description": "Nesting of a batch: 1 for one value per frame, 2 for a list.",
        },
    },
}
_OUTPUT: Final = {
    "type": "object",
    "required": ["type", "name", "selector"],
    "properties": {
        "type": {"type": "string", "enum": ["JsonField"], "default": "JsonField"},
        "name": {"type": "string", "minLength": 1, "description": "Key in the results."},
        "selector": {"allOf": [_SELECTOR], "description": "$steps.STEP.OUTPUT, or .* for all."},
        "coordinates_system": {
            "enum": ["parent", "own"],
            "default": "parent",
            "description": "Boxes in the full frame, or in the picture that the step saw.",
        },
    },
}
