"""Write what is made from the manifests of the built-in blocks.

    python tools/block_reference.py

The reference in ``docs/blocks.md``, between its two markers, and the JSON Schema of documents in
``specs/workflow.schema.json``. Tests say when that has to be done.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING

from trackwire.blocks import builtin_blocks
from trackwire.specs import Registry, default_registry, workflow_schema

if TYPE_CHECKING:
    from trackwire.specs import Block

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "blocks.md"
SCHEMA = ROOT / "specs" / "workflow.schema.json"
BEGIN = "<!-- reference: written by tools/block_reference.py -->"
END = "<!-- end of the reference -->"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _summary(block: type[Block]) -> str:
    """First paragraph of the class docstring, as Markdown."""
    return inspect.cleandoc(block.__doc__ or "").split("\n\n")[0].replace("``", "`")


def describe(block: type[Block]) -> str:
    """Describe one block as a section of Markdown.

    Args:
        block: The block class; its manifest gives ids, properties and outputs.

    Returns:
        Heading, what it does, outputs, and a table of properties.
    """
    manifest = block.manifest
    name, *aliases = manifest.type_ids()
    lines = [f"### {name}", "", _summary(block), ""]
    if aliases:
        lines += ["Also known as " + ", ".join(f"`{alias}`" for alias in aliases) + ".", ""]
    outputs = [
        f"`{output.name}` ({', '.join(sorted(output.kinds))})" for output in manifest.outputs
    ]
    lines += ["Outputs: " + (", ".join(outputs) or "none, it decides what runs"), ""]
    lines += [_row("property", "default", "what it is"), "|---|---|---|"]
    for key, field in manifest.model_fields.items():
        if key in {"type", "name"}:
            continue
        default = "required" if field.is_required() else f"`{json.dumps(field.default)}`"
        lines.append(_row(f"`{key}`", default, field.description or ""))
    return "\n".join(lines)


def render(page: str) -> str:
    """Return the page with its reference brought up to date.

    Args:
        page: The Markdown page, with both markers.

    Returns:
        The page as it should be.
    """
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    sections = "\n\n".join(describe(block) for block in default_registry().blocks)
    return f"{before}{BEGIN}\n\n{sections}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    schema = workflow_schema(Registry(builtin_blocks()))
    SCHEMA.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
