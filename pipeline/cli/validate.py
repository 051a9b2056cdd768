"""``trackwire validate``: check a workflow without running it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from .console import out
from .workflow_argument import compile_argument

__all__ = ["validate"]


def validate(workflow: str, parameters: Sequence[str]) -> None:
    """Compile a workflow and say what it is made of.

    Args:
        workflow: As on the command line.
        parameters: ``NAME=VALUE`` each.

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
