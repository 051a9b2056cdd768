"""Offers: what the inputs and steps of a document have to give, and to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .document import Document
from .graph import descendants
from .kinds import STEP, WILDCARD, kinds_fit
from .links import Link
from .steps import PlacedStep

__all__ = ["Offers"]


@dataclass(frozen=True, slots=True)
class Offers:
    """What selectors may point at in one document.

    Args:
        document: The document.
        placed: For each name of a step the step with its block, None where the block is not
            known: then nothing is said about its outputs.
        links: The edges of the graph.
    """

    document: Document
    placed: Mapping[str, PlacedStep | None]
    links: Sequence[Link]
    _outputs: dict[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def has_step(self, name: str) -> bool:
        """Tell whether the document has a step of this name, usable or not."""
        return name in self.placed

    def input_kinds(self, name: str) -> frozenset[str] | None:
        """Kinds of an input; the wildcard where they cannot be told, None if there is none."""
        declared = self.document.inputs.get(name)
        if declared is None:
            return None
        if f"$inputs.{name}" in self.document.ambiguous:
            return frozenset({WILDCARD})
        return declared.kinds

    def sources(self, kinds: frozenset[str], reader: str | None) -> tuple[str, ...]:
        """List every selector of the document that may stand where kinds are wanted.

        Args:
            kinds: Kinds wanted.
            reader: The step where it would stand: what waits for it is left out, for it would
                close a cycle. None for an output.
        """
        barred: frozenset[str] = frozenset()
        if reader is not None and reader in self.placed:
            reads: dict[str, list[str]] = {name: [] for name in self.placed}
            for link in self.links:
                reads[link.after].append(link.before)
            barred = descendants(reader, reads) | {reader}
        if STEP in kinds:
            return tuple(f"$steps.{name}" for name in self.placed if name != reader)
        found = [
            (f"$inputs.{each.name}", each.kinds)
            for each in self.document.inputs.values()
            if kinds_fit(each.kinds, kinds)
        ]
        for name in self.placed:
            if name not in barred:
                found += [
                    (f"$steps.{name}.{output}", offered)
                    for output, offered in (self.outputs_of(name) or {}).items()
                    if kinds_fit(offered, kinds)
                ]
        # What only fits because its kind is open comes last.
        found.sort(key=lambda each: WILDCARD not in kinds and not each[1] & kinds)
        return tuple(selector for selector, _ in found)

    def outputs_of(self, name: str) -> Mapping[str, frozenset[str]] | None:
        """Outputs of a step with their kinds; None where they cannot be told."""
        step = self.placed.get(name)
        if step is None or f"$steps.{name}" in self.document.ambiguous:
            return None
        if name not in self._outputs:
            outputs = step.block.manifest.outputs
            self._outputs[name] = {output.name: output.kinds for output in outputs}
        return self._outputs[name]

    def selectors_of(self, name: str, *, wildcard: bool = False) -> tuple[str, ...]:
        """List the selectors of a step's outputs, with ``.*`` if asked for."""
        names = [*(self.outputs_of(name) or {}), *(["*"] if wildcard else [])]
        return tuple(f"$steps.{name}.{output}" for output in names)

    def everything(self, reader: str | None) -> tuple[str, ...]:
        """List every selector that a reader may use."""
        return self.sources(frozenset({WILDCARD}), reader)
