"""Wires: the values of one tick, and the reasons why some are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import Batch, Missing, StreamKey

from .absence import Absence, merge
from .spaces import Space, nested_values

if TYPE_CHECKING:
    from .open_step import OpenStep
    from .plan import Column, OutputPlan, Plan, StepPlan

__all__ = ["Wires"]

_NOT_COMPUTED: Final = Missing("not_computed")
_BRANCH_OFF: Final = Missing("branch_off")
_NOBODY: Final[dict[int, Absence]] = {}


class Wires:
    """The values of one tick, and the reasons why some are missing.

    Args:
        plan: The plan of the workflow.
        streams: The stream of each frame.
        inputs: A column for each of ``plan.inputs``; lists within it for one that is nested.
    """

    __slots__ = (
        "absent",
        "absent_out",
        "complete",
        "demands",
        "mute",
        "plan",
        "slots",
        "spaces",
        "switched_off",
    )

    def __init__(
        self, plan: Plan, streams: Sequence[StreamKey], inputs: Sequence[Sequence[Any]]
    ) -> None:
        self.plan = plan
        self.complete = True  # no step lacks a value that ran so far
        # The spaces of parts come to be when their creators have run.
        self.spaces: dict[int, Space] = {0: Space.of_frames(streams)}
        self.slots: list[Sequence[Any]] = [*inputs]
        self.slots += [()] * (plan.slot_count - len(inputs))
        for number, spaces in plan.input_spaces:
            self._take_apart(number, spaces)
        # Absences among the elements that a step works on, and among those that it puts out:
        # the same mapping, unless it splits.
        self.absent = [_NOBODY] * len(plan.steps)
        self.absent_out = [_NOBODY] * len(plan.steps)
        self.switched_off: dict[int, dict[int, set[int]]] = {}
        self.mute: dict[int, set[int]] = {}  # steps whose block failed to say what it demands
        self.demands: dict[int, Mapping[str, set[int] | None]] = {}

    def output(self, element: int) -> dict[str, Any]:
        """The workflow's outputs for one frame; None where there is no value."""
        if self.plan.nested:
            return {each.name: self._nested(each, 0, element) for each in self.plan.outputs}
        return {
            output.name: None
            if any(element in self.absent[producer] for producer in output.producers)
            else output.resolve(self.slots, element)
            for output in self.plan.outputs
        }

    def _nested(self, output: OutputPlan, depth: int, element: int) -> Any:
        if depth == len(output.spaces):
            if any(element in self.absent_out[producer] for producer in output.producers):
                return None
            return output.resolve(self.slots, element)
        parts = self.spaces[output.spaces[depth]].children(element)
        if parts is None:
            return None
        return [self._nested(output, depth + 1, part) for part in parts]

    def _take_apart(self, number: int, spaces: Sequence[int]) -> None:
        """Spread the values of a nested input over the spaces of its levels."""
        above = self.spaces[0]
        levels = nested_values(self.slots[number], len(spaces))
        for index, (counts, column) in zip(spaces, levels, strict=True):
            self.spaces[index] = above = Space.split(above, counts)
            self.slots[number] = column

    def blocked(self, plan: StepPlan) -> dict[int, Absence]:
        """The elements that a step cannot have, by what happened to the steps before it."""
        blocked: dict[int, Absence] = {}
        for producer in plan.eager_producers:
            merge(blocked, self.absent_out[producer])
        for producer, parts in plan.gathered_producers:
            self.block_on_parts(producer, parts, blocked)
        for gate in plan.gates:
            if closed := self.absent[gate]:
                passed_on = {
                    element: cause
                    for element, cause in closed.items()
                    if cause is not Absence.HALTED
                }
                merge(blocked, self._below(passed_on, self.plan.steps[gate].space, plan.space))
        if self.switched_off:
            for space, off in self.switched_off.get(plan.index, {}).items():
                closed = dict.fromkeys(off, Absence.BRANCH_OFF)
                merge(blocked, self._below(closed, space, plan.space))
        if self.mute:
            mute = self.mute.get(plan.index, ())
            merge(blocked, dict.fromkeys(mute, Absence.FAILED))
        return blocked

    def block_on_parts(self, producer: int, parts: int, blocked: dict[int, Absence]) -> None:
        """Block what gathers parts of which one failed, and what was never split."""
        for part, cause in self.absent_out[producer].items():
            if cause is Absence.FAILED:
                blocked[self.spaces[parts].parents[part]] = Absence.FAILED
        creator = self.plan.spaces[parts].creator
        if creator is not None:
            merge(blocked, self.absent[creator])

    def _below(
        self, absent: Mapping[int, Absence], above: int, space: int
    ) -> Mapping[int, Absence]:
        """Carry absences of elements over to their parts, and the parts of these."""
        if above == space or not absent:
            return absent
        here, there = self.spaces[space], self.spaces[above]
        return {
            element: absent[ancestor]
            for element in here.everyone
            if (ancestor := here.ancestor(element, there)) in absent
        }

    def plain_batch(self, step: OpenStep) -> Batch:
        """Put together what a plain block is given: all frames, no inputs that are lazy."""
        space, slots = self.spaces[0], self.slots
        columns = step.constant_columns(len(space.streams))
        for column in step.plan.columns:
            slot = column.slot
            if slot is None:
                resolve = column.resolve
                columns[column.name] = [resolve(slots, element) for element in space.everyone]
            else:
                columns[column.name] = slots[slot]
        return Batch(space.streams, columns)

    def batch(self, step: OpenStep, elements: Sequence[int], *, eager_only: bool = False) -> Batch:
        """Put together what a block is given.

        Args:
            step: The step.
            elements: The elements it runs for, of its space.
            eager_only: Leave the lazy inputs out.
        """
        plan = step.plan
        space = self.spaces[plan.space]
        whole = len(elements) == len(space.everyone)
        columns = step.constant_columns(len(elements))
        for column in plan.columns:
            if column.lazy:
                if not eager_only:
                    columns[column.name] = self._lazy_column(plan, column, elements)
            elif column.gathers is not None:
                columns[column.name] = [self._gathered(plan, column, each) for each in elements]
            elif whole and column.slot is not None:
                columns[column.name] = self.slots[column.slot]
            else:
                resolve, slots = column.resolve, self.slots
                columns[column.name] = [resolve(slots, element) for element in elements]
        if eager_only:
            for name in plan.manifest.traits.lazy_inputs:
                columns.pop(name, None)
        streams, indices = space.streams, space.indices
        if not whole:
            streams = tuple(streams[element] for element in elements)
            indices = [indices[element] for element in elements] if indices else indices
        return Batch(streams, columns, indices)

    def _lazy_column(self, plan: StepPlan, column: Column, elements: Sequence[int]) -> list[Any]:
        demanded = self.demands[plan.index].get(column.name)
        values: list[Any] = []
        for element in elements:
            if demanded is not None and element not in demanded:
                values.append(_NOT_COMPUTED)
            elif column.gathers is not None:
                values.append(self._gathered(plan, column, element))
            elif any(element in self.absent_out[producer] for producer in column.producers):
                values.append(_BRANCH_OFF)
            else:
                values.append(column.resolve(self.slots, element))
        return values

    def _gathered(self, plan: StepPlan, column: Column, element: int) -> Any:
        """The values of the parts of an element; of those that all lists of a step have."""
        space = self.spaces[column.gathers or 0]
        parts = space.children(element)
        if parts is None:
            return _BRANCH_OFF
        off = [
            absent
            for each in plan.columns
            if each.gathers == column.gathers and each.lazy == column.lazy
            for producer in each.producers
            if (absent := self.absent_out[producer])
        ]
        resolve, slots = column.resolve, self.slots
        return [resolve(slots, part) for part in parts if not any(part in each for each in off)]
