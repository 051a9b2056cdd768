"""The contracts between the language, the blocks and the engine.

A *manifest* describes a block to the compiler: its type ids, its properties and which of them
are wired, its outputs, its traits. A *block* does the work. The engine opens one block for each
step of a workflow and feeds it batches; everything a block remembers belongs to that opened
block, keyed by stream.

Elements nest. A frame is one element of its stream. A block with ``output_dimension=1`` splits
each element into parts (a crop per detection): it answers with a sequence of outcomes, one for
each part, and every step that reads them sees the parts as elements, many of one stream in a
call, told apart by ``Batch.indices``. A block with ``output_dimension=-1`` gathers: what it reads
from the deepest level arrives as one list per element of the level above. The compiler makes
sure that a step reads values of one split only; a block that is not pure and does not declare
``accepts_parts`` cannot stand behind a split, for parts are no stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

from .events import Event, Outbox

__all__ = [
    "Batch",
    "Block",
    "BlockManifest",
    "Failure",
    "Halt",
    "Missing",
    "Outcome",
    "OutputDefinition",
    "Parts",
    "Resources",
    "StreamKey",
    "Traits",
    "Values",
]

StreamKey: TypeAlias = str
"""A stream is known by its ``video_identifier``."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine may assume of a block.

    Args:
        pure: Same inputs, same outputs, no memory: may be skipped, may see larger batches than
            one element per stream.
        local_only: Cannot be executed remotely.
        lazy_inputs: Wired properties whose values are only computed for the elements that
            :meth:`Block.demand` asks for.
        output_dimension: +1 splits an element into many: ``run`` returns for each element a
            sequence of outcomes, one per part (:data:`Parts`), of any length. -1 gathers them:
            a property that reads the deepest level has a list per element, of the parts that
            have a value, in order; one that reads the level above has its value as it is. 0
            neither: a crop at a fixed place, for example, is one element as before.
        cost: What one element costs, roughly: ``light`` where values are looked at
            (microseconds), ``picture`` where pixels are (milliseconds), ``model`` where a
            network runs (tens of milliseconds and more). For people; nothing depends on it.
        accepts_parts: The block is not pure, yet may stand behind a split and see several
            elements of one stream in a call, because it remembers nothing that hangs on the
            order of frames: a sink, a limit on how often something happens. Pure blocks always
            may.
    """

    pure: bool
    local_only: bool = False
    lazy_inputs: frozenset[str] = frozenset()
    output_dimension: Literal[-1, 0, 1] = 0
    accepts_parts: bool = False
    cost: Literal["light", "picture", "model"] = "light"


@dataclass(frozen=True, slots=True)
class OutputDefinition:
    """One output of a block: its name and the kinds its values have."""

    name: str
    kinds: frozenset[str]


class BlockManifest(BaseModel):
    """Base of all manifests: a step as written, validated.

    A subclass declares ``type: Literal["namespace/family@v1", ...]`` (the first id is the
    canonical one, the rest are aliases), its properties, ``traits`` and ``outputs``. Properties
    are annotated ``Annotated[str, Selector(KIND)]`` where they take a selector.
    ``images`` and ``image`` are interchangeable in documents.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    traits: ClassVar[Traits]
    outputs: ClassVar[tuple[OutputDefinition, ...]]

    # Any, since fields are invariant to type checkers and a Literal is no override of str.
    type: Any
    name: str

    def advice(self) -> Sequence[str]:
        """Say what is allowed in this step, but hardly meant: one sentence each, with the fix.

        Properties hold values by now; one that is wired to what changes from frame to frame
        holds its selector.
        """
        return ()

    @classmethod
    def type_ids(cls) -> tuple[str, ...]:
        """All type ids of the block, canonical one first."""
        from typing import get_args

        return tuple(get_args(cls.model_fields["type"].annotation))


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands on a wire where there is no value.

    Args:
        cause: ``not_wired`` (the property was left out), ``not_computed`` (nobody demanded it),
            ``branch_off`` (a condition switched the branch off).
    """

    cause: Literal["not_wired", "not_computed", "branch_off"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A block could not do its work for one element.

    Args:
        error: What went wrong; the engine adds step, stream and frame number.
    """

    error: Exception


