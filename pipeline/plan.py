"""The execution plan of a workflow: all that can be worked out before the first frame.

Values live in *slots*, one column of a tick each: a slot for every input that changes from
frame to frame and for every output of a step. The plan says for each step which slots feed it,
which properties are constant, which steps can block it, and who reads it lazily.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from trackwire.specs import (
    Block,
    BlockManifest,
    Input,
    LiteralValue,
    Missing,
    Mistake,
    MistakeCode,
    Reference,
    SpecificationError,
    Step,
    Template,
    Workflow,
)

from .parameters import parameter_values, settle_manifests

__all__ = ["Column", "Plan", "Reader", "Resolve", "Slots", "StepPlan", "make_plan"]

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
    """

    name: str
    slot: int | None
    resolve: Resolve
    producers: tuple[int, ...]
    lazy: bool


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
        eager_producers: Steps whose missing value blocks this one, by index.
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
    eager_producers: tuple[int, ...]
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
        steps: In order of execution.
        outputs: For each output of the workflow its name, the steps it comes from and how to
            get its value.
        slot_count: How many slots a tick needs.
        index_of: Index of each step by name.
    """

    inputs: tuple[Input, ...]
    steps: tuple[StepPlan, ...]
    outputs: tuple[tuple[str, tuple[int, ...], Resolve], ...]
    slot_count: int
    index_of: Mapping[str, int]


def make_plan(workflow: Workflow) -> Plan:
    """Work out how to execute a workflow.

    Args:
        workflow: A compiled workflow.

    Returns:
        Its plan.

    Raises:
        SpecificationError: A parameter has no value, or one that a step does not take, or a
            step has nested batches.
    """
    _refuse_nesting(workflow.steps)
    return _Planner(workflow).plan()


def _refuse_nesting(steps: Iterable[Step]) -> None:
    mistakes = [
        Mistake(
            code=MistakeCode.DIMENSION_MISMATCH,
            path=f"$.steps[{index}]",
            message=f"step {step.name!r} works on batches within batches, "
            "which this engine cannot execute",
            found=f"dimensionality {step.dimensionality}",
            allowed=("0", "1"),
        )
        for index, step in enumerate(steps)
        if step.dimensionality > 1
    ]
    if mistakes:
        raise SpecificationError(mistakes)


class _Planner:
    """Holds what the parts of a plan have in common while it is made."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._steps = workflow.steps
        self._index_of = {step.name: index for index, step in enumerate(workflow.steps)}
        self._parameters = parameter_values(workflow)
        self._manifests = settle_manifests(workflow, self._parameters)
        self._inputs = tuple(
            declared for declared in workflow.inputs.values() if declared.role != "parameter"
        )
        self._slot_of = {Reference(input=each.name): i for i, each in enumerate(self._inputs)}
        for step in self._steps:
            for output in step.manifest.outputs:
                reference = Reference(step=step.name, property=output.name)
                self._slot_of[reference] = len(self._slot_of)

    def plan(self) -> Plan:
        columns = [self._columns(step) for step in self._steps]
        gates = self._gates()
        readers = self._readers(columns, gates)
        optional = self._optional(readers)
        return Plan(
            inputs=self._inputs,
            steps=tuple(
                self._step_plan(index, columns[index], gates, optional[index], readers[index])
                for index in range(len(self._steps))
            ),
            outputs=tuple(
                (output.name, self._producers((output.reference,)), self._get(output.reference))
                for output in self._workflow.outputs
            ),
            slot_count=len(self._slot_of),
            index_of=self._index_of,
        )

    def _step_plan(
        self,
        index: int,
        columns: tuple[Column, ...],
        gates: Sequence[tuple[int, ...]],
        optional: bool,
        readers: tuple[Reader, ...],
    ) -> StepPlan:
        step, outputs = self._steps[index], self._steps[index].manifest.outputs
        followers = tuple(named for named, by in enumerate(gates) if index in by)
        return StepPlan(
            index=index,
            name=step.name,
            manifest=self._manifests[index],
            block=step.block,
            constants=self._constants(index, columns),
            columns=columns,
            eager_producers=_eager_producers(columns),
            gates=gates[index],
            followers=followers,
            follower_names=frozenset(self._steps[named].name for named in followers),
            lazy_names=tuple(column.name for column in columns if column.lazy),
            slots={
                output.name: self._slot_of[Reference(None, step.name, output.name)]
                for output in outputs
            },
            output_names=frozenset(output.name for output in outputs),
            optional=optional,
            readers=readers,
        )

    def _columns(self, step: Step) -> tuple[Column, ...]:
        lazy_inputs = step.manifest.traits.lazy_inputs
        columns: list[Column] = []
        for name, binding in step.bindings.items():
            if isinstance(binding, LiteralValue):
                continue
            references = (
                binding.references if isinstance(binding, Template) else (binding.reference,)
            )
            if all(map(self._is_constant, references)):
                continue
            if isinstance(binding, Template):
                slot, resolve = None, self._assemble(binding.structure)
            else:
                slot = self._slot_of.get(binding.reference)
                resolve = self._get(binding.reference)
            producers = self._producers(references)
            columns.append(Column(name, slot, resolve, producers, name in lazy_inputs))
        return tuple(columns)

    def _constants(self, index: int, columns: Sequence[Column]) -> dict[str, Any]:
        step, manifest = self._steps[index], self._manifests[index]
        changing = {column.name for column in columns}
        constants: dict[str, Any] = {}
        for name in type(manifest).model_fields:
            if name in ("type", "name") or name in changing:
                continue
            binding = step.bindings.get(name)
            if binding is None:
                constants[name] = Missing("not_wired")
            elif isinstance(binding, LiteralValue):
                constants[name] = binding.value
            elif isinstance(binding, Template):
                constants[name] = self._assemble(binding.structure)((), 0)
            elif getattr(manifest, name) != getattr(step.manifest, name):
                constants[name] = getattr(manifest, name)  # checked, and converted if need be
            else:
                constants[name] = self._get(binding.reference)((), 0)
        return constants

    def _is_constant(self, reference: Reference) -> bool:
        return reference in self._parameters or (
            reference.step is not None and reference.property is None
        )

    def _producers(self, references: Iterable[Reference]) -> tuple[int, ...]:
        found = {
            self._index_of[reference.step]: None
            for reference in references
            if reference.step is not None and reference.property is not None
        }
        return tuple(found)

    def _get(self, reference: Reference) -> Resolve:
        if reference in self._parameters:
            value = self._parameters[reference]
            return lambda _slots, _element: value
        if reference.step is not None and reference.property is None:
            name = reference.step
            return lambda _slots, _element: name
        if reference.property == "*":
            manifest = self._steps[self._index_of[str(reference.step)]].manifest
            named = [
                (each.name, self._slot_of[Reference(None, reference.step, each.name)])
                for each in manifest.outputs
            ]
            return lambda slots, element: {name: slots[slot][element] for name, slot in named}
        slot = self._slot_of[reference]
        return lambda slots, element: slots[slot][element]

    def _assemble(self, structure: Any) -> Resolve:
        """Make a function that puts a list or dict together, its parts resolved in advance."""
        if isinstance(structure, Reference):
            return self._get(structure)
        if isinstance(structure, Mapping):
            named = [(key, self._assemble(part)) for key, part in structure.items()]
            return lambda slots, element: {key: part(slots, element) for key, part in named}
        if isinstance(structure, list | tuple):
            parts = [self._assemble(part) for part in structure]
            return lambda slots, element: [part(slots, element) for part in parts]
        return lambda _slots, _element: structure

    def _gates(self) -> list[tuple[int, ...]]:
        """For each step those that name it, as ``$steps.step``, to be able to switch it off."""
        named_by: list[dict[int, None]] = [{} for _ in self._steps]
        for index, step in enumerate(self._steps):
            for binding in step.bindings.values():
                if isinstance(binding, LiteralValue):
                    continue
                references = (
                    binding.references if isinstance(binding, Template) else (binding.reference,)
                )
                for reference in references:
                    if reference.step is not None and reference.property is None:
                        named_by[self._index_of[reference.step]][index] = None
        return [tuple(gates) for gates in named_by]

    def _readers(
        self, columns: Sequence[Sequence[Column]], gates: Sequence[tuple[int, ...]]
    ) -> list[tuple[Reader, ...]]:
        readers: list[list[Reader]] = [[] for _ in self._steps]
        for index, of_step in enumerate(columns):
            eager = (*_eager_producers(of_step), *gates[index])
            askable_from = max(eager, default=-1) + 1
            for column in of_step:
                for producer in column.producers:
                    lazy = column.name if column.lazy else None
                    readers[producer].append(Reader(index, lazy, askable_from))
            for gate in gates[index]:
                readers[gate].append(Reader(index, None, askable_from))
        return [tuple(of_step) for of_step in readers]

    def _optional(self, readers: Sequence[Sequence[Reader]]) -> list[bool]:
        """A step is optional unless some reader that always runs reads it eagerly."""
        outputs = {
            index
            for output in self._workflow.outputs
            for index in self._producers((output.reference,))
        }
        optional = [False] * len(self._steps)
        for index in range(len(self._steps) - 1, -1, -1):
            optional[index] = (
                self._steps[index].skippable
                and index not in outputs
                and all(reader.lazy or optional[reader.step] for reader in readers[index])
            )
        return optional


def _eager_producers(columns: Iterable[Column]) -> tuple[int, ...]:
    found = {index: None for column in columns if not column.lazy for index in column.producers}
    return tuple(found)
