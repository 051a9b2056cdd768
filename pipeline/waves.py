"""Waves: which steps may run at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .plan import StepPlan

__all__ = ["group_in_waves"]


def group_in_waves(steps: Sequence[StepPlan]) -> tuple[tuple[int, ...], ...]:
    """Put steps into groups that follow one another; the steps of a group know nothing of it.

    A step comes after all it reads or can be switched off by, and an optional one also after
    all that its readers must know to say what they need of it: so it is asked for the same
    elements as if the steps ran one after the other.

    Args:
        steps: In order of execution.

    Returns:
        Indices of the steps of each group, in order of execution.
    """
    wave_of: list[int] = []
    waves: list[list[int]] = []
    for step in steps:
        before = {*_waits_for(step), *(_heard_by(step, step.index, steps) if step.optional else ())}
        wave = max((wave_of[index] for index in before), default=-1) + 1
        wave_of.append(wave)
        if wave == len(waves):
            waves.append([])
        waves[wave].append(step.index)
    return tuple(map(tuple, waves))


def _waits_for(step: StepPlan) -> Iterator[int]:
    for column in step.columns:
        yield from column.producers
    yield from step.gates


def _heard_by(step: StepPlan, position: int, steps: Sequence[StepPlan]) -> Iterator[int]:
    """The steps that must have run before it is clear who needs a step."""
    for reader in step.readers:
        plan = steps[reader.step]
        if plan.optional:
            yield from _heard_by(plan, position, steps)
        if reader.askable_from <= position:
            yield from plan.eager_producers
            yield from (producer for producer, _ in plan.gathered_producers)
            yield from plan.gates
