"""Diagrams: a workflow as a Mermaid flowchart, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .selectors import Reference
from .workflow import Step, Workflow

__all__ = ["mermaid"]

_ENTITIES: Final = str.maketrans(
    {character: f"#{ord(character)};" for character in '#&"<>|`*'} | dict.fromkeys("\r\n\t", " ")
)
"""Characters that could end a text, begin an entity or mean emphasis, as entities by number."""


def mermaid(workflow: Workflow) -> str:
    """Draw a workflow as a Mermaid flowchart.

    Inputs and outputs are rounded, steps are boxes with name and block. A wire carries the name
    of the property that reads it: a full line for values that are always computed, a dotted one
    from a step that only runs where another one asks for it, a thick one where a step can switch
    another one off. Steps that work on the parts of frames say so.

    Args:
        workflow: A compiled workflow.

    Returns:
        The text of the diagram, ending in a newline.
    """
    lines = ["flowchart TD", *_nodes(workflow), *_wires(workflow)]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _nodes(workflow: Workflow) -> Iterator[str]:
    for name, declared in workflow.inputs.items():
        if declared.role != "parameter" or _is_read(workflow, name):
            yield f'    {_input(name)}(["{_text(name)}"])'
    for step in workflow.steps:
        parts = f"<br/>for each part of {_text(step.run_lineage[-1])}" if step.run_lineage else ""
        label = f"{_text(step.name)}<br/><small>{_text(step.manifest.type)}</small>{parts}"
        yield f'    {_step(step.name)}["{label}"]'
    for index, output in enumerate(workflow.outputs):
        yield f'    out{index}(["{_text(output.name)}"])'


def _is_read(workflow: Workflow, name: str) -> bool:
    return any(
        reference.input == name for step in workflow.steps for _, reference in _references(step)
    ) or any(output.reference.input == name for output in workflow.outputs)


def _wires(workflow: Workflow) -> Iterator[str]:
    on_demand = {step.name for step in workflow.steps if step.skippable}
    for step in workflow.steps:
        for name, reference in _references(step):
            if reference.step is not None and reference.property is None:
                yield f"    {_step(step.name)} ==>|{_text(name)}| {_step(reference.step)}"
                continue
            line = "-.->" if reference.step in on_demand else "-->"
            yield f"    {_source(reference)} {line}|{_text(name)}| {_step(step.name)}"
    for index, output in enumerate(workflow.outputs):
        reference = output.reference
        label = f"|{_text(reference.property)}| " if reference.property else ""
        yield f"    {_source(reference)} -->{label or ' '}out{index}"


def _references(step: Step) -> Iterator[tuple[str, Reference]]:
    for name, references in step.references.items():
        yield from ((name, reference) for reference in references)


def _source(reference: Reference) -> str:
    return _input(reference.input) if reference.input is not None else _step(str(reference.step))


# A prefix keeps names apart that inputs and steps share, and from words that Mermaid reserves.
# Two hyphens would begin a line; names of inputs and steps have no dots, so that nothing collides.
def _input(name: str) -> str:
    return f"in_{name}".replace("--", "..")


def _step(name: str) -> str:
    return f"step_{name}".replace("--", "..")


def _text(text: str) -> str:
    """Write text so that nothing in it means something to Mermaid."""
    return text.translate(_ENTITIES)
