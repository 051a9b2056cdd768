"""``trackwire models``: the models of trackers, some detectors, and their download."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trackwire.blocks import CONCEPT_MODELS, KNOWN_DETECTORS, VIDEO_MODELS, download_model

from .console import err, out

if TYPE_CHECKING:
    from pathlib import Path

    from trackwire.blocks import KnownDetector, ModelEntry

__all__ = ["list_models", "pull_model"]

_ON_DISK = {True: "yes", False: "no", None: "unknown"}
_EXTRA_MODULES = {"sam": ("torch", "transformers", "safetensors", "huggingface_hub")}


def list_models(*, as_json: bool) -> None:
    """Print the catalog of trackers, and detectors to begin with.

    Args:
        as_json: One JSON array for programs, instead of tables for people.
    """
    trackers = [
        *(_describe(entry, "tracker") for entry in VIDEO_MODELS),
        *(_describe(entry, "concept_tracker") for entry in CONCEPT_MODELS),
    ]
    detectors = [_describe_detector(entry) for entry in KNOWN_DETECTORS]
    if as_json:
        out.print_json(json.dumps([*trackers, *detectors]))
        return
    out.print(_tracker_table(trackers))
    out.print()
    out.print(_detector_table(detectors))
    out.print(
        "\nsam3video takes phrases and is for concept trackers; the other trackers take boxes. "
        "RUNS says whether the packages are there; of the trackers only lite was tested with its "
        "published weights, SAM 2.1, EdgeTAM and SAM 3 with small networks. For gated weights "
        "accept the licence on their hub page, then log in with 'hf auth login'. "
        "NEEDS sam, hub: pip install 'trackwire[sam]', 'trackwire[hub]', which are the same. "
        "Without them nobody can tell whether weights are on disk; what is not is downloaded when "
        "a workflow first asks for it, or by 'trackwire models pull ID'. A model_id may also be a "
        "hub repository or a local folder of these architectures, and a detector's onnx:PATH or "
        "hub:OWNER/NAME.",
        markup=False,
        highlight=False,
    )


def pull_model(model_id: str, base_directory: Path | None = None) -> None:
    """Download the weights of a model, and say where they are.

    Args:
        model_id: Of a tracker or a detector.
        base_directory: Where relative folders start.

    Raises:
        ModelError: There is no such model, or it cannot be downloaded.
    """
    err.print(f"looking for {escape(model_id)}", highlight=False)
    found = download_model(model_id, base_directory)
    if found.was_there is None:
        says = "its package has loaded it and keeps its weights"
    elif found.folder is None:
        says = "is part of this install"
    else:
        how = "on this machine already" if found.was_there else "downloaded"
        says = f"{how}, {found.nbytes() / 1e6:.1f} MB in {found.folder}"
    out.print(f"{found.model_id}: {says}", markup=False, highlight=False)


def _tracker_table(rows: list[dict[str, Any]]) -> Table:
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
    return table


def _detector_table(rows: list[dict[str, Any]]) -> Table:
    """A table that shows whole ids at 80 columns too, since they are there to be copied."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("DETECTOR", "LICENCE", "ON DISK", "NEEDS", "RUNS"):
        table.add_column(heading, no_wrap=heading != "NEEDS", overflow="fold")
    for row in rows:
        wants = ", class_names" if row["open_vocabulary"] else ""
        table.add_row(
            escape(row["model_id"]),
            row["licence"],
            _ON_DISK[row["on_disk"]],
            (row["needs"] or " or ".join(row["also_needs"]).replace("_", "-")) + wants,
            "yes" if row["runs_here"] else "no",
        )
    return table


def _describe(entry: ModelEntry, kind: str) -> dict[str, Any]:
    why_not = _why_not(entry)
    return {
        "kind": kind,
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


def _describe_detector(entry: KnownDetector) -> dict[str, Any]:
    lacking = entry.lacks()
    return {
        "kind": "detector",
        "model_id": entry.model_id,
        "title": entry.title,
        "parameters": entry.parameters,
        "licence": entry.licence,
        "hub_id": entry.hub_id,
        "gated": False,
        "needs": None if entry.packages else "hub",
        "also_needs": list(entry.packages),
        "sizes": [],
        "open_vocabulary": entry.open_vocabulary,
        "on_disk": entry.is_on_disk(),
        "runs_here": lacking is None,
        "why_not": None if lacking is None else f"lacks {lacking}",
    }


def _why_not(entry: ModelEntry) -> str | None:
    """Name the first package that is missing; whether the weights are there is told apart."""
    modules = (*_EXTRA_MODULES.get(entry.needs or "", ()), *entry.also_needs)
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return f"lacks {missing[0]}" if missing else None
