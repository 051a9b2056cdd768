"""Wiring: what the selectors of a document point at, and whether it fits where they stand."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .document import DeclaredStep
from .json_text import freeze
from .kinds import STEP, WILDCARD, kinds_fit
from .links import reference_or_none, selectors_in
from .mistakes import MistakeCode, MistakeLog, json_path, show
from .offers import Offers
from .properties import PropertyShape
from .selectors import Reference, is_selector
from .steps import PlacedStep
from .suggest import nearest
from .workflow import Binding, Template, Wire

__all__ = ["Wiring"]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Resolves the selectors of one document and notes those that lead nowhere.

    Args:
        offers: What they may point at.
        log: Takes the mistakes.
    """

    offers: Offers
    log: MistakeLog

    def bind(self, step: PlacedStep) -> Mapping[str, Binding]:
        """Bind the properties of a step that hold selectors.

        Args:
            step: The step.

        Returns:
            Wires and templates by field name; properties without selectors have none.
        """
        bindings: dict[str, Binding] = {}
        for name, value in step.written.items():
            shape = step.shape.properties[name]
            path = step.path_of(name)
            if isinstance(value, (list, dict)):
                references: list[Reference] = []
                structure = self._structure(value, path, step, shape, references)
                if references:
                    bindings[name] = Template(freeze(structure), tuple(references))
            elif isinstance(value, str) and is_selector(value):
                reference = self._resolve(value, path, shape.whole, step, shape)
                if reference is not None:
                    bindings[name] = Wire(reference)
            elif shape.whole is not None and not shape.literal and value is not None:
                self._note_no_selector(step, shape, value, path)
        return bindings

    def follow(self, declared: DeclaredStep) -> None:
        """Check where the selectors of a step lead whose block is not known."""
        for key, value in declared.properties.items():
            for path, text in selectors_in(value, json_path(declared.path, key)):
                reference = self._well_formed(text, path, declared.name)
                if reference is not None:
                    self._kinds_at(reference, path, declared.name)

    def output(
        self, text: str, path: str, title: str = "the output"
    ) -> tuple[Reference, frozenset[str]] | None:
        """Resolve the selector of an output of the workflow.

        Args:
            text: The selector.
            path: Its JSON path.
            title: How messages name the place.

        Returns:
            What it points at and the kinds of it, or None if it leads nowhere.
        """
        reference = self._well_formed(text, path, None)
        if reference is None:
            return None
        if reference.step is not None and reference.property is None:
            self.log.add(
                MistakeCode.INVALID_SELECTOR,
                path,
                f"{title} names a step; name one of its outputs, or .* for all",
                found=show(text),
                allowed=self.offers.selectors_of(reference.step, wildcard=True),
                suggestion=f"{text}.*",
            )
            return None
        kinds = self._kinds_at(reference, path, None)
        return None if kinds is None else (reference, kinds)

    def _structure(
        self,
        value: Any,
        path: str,
        step: PlacedStep,
        shape: PropertyShape,
        references: list[Reference],
    ) -> Any:
        if isinstance(value, list):
            return [
                self._structure(item, json_path(path, index), step, shape, references)
                for index, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return {
                key: self._structure(item, json_path(path, key), step, shape, references)
                for key, item in value.items()
            }
        if isinstance(value, str) and is_selector(value):
            reference = self._resolve(value, path, shape.inside, step, shape)
            if reference is not None:
                references.append(reference)
                return reference
        return value

    def _resolve(
        self,
        text: str,
        path: str,
        wanted: frozenset[str] | None,
        step: PlacedStep,
        shape: PropertyShape,
    ) -> Reference | None:
        """Resolve the selector of a property and check that it fits."""
        if wanted is None:
            self.log.add(
                MistakeCode.INVALID_SELECTOR,
                path,
                f"{shape.name!r} of {step.title} takes no selector here; write the value out",
                found=show(text),
                allowed=shape.allowed,
            )
            return None
        reader = step.declared.name
        reference = self._well_formed(text, path, reader)
        if reference is None:
            return None
        names_step = reference.step is not None and reference.property is None
        if names_step != (wanted == {STEP}) or reference.property == "*":
            self._note_wrong_form(reference, path, wanted, step, shape)
            return None
        offered = self._kinds_at(reference, path, reader)
        if offered is None:
            return None
        if not names_step and not kinds_fit(offered, wanted):
            self._note_kinds(text, path, offered, wanted, step, shape)
            return None
        return reference

    def _well_formed(self, text: str, path: str, reader: str | None) -> Reference | None:
        reference = reference_or_none(text)
        if reference is not None:
            return reference
        named = re.match(r"\$(?:inputs|steps)\.(.*)", text, re.DOTALL)
        if named and any(named[1].startswith(name) for name in self.offers.document.unusable_names):
            return None  # the name itself is the mistake, and noted where it is given
        close = nearest(text, self.offers.everything(reader))
        self.log.add(
            MistakeCode.INVALID_SELECTOR,
            path,
            "not a selector; write $inputs.NAME or $steps.STEP.PROPERTY, "
            "with names of letters, digits, '_' and '-'",
            found=show(text),
            allowed=close or self.offers.everything(reader),
            suggestion=close[0] if close else None,
        )
        return None

    def _kinds_at(
        self, reference: Reference, path: str, reader: str | None
    ) -> frozenset[str] | None:
        """The kinds of what a reference points at; the wildcard where they cannot be told."""
        if reference.input is not None:
            kinds = self.offers.input_kinds(reference.input)
            if kinds is None:
                self._note_unknown_input(reference, path)
            return kinds
        name = str(reference.step)
        if not self.offers.has_step(name):
            self._note_unknown_step(reference, path, reader)
            return None
        outputs = self.offers.outputs_of(name)
        if outputs is None or reference.property is None:
            return frozenset({WILDCARD})
        if reference.property == "*":
            return frozenset().union(*outputs.values())
        if reference.property not in outputs:
            close = nearest(str(reference), self.offers.selectors_of(name))
            allowed = self.offers.selectors_of(name)
            self.log.add(
                MistakeCode.UNKNOWN_OUTPUT,
                path,
                f"step {name!r} has no output {reference.property!r}",
                found=str(reference),
                allowed=allowed,
                suggestion=close[0] if close else allowed[0] if len(allowed) == 1 else None,
            )
            return None
        return outputs[reference.property]

    def _note_kinds(
        self,
        text: str,
        path: str,
        offered: frozenset[str],
        wanted: frozenset[str],
        step: PlacedStep,
        shape: PropertyShape,
    ) -> None:
        sources = self.offers.sources(wanted, step.declared.name)
        self.log.add(
            MistakeCode.KIND_MISMATCH,
            path,
            f"{text} offers {_listed(offered)}, but {shape.name!r} of {step.title} takes "
            f"{_listed(wanted)}; wire one that fits",
            found=f"{text}: {_listed(offered)}",
            allowed=sources or shape.allowed,
            suggestion=sources[0] if len(sources) == 1 else None,
        )

    def _note_unknown_input(self, reference: Reference, path: str) -> None:
        if not self.offers.document.inputs_known:
            return
        names = [f"$inputs.{name}" for name in self.offers.document.inputs]
        close = nearest(str(reference), names)
        if self.offers.document.nameless_inputs and not close:
            return  # it may well be the input that lacks its name, which is noted
        self.log.add(
            MistakeCode.UNKNOWN_INPUT,
            path,
            f"the document declares no input {reference.input!r}; declare it, or wire another",
            found=str(reference),
            allowed=names,
            suggestion=close[0] if close else None,
        )

    def _note_unknown_step(self, reference: Reference, path: str, reader: str | None) -> None:
        if not self.offers.document.steps_known:
            return
        names = [name for name in self.offers.placed if name != reader]
        close = nearest(str(reference.step), names)
        if self.offers.document.nameless_steps and not close:
            return  # it may well be the step that lacks its name, which is noted
        meant = Reference(step=close[0], property=reference.property) if close else None
        self.log.add(
            MistakeCode.UNKNOWN_STEP,
            path,
            f"the document has no step {reference.step!r}; add it, or wire another",
            found=str(reference),
            allowed=[f"$steps.{name}" for name in names],
            suggestion=str(meant) if meant else None,
        )

    def _note_wrong_form(
        self,
        reference: Reference,
        path: str,
        wanted: frozenset[str],
        step: PlacedStep,
        shape: PropertyShape,
    ) -> None:
        if wanted == {STEP}:
            message = f"{shape.name!r} of {step.title} names steps: write $steps.NAME"
        elif reference.property == "*":
            message = f"{shape.name!r} of {step.title} takes one value; .* is for outputs only"
        else:
            message = f"{reference} names a step; name the output that {shape.name!r} reads"
        sources = self.offers.sources(wanted, step.declared.name) or shape.allowed
        close = nearest(str(reference), sources)
        self.log.add(
            MistakeCode.INVALID_SELECTOR,
            path,
            message,
            found=str(reference),
            allowed=sources,
            suggestion=close[0] if close else None,
        )

    def _note_no_selector(
        self, step: PlacedStep, shape: PropertyShape, value: Any, path: str
    ) -> None:
        sources = self.offers.sources(shape.whole or frozenset(), step.declared.name)
        close = [each for each in sources if each.rpartition(".")[2] == value]
        self.log.add(
            MistakeCode.INVALID_SELECTOR,
            path,
            f"{shape.name!r} of {step.title} is wired, not written out: it takes a selector of "
            f"kind {_listed(shape.whole or ())}",
            found=show(value),
            allowed=sources or shape.allowed,
            suggestion=close[0] if close else sources[0] if len(sources) == 1 else None,
        )


def _listed(kinds: Collection[str]) -> str:
    return " or ".join(sorted(kinds))
