"""The compiler: a document and a registry become an immutable workflow, or all mistakes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .dimensions import Lineage, lineage_of_input, measure_lineages
from .document import DeclaredStep, Document, read_document
from .filling import fill_parameters, settle
from .graph import Arrangement, Node, arrange, find_cycles, in_order
from .links import Link, find_links
from .manifest import BlockManifest
from .mistakes import MistakeCode, MistakeLog, json_path
from .offers import Offers
from .parameters import merge_parameters
from .registry import Registry, default_registry
from .steps import PlacedStep, place_step, validate_manifest
from .wiring import Wiring
from .workflow import Binding, Output, Step, Workflow

__all__ = ["compile_workflow"]


def compile_workflow(
    document: Mapping[str, Any] | str | Path,
    *,
    registry: Registry | None = None,
    parameters: Mapping[str, Any] | None = None,
    require_parameters: bool = True,
    lazy: bool = True,
) -> Workflow:
    """Compile a specification.

    Parameters are filled in: a property that reads one holds its value, in the manifest as well
    as in the bindings, and the value is checked like any other.

    Args:
        document: Parsed JSON, JSON text, or the path of a file that holds it.
        registry: Blocks the document may use; None for :func:`default_registry`.
        parameters: Values of run-time parameters by name.
        require_parameters: Whether parameters without default must be given. False checks a
            document of which they are not known yet; the result cannot be run where it lacks one.
        lazy: Leave out work that nobody needs: a pure step that is only read through lazy inputs,
            such as a detector that only a tracker reads, runs for the elements that are asked
            for. False runs every step for every element; results are the same, times are not.

    Returns:
        The workflow, which shares nothing with ``document``.

    Raises:
        SpecificationError: The document is wrong; holds every mistake found in it.

    Example:
        >>> workflow = compile_workflow(Path("workflow.json"), parameters={"interval": 10})
        >>> [step.name for step in workflow.steps]
        ['detect', 'track']
    """
    log = MistakeLog()
    read = read_document(document, log)
    values = merge_parameters(
        read.inputs,
        parameters or {},
        log,
        require_all=require_parameters,
        inputs_known=read.inputs_known and not read.nameless_inputs,
    )
    if registry is None:
        registry = default_registry()
    return _Compilation(read, registry, values, log, lazy=lazy).finish()


class _Compilation:
    """One document on its way; what the passes have in common."""

    def __init__(
        self,
        document: Document,
        registry: Registry,
        values: Mapping[str, Any],
        log: MistakeLog,
        *,
        lazy: bool,
    ) -> None:
        self._document = document
        self._lazy = lazy
        self._values = values
        self._log = log
        # Steps without a usable name, or with one that is taken, are checked like all others;
        # only references cannot mean them.
        self._all = [(step, place_step(step, registry, os.environ, log)) for step in document.steps]
        self._declared: dict[str, DeclaredStep] = {}
        self._placed: dict[str, PlacedStep | None] = {}
        for declared, placed in self._all:
            if declared.name is not None and declared.name not in self._declared:
                self._declared[declared.name] = declared
                self._placed[declared.name] = placed
        self._links = find_links(self._declared, self._placed)
        self._offers = Offers(document, self._placed, self._links)
        self._wiring = Wiring(self._offers, log)

    def finish(self) -> Workflow:
        bindings: dict[str, Mapping[str, Binding]] = {}
        manifests: dict[str, BlockManifest] = {}
        for declared, placed in self._all:
            if placed is None:
                self._wiring.follow(declared)
                continue
            bound = self._wiring.bind(placed)
            filled = fill_parameters(placed, bound, self._fillable())
            manifest = validate_manifest(
                placed,
                filled,
                self._log,
                sources_for=partial(self._offers.sources, reader=declared.name),
            )
            if declared.name is None or self._placed[declared.name] is not placed:
                continue
            bindings[declared.name] = bound
            if manifest is not None:
                manifests[declared.name] = manifest
        outputs = self._outputs()
        reads = self._reads()
        self._note_cycles(reads)
        order = [placed for name in in_order(reads) if (placed := self._placed[name])]
        lineages = measure_lineages(order, bindings, self._document.inputs, self._links, self._log)
        if self._log:
            raise self._log.error()
        return self._workflow(bindings, manifests, outputs, lineages)

    def _fillable(self) -> Mapping[str, Any]:
        """The values of parameters about which nothing is noted."""
        paths = self._document.input_paths
        return {
            name: value
            for name, value in self._values.items()
            if not self._log or not self._log.touches(paths[name])
        }

    def _reads(self) -> dict[str, dict[str, Link]]:
        reads: dict[str, dict[str, Link]] = {name: {} for name in self._declared}
        for link in self._links:
            # A wire that is wrong already will be laid anew: no cycle is told through it.
            if not self._log or not self._log.touches(link.path):
                reads[link.after].setdefault(link.before, link)
        return reads

    def _note_cycles(self, reads: Mapping[str, Mapping[str, Link]]) -> None:
        for cycle in find_cycles(reads):
            closing = reads[cycle[0]][cycle[-2]]
            way = " -> ".join(cycle)
            self._log.add(
                MistakeCode.CYCLE,
                closing.path,
                f"steps wait for one another, in the direction of the data: {way}; "
                "cut one of these wires",
                found=way,
                allowed=tuple(
                    f"without {reads[after][before].path}" for before, after in pairwise(cycle)
                ),
            )

    def _outputs(self) -> tuple[Output, ...]:
        outputs = []
        for declared in self._document.outputs:
            resolved = self._wiring.output(
                declared.selector, json_path(declared.path, "selector"), declared.name
            )
            if resolved is not None:
                reference, kinds = resolved
                outputs.append(Output(declared.name, reference, kinds, declared.coordinates_system))
        blocks = [placed.block if placed else None for _, placed in self._all]
        if (
            not self._document.outputs_declared
            and self._document.steps_known
            and all(block and block.manifest.traits.pure for block in blocks)
        ):
            self._log.add(
                MistakeCode.NO_OUTPUTS,
                json_path(self._document.root, "outputs"),
                "nothing would come out: there are no outputs, and no step writes anything",
                found="[]",
                allowed=self._offers.everything(None),
            )
        return tuple(outputs)

    def _arrange(self, outputs: Sequence[Output]) -> Arrangement:
        wanted = {output.reference.step for output in outputs}
        controls = {link.before for link in self._links if link.control}
        nodes = []
        for name, placed in self._placed.items():
            links = [link for link in self._links if link.after == name]
            eager = frozenset(link.before for link in links if not link.lazy)
            lazy = frozenset(link.before for link in links if link.lazy)
            pure = placed is not None and placed.block.manifest.traits.pure
            needless = self._lazy and pure and name not in wanted and name not in controls
            nodes.append(Node(name, eager, lazy - eager, deferrable=needless))
        return arrange(nodes)

    def _workflow(
        self,
        bindings: Mapping[str, Mapping[str, Binding]],
        manifests: Mapping[str, BlockManifest],
        outputs: tuple[Output, ...],
        lineages: Mapping[str, Lineage],
    ) -> Workflow:
        arrangement = self._arrange(outputs)
        nested = tuple(replace(each, lineage=self._lineage(each, lineages)) for each in outputs)
        steps = []
        for name in arrangement.order:
            placed = self._placed[name]
            if placed is None:
                continue
            steps.append(
                Step(
                    name=name,
                    manifest=manifests[name],
                    block=placed.block,
                    bindings=self._settled(placed, bindings[name], manifests[name]),
                    references=MappingProxyType(
                        {key: each.references for key, each in bindings[name].items()}
                    ),
                    lineage=lineages[name],
                    skippable=name in arrangement.skippable,
                )
            )
        return Workflow(
            version=self._document.version,
            inputs=MappingProxyType(dict(self._document.inputs)),
            steps=tuple(steps),
            outputs=nested,
            parameters=self._values,
            digest=self._document.digest,
        )

    def _lineage(self, output: Output, lineages: Mapping[str, Lineage]) -> Lineage:
        reference = output.reference
        if reference.input is not None:
            return lineage_of_input(self._document.inputs[reference.input])
        return lineages[str(reference.step)]

    def _settled(
        self, placed: PlacedStep, bound: Mapping[str, Binding], manifest: BlockManifest
    ) -> Mapping[str, Binding]:
        filled = fill_parameters(placed, bound, self._values)
        return MappingProxyType(
            {
                name: settle(bound.get(name), getattr(manifest, name), name in filled, self._values)
                for name in placed.shape.properties
            }
        )
