"""Columns: one value for each detection, so that a filter looks at all detections at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from trackwire.specs import BlockError

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["Column", "EachDetection", "QueryError", "as_list", "decimals", "each", "shown"]

_LONGEST_SHOWN: Final = 60


class QueryError(BlockError, ValueError):
    """An operation or statement was given a value that it cannot work with."""

    default_code = "query"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A value for each detection.

    Args:
        values: ``(N,)`` of any type; values that numpy has no type for are objects.
    """

    values: NDArray[Any]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Column:
        """Make a column of plain values; numbers, booleans and texts alike become arrays."""
        kinds = {type(value) for value in values}
        if kinds and (kinds <= {int, float} or kinds in ({bool}, {str})):
            return cls(np.array(values))
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return cls(column)

    def plain(self) -> list[Any]:
        """The values as plain Python values."""
        plain: list[Any] = self.values.tolist()
        return plain

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class EachDetection:
    """What a statement within a filter is about: each detection on its own.

    Args:
        detections: All of them.
    """

    detections: sv.Detections


def each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Change a value, or each value of a column."""
    if isinstance(value, Column):
        return Column.of([change(one) for one in value.plain()])
    return change(value)


def as_list(value: Any) -> list[Any]:
    """Take a value as a sequence.

    Raises:
        TypeError: It is a text or no sequence.
    """
    if isinstance(value, np.ndarray):
        values: list[Any] = value.tolist()
        return values
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"a list is needed, found {shown(value)}")
    return list(value)


def decimals(numbers: NDArray[Any]) -> NDArray[Any]:
    """Read single-precision numbers as the shortest decimals that stand for them.

    A confidence that a model gave as 0.7 is 0.69999999 in single precision; a statement that
    compares it with 0.7 must find them equal.
    """
    if numbers.dtype == np.float32:
        return numbers.astype(str).astype(np.float64)
    return numbers


def shown(value: Any) -> str:
    """Name a value in an error: its type, and the value where it is short."""
    text = repr(value)
    kind = type(value).__name__
    return f"{text} ({kind})" if len(text) <= _LONGEST_SHOWN else f"a value of type {kind}"
