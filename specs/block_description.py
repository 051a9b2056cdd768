"""Descriptions of blocks: what their manifests say, as plain values for lists and programs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from .kinds import STEP
from .manifest import Block
from .properties import PropertyShape, describe

__all__ = ["BlockDescription", "PropertyDescription", "describe_block"]


@dataclass(frozen=True, slots=True)
class PropertyDescription:
    """One property of a block.

    Args:
        name: As it stands in a document.
        required: Whether it must be given.
        default: Its value if it is left out, of plain JSON types; None for a required one.
        kinds: Kinds of what may be wired to it, or into the lists and objects it takes; empty
            where it takes no selector.
        takes: What may stand there, in words.
        names_steps: Whether it names steps instead of reading values.
        lazy: Whether it is computed on demand only.
        description: What it is for.
    """

    name: str
    required: bool
    default: Any
    kinds: tuple[str, ...]
    takes: tuple[str, ...]
    names_steps: bool
    lazy: bool
    description: str


@dataclass(frozen=True, slots=True)
class BlockDescription:
    """What the manifest of a block says.

    Args:
        type: Canonical type id.
        aliases: Other ids of it.
        summary: What it does, one paragraph.
        cost: ``light``, ``picture`` or ``model``; see :class:`Traits`.
        pure: Whether it has no memory and no effects.
        output_dimension: +1 if it splits, -1 if it gathers, else 0.
        properties: Its properties, in order of declaration.
        outputs: The kinds of each output by name.
    """

    type: str
    aliases: tuple[str, ...]
    summary: str
    cost: Literal["light", "picture", "model"]
    pure: bool
    output_dimension: Literal[-1, 0, 1]
    properties: tuple[PropertyDescription, ...]
    outputs: dict[str, tuple[str, ...]]


def describe_block(block: type[Block]) -> BlockDescription:
    """Read what the manifest of a block says.

    Args:
        block: The class.
    """
    manifest = block.manifest
    canonical, *aliases = manifest.type_ids()
    shapes = describe(manifest).properties
    return BlockDescription(
        type=canonical,
        aliases=tuple(aliases),
        summary=" ".join(inspect.cleandoc(block.__doc__ or "").split("\n\n")[0].split()),
        cost=manifest.traits.cost,
        pure=manifest.traits.pure,
        output_dimension=manifest.traits.output_dimension,
        properties=tuple(_property(block, shape) for shape in shapes.values()),
        outputs={output.name: tuple(sorted(output.kinds)) for output in manifest.outputs},
    )


def _property(block: type[Block], shape: PropertyShape) -> PropertyDescription:
    field = block.manifest.model_fields[shape.name]
    kinds = (shape.whole or frozenset()) | (shape.inside or frozenset())
    default = None if shape.required else field.get_default(call_default_factory=True)
    return PropertyDescription(
        name=shape.name,
        required=shape.required,
        default=to_jsonable_python(default),
        kinds=tuple(sorted(kinds - {STEP})),
        takes=shape.allowed,
        names_steps=STEP in kinds,
        lazy=shape.name in block.manifest.traits.lazy_inputs,
        description=field.description or "",
    )
