"""``trackwire models``: the models a tracker can use."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trackwire.blocks import VIDEO_MODELS

from .console import out

if TYPE_CHECKING:
    from trackwire.blocks import ModelEntry

__all__ = ["list_models"]

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
    for heading in ("MODEL", "PARAMETERS", "LICENCE", "ON DISK", "RUNS HERE", "SIZES"):
        table.add_column(heading, no_wrap=heading == "MODEL")
    for row in rows:
        table.add_row(
            escape(row["model_id"]),
            "-" if row["parameters"] is None else f"{row['parameters'] / 1e6:.0f} M",
            row["licence"],
            "yes" if row["on_disk"] else "no",
            "yes" if row["runs_here"] else row["why_not"],
            " ".join(str(size) for size in row["sizes"]),
        )
    out.print(table)


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
        "sizes": list(entry.sizes),
        "on_disk": entry.hub_id is None or _is_downloaded(entry.hub_id),
        "runs_here": why_not is None,
        "why_not": why_not,
    }


def _why_not(entry: ModelEntry) -> str | None:
    if not entry.available:
        return "not yet"
    missing = [
        module
        for module in _EXTRA_MODULES.get(entry.needs or "", ())
        if importlib.util.find_spec(module) is None
    ]
    return f"lacks {missing[0]}" if missing else None


def _is_downloaded(hub_id: str) -> bool:
    """Look into the hub's cache by its documented layout, without importing its library."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    snapshots = cache / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.safetensors"))
