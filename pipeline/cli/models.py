"""``trackwire models``: the models a tracker can use."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trackwire.blocks import VIDEO_MODELS

from .console import out

if TYPE_CHECKING:
    from trackwire.blocks import ModelEntry

__all__ = ["list_models"]

_ON_DISK = {True: "yes", False: "no", None: "unknown"}
_EXTRA_MODULES = {"sam": ("torch", "transformers", "safetensors", "huggingface_hub")}


def list_models(*, as_json: bool) -> None:
    """Print the catalog.

    Args:
        as_json: One JSON array for programs, instead of a table for people.
    """
    rows = [_describe(entry) for entry in VIDEO_MODELS]
    if as_json:
        out.print_json(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("MODEL", "PARAMS", "LICENCE", "ON DISK", "NEEDS", "RUNS", "SIZES"):
        table.add_column(heading, no_wrap=heading not in {"LICENCE", "SIZES"})
    for row in rows:
        table.add_row(
            escape(row["model_id"]),
            "-" if row["parameters"] is None else f"{row['parameters'] / 1e6:.0f} M",
            (row["licence"] or "-") + (", gated" if row["gated"] else ""),
            _ON_DISK[row["on_disk"]],
            " ".join(filter(None, [row["needs"], *row["also_needs"]])) or "-",
            "yes" if row["runs_here"] else "no",
            " ".join(str(size) for size in row["sizes"]),
        )
    out.print(table)
    out.print(
        "\nNEEDS sam: pip install 'trackwire[sam]'. Without it nobody can tell whether weights are "
        "on disk; what is not is downloaded when a workflow first asks for it. A model_id may also "
        "be a hub repository or a local folder of these architectures.",
        markup=False,
        highlight=False,
    )


def _describe(entry: ModelEntry) -> dict[str, Any]:
    why_not = _why_not(entry)
    return {
        "model_id": entry.model_id,
        "title": entry.title,
        "parameters": entry.parameters,
        "licence": entry.licence,
        "hub_id": entry.hub_id,
        "gated": entry.gated,
        "needs": entry.needs,
        "also_needs": list(entry.also_needs),
        "sizes": list(entry.sizes),
        "on_disk": entry.is_on_disk(),
        "runs_here": why_not is None,
        "why_not": why_not,
    }


def _why_not(entry: ModelEntry) -> str | None:
    """Name the first package that is missing; whether the weights are there is told apart."""
    modules = (*_EXTRA_MODULES.get(entry.needs or "", ()), *entry.also_needs)
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return f"lacks {missing[0]}" if missing else None
