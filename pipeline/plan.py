"""The execution plan of a workflow: all that can be worked out before the first frame.

Values live in *slots*, one column of a tick each: a slot for every input that changes from
frame to frame and for every output of a step. The plan says for each step which slots feed it,
which properties are constant, which steps can block it, and who reads it lazily. The elements
of a column are those of a *space*: the frames of the tick, or the parts that a split made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from trackwire.specs import Block, BlockManifest, Input

__all__ = [
    "Column",
    "OutputPlan",
    "Plan",
    "Reader",
    "Resolve",
    "Slots",
    "SpacePlan",
    "StepPlan",
]

Slots: TypeAlias = Sequence[Sequence[Any]]
Resolve: TypeAlias = Callable[[Slots, int], Any]
"""Gets the value of one element from the slots of a tick."""


@dataclass(frozen=True, slots=True)
class Column:
    """A property whose value changes from frame to frame.

    Args:
        name: Name of the property.
        slot: The slot that is the column, or None where values are put together.
        resolve: Gets one element's value.
        producers: Steps the values come from, by index.
        lazy: Computed only for the elements that the block demands.
        gathers: The space of the parts that the value is a list of, by index; None where it is
            a single value.
    """

    name: str
    slot: int | None
    resolve: Resolve
    producers: tuple[int, ...]
    lazy: bool
    gathers: int | None = None


@dataclass(frozen=True, slots=True)
class SpacePlan:
    """The elements of one lineage, before they are known.

    Args:
        above: The space that is split, by index; None for the frames of the tick.
        creator: The step that splits it, by index; None for frames and for batch inputs.
    """

    above: int | None = None
    creator: int | None = None


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """An output of the workflow.

    Args:
        name: Key in the result.
        producers: Steps the values come from, by index.
        resolve: Gets the value of one element of the space.
        spaces: The spaces its values are nested in, outermost first; empty for frames.
    """

    name: str
    producers: tuple[int, ...]
    resolve: Resolve
    spaces: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """One edge of the graph seen from its start: who needs a step.

    Args:
        step: Index of the reading step.
        lazy: The property it reads through if it reads lazily, else None.
        askable_from: First position in the order at which the reader's eager inputs are known,
            so that its demand can be asked.
    """

    step: int
    lazy: str | None
    askable_from: int


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What is known of one step in advance.

    Args:
        index: Position in the order of execution.
        name: Name of the step.
        manifest: The step with run-time parameters put in.
        block: The class to open.
        constants: Properties that never change.
        columns: Properties that change.
        space: The elements it works on, by index of their space.
        result_space: The elements it puts out: another space only where it splits.
        eager_producers: Steps whose missing value blocks this one, by index.
        gathered_producers: Steps of whose parts it reads lists, eagerly: each with the space of
            the parts.
        splits: Whether it answers with parts.
        plain: Whether it works on frames, one outcome each, and reads nothing lazily: while no
            value is missing there is nothing to find out about it.
        gates: Flow-control steps that can switch this one off, by index.
        followers: Steps that this one names and so can switch off, by index.
        follower_names: The same by name.
        lazy_names: Properties of ``columns`` that are read lazily.
        slots: Slot of each output, by output name.
        output_names: Outputs the block must return.
        optional: True if the step only runs for the elements that some reader needs.
        readers: Who needs it.
    """

    index: int
    name: str
    manifest: BlockManifest
    block: type[Block]
    constants: Mapping[str, Any]
    columns: tuple[Column, ...]
    space: int
    result_space: int
    eager_producers: tuple[int, ...]
    gathered_producers: tuple[tuple[int, int], ...]
    splits: bool
    plain: bool
    gates: tuple[int, ...]
    followers: tuple[int, ...]
    follower_names: frozenset[str]
    lazy_names: tuple[str, ...]
    slots: Mapping[str, int]
    output_names: frozenset[str]
    optional: bool
    readers: tuple[Reader, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The execution plan of a workflow.

    Args:
        inputs: Inputs that change from frame to frame; input ``i`` has slot ``i``.
        input_spaces: For each input that is nested itself its number and the spaces of its
            levels, outermost first.
        spaces: All spaces; the first one holds the frames.
        steps: In order of execution.
        waves: The same by index, in groups that may run at the same time.
        outputs: What the workflow puts out.
        nested: Whether any output is nested.
        slot_count: How many slots a tick needs.
        index_of: Index of each step by name.
    """

    inputs: tuple[Input, ...]
    input_spaces: tuple[tuple[int, tuple[int, ...]], ...]
    spaces: tuple[SpacePlan, ...]
    steps: tuple[StepPlan, ...]
    waves: tuple[tuple[int, ...], ...]
    outputs: tuple[OutputPlan, ...]
    nested: bool
    slot_count: int
    index_of: Mapping[str, int]
