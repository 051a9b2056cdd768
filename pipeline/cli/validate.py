"""``trackwire validate``: check a workflow without running it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from trackwire.specs import advise, describe_block

from .console import out
from .workflow_argument import compile_argument

if TYPE_CHECKING:
    from trackwire.specs import Step, Workflow

__all__ = ["validate"]

_COSTS: Final = {
    "light": "light: looks at values",
    "picture": "picture: works on pixels",
    "model": "model: runs a network",
}


def validate(workflow: str, parameters: Sequence[str], *, explain: bool = False) -> None:
    """Compile a workflow and say what it is made of.

    Args:
        workflow: As on the command line.
        parameters: ``NAME=VALUE`` each.
        explain: Say of each step what it does, what it costs and when it runs, and give advice.

    Raises:
        UsageError: There is no such workflow.
        SpecificationError: It is wrong; the error lists every mistake.
    """
    compiled = compile_argument(workflow, parameters).workflow
    counts = ", ".join(
        f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
        for things, word in (
            (compiled.inputs, "input"),
            (compiled.steps, "step"),
            (compiled.outputs, "output"),
        )
    )
    out.print(f"[green]valid[/]: {escape(workflow)} ({counts})")
    for step in compiled.steps:
        out.print(f"  {escape(step.name)}: {escape(step.manifest.type)}")
        if explain:
            for line in _explained(step, compiled):
                out.print(f"      {escape(line)}")
    if explain:
        for advice in advise(compiled):
            out.print(f"[bold yellow]look at[/] {escape(str(advice))}")


def _explained(step: Step, workflow: Workflow) -> list[str]:
    traits = step.manifest.traits
    lines = [describe_block(step.block).summary, _COSTS[traits.cost], _when(step, workflow)]
    if traits.output_dimension > 0:
        lines.append("splits: what follows runs for each part, and outputs are lists")
    elif traits.output_dimension < 0:
        lines.append("gathers the parts into a list again")
    return lines


def _when(step: Step, workflow: Workflow) -> str:
    what = f"each part that {step.run_lineage[-1]} makes" if step.run_lineage else "every frame"
    gates, needed = _gates(step, workflow), _needed(step, _conditional(workflow))
    condition = f", unless {' or '.join(gates)} switches it off" if gates else ""
    condition += f", if {' and '.join(sorted(needed))} ran" if needed else ""
    if step.skippable:
        askers = sorted(
            {
                other.name
                for other in workflow.steps
                for references in other.references.values()
                if any(one.step == step.name for one in references)
            }
        )
        return f"runs for {what} on which {' or '.join(askers)} asks for it{condition}"
    return f"runs for {what}{condition}"


def _gates(step: Step, workflow: Workflow) -> list[str]:
    """The steps that can switch a step off themselves."""
    return [
        other.name
        for other in workflow.steps
        for references in other.references.values()
        if any(one.step == step.name and one.property is None for one in references)
    ]


def _conditional(workflow: Workflow) -> set[str]:
    """The steps that do not always run, by themselves or since they need one of those."""
    found: set[str] = set()
    for step in workflow.steps:
        if _gates(step, workflow) or _needed(step, found):
            found.add(step.name)
    return found


def _needed(step: Step, conditional: Container[str]) -> set[str]:
    """The steps among them that a step cannot run without."""
    traits = step.manifest.traits
    if traits.output_dimension < 0:  # gathers whatever parts there are
        return set()
    return {
        one.step
        for name, references in step.references.items()
        if name not in traits.lazy_inputs
        for one in references
        if one.step is not None and one.property is not None and one.step in conditional
    }
