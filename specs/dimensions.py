"""Dimensions: how deep the elements of each step are nested.

An image per stream has dimensionality 1, the crops of an image 2. A step works at the deepest
level it reads; ``output_dimension`` of its traits then splits or gathers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .mistakes import MistakeCode, MistakeLog
from .selectors import Reference
from .steps import PlacedStep
from .workflow import Binding, Input, Template, Wire

__all__ = ["measure_dimensions"]


def measure_dimensions(
    order: Sequence[PlacedStep],
    bindings: Mapping[str, Mapping[str, Binding]],
    inputs: Mapping[str, Input],
    log: MistakeLog,
) -> Mapping[str, int]:
    """Work out the dimensionality of the outputs of each step.

    Args:
        order: Steps in an order of execution.
        bindings: Wires and templates of each step by its name.
        inputs: Declared inputs.
        log: Takes the mistakes: levels that do not fit together, and steps with a memory of
            their stream that are to read several elements of it at once.

    Returns:
        Dimensionality by name of step. Steps about which it cannot be told are left out.
    """
    levels: dict[str, int] = {}
    splitters: dict[str, str] = {}
    for step in order:
        name = str(step.declared.name)
        reads = list(_levels_read(bindings[name], inputs, levels))
        if any(level is None for _, _, level in reads):
            continue  # reads a broken step, about which enough is said
        nested = {level: (prop, ref) for prop, ref, level in reversed(reads) if level}
        level = max(nested, default=1)
        splitter = next(
            (
                splitters[reference.step]
                for _, reference, _ in reads
                if reference.step is not None and reference.step in splitters
            ),
            None,
        )
        if len(nested) > 1:
            _note_mix(step, nested, log)
        elif level > 1 and not step.block.manifest.traits.pure:
            _note_memory(step, *nested[level], splitter, log)
        result = level + step.block.manifest.traits.output_dimension
        if result < 1:
            log.add(
                MistakeCode.DIMENSION_MISMATCH,
                step.declared.path,
                f"{step.title} gathers the parts of an image, but reads whole images; "
                "put it behind a step that splits images, such as a crop",
                found="dimensionality 1",
                allowed=("2 or more",),
            )
            continue
        levels[name] = result
        if result > level:
            splitters[name] = name
        elif splitter is not None and result > 1:
            splitters[name] = splitter
    return levels


def _levels_read(
    bindings: Mapping[str, Binding], inputs: Mapping[str, Input], levels: Mapping[str, int]
) -> Iterator[tuple[str, Reference, int | None]]:
    for name, binding in bindings.items():
        if isinstance(binding, Wire):
            references: tuple[Reference, ...] = (binding.reference,)
        else:
            references = binding.references if isinstance(binding, Template) else ()
        for reference in references:
            if reference.input is not None:
                yield name, reference, inputs[reference.input].dimensionality
            elif reference.property is not None:
                yield name, reference, levels.get(str(reference.step))


def _note_mix(
    step: PlacedStep, nested: Mapping[int, tuple[str, Reference]], log: MistakeLog
) -> None:
    deepest = max(nested)
    name, _ = nested[deepest]
    ends = ", ".join(f"{reference} has {level}" for level, (_, reference) in nested.items())
    log.add(
        MistakeCode.DIMENSION_MISMATCH,
        step.path_of(name),
        f"{step.title} reads values of different dimensionality ({ends}); "
        "read everything from the same side of the step that splits or gathers",
        found=f"dimensionality {deepest}",
        allowed=tuple(str(level) for level in sorted(nested) if level != deepest),
    )


def _note_memory(
    step: PlacedStep, name: str, reference: Reference, splitter: str | None, log: MistakeLog
) -> None:
    if splitter is not None:
        log.add(
            MistakeCode.TRACKER_BEHIND_CROP,
            step.path_of(name),
            f"{step.title} remembers its stream from frame to frame, and step {splitter!r} before "
            "it cuts each frame into parts that are no stream; track on whole frames and crop "
            "afterwards",
            found=str(reference),
            allowed=("values with one element per stream",),
        )
    else:
        log.add(
            MistakeCode.DIMENSION_MISMATCH,
            step.path_of(name),
            f"{step.title} remembers its stream from frame to frame and takes one element per "
            f"stream, but {reference} has several",
            found=str(reference),
            allowed=("values of dimensionality 1",),
        )
