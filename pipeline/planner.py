"""Planning: a compiled workflow becomes the plan that the engine executes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from trackwire.specs import (
    INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    WILDCARD,
    LiteralValue,
    Missing,
    Output,
    Reference,
    Step,
    Template,
    Workflow,
    lineage_of_input,
)

from .parameters import parameter_values, settle_manifests
from .plan import Column, OutputPlan, Plan, Reader, Resolve, SpacePlan, StepPlan
from .waves import group_in_waves

__all__ = ["make_plan"]

_WITH_COORDINATES: Final = frozenset(
    {
        OBJECT_DETECTION_PREDICTION,
        INSTANCE_SEGMENTATION_PREDICTION,
        RLE_INSTANCE_SEGMENTATION_PREDICTION,
        KEYPOINT_DETECTION_PREDICTION,
        WILDCARD,
    }
)


def make_plan(workflow: Workflow) -> Plan:
    """Work out how to execute a workflow.

    Args:
        workflow: A compiled workflow.

    Returns:
        Its plan.

    Raises:
        SpecificationError: A parameter has no value, or one that a step does not take.
    """
    return _Planner(workflow).plan()


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
        self._lineages: dict[Reference, tuple[str, ...]] = {
            Reference(input=each.name): lineage_of_input(each) for each in self._inputs
        }
        self._space_of = self._number_spaces()

    def plan(self) -> Plan:
        columns = [self._columns(step) for step in self._steps]
        gates = self._gates()
        readers = self._readers(columns, gates)
        optional = self._optional(readers)
        outputs = tuple(self._output(output) for output in self._workflow.outputs)
        steps = tuple(
            self._step_plan(index, columns[index], gates, optional[index], readers[index])
            for index in range(len(self._steps))
        )
        return Plan(
            inputs=self._inputs,
            input_spaces=tuple(
                (number, self._spaces_down_to(lineage_of_input(declared)))
                for number, declared in enumerate(self._inputs)
                if declared.dimensionality > 1
            ),
            spaces=self._spaces(),
            steps=steps,
            waves=group_in_waves(steps),
            outputs=outputs,
            nested=any(output.spaces for output in outputs),
            slot_count=len(self._slot_of),
            index_of=self._index_of,
        )

    def _number_spaces(self) -> dict[tuple[str, ...], int]:
        """Give each lineage that occurs, and all that lead to it, the index of its space."""
        numbers: dict[tuple[str, ...], int] = {(): 0}
        for lineage in (*self._lineages.values(), *(step.lineage for step in self._steps)):
            for depth in range(1, len(lineage) + 1):
                numbers.setdefault(lineage[:depth], len(numbers))
        return numbers

    def _spaces(self) -> tuple[SpacePlan, ...]:
        return tuple(
            SpacePlan(self._space_of[lineage[:-1]], self._index_of.get(lineage[-1]))
            if lineage
            else SpacePlan()
            for lineage in self._space_of
        )

    def _spaces_down_to(self, lineage: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self._space_of[lineage[:depth]] for depth in range(1, len(lineage) + 1))

    def _lineage(self, references: Iterable[Reference]) -> tuple[str, ...]:
        """The lineage of what references point at: that of the deepest."""
        found = [
            self._steps[self._index_of[reference.step]].lineage
            if reference.step is not None
            else self._lineages.get(reference, ())
            for reference in references
            if reference.step is None or reference.property is not None
        ]
        return max(found, key=len, default=())

    def _output(self, output: Output) -> OutputPlan:
        resolve = self._get(output.reference)
        if output.coordinates_system == "parent" and output.kinds & _WITH_COORDINATES:
            resolve = _in_frame_coordinates(resolve)
        spaces = self._spaces_down_to(output.lineage)
        return OutputPlan(output.name, self._producers((output.reference,)), resolve, spaces)

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
            space=self._space_of[step.run_lineage],
            result_space=self._space_of[step.lineage],
            eager_producers=_eager_producers(columns),
            gathered_producers=_gathered_producers(columns),
            splits=step.manifest.traits.output_dimension == 1,
            plain=not (optional or step.run_lineage or step.manifest.traits.output_dimension)
            and not any(column.lazy for column in columns),
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
            lineage = self._lineage(references)
            columns.append(
                Column(
                    name,
                    slot,
                    resolve,
                    self._producers(references),
                    lazy=name in lazy_inputs,
                    gathers=self._space_of[lineage]
                    if len(lineage) > len(step.run_lineage)
                    else None,
                )
            )
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
            gathered = (producer for producer, _ in _gathered_producers(of_step))
            # Its elements must be known before it can say which of them it needs.
            splits = (
                self._index_of[name]
                for name in self._steps[index].run_lineage
                if name in self._index_of
            )
            eager = (*_eager_producers(of_step), *gathered, *splits, *gates[index])
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
    found = {
        index: None
        for column in columns
        if not column.lazy and column.gathers is None
        for index in column.producers
    }
    return tuple(found)


def _gathered_producers(columns: Iterable[Column]) -> tuple[tuple[int, int], ...]:
    found = {
        (index, column.gathers): None
        for column in columns
        if not column.lazy and column.gathers is not None
        for index in column.producers
    }
    return tuple(found)


def _in_frame_coordinates(resolve: Resolve) -> Resolve:
    from trackwire.blocks import in_frame_coordinates

    return lambda slots, element: in_frame_coordinates(resolve(slots, element))
