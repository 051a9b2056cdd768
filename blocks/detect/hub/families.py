"""The families of detectors that can be driven, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from trackwire.specs import ModelError

__all__ = ["FAMILIES", "Family", "Reading", "family_of"]

Reading: TypeAlias = Literal["softmax", "pairs", "phrases", "tokens"]


@dataclass(frozen=True, slots=True)
class Family:
    """What holds for all detectors of one ``model_type``.

    Args:
        model_type: What ``config.json`` calls it.
        title: Name for people.
        reading: ``softmax``: one class for each query, or none. ``pairs``: the best pairs of a
            query and a class. ``phrases``: the phrase that fits each patch best. ``tokens``: the
            phrase whose tokens fit each query best.
        pairs: How many pairs are read; None for as many as there are queries.
        overlapping: Whether several boxes may stand for one object.
        takes_mask: Whether it is told where there is padding.
    """

    model_type: str
    title: str
    reading: Reading
    pairs: int | None = None
    overlapping: bool = False
    takes_mask: bool = True

    @property
    def open_vocabulary(self) -> bool:
        """Whether it finds what phrases describe, not a fixed set of classes."""
        return self.reading in ("phrases", "tokens")


FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        family.model_type: family
        for family in (
            Family("detr", "DETR", "softmax"),
            Family("table-transformer", "Table Transformer", "softmax"),
            Family("yolos", "YOLOS", "softmax", takes_mask=False),
            Family("conditional_detr", "Conditional DETR", "pairs", pairs=100),
            Family("dab-detr", "DAB-DETR", "pairs", pairs=100),
            Family("deformable_detr", "Deformable DETR", "pairs", pairs=100),
            Family("lw_detr", "LW-DETR", "pairs", pairs=100),
            Family("rt_detr", "RT-DETR", "pairs"),
            Family("rt_detr_v2", "RT-DETR v2", "pairs"),
            Family("d_fine", "D-FINE", "pairs"),
            Family("deimv2", "DEIMv2", "pairs"),
            Family("rf_detr", "RF-DETR", "pairs"),
            Family("grounding-dino", "Grounding DINO", "tokens"),
            Family("mm-grounding-dino", "MM Grounding DINO", "tokens"),
            Family("owlvit", "OWL-ViT", "phrases", overlapping=True, takes_mask=False),
            Family("owlv2", "OWLv2", "phrases", overlapping=True, takes_mask=False),
        )
    }
)
"""All families by the ``model_type`` of ``config.json``."""


def family_of(config: Mapping[str, Any], source: str) -> Family:
    """Find the family of a detector from its ``config.json``.

    Args:
        config: The parsed ``config.json``.
        source: Repository or folder it came from, for the error.

    Raises:
        ModelError: It is no detector that can be driven.
    """
    found = config.get("model_type")
    family = FAMILIES.get(str(found))
    if family is None:
        raise ModelError(
            f"{source} holds a model of type {found!r}, which is no object detector that runs "
            f"here; allowed: {', '.join(sorted(FAMILIES))}",
            code="detector_type",
            source=source,
        )
    return family
