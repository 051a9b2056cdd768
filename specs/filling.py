"""Filling: the values of run-time parameters put where selectors point at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .json_text import freeze
from .selectors import Reference
from .steps import PlacedStep
from .workflow import Binding, LiteralValue, Template, Wire

__all__ = ["fill_parameters", "settle"]


def fill_parameters(
    step: PlacedStep, bindings: Mapping[str, Binding], values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Put the values of run-time parameters where selectors point at them.

    Args:
        step: The step.
        bindings: Its wires and templates.
        values: Values of parameters by name.

    Returns:
        Values by field name, for the properties that read a parameter and take values written
        out. Where a list or dict also reads something else, its other selectors stay.
    """
    filled: dict[str, Any] = {}
    for name, binding in bindings.items():
        shape = step.shape.properties[name]
        if isinstance(binding, Wire) and shape.literal and binding.reference.input in values:
            filled[name] = values[str(binding.reference.input)]
        elif (
            isinstance(binding, Template)
            and shape.literal_inside
            and any(reference.input in values for reference in binding.references)
        ):
            filled[name] = _fill(binding.structure, values)
    return filled


def settle(binding: Binding | None, value: Any, filled: bool, values: Mapping[str, Any]) -> Binding:
    """Decide what the engine is given for a property.

    Args:
        binding: Its wire or template, None where it has no selectors.
        value: Its validated value.
        filled: Whether parameters were put in.
        values: Values of parameters by name.

    Returns:
        The literal value where nothing is left to read from frames or steps.
    """
    if binding is None:
        return LiteralValue(freeze(value))
    references = (binding.reference,) if isinstance(binding, Wire) else _references(binding)
    if filled and all(reference.input in values for reference in references):
        return LiteralValue(freeze(value))
    return binding


def _references(binding: Binding) -> tuple[Reference, ...]:
    return binding.references if isinstance(binding, Template) else ()


def _fill(structure: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(structure, Reference):
        return values.get(structure.input or "", str(structure))
    if isinstance(structure, Mapping):
        return {key: _fill(item, values) for key, item in structure.items()}
    if isinstance(structure, tuple):
        return [_fill(item, values) for item in structure]
    return structure
