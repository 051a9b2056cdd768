"""Advice: what is allowed in a workflow, but hardly meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .selectors import Reference
from .workflow import Step, Workflow

__all__ = ["Advice", "advise"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that somebody should look at.

    Args:
        subject: The selector of the step or input it is about.
        message: What is odd, and what to do about it.
    """

    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


def advise(workflow: Workflow) -> tuple[Advice, ...]:
    """Find what is allowed in a workflow, but hardly meant.

    Args:
        workflow: A compiled workflow.

    Returns:
        Steps without effect, inputs that nobody reads, and what the blocks have to say about
        their own properties, in the order of the workflow.
    """
    return (*_unread_inputs(workflow), *_about_steps(workflow))


def _read(workflow: Workflow) -> set[Reference]:
    """The inputs and steps that something reads: references without their property."""
    references = [output.reference for output in workflow.outputs]
    for step in workflow.steps:
        for each in step.references.values():
            references += [one for one in each if one.input is not None or one.property is not None]
    return {Reference(one.input, one.step) for one in references}


def _unread_inputs(workflow: Workflow) -> Iterator[Advice]:
    read = _read(workflow)
    for name, declared in workflow.inputs.items():
        reference = Reference(input=name)
        if reference not in read:
            what = "parameter" if declared.role == "parameter" else "input"
            yield Advice(str(reference), f"nothing reads this {what}; wire it, or remove it")


def _about_steps(workflow: Workflow) -> Iterator[Advice]:
    read = _read(workflow)
    for step in workflow.steps:
        reference = Reference(step=step.name)
        if step.manifest.traits.pure and not _decides(step) and reference not in read:
            outputs = [output.name for output in step.manifest.outputs]
            example = f"{reference}.{outputs[0] if outputs else '*'}"
            yield Advice(
                str(reference),
                "nothing reads what this step puts out, and it does nothing else; add an output "
                f"that reads {example}, or remove the step",
            )
        for message in step.manifest.advice():
            yield Advice(str(reference), message)


def _decides(step: Step) -> bool:
    """Tell whether a step can switch others off."""
    return any(
        one.step is not None and one.property is None
        for references in step.references.values()
        for one in references
    )
