"""What statements compare with: operators of one and of two operands."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sized
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from .column import Column, EachDetection, QueryError, as_list, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BinaryOperator", "UnaryOperator", "Verdict", "compare", "judge"]

BinaryOperator: TypeAlias = Literal[
    "(Number) ==",
    "==",
    "(Number) !=",
    "!=",
    "(Number) >",
    "(Number) >=",
    "(Number) <",
    "(Number) <=",
    "(String) startsWith",
    "(String) endsWith",
    "(String) contains",
    "in (Sequence)",
    "all in (Sequence)",
    "any in (Sequence)",
    "(Detection) in zone",
]
UnaryOperator: TypeAlias = Literal[
    "Exists",
    "DoesNotExist",
    "(Boolean) is True",
    "(Boolean) is False",
    "(Sequence) is empty",
    "(Sequence) is not empty",
]
Verdict: TypeAlias = "bool | NDArray[np.bool_]"
"""True or false; within a filter one for each detection."""


def compare(name: BinaryOperator, left: Any, right: Any) -> Verdict:
    """Compare two operands, each a value or a column.

    Raises:
        QueryError: The operator does not take values of their types.
    """
    if name == "(Detection) in zone":
        return _in_zone(left, right)
    if isinstance(left, EachDetection) or isinstance(right, EachDetection):
        raise QueryError(
            f"the operator {name!r} compares values; read one of the detection with "
            "ExtractDetectionProperty first"
        )
    quick = _quick(name, left, right)
    if quick is not None:
        return quick
    test = _BINARY[name]
    count = next((len(side) for side in (left, right) if isinstance(side, Column)), None)
    if count is None:
        return _test(name, test, left, right)
    lefts = left.plain() if isinstance(left, Column) else [left] * count
    rights = right.plain() if isinstance(right, Column) else [right] * count
    verdicts = [_test(name, test, *pair) for pair in zip(lefts, rights, strict=True)]
    return np.array(verdicts, dtype=bool)


def judge(name: UnaryOperator, operand: Any) -> Verdict:
    """Judge one operand, a value or a column.

    Raises:
        QueryError: The operator does not take a value of its type.
    """
    test = _UNARY[name]
    if isinstance(operand, EachDetection):
        if name not in ("Exists", "DoesNotExist"):
            raise QueryError(
                f"the operator {name!r} does not take a detection, only Exists and DoesNotExist "
                "do; read a value of it with ExtractDetectionProperty first"
            )
        return np.full(len(operand.detections), name == "Exists")
    if isinstance(operand, Column):
        return np.array([_test(name, test, value) for value in operand.plain()], dtype=bool)
    return _test(name, test, operand)


def _test(name: str, test: Callable[..., Any], *operands: Any) -> bool:
    try:
        return bool(test(*operands))
    except (TypeError, ValueError, AttributeError) as error:
        found = " and ".join(map(shown, operands))
        raise QueryError(f"the operator {name!r} does not take {found}: {error}") from error


_NUMERIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "(Number) ==": operator.eq,
    "==": operator.eq,
    "(Number) !=": operator.ne,
    "!=": operator.ne,
    "(Number) >": operator.gt,
    "(Number) >=": operator.ge,
    "(Number) <": operator.lt,
    "(Number) <=": operator.le,
}


def _quick(name: str, left: Any, right: Any) -> NDArray[np.bool_] | None:
    """Compare whole columns of numbers or of texts; None where that is not possible."""
    test = _NUMERIC.get(name)
    if test is None or not (isinstance(left, Column) or isinstance(right, Column)):
        return None
    kinds = {_family(left), _family(right)}
    if kinds != {"number"} and not (kinds == {"text"} and test in (operator.eq, operator.ne)):
        return None
    sides = [side.values if isinstance(side, Column) else side for side in (left, right)]
    verdict: NDArray[np.bool_] = np.asarray(test(*sides), dtype=bool)
    return verdict


def _family(side: Any) -> str:
    if isinstance(side, Column):
        kind = side.values.dtype.kind
        return "number" if kind in "iuf" else "text" if kind == "U" else "other"
    if isinstance(side, bool):
        return "other"
    return "number" if isinstance(side, int | float) else "text" if isinstance(side, str) else ""


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return list(left) == list(right)
    return bool(left == right)


def _among(value: Any, values: Any) -> bool:
    """Tell whether a value is among others; a text is among texts, not part of one."""
    if isinstance(values, Mapping):
        return value in values
    return any(_same(value, one) for one in as_list(values))


def _contains(text: Any, part: Any) -> bool:
    if isinstance(text, str):
        return part in text
    return _among(part, text)


def _length(value: Sized) -> int:
    return len(value)


_BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    **_NUMERIC,
    "(Number) ==": _same,
    "==": _same,
    "(Number) !=": lambda left, right: not _same(left, right),
    "!=": lambda left, right: not _same(left, right),
    "(String) startsWith": lambda left, right: left.startswith(right),
    "(String) endsWith": lambda left, right: left.endswith(right),
    "(String) contains": _contains,
    "in (Sequence)": _among,
    "all in (Sequence)": lambda left, right: all(_among(one, right) for one in as_list(left)),
    "any in (Sequence)": lambda left, right: any(_among(one, right) for one in as_list(left)),
}
_UNARY: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Exists": lambda value: value is not None,
    "DoesNotExist": lambda value: value is None,
    "(Boolean) is True": lambda value: value is True,
    "(Boolean) is False": lambda value: value is False,
    "(Sequence) is empty": lambda value: _length(value) == 0,
    "(Sequence) is not empty": lambda value: _length(value) > 0,
}


def _in_zone(left: Any, zone: Any) -> Verdict:
    """Tell which points lie in a polygon, its edge included; a detection stands at its centre."""
    import cv2

    try:
        outline = np.array(as_list(zone), dtype=np.float32).reshape(-1, 1, 2)
    except (TypeError, ValueError) as error:
        raise QueryError(f"a zone is a list of points [x, y], found {shown(zone)}") from error
    if len(outline) < 3:
        raise QueryError(f"a zone has three points or more, found {len(outline)}")
    if isinstance(left, EachDetection):
        boxes = left.detections.xyxy
        points = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
    else:
        points = left.plain() if isinstance(left, Column) else [left]
    inside = [_test("(Detection) in zone", _point_in(cv2, outline), point) for point in points]
    return np.array(inside, dtype=bool) if isinstance(left, Column | EachDetection) else inside[0]


def _point_in(cv2: Any, outline: NDArray[np.float32]) -> Callable[[Any], bool]:
    def test(point: Any) -> bool:
        x, y = point
        return bool(cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=False) >= 0)

    return test
