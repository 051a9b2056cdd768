"""One tick: the values, and the reasons for missing ones, while a workflow runs once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, auto
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import (
    Batch,
    Block,
    BlockError,
    Failure,
    Halt,
    Missing,
    Outcome,
    TrackwireError,
    Values,
)

from .answers import checked_outcomes, read_demand
from .timings import StepReport, Timings

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from .plan import Column, Plan, Reader, StepPlan

__all__ = ["Absence", "OpenStep", "Tick"]

_NOT_COMPUTED: Final = Missing("not_computed")
_BRANCH_OFF: Final = Missing("branch_off")
_NOBODY: Final[Mapping[int, Any]] = {}


class Absence(Enum):
    """Why a step has no value for an element."""

    FAILED = auto()
    BRANCH_OFF = auto()
    HALTED = auto()
    """The step itself ended the branch; which of the steps it names are off is noted apart."""
    NOT_COMPUTED = auto()


class OpenStep:
    """A step with its opened block and the record of its work."""

    __slots__ = ("_literals", "block", "calls", "elements", "failed", "plan", "skipped", "timings")

    def __init__(self, plan: StepPlan, block: Block) -> None:
        self.plan = plan
        self.block = block
        self.calls = self.elements = self.skipped = self.failed = 0
        self.timings = Timings()
        self._literals: dict[int, dict[str, Sequence[Any]]] = {}

    def constant_columns(self, count: int) -> dict[str, Sequence[Any]]:
        """The properties that never change, as columns; the caller may add to the dict."""
        columns = self._literals.get(count)
        if columns is None:
            columns = {}
            for name, value in self.plan.constants.items():
                columns[name] = (value,) * count
            self._literals[count] = columns
        return columns.copy()

    def report(self) -> StepReport:
        """Sum up the work so far."""
        return StepReport(
            name=self.plan.name,
            type=self.plan.manifest.type,
            calls=self.calls,
            elements=self.elements,
            skipped=self.skipped,
            failed=self.failed,
            p50_ms=self.timings.percentile_ms(50),
            p95_ms=self.timings.percentile_ms(95),
        )


class Tick:
    """Runs the steps of a workflow once, for one frame of each of some streams.

    Args:
        plan: The plan of the workflow.
        steps: The opened steps, in order of execution.
        frames: One frame per stream.
        inputs: A column for each of ``plan.inputs``.
    """

    def __init__(
        self,
        plan: Plan,
        steps: Sequence[OpenStep],
        frames: Sequence[Frame],
        inputs: Sequence[Sequence[Any]],
    ) -> None:
        self._plan = plan
        self._steps = steps
        self._frames = frames
        self._streams = tuple(frame.video.video_identifier for frame in frames)
        self._everyone: Sequence[int] = range(len(frames))
        self._slots: list[Sequence[Any]] = [*inputs]
        self._slots += [()] * (plan.slot_count - len(inputs))
        self._absent: list[Mapping[int, Absence]] = [_NOBODY] * len(steps)
        self._switched_off: dict[int, set[int]] = {}
        self._mute: dict[int, set[int]] = {}  # steps whose block failed to say what it demands
        self._demands: dict[int, Mapping[str, set[int] | None]] = {}
        self.failures: list[list[BlockError]] = [[] for _ in frames]
        self.in_blocks_s = 0.0

    def run(self) -> None:
        """Run every step for the elements that need it and can have it."""
        for step in self._steps:
            self._advance(step)

    def output(self, element: int) -> dict[str, Any]:
        """The workflow's outputs for one element; None where there is no value."""
        return {
            name: None
            if any(element in self._absent[producer] for producer in producers)
            else get(self._slots, element)
            for name, producers, get in self._plan.outputs
        }

    def _advance(self, step: OpenStep) -> None:
        plan = step.plan
        absent = self._blocked(plan)
        self._absent[plan.index] = absent
        if plan.optional:
            self._leave_out(step, absent)
        if plan.lazy_names:
            self._ask(step, absent)
            self._block_on_lazy(plan, absent)
        elements = self._everyone
        if absent:
            elements = [element for element in elements if element not in absent]
        if not elements:
            return
        outcomes = self._call(step, elements)
        good: list[Values] = []
        for element, outcome in zip(elements, outcomes, strict=True):
            if isinstance(outcome, Failure):
                absent[element] = Absence.FAILED
                self._fail(step, element, outcome.error)
            elif isinstance(outcome, Halt):
                absent[element] = Absence.HALTED
                self._halt(plan, element, outcome)
            else:
                good.append(outcome)
        self._store(plan, good, absent)

    def _blocked(self, plan: StepPlan) -> dict[int, Absence]:
        """The elements that a step cannot have, by what happened to the steps before it."""
        blocked: dict[int, Absence] = {}
        for producer in plan.eager_producers:
            _merge(blocked, self._absent[producer])
        for gate in plan.gates:
            closed = self._absent[gate]
            if closed:
                passed_on = {
                    element: cause
                    for element, cause in closed.items()
                    if cause is not Absence.HALTED
                }
                _merge(blocked, passed_on)
        if self._switched_off:
            off = self._switched_off.get(plan.index, ())
            _merge(blocked, dict.fromkeys(off, Absence.BRANCH_OFF))
        if self._mute:
            mute = self._mute.get(plan.index, ())
            _merge(blocked, dict.fromkeys(mute, Absence.FAILED))
        return blocked

    def _leave_out(self, step: OpenStep, absent: dict[int, Absence]) -> None:
        needed = self._needed(step.plan, step.plan.index)
        for element in self._everyone:
            if element not in needed and element not in absent:
                absent[element] = Absence.NOT_COMPUTED
        step.skipped += sum(cause is Absence.NOT_COMPUTED for cause in absent.values())

    def _needed(self, plan: StepPlan, position: int) -> set[int]:
        """The elements of a step that somebody needs, as far as is known at a position."""
        needed: set[int] = set()
        for reader in plan.readers:
            needed |= self._needed_by(reader, position)
        return needed

    def _needed_by(self, reader: Reader, position: int) -> set[int]:
        step = self._steps[reader.step]
        wanted = self._needed(step.plan, position) if step.plan.optional else set(self._everyone)
        if not wanted or reader.askable_from > position:
            return wanted
        absent = self._blocked(step.plan)
        wanted.difference_update(absent)
        if reader.lazy is None:
            return wanted
        for element in self._everyone:
            if element not in wanted:
                absent.setdefault(element, Absence.NOT_COMPUTED)
        demanded = self._ask(step, absent).get(reader.lazy)
        return wanted if demanded is None else wanted & demanded

    def _ask(self, step: OpenStep, absent: dict[int, Absence]) -> Mapping[str, set[int] | None]:
        """Ask a block, once in a tick, which elements of its lazy inputs it needs.

        A block that cannot answer fails on all elements it was asked about.

        Returns:
            By lazy input the elements demanded; None for all of them.
        """
        plan = step.plan
        known = self._demands.get(plan.index)
        if known is not None:
            return known
        demands: dict[str, set[int] | None] = {}
        self._demands[plan.index] = demands
        elements = [element for element in self._everyone if element not in absent]
        if not elements:
            return demands
        started = perf_counter()
        try:
            answer = step.block.demand(self._batch(step, elements, eager_only=True))
            demands.update(read_demand(plan, elements, answer))
        except Exception as error:  # noqa: BLE001 - a block may raise anything; it fails its step
            self._mute[plan.index] = set(elements)
            demands.update((name, set()) for name in plan.lazy_names)
            for element in elements:
                absent[element] = Absence.FAILED
                self._fail(step, element, error)
        self.in_blocks_s += perf_counter() - started
        return demands

    def _block_on_lazy(self, plan: StepPlan, absent: dict[int, Absence]) -> None:
        """Fail the elements for which something demanded has failed."""
        demands = self._demands[plan.index]
        for column in plan.columns:
            if not column.lazy:
                continue
            demanded = demands.get(column.name)
            for producer in column.producers:
                for element, cause in self._absent[producer].items():
                    if cause is Absence.FAILED and (demanded is None or element in demanded):
                        absent[element] = Absence.FAILED

    def _batch(self, step: OpenStep, elements: Sequence[int], *, eager_only: bool = False) -> Batch:
        whole = len(elements) == len(self._everyone)
        columns = step.constant_columns(len(elements))
        for column in step.plan.columns:
            if column.lazy:
                if not eager_only:
                    columns[column.name] = self._lazy_column(step.plan, column, elements)
            elif whole and column.slot is not None:
                columns[column.name] = self._slots[column.slot]
            else:
                resolve, slots = column.resolve, self._slots
                columns[column.name] = [resolve(slots, element) for element in elements]
        if eager_only:
            for name in step.plan.manifest.traits.lazy_inputs:
                columns.pop(name, None)
        streams = self._streams
        return Batch(streams if whole else tuple(streams[element] for element in elements), columns)

    def _lazy_column(self, plan: StepPlan, column: Column, elements: Sequence[int]) -> list[Any]:
        demanded = self._demands[plan.index].get(column.name)
        values: list[Any] = []
        for element in elements:
            if demanded is not None and element not in demanded:
                values.append(_NOT_COMPUTED)
            elif any(element in self._absent[producer] for producer in column.producers):
                values.append(_BRANCH_OFF)
            else:
                values.append(column.resolve(self._slots, element))
        return values

    def _call(self, step: OpenStep, elements: Sequence[int]) -> Sequence[Outcome]:
        plan = step.plan
        batch = self._batch(step, elements)
        step.calls += 1
        step.elements += len(elements)
        started = perf_counter()
        try:
            outcomes = step.block.run(batch)
        except Exception as error:  # noqa: BLE001 - a block may raise anything; it fails its step
            outcomes = (Failure(error),) * len(elements)
        took_s = perf_counter() - started
        step.timings.add(took_s)
        self.in_blocks_s += took_s
        return checked_outcomes(plan, outcomes, len(elements))

    def _store(self, plan: StepPlan, good: Sequence[Values], absent: Collection[int]) -> None:
        for name, slot in plan.slots.items():
            column: Sequence[Any] = [values[name] for values in good]
            if absent:
                remaining = iter(column)
                column = [
                    None if element in absent else next(remaining) for element in self._everyone
                ]
            self._slots[slot] = column

    def _halt(self, plan: StepPlan, element: int, halt: Halt) -> None:
        followers: Iterable[int] = plan.followers
        if halt.steps is not None:
            followers = (self._plan.index_of[name] for name in halt.steps)
        for follower in followers:
            self._switched_off.setdefault(follower, set()).add(element)

    def _fail(self, step: OpenStep, element: int, error: Exception) -> None:
        step.failed += 1
        plan, video = step.plan, self._frames[element].video
        failure = BlockError(
            f"step {plan.name!r} ({plan.manifest.type}) failed on frame {video.frame_number} "
            f"of {video.video_identifier}: {str(error) or type(error).__name__}",
            code=error.code if isinstance(error, TrackwireError) else "step_raised",
            step=plan.name,
            stream=video.video_identifier,
            frame_number=video.frame_number,
        )
        failure.__cause__ = error
        self.failures[element].append(failure)


def _merge(blocked: dict[int, Absence], absent: Mapping[int, Absence]) -> None:
    """Add elements that are absent; a failure outweighs a branch that is off."""
    for element, cause in absent.items():
        if cause is Absence.FAILED or element not in blocked:
            blocked[element] = Absence.BRANCH_OFF if cause is Absence.HALTED else cause
