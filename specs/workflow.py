"""The compiled workflow: what the compiler promises to the engine. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .manifest import Block, BlockManifest
from .selectors import Reference

__all__ = ["Binding", "Input", "LiteralValue", "Output", "Step", "Template", "Wire", "Workflow"]


@dataclass(frozen=True, slots=True)
class Input:
    """A declared input of the workflow.

    Args:
        name: Name in ``$inputs.NAME``.
        role: ``image`` (one frame per stream), ``video_metadata`` (taken from the frame),
            ``parameter`` (one value for the whole run), ``batch`` (one value per stream).
        kinds: Kinds the values have.
        default: Value of a parameter that is not given.
        required: A parameter without a default.
        dimensionality: Nesting of a batch input; 0 for a parameter, 1 for an image.
    """

    name: str
    role: Literal["image", "video_metadata", "parameter", "batch"]
    kinds: frozenset[str]
    default: Any = None
    required: bool = False
    dimensionality: int = 1


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """A property written out in the document, validated."""

    value: Any

    @property
    def references(self) -> tuple[Reference, ...]:
        """Nothing: a value reads nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Wire:
    """A property fed by one selector."""

    reference: Reference

    @property
    def references(self) -> tuple[Reference, ...]:
        """The one reference, as a template has many."""
        return (self.reference,)


@dataclass(frozen=True, slots=True)
class Template:
    """A list or dict with selectors somewhere inside.

    Args:
        structure: Lists (as tuples) and dicts as written, with ``Reference`` objects where
            selectors stood.
        references: All of them, in order of occurrence.
    """

    structure: Any
    references: tuple[Reference, ...]


Binding: TypeAlias = LiteralValue | Wire | Template


@dataclass(frozen=True, slots=True)
class Step:
    """A block placed in a workflow.

    Args:
        name: Name in ``$steps.NAME``.
        manifest: The step as written, validated, with run-time parameters filled in.
        block: The block class to open.
        bindings: One for each property except ``type`` and ``name``. A property left out that
            has a default is a ``LiteralValue`` of it; so is one that reads a parameter.
        references: What each property reads as written, run-time parameters included, by name of
            the property; those without selectors have none.
        lineage: The splits that the step's outputs went through: names of steps, ``$inputs.NAME``
            for a batch input that is nested itself. Empty for one element per stream.
        skippable: True if the engine may leave elements out that nobody needs: the block is
            pure, the step is no output of the workflow and switches no step off, it is only read
            through lazy inputs or by such steps, and it comes late enough for all readers to be
            asked what they need.
    """

    name: str
    manifest: BlockManifest
    block: type[Block]
    bindings: Mapping[str, Binding]
    references: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict)
    lineage: tuple[str, ...] = ()
    skippable: bool = False

    @property
    def dimensionality(self) -> int:
        """Nesting of the step's outputs: 1 for one element per stream."""
        return len(self.lineage) + 1

    @property
    def run_lineage(self) -> tuple[str, ...]:
        """The splits that the elements went through which the step works on."""
        splits = self.manifest.traits.output_dimension == 1
        return self.lineage[:-1] if splits else self.lineage


@dataclass(frozen=True, slots=True)
class Output:
    """One named result of the workflow; a wildcard output is expanded by the compiler.

    Args:
        name: Key in the result.
        reference: ``$steps.step.property`` or ``$inputs.name``. For a wildcard, ``property`` is
            ``*`` and the value is a dict of the step's outputs by name.
        kinds: Kinds of the values (the union over the step's outputs for a wildcard).
        coordinates_system: ``own`` or ``parent``.
        lineage: The splits that the values went through: they are lists, as deep as it is long.
    """

    name: str
    reference: Reference
    kinds: frozenset[str]
    coordinates_system: Literal["own", "parent"] = "parent"
    lineage: tuple[str, ...] = ()

    @property
    def dimensionality(self) -> int:
        """Nesting of the values: 1 for one per frame, 2 for a list per frame."""
        return len(self.lineage) + 1


@dataclass(frozen=True, slots=True)
class Workflow:
    """A specification that was compiled: immutable, shareable between engines and threads.

    Args:
        version: As written in the document.
        inputs: Declared inputs by name, in document order.
        steps: Steps in an order of execution. A step comes after everything it reads, and a
            skippable step that is only read through lazy inputs comes after the eager inputs of
            its readers, so that their demand can be asked first. (Where two steps would wait for
            one another like that, one of them stays in place and is not skippable.)
        outputs: Named results, in document order.
        parameters: Run-time parameters given at compile time merged over the defaults.
        digest: SHA-256 of the canonical JSON of the document, hexadecimal.
    """

    version: str
    inputs: Mapping[str, Input]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    parameters: Mapping[str, Any]
    digest: str
