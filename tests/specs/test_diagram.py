"""Diagrams: every step, wire and output of a workflow is drawn once, and nothing breaks out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackwire.specs import (
    Registry,
    compile_workflow,
    default_registry,
    load_library,
    mermaid,
)

GOOD = sorted((Path(__file__).parent.parent / "resources" / "specs" / "good").glob("*.json"))
NODE = r"(?:in|step|out)_?[\w-]+"
LINE = re.compile(
    rf'    (?:{NODE}(?:\(\["[^"]*"\]\)|\["[^"]*"\])|{NODE} (?:-->|-\.->|==>)(?:\|[^|]+\|)? {NODE})'
)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_line_is_a_node_or_a_wire(path: Path, registry: Registry) -> None:
    """The text keeps to the few forms it uses, and wires join nodes that are there."""
    workflow = compile_workflow(path, registry=registry)
    head, *lines = mermaid(workflow).splitlines()
    assert head == "flowchart TD"
    nodes: set[str] = set()
    for line in lines:
        assert LINE.fullmatch(line), line
        ends = re.findall(rf"^    ({NODE})|(?<=[> ])({NODE})$", line)
        names = {name for pair in ends for name in pair if name}
        if '"' in line:
            nodes |= names
        else:
            assert names <= nodes, line
    assert {f"step_{step.name}" for step in workflow.steps} <= nodes
    assert {f"out{index}" for index in range(len(workflow.outputs))} <= nodes


def test_wires_tell_their_kinds(registry: Registry, documents: Path) -> None:
    """Values on demand are dotted, control is thick, parts are named."""
    drawn = mermaid(
        compile_workflow(documents / "good" / "detect_and_track.json", registry=registry)
    )
    assert "step_detect -.->|boxes| step_track" in drawn
    drawn = mermaid(compile_workflow(documents / "good" / "flow_control.json", registry=registry))
    assert "==>|next_steps|" in drawn
    path = documents / "good" / "crop_behind_the_tracker.json"
    assert "for each part of crop" in mermaid(compile_workflow(path, registry=registry))


def test_names_of_outputs_are_text(registry: Registry) -> None:
    """An output may have any name; none of it is read as part of the diagram."""
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [],
        "outputs": [
            {
                "type": "JsonField",
                "name": 'a "b" <c> |d| & `e` *f* #1;\ng',
                "selector": "$inputs.image",
            }
        ],
    }
    drawn = mermaid(compile_workflow(document, registry=registry))
    assert (
        'out0(["a #34;b#34; #60;c#62; #124;d#124; #38; #96;e#96; #42;f#42; #35;1; g"])\n' in drawn
    )


def test_names_with_hyphens(registry: Registry) -> None:
    """Two hyphens, which begin a line of the diagram, do not stand in the name of a node."""
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "gate--west"}],
        "steps": [],
        "outputs": [{"type": "JsonField", "name": "picture", "selector": "$inputs.gate--west"}],
    }
    drawn = mermaid(compile_workflow(document, registry=registry))
    assert '    in_gate..west(["gate--west"])\n' in drawn
    assert "    in_gate..west --> out0\n" in drawn


def test_only_what_runs_on_demand_is_dotted() -> None:
    """A step with a memory runs for every frame, even where a tracker reads it lazily."""
    drawn = mermaid(
        compile_workflow(load_library("track-moving-objects"), registry=default_registry())
    )
    assert "step_detector -->|boxes| step_tracker" in drawn
