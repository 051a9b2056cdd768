"""What a block answered, held against what its manifest promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackwire.specs import BlockError, Failure, Halt, Outcome, Values

if TYPE_CHECKING:
    from .plan import StepPlan

__all__ = ["checked_outcomes", "read_demand"]


def checked_outcomes(plan: StepPlan, answer: Any, count: int) -> Sequence[Outcome]:
    """Make sure that a block answered for each element, with the outputs it declares.

    Args:
        plan: The step.
        answer: What ``Block.run`` returned.
        count: Number of elements it was given.

    Returns:
        One outcome per element; a wrong one is replaced by a failure that says what is wrong.
    """
    if not isinstance(answer, Sequence) or len(answer) != count:
        found = f"{len(answer)}" if isinstance(answer, Sequence) else _kind_of(answer)
        error = BlockError(
            f"run() must return one outcome for each of {count} elements, found {found}",
            code="outcome_count",
        )
        return (Failure(error),) * count
    names = plan.output_names
    if plan.splits:
        return [_checked_parts(plan, outcome) for outcome in answer]
    if all(isinstance(outcome, dict) and outcome.keys() == names for outcome in answer):
        return answer
    return [_checked(plan, outcome) for outcome in answer]


def _checked_parts(plan: StepPlan, outcome: Any) -> Outcome:
    if isinstance(outcome, Failure | Halt):
        return _checked(plan, outcome)
    if isinstance(outcome, Mapping) or not isinstance(outcome, Sequence):
        return Failure(
            BlockError(
                f"the outcome of a step that splits must be a sequence of parts, a Failure or a "
                f"Halt, found {_kind_of(outcome)}",
                code="outcome_type",
            )
        )
    names = plan.output_names
    if all(isinstance(part, dict) and part.keys() == names for part in outcome):
        return outcome
    return [_checked(plan, part) for part in outcome]


def _checked(plan: StepPlan, outcome: Any) -> Values | Failure | Halt:
    if isinstance(outcome, Failure):
        return outcome
    declared = ", ".join(sorted(plan.output_names)) or "no outputs"
    if isinstance(outcome, Halt):
        followers = outcome.steps
        if followers is None or followers <= plan.follower_names:
            return outcome
        return Failure(
            BlockError(
                f"Halt names {', '.join(sorted(followers - plan.follower_names))}; allowed are "
                f"the steps that the step refers to: "
                f"{', '.join(sorted(plan.follower_names)) or 'none'}",
                code="halt_steps",
            )
        )
    if not isinstance(outcome, Mapping):
        return Failure(
            BlockError(
                f"an outcome must be a mapping of outputs, a Failure or a Halt, "
                f"found {_kind_of(outcome)}; declared: {declared}",
                code="outcome_type",
            )
        )
    if outcome.keys() != plan.output_names:
        found = ", ".join(sorted(map(str, outcome))) or "none"
        return Failure(
            BlockError(
                f"an outcome must hold exactly the outputs that the block declares, {declared}; "
                f"found {found}",
                code="outcome_names",
            )
        )
    return outcome


def read_demand(plan: StepPlan, elements: Sequence[int], answer: Any) -> dict[str, set[int] | None]:
    """Read what a block demands.

    Args:
        plan: The step.
        elements: The elements it was asked about.
        answer: What ``Block.demand`` returned.

    Returns:
        The elements demanded for each lazy input that was answered for.

    Raises:
        BlockError: An input is none of the lazy ones, or does not have one bool per element.
    """
    if not isinstance(answer, Mapping):
        raise BlockError(
            f"demand() must return a mapping, found {_kind_of(answer)}", code="demand_type"
        )
    demands: dict[str, set[int] | None] = {}
    for name, wanted in answer.items():
        if name not in plan.manifest.traits.lazy_inputs:
            raise BlockError(
                f"demand() names {name!r}; lazy inputs are "
                f"{', '.join(sorted(plan.manifest.traits.lazy_inputs))}",
                code="demand_name",
            )
        if len(wanted) != len(elements):
            raise BlockError(
                f"demand() must return one bool for each of {len(elements)} elements of "
                f"{name!r}, found {len(wanted)}",
                code="demand_count",
            )
        demands[name] = {element for element, each in zip(elements, wanted, strict=True) if each}
    return demands


def _kind_of(value: object) -> str:
    return f"a value of type {type(value).__name__}"
