"""Dimensions: how deep the elements of each step are nested, and which steps nested them.

A frame of a stream has dimensionality 1, the crops of a frame 2. The *lineage* of a value names
the splits it went through: empty for whole frames, ``("crop",)`` for the parts that the step
``crop`` cuts, ``("$inputs.tiles",)`` for a batch input that is nested itself. A step reads values
of one lineage; ``output_dimension`` of its traits then splits or gathers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from .links import Link
from .mistakes import MistakeCode, MistakeLog
from .selectors import Reference
from .steps import PlacedStep
from .workflow import Binding, Input, Template, Wire

__all__ = ["Lineage", "lineage_of_input", "measure_lineages"]

Lineage: TypeAlias = tuple[str, ...]
_Read: TypeAlias = tuple[str, Reference, Lineage]


def measure_lineages(
    order: Sequence[PlacedStep],
    bindings: Mapping[str, Mapping[str, Binding]],
    inputs: Mapping[str, Input],
    links: Sequence[Link],
    log: MistakeLog,
) -> Mapping[str, Lineage]:
    """Work out the lineage of the outputs of each step.

    Args:
        order: Steps in an order of execution.
        bindings: Wires and templates of each step by its name.
        inputs: Declared inputs.
        links: The edges of the graph, those of flow control among them.
        log: Takes the mistakes: values that do not belong together, steps with a memory of
            their stream that are to read several elements of it at once, and steps that switch
            off what does not lie behind the same splits.

    Returns:
        Lineage by name of step. Steps about which it cannot be told are left out.
    """
    results: dict[str, Lineage] = {}
    runs: dict[str, Lineage] = {}
    for step in order:
        name = str(step.declared.name)
        reads = list(_reads(bindings[name], inputs, results))
        if any(lineage is None for _, _, lineage in reads):
            continue  # reads a broken step, about which enough is said
        wired = [(prop, ref, lineage) for prop, ref, lineage in reads if lineage is not None]
        deepest = max((lineage for _, _, lineage in wired), key=len, default=())
        run = _run_lineage(step, deepest, wired, log)
        if run is None:
            continue
        runs[name] = run
        splits = step.block.manifest.traits.output_dimension == 1
        results[name] = (*run, name) if splits else run
    _note_controls({str(step.declared.name): step for step in order}, runs, links, log)
    return results


def lineage_of_input(declared: Input) -> Lineage:
    """The lineage of a declared input: empty but for a nested batch."""
    return (f"$inputs.{declared.name}",) * max(declared.dimensionality - 1, 0)


def _reads(
    bindings: Mapping[str, Binding], inputs: Mapping[str, Input], results: Mapping[str, Lineage]
) -> Iterator[tuple[str, Reference, Lineage | None]]:
    for name, binding in bindings.items():
        if isinstance(binding, Wire):
            references: tuple[Reference, ...] = (binding.reference,)
        else:
            references = binding.references if isinstance(binding, Template) else ()
        for reference in references:
            if reference.input is not None:
                declared = inputs[reference.input]
                if declared.role != "parameter":
                    yield name, reference, lineage_of_input(declared)
            elif reference.property is not None:
                yield name, reference, results.get(str(reference.step))


def _run_lineage(
    step: PlacedStep, deepest: Lineage, wired: Sequence[_Read], log: MistakeLog
) -> Lineage | None:
    """The lineage of the elements that a step runs for; None where that cannot be told."""
    traits = step.block.manifest.traits
    gathers = traits.output_dimension == -1
    if gathers and not deepest:
        _note_nothing_to_gather(step, wired, log)
        return None
    strangers = [read for read in wired if deepest[: len(read[2])] != read[2]]
    if strangers:
        _note_strangers(step, deepest, strangers[0], wired, log)
        return None
    allowed = {deepest, deepest[:-1]} if gathers else {deepest}
    run = deepest[:-1] if gathers else deepest
    misfits = [read for read in wired if read[2] not in allowed]
    mixed = _mixed_property(wired)
    if misfits or mixed:
        _note_mix(step, wired, log)
    elif run and not traits.pure and not traits.accepts_parts:
        _note_memory(step, next(read for read in wired if read[2] == deepest), log)
    return run


def _mixed_property(wired: Sequence[_Read]) -> bool:
    """Tell whether the selectors in one list or object come from different levels."""
    levels: dict[str, set[int]] = {}
    for name, _, lineage in wired:
        levels.setdefault(name, set()).add(len(lineage))
    return any(len(each) > 1 for each in levels.values())


def _cutter(lineage: Lineage) -> str:
    """Name the split that made the elements of a lineage."""
    last = lineage[-1]
    return last if last.startswith("$") else f"step {last!r}"


def _elements(lineage: Lineage) -> str:
    if not lineage:
        return "whole frames"
    verb = "of" if lineage[-1].startswith("$") else "cut by"
    return f"parts {verb} {_cutter(lineage)}"


def _note_nothing_to_gather(step: PlacedStep, wired: Sequence[_Read], log: MistakeLog) -> None:
    read = ", ".join(str(reference) for _, reference, _ in wired) or "nothing"
    log.add(
        MistakeCode.DIMENSION_MISMATCH,
        step.declared.path,
        f"{step.title} gathers the parts of an image, but reads whole frames ({read}); "
        "put it behind a step that splits images, such as a crop",
        found="dimensionality 1",
        allowed=("2 or more",),
    )


def _note_strangers(
    step: PlacedStep, deepest: Lineage, stranger: _Read, wired: Sequence[_Read], log: MistakeLog
) -> None:
    name, reference, lineage = stranger
    other = next(ref for _, ref, each in wired if each == deepest)
    log.add(
        MistakeCode.LINEAGE_MISMATCH,
        step.path_of(name),
        f"{step.title} reads {reference}, which has {_elements(lineage)}, together with {other}, "
        f"which has {_elements(deepest)}; parts of different splits do not belong together: "
        "read both behind the same split, or gather each first",
        found=f"{reference}: {_elements(lineage)}",
        allowed=(_elements(deepest),),
    )


def _note_mix(step: PlacedStep, wired: Sequence[_Read], log: MistakeLog) -> None:
    levels = {len(read[2]) + 1: read for read in reversed(wired)}
    deepest = max(levels)
    ends = ", ".join(
        f"{reference} has {level}: {_elements(lineage)}"
        for level, (_, reference, lineage) in levels.items()
    )
    log.add(
        MistakeCode.DIMENSION_MISMATCH,
        step.path_of(levels[deepest][0]),
        f"{step.title} reads values of different dimensionality ({ends}); "
        "read everything from the same side of the step that splits or gathers",
        found=f"dimensionality {deepest}",
        allowed=tuple(str(level) for level in sorted(levels) if level != deepest),
    )


def _note_memory(step: PlacedStep, read: _Read, log: MistakeLog) -> None:
    name, reference, lineage = read
    splitters = [each for each in lineage if not each.startswith("$")]
    if splitters:
        log.add(
            MistakeCode.TRACKER_BEHIND_CROP,
            step.path_of(name),
            f"{step.title} remembers its stream from frame to frame, and step {splitters[-1]!r} "
            "before it cuts each frame into parts that are no stream; track on whole frames and "
            "crop afterwards",
            found=str(reference),
            allowed=("values with one element per stream",),
        )
    else:
        log.add(
            MistakeCode.DIMENSION_MISMATCH,
            step.path_of(name),
            f"{step.title} remembers its stream from frame to frame and takes one element per "
            f"stream, but {reference} has several; give it values of dimensionality 1",
            found=str(reference),
            allowed=("values of dimensionality 1",),
        )


def _note_controls(
    steps: Mapping[str, PlacedStep],
    runs: Mapping[str, Lineage],
    links: Sequence[Link],
    log: MistakeLog,
) -> None:
    """Note the steps that are switched off from a place that does not decide about them."""
    for link in links:
        if not link.control or link.before not in runs or link.after not in runs:
            continue
        gate, follower = runs[link.before], runs[link.after]
        if follower[: len(gate)] == gate:
            continue
        log.add(
            MistakeCode.LINEAGE_MISMATCH,
            link.path,
            f"{steps[link.before].title} decides about {_elements(gate)}, but step "
            f"{link.after!r} works on {_elements(follower)}; it can only switch off steps behind "
            "the same split, or gather before it decides",
            found=f"$steps.{link.after}: {_elements(follower)}",
            allowed=(f"steps that work on {_elements(gate)}",),
        )