@dataclass(frozen=True, slots=True)
class Halt:
    """A block ends the branch for one element: what depends on the step is not run.

    Args:
        reason: For people.
        steps: Successor steps to switch off; None means all that depend on this one.
    """

    reason: str = ""
    steps: frozenset[str] | None = None


Values: TypeAlias = Mapping[str, Any]
Parts: TypeAlias = Sequence[Values | Failure | Halt]
"""The parts that a block with ``output_dimension=1`` splits one element into, in order. A part
without values keeps its place: ``Halt`` where there is nothing to put out (a box outside of the
picture), ``Failure`` where something went wrong. What reads the part is not run for it."""
Outcome: TypeAlias = Values | Parts | Failure | Halt
"""What a block returns for one element: its outputs by name (for each part, if it splits), or
why there are none. A ``Failure`` or ``Halt`` in place of all parts stands for the element."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a block gets in one call: one element per stream, or more for a pure block.

    ``batch[name]`` is the column of a property, aligned with ``streams``: resolved values where
    the property is wired (selectors inside lists and dicts are resolved too), the same literal
    for each element where it is not. Every property of the manifest has a column, except
    ``type`` and ``name``. In :meth:`Block.demand` the lazy inputs have no column.

    Args:
        streams: The stream of each element. Behind a split the parts of a frame all have the
            stream of the frame, one after the other.
        columns: Columns by property name.
        indices: Which part of its frame each element is, aligned with ``streams``: ``(2,)`` is
            the third crop, ``(2, 0)`` the first crop made of it. Empty where the elements are
            whole frames.
    """

    streams: Sequence[StreamKey]
    columns: Mapping[str, Sequence[Any]]
    indices: Sequence[tuple[int, ...]] = ()

    def __len__(self) -> int:
        return len(self.streams)

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.columns[name]


def _discard(event: Event, /) -> None:
    """An outbox that nobody reads."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the surroundings give to blocks when they are opened.

    Args:
        outbox: Takes the events of the block.
        base_directory: Folder that relative paths in the specification are resolved against;
            None for the working directory.
        output_directory: The one folder below which blocks may write; None forbids writing.
        device: Where models run: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        api_key: Key for hosted models, or None. Never logged.
        extras: Further objects by name, for blocks of one's own.
        model_loader: Replaces the model catalog, called with a ``model_id``; None for the
            catalog.
        clock: Monotonic seconds, for what depends on time; tests put their own in.
        explain: Takes what steps decided on each frame and why, as JSON-ready values, from any
            thread; must not raise. None for nobody, and then nothing is put together.
    """

    outbox: Outbox = _discard
    base_directory: Path | None = None
    output_directory: Path | None = None
    device: str = "auto"
    api_key: str | None = field(default=None, repr=False)
    extras: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    model_loader: Callable[[str], Any] | None = None
    clock: Callable[[], float] = time.monotonic
    explain: Callable[[Mapping[str, Any]], None] | None = None


class Block(Protocol):
    """What a step does. Opened once per engine, driven by one thread.

    ``manifest`` names the manifest class of the block.
    """

    manifest: ClassVar[type[BlockManifest]]

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block for one step; load models and open files here.

        Raises:
            TrackwireError: The block cannot work as configured.
        """
        ...

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Say which elements of which lazy inputs are needed. Must not change anything.

        Called before :meth:`run`, for the same elements, only where ``lazy_inputs`` is not empty.

        Args:
            eager: The batch without the lazy inputs.

        Returns:
            For each lazy input one bool per element; an input left out is demanded for all.
        """
        ...

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Work on one batch.

        Args:
            batch: At most one element per stream unless the block is pure or accepts parts.

        Returns:
            One outcome per element, in order; where the block splits, a sequence of outcomes
            for each. An exception fails every element of the batch.
        """
        ...

    def end_stream(self, stream: StreamKey) -> None:
        """Forget a stream: it ended. Called at most once per stream and run of it."""
        ...

    def close(self) -> None:
        """Free everything. Called once, from the engine's thread."""
        ...
