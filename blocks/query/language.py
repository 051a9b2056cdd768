"""The query language as documents write it: lists of operations, and groups of statements.

A document is parsed once, with its manifest. Within ``DetectionsFilter`` a statement is about
each detection; it is evaluated for all of them at once, on columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .column import EachDetection, QueryError, as_list
from .comparisons import BinaryOperator, UnaryOperator, Verdict, compare, judge
from .detections_operations import DetectionsOperation, as_detections
from .plain_operations import Operation, PlainOperation, PlainValue

__all__ = ["AnyOperation", "StatementGroup", "evaluate", "run_operations"]

_CURRENT: Final = "_"
"""The operand that statements are about when they name none."""


class DetectionsFilter(Operation):
    """The detections of which a statement is true."""

    type: Literal["DetectionsFilter"]
    filter_operation: StatementGroup

    def apply(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """Keep the detections of which the statement is true."""
        detections = as_detections(value)
        if not len(detections):
            return detections
        verdict = self.filter_operation.verdict({**scope, _CURRENT: EachDetection(detections)})
        return detections[np.broadcast_to(np.asarray(verdict), len(detections))]


class SequenceApply(Operation):
    """A list of what operations make of each value of a list."""

    type: Literal["SequenceApply"]
    operations: list[AnyOperation]

    def apply(self, value: Any, scope: Mapping[str, Any]) -> list[Any]:
        """Work on each value of a list."""
        return [run_operations(self.operations, one, scope) for one in as_list(value)]


AnyOperation: TypeAlias = Annotated[
    PlainOperation | DetectionsOperation | DetectionsFilter | SequenceApply,
    Field(discriminator="type"),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class StaticOperand(_Part):
    """A value that is written out."""

    type: Literal["StaticOperand"]
    value: PlainValue
    operations: list[AnyOperation] = []

    def resolve(self, scope: Mapping[str, Any]) -> Any:
        """Get the value, after its operations."""
        return run_operations(self.operations, self.value, scope)


class DynamicOperand(_Part):
    """The value of a parameter, or what the statement is about."""

    type: Literal["DynamicOperand"]
    operand_name: str = _CURRENT
    operations: list[AnyOperation] = []

    def resolve(self, scope: Mapping[str, Any]) -> Any:
        """Get the value, after its operations.

        Raises:
            QueryError: There is no such parameter.
        """
        if self.operand_name not in scope:
            given = ", ".join(name for name in scope if name != _CURRENT) or "none"
            raise QueryError(
                f"a statement reads the parameter {self.operand_name!r}, which is not given; "
                f"given: {given}"
            )
        return run_operations(self.operations, scope[self.operand_name], scope)


_Operand: TypeAlias = Annotated[StaticOperand | DynamicOperand, Field(discriminator="type")]


class _BinaryOperator(_Part):
    type: BinaryOperator


class _UnaryOperator(_Part):
    type: UnaryOperator


class BinaryStatement(_Part):
    """A comparison of two operands."""

    type: Literal["BinaryStatement"]
    left_operand: _Operand
    comparator: _BinaryOperator
    right_operand: _Operand
    negate: bool = False

    def verdict(self, scope: Mapping[str, Any]) -> Verdict:
        """Tell whether the statement is true."""
        left, right = self.left_operand.resolve(scope), self.right_operand.resolve(scope)
        return _negated(compare(self.comparator.type, left, right), self.negate)


class UnaryStatement(_Part):
    """A judgement of one operand."""

    type: Literal["UnaryStatement"]
    operand: _Operand
    operator: _UnaryOperator
    negate: bool = False

    def verdict(self, scope: Mapping[str, Any]) -> Verdict:
        """Tell whether the statement is true."""
        return _negated(judge(self.operator.type, self.operand.resolve(scope)), self.negate)


class StatementGroup(_Part):
    """Statements of which one, or all, must be true."""

    type: Literal["StatementGroup"]
    statements: list[
        Annotated[
            BinaryStatement | UnaryStatement | StatementGroup,
            Field(discriminator="type"),
        ]
    ] = Field(min_length=1)
    operator: Literal["and", "or"] = "or"

    combine: ClassVar[Mapping[str, Any]] = {"and": np.logical_and, "or": np.logical_or}

    def verdict(self, scope: Mapping[str, Any]) -> Verdict:
        """Tell whether the group is true.

        Outside a filter the first statement that decides ends the search, so that one that
        guards against an empty list can stand before one that needs a value.
        """
        result = self.statements[0].verdict(scope)
        for statement in self.statements[1:]:
            if isinstance(result, bool):
                decides = result == (self.operator == "or")
                result = result if decides else statement.verdict(scope)
            else:
                result = self.combine[self.operator](result, statement.verdict(scope))
        return result


def _negated(verdict: Verdict, negate: bool) -> Verdict:
    if not negate:
        return verdict
    return not verdict if isinstance(verdict, bool) else ~verdict


def run_operations(
    operations: Sequence[AnyOperation], value: Any, parameters: Mapping[str, Any]
) -> Any:
    """Run operations one after the other.

    Args:
        operations: As parsed.
        value: What the first one takes.
        parameters: Values that statements within read by name.

    Returns:
        What the last one gives; the value itself if there are none.

    Raises:
        QueryError: An operation cannot work with what it is given; names it.
    """
    for index, operation in enumerate(operations):
        try:
            value = operation.apply(value, parameters)
        except QueryError:
            raise
        except (TypeError, ValueError, ArithmeticError) as error:
            raise QueryError(f"operation {index} ({operation.type}): {error}") from error
    return value


def evaluate(statement: StatementGroup, parameters: Mapping[str, Any]) -> bool:
    """Tell whether a statement is true of parameters.

    Args:
        statement: As parsed.
        parameters: Values by name.

    Raises:
        QueryError: A parameter is not given, or an operator does not take its value.
    """
    return bool(np.all(statement.verdict(parameters)))


DetectionsFilter.model_rebuild()
SequenceApply.model_rebuild()
StatementGroup.model_rebuild()
