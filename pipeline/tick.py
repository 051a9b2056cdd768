"""One tick: a workflow runs once, each step for the elements that need it and can have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, wait
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trackwire.specs import BlockError, Failure, Halt, Outcome, TrackwireError

from .absence import Absence
from .answers import read_demand
from .open_step import OpenStep
from .spaces import Space
from .wires import Wires

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from .plan import Plan, Reader, StepPlan

__all__ = ["Tick"]


class Tick:
    """Runs the steps of a workflow once, for one frame of each of some streams.

    Args:
        plan: The plan of the workflow.
        steps: The opened steps, in order of execution.
        frames: One frame per stream.
        inputs: A column for each of ``plan.inputs``; lists within it for one that is nested.
        pool: Runs the blocks of a wave at the same time; None runs one after the other.
    """

    def __init__(
        self,
        plan: Plan,
        steps: Sequence[OpenStep],
        frames: Sequence[Frame],
        inputs: Sequence[Sequence[Any]],
        pool: Executor | None = None,
    ) -> None:
        self._plan = plan
        self._steps = steps
        self._frames = frames
        self._pool = pool
        streams = tuple(frame.video.video_identifier for frame in frames)
        self.wires = Wires(plan, streams, inputs)
        self._failures: list[list[tuple[int, BlockError]]] = [[] for _ in frames]
        self.in_blocks_s = 0.0

    def run(self) -> None:
        """Run every step for the elements that need it and can have it."""
        if not self._frames:
            return
        if self._pool is None:
            for step in self._steps:
                self._advance(step)
        else:
            for wave in self._plan.waves:
                self._advance_together([self._steps[index] for index in wave], self._pool)

    def failures(self, element: int) -> tuple[BlockError, ...]:
        """What failed on one frame, in order of execution."""
        found = self._failures[element]
        if len(found) > 1:
            found.sort(key=lambda each: each[0])
        return tuple(failure for _, failure in found)

    def _advance(self, step: OpenStep) -> None:
        if step.plan.plain and self.wires.complete:
            self._advance_plain(step)
            return
        elements = self._prepare(step)
        if elements:
            outcomes, took_s = step.call(self.wires.batch(step, elements))
            self.in_blocks_s += took_s
            self._finish(step, elements, outcomes)

    def _advance_plain(self, step: OpenStep) -> None:
        """Advance a step about which there is nothing to find out: it runs for every frame."""
        plan, wires = step.plan, self.wires
        outcomes, took_s = step.call(wires.plain_batch(step))
        self.in_blocks_s += took_s
        for outcome in outcomes:
            if isinstance(outcome, Failure | Halt):
                wires.absent[plan.index] = wires.absent_out[plan.index] = {}
                self._finish(step, wires.spaces[0].everyone, outcomes)
                return
        for name, slot in plan.slots.items():
            wires.slots[slot] = [values[name] for values in outcomes]  # type: ignore[index,call-overload]

    def _advance_together(self, steps: Sequence[OpenStep], pool: Executor) -> None:
        """Advance steps that know nothing of one another; only their blocks run in threads."""
        prepared = [(step, elements) for step in steps if (elements := self._prepare(step))]
        if not prepared:
            return
        batches = [self.wires.batch(step, elements) for step, elements in prepared]
        started = perf_counter()
        waiting = [
            pool.submit(step.call, batch)
            for (step, _), batch in zip(prepared[1:], batches[1:], strict=True)
        ]
        try:
            answers = [prepared[0][0].call(batches[0])]
        finally:
            wait(waiting)  # no block may still run when this tick is given up
        answers += [each.result() for each in waiting]
        self.in_blocks_s += perf_counter() - started
        for (step, elements), (outcomes, _) in zip(prepared, answers, strict=True):
            self._finish(step, elements, outcomes)

    def _prepare(self, step: OpenStep) -> Sequence[int]:
        """Find the elements that a step runs for."""
        plan = step.plan
        absent = self.wires.blocked(plan)
        self.wires.absent[plan.index] = self.wires.absent_out[plan.index] = absent
        if plan.optional:
            self._leave_out(step, absent)
        if plan.lazy_names:
            self._ask(step, absent)
            self._block_on_lazy(plan, absent)
        elements = self.wires.spaces[plan.space].everyone
        if absent:
            elements = [element for element in elements if element not in absent]
        if not elements and plan.splits:
            self._finish(step, (), ())
        return elements

    def _finish(self, step: OpenStep, elements: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Note what a block answered."""
        plan = step.plan
        space, absent = self.wires.spaces[plan.space], self.wires.absent[plan.index]
        good = self._sort_out(step, space, elements, outcomes, absent)
        if plan.splits:
            present = (element for element in elements if element not in absent)
            counts = {element: len(parts) for element, parts in zip(present, good, strict=True)}
            parts = [part for each in good for part in each]
            self.wires.spaces[plan.result_space] = space = Space.split(space, counts)
            self.wires.absent_out[plan.index] = absent = {}
            good = self._sort_out(step, space, space.everyone, parts, absent)
        for name, slot in plan.slots.items():
            column: Sequence[Any] = [values[name] for values in good]
            if absent:
                remaining = iter(column)
                column = [
                    None if element in absent else next(remaining) for element in space.everyone
                ]
            self.wires.slots[slot] = column

    def _sort_out(
        self,
        step: OpenStep,
        space: Space,
        elements: Sequence[int],
        outcomes: Sequence[Any],
        absent: dict[int, Absence],
    ) -> list[Any]:
        """Keep the outcomes of the elements that have values; note why others have none."""
        good: list[Any] = []
        absences = len(absent)
        for element, outcome in zip(elements, outcomes, strict=True):
            if isinstance(outcome, Failure):
                absent[element] = Absence.FAILED
                self._fail(step, space, element, outcome.error)
            elif isinstance(outcome, Halt):
                absent[element] = Absence.HALTED
                if (
                    absent is self.wires.absent[step.plan.index]
                ):  # a part that is empty ends no branch
                    self._halt(step.plan, element, outcome)
            else:
                good.append(outcome)
        if len(absent) > absences:
            self.wires.complete = False
        return good

    def _leave_out(self, step: OpenStep, absent: dict[int, Absence]) -> None:
        _, needed = self._needed(step.plan, step.plan.index)
        for element in self.wires.spaces[step.plan.space].everyone:
            if element not in needed and element not in absent:
                absent[element] = Absence.NOT_COMPUTED
                self.wires.complete = False
        step.skipped += sum(cause is Absence.NOT_COMPUTED for cause in absent.values())

    def _needed(self, plan: StepPlan, position: int) -> tuple[int, set[int]]:
        """The elements of a step that somebody needs, as far as is known at a position.

        Returns:
            The space they are elements of, and the elements: frames where the space of the step
            is not there yet.
        """
        where = plan.space if plan.space in self.wires.spaces else 0
        needed: set[int] = set()
        for reader in plan.readers:
            space, wanted = self._needed_by(reader, position)
            needed |= wanted if space == where else self._same_frames(wanted, space, where)
        return where, needed

    def _same_frames(self, elements: set[int], space: int, where: int) -> set[int]:
        """All elements of a space that are of the frames which elements of another are of."""
        roots = {self.wires.spaces[space].roots[element] for element in elements}
        there = self.wires.spaces[where]
        return {element for element in there.everyone if there.roots[element] in roots}

    def _needed_by(self, reader: Reader, position: int) -> tuple[int, set[int]]:
        step = self._steps[reader.step]
        plan = step.plan
        if plan.optional:
            where, wanted = self._needed(plan, position)
        else:
            where = plan.space if plan.space in self.wires.spaces else 0
            wanted = set(self.wires.spaces[where].everyone)
        if not wanted or reader.askable_from > position:
            return where, wanted
        absent = self.wires.blocked(plan)
        wanted.difference_update(absent)
        if reader.lazy is None:
            return where, wanted
        for element in self.wires.spaces[where].everyone:
            if element not in wanted:
                absent.setdefault(element, Absence.NOT_COMPUTED)
        demanded = self._ask(step, absent).get(reader.lazy)
        return where, wanted if demanded is None else wanted & demanded

    def _ask(self, step: OpenStep, absent: dict[int, Absence]) -> Mapping[str, set[int] | None]:
        """Ask a block, once in a tick, which elements of its lazy inputs it needs.

        A block that cannot answer fails on all elements it was asked about.

        Returns:
            By lazy input the elements demanded; None for all of them.
        """
        plan = step.plan
        known = self.wires.demands.get(plan.index)
        if known is not None:
            return known
        demands: dict[str, set[int] | None] = {}
        self.wires.demands[plan.index] = demands
        space = self.wires.spaces[plan.space]
        elements = [element for element in space.everyone if element not in absent]
        if not elements:
            return demands
        started = perf_counter()
        try:
            answer = step.block.demand(self.wires.batch(step, elements, eager_only=True))
            demands.update(read_demand(plan, elements, answer))
        except Exception as error:  # noqa: BLE001 - a block may raise anything; it fails its step
            self.wires.mute[plan.index] = set(elements)
            self.wires.complete = False
            demands.update((name, set()) for name in plan.lazy_names)
            for element in elements:
                absent[element] = Absence.FAILED
                self._fail(step, space, element, error)
        self.in_blocks_s += perf_counter() - started
        return demands

    def _block_on_lazy(self, plan: StepPlan, absent: dict[int, Absence]) -> None:
        """Fail the elements for which something demanded has failed."""
        demands = self.wires.demands[plan.index]
        for column in plan.columns:
            if not column.lazy:
                continue
            demanded = demands.get(column.name)
            for producer in column.producers:
                failed: Mapping[int, Absence] = self.wires.absent_out[producer]
                if failed and column.gathers is not None:
                    failed = {}
                    self.wires.block_on_parts(producer, column.gathers, failed)
                for element, cause in failed.items():
                    if cause is Absence.FAILED and (demanded is None or element in demanded):
                        absent[element] = Absence.FAILED

    def _halt(self, plan: StepPlan, element: int, halt: Halt) -> None:
        followers: Iterable[int] = plan.followers
        if halt.steps is not None:
            followers = (self._plan.index_of[name] for name in halt.steps)
        for follower in followers:
            off = self.wires.switched_off.setdefault(follower, {})
            off.setdefault(plan.space, set()).add(element)

    def _fail(self, step: OpenStep, space: Space, element: int, error: Exception) -> None:
        step.failed += 1
        plan, root = step.plan, space.roots[element]
        failures = self._failures[root]
        if any(index == plan.index and known.__cause__ is error for index, known in failures):
            return  # one exception may fail all parts of a frame, and is told once
        video = self._frames[root].video
        part = space.indices[element] if space.indices else None
        failure = BlockError(
            f"step {plan.name!r} ({plan.manifest.type}) failed on frame {video.frame_number} "
            f"of {video.video_identifier}{'' if part is None else f', part {list(part)}'}: "
            f"{str(error) or type(error).__name__}",
            code=error.code if isinstance(error, TrackwireError) else "step_raised",
            step=plan.name,
            stream=video.video_identifier,
            frame_number=video.frame_number,
            **({} if part is None else {"part": part}),
        )
        failure.__cause__ = error
        failures.append((plan.index, failure))
