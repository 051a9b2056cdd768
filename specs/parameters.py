"""Run-time parameters: the values a caller gives to a workflow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Final

from . import kinds as k
from .json_text import freeze
from .mistakes import MistakeCode, MistakeLog, json_path, show
from .suggest import nearest
from .workflow import Input

__all__ = ["merge_parameters", "value_fits"]

PARAMETERS_ROOT: Final = "parameters"
"""Where mistakes in run-time parameters are placed: they are not part of the document."""


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    k.BOOLEAN: lambda value: isinstance(value, bool),
    k.DICTIONARY: lambda value: isinstance(value, Mapping),
    k.FLOAT: _is_number,
    k.FLOAT_ZERO_TO_ONE: lambda value: _is_number(value) and 0 <= value <= 1,
    k.INTEGER: _is_whole,
    k.LABELED_POINTS: _is_list,
    k.LIST_OF_VALUES: _is_list,
    k.ROBOFLOW_MODEL_ID: lambda value: isinstance(value, str) and bool(value),
    k.STRING: lambda value: isinstance(value, str),
    k.ZONE: _is_list,
}


def value_fits(value: Any, kinds: Collection[str]) -> bool:
    """Tell whether a value is of one of the kinds; a kind without a test fits every value."""
    return any(kind not in _FITS or _FITS[kind](value) for kind in kinds)


def merge_parameters(
    inputs: Mapping[str, Input],
    given: Mapping[str, Any],
    log: MistakeLog,
    *,
    require_all: bool = True,
    inputs_known: bool = True,
) -> Mapping[str, Any]:
    """Merge what the caller gave over the defaults.

    Args:
        inputs: Declared inputs.
        given: Values by name.
        log: Takes the mistakes: unknown names, values of the wrong kind, values left out.
        require_all: Whether a parameter without default must be given.
        inputs_known: False if the document's inputs could not be read: then nothing is unknown.

    Returns:
        Read-only values by name.
    """
    parameters = {name: each for name, each in inputs.items() if each.role == "parameter"}
    for name in given:
        if name not in parameters and inputs_known:
            _note_unknown(str(name), inputs, log)
    values: dict[str, Any] = {}
    for name, each in parameters.items():
        if name in given:
            if value_fits(given[name], each.kinds):
                values[name] = freeze(given[name])
            else:
                log.add(
                    MistakeCode.INVALID_PARAMETER,
                    json_path(PARAMETERS_ROOT, name),
                    f"the value of parameter {name!r} is not of its kind",
                    found=show(given[name]),
                    allowed=sorted(each.kinds),
                )
        elif not each.required:
            values[name] = each.default
        elif require_all:
            log.add(
                MistakeCode.MISSING_PARAMETER,
                json_path(PARAMETERS_ROOT, name),
                f"parameter {name!r} has no default and was not given",
                allowed=sorted(each.kinds),
            )
    return MappingProxyType(values)


def _note_unknown(name: str, inputs: Mapping[str, Input], log: MistakeLog) -> None:
    parameters = [each.name for each in inputs.values() if each.role == "parameter"]
    close = nearest(name, parameters)
    log.add(
        MistakeCode.UNKNOWN_PARAMETER,
        json_path(PARAMETERS_ROOT, name),
        f"{name!r} is an input of role {inputs[name].role}, which the source feeds; leave it out"
        if name in inputs
        else "the workflow declares no parameter of this name; leave it out, or declare it",
        found=name,
        allowed=parameters,
        suggestion=close[0] if close else None,
    )
