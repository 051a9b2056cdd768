"""``trackwire graph``, ``blocks`` and ``schema``: the workflow language, to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

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
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
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
    table = Table(box=None, pad_edge=False)
    for heading in ("BLOCK", "COST", "READS", "PUTS OUT"):
        table.add_column(heading, no_wrap=heading in {"BLOCK", "COST"})
    for block in sorted(blocks, key=lambda each: each.type):
        reads = [each.name for each in block.properties if each.required and each.kinds]
        table.add_row(
            escape(block.type),
            block.cost,
            escape(", ".join(reads) or "-"),
            escape(", ".join(block.outputs) or "-"),
        )
    out.print(table)
    out.print(f"\n{len(blocks)} blocks; 'trackwire blocks NAME' describes one.", markup=False)


def _print_block(block: BlockDescription) -> None:
    out.print(f"[bold]{escape(block.type)}[/]")
    if block.aliases:
        out.print(f"also {escape(', '.join(block.aliases))}")
    out.print(f"\n{escape(block.summary)}\n")
    out.print(f"cost: {block.cost}{_nesting(block)}\n")
    table = Table(box=None, pad_edge=False)
    for heading in ("PROPERTY", "DEFAULT", "TAKES", "FOR"):
        table.add_column(heading, overflow="fold")
    for each in block.properties:
        default = "required" if each.required else json.dumps(each.default)
        lazy = " (computed on demand)" if each.lazy else ""
        table.add_row(
            escape(each.name),
            escape(default),
            escape(", ".join(each.takes)),
            escape(each.description + lazy),
        )
    out.print(table)
    outputs = [f"{name} ({', '.join(kinds)})" for name, kinds in block.outputs.items()]
    out.print(f"\noutputs: {escape(', '.join(outputs) or 'none')}")


def _nesting(block: BlockDescription) -> str:
    if not block.output_dimension:
        return ""
    return "; splits frames into parts" if block.output_dimension > 0 else "; gathers parts"
