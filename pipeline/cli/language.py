"""``trackwire graph``, ``blocks`` and ``schema``: the workflow language, to look at."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from trackwire.specs import (
    default_registry,
    describe_block,
    mermaid,
    near_misses,
    workflow_schema,
)

from .console import UsageError, out
from .workflow_argument import compile_argument

if TYPE_CHECKING:
    from trackwire.specs import BlockDescription

__all__ = ["draw_graph", "list_blocks", "write_schema"]


def draw_graph(workflow: str, parameters: Sequence[str]) -> None:
    """Print a workflow as a Mermaid flowchart.

    Args:
        workflow: As on the command line.
        parameters: ``NAME=VALUE`` each.

    Raises:
        UsageError: There is no such workflow.
        SpecificationError: It is wrong; the error lists every mistake.
    """
    compiled = compile_argument(workflow, parameters, require_parameters=False).workflow
    out.print(mermaid(compiled), markup=False, end="")


def write_schema(path: Path | None) -> None:
    """Print the JSON Schema of workflow documents, for the blocks that are installed.

    Args:
        path: File to write it to; None for standard output.

    Raises:
        UsageError: The file cannot be written.
    """
    text = json.dumps(workflow_schema(default_registry()), indent=1, ensure_ascii=False) + "\n"
    if path is None:
        out.print(text, markup=False, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}; give a file in a folder "
            "that is there and may be written"
        ) from error
    out.print(f"schema in {escape(str(path))}")


def list_blocks(pattern: str, *, as_json: bool) -> None:
    """Print the blocks whose ids hold a text; a single one in full.

    Args:
        pattern: The text; letters of either case. Empty for all blocks.
        as_json: One JSON array with everything for programs, instead of text for people.

    Raises:
        UsageError: No block has such an id.
    """
    described = [describe_block(block) for block in default_registry()]
    wanted = pattern.casefold()
    exact = [each for each in described if pattern in (each.type, *each.aliases)]
    found = exact or [
        each
        for each in described
        if any(wanted in type_id.casefold() for type_id in (each.type, *each.aliases))
    ]
    if not found:
        known = {family: each.type for each in described for family in _families(each)}
        near = near_misses(pattern, known)
        raise UsageError(
            f"no block has {pattern!r} in its id."
            + (f" Did you mean {known[near[0]]}?" if near else "")
            + " 'trackwire blocks' lists all."
        )
    if as_json:
        out.print_json(json.dumps([asdict(each) for each in found]))
    elif len(found) == 1:
        _print_block(found[0])
    else:
        _print_blocks(found)


def _families(block: BlockDescription) -> list[str]:
    return [
        type_id.rpartition("/")[2].partition("@")[0] for type_id in (block.type, *block.aliases)
    ]


def _print_blocks(blocks: Sequence[BlockDescription]) -> None:
    for block in sorted(blocks, key=lambda each: each.type):
        reads = [each.name for each in block.properties if each.required and each.kinds]
        out.print(f"[bold]{escape(block.type)}[/]  {block.cost}")
        _print_wrapped(
            f"reads {', '.join(reads) or 'nothing that must be wired'}; "
            f"puts out {', '.join(block.outputs) or 'nothing'}"
        )
    out.print(f"\n{len(blocks)} blocks; 'trackwire blocks NAME' describes one.", markup=False)


def _print_block(block: BlockDescription) -> None:
    out.print(f"[bold]{escape(block.type)}[/]")
    if block.aliases:
        out.print(f"also {escape(', '.join(block.aliases))}")
    out.print()
    _print_wrapped(block.summary, indent="")
    out.print()
    out.print(f"cost: {block.cost}{_nesting(block)}")
    out.print("\n[bold]PROPERTIES[/]")
    for each in block.properties:
        default = "(required)" if each.required else f"= {json.dumps(each.default)}"
        lazy = "  (computed on demand)" if each.lazy else ""
        out.print(f"{each.name} {default}{lazy}", markup=False)
        steps = " of selectors of steps ($steps.NAME)" if each.names_steps else ""
        _print_wrapped(f"takes {', '.join(each.takes)}{steps}")
        _print_wrapped(each.description)
    out.print("\n[bold]OUTPUTS[/]")
    for name, kinds in block.outputs.items():
        out.print(name, markup=False)
        _print_wrapped(", ".join(kinds))
    if not block.outputs:
        out.print("none")


def _print_wrapped(text: str, indent: str = "    ") -> None:
    """Print a text indented, within the width of the terminal."""
    lines = textwrap.wrap(
        text,
        width=out.width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    out.print("\n".join(lines), markup=False)


def _nesting(block: BlockDescription) -> str:
    if not block.output_dimension:
        return ""
    return "; splits frames into parts" if block.output_dimension > 0 else "; gathers parts"
