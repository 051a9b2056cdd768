"""The query language: statements about values, and about each detection of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trackwire.blocks import Frame, build_detections
from trackwire.blocks.query.column import QueryError
from trackwire.blocks.query.language import StatementGroup, evaluate
from trackwire.specs import SpecificationError, compile_workflow

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]


def operand(value: Any) -> dict[str, Any]:
    """A value written out."""
    return {"type": "StaticOperand", "value": value}


def read(name: str) -> dict[str, Any]:
    """A property of the detection a statement is about."""
    operation = {"type": "ExtractDetectionProperty", "property_name": name}
    return {"type": "DynamicOperand", "operations": [operation]}


def binary(left: Any, comparator: str, right: Any, **more: Any) -> dict[str, Any]:
    """A comparison."""
    return {
        "type": "BinaryStatement",
        "left_operand": left,
        "comparator": {"type": comparator},
        "right_operand": right,
        **more,
    }


def unary(value: Any, operator: str, **more: Any) -> dict[str, Any]:
    """A judgement."""
    return {"type": "UnaryStatement", "operand": value, "operator": {"type": operator}, **more}


def group(*statements: dict[str, Any], **more: Any) -> StatementGroup:
    """A group of statements, parsed."""
    return StatementGroup.model_validate(
        {"type": "StatementGroup", "statements": list(statements), **more}
    )


@pytest.mark.parametrize(
    ("left", "comparator", "right", "verdict"),
    [
        (1, "(Number) ==", 1.0, True),
        ("a", "==", "a", True),
        ([1, 2], "==", [1, 2], True),
        (1, "(Number) !=", 2, True),
        ("a", "!=", "a", False),
        (2, "(Number) >", 1, True),
        (1, "(Number) >=", 1, True),
        (1, "(Number) <", 1, False),
        (1, "(Number) <=", 1, True),
        ("carpet", "(String) startsWith", "car", True),
        ("carpet", "(String) endsWith", "car", False),
        ("carpet", "(String) contains", "pet", True),
        ("car", "in (Sequence)", ["car", "dog"], True),
        ("car", "in (Sequence)", ["carpet"], False),
        ("car", "in (Sequence)", {"car": 1}, True),
        ([1, 2], "all in (Sequence)", [1, 2, 3], True),
        ([1, 4], "all in (Sequence)", [1, 2, 3], False),
        ([1, 4], "any in (Sequence)", [1, 2, 3], True),
        ([], "any in (Sequence)", [1], False),
        ([5, 5], "(Detection) in zone", SQUARE, True),
        ([10, 10], "(Detection) in zone", SQUARE, True),
        ([11, 5], "(Detection) in zone", SQUARE, False),
    ],
)
def test_a_comparison(left: Any, comparator: str, right: Any, verdict: bool) -> None:
    """Each comparison says what its name says, and the opposite when it is negated."""
    statement = (operand(left), comparator, operand(right))
    assert evaluate(group(binary(*statement)), {}) is verdict
    assert evaluate(group(binary(*statement, negate=True)), {}) is not verdict


@pytest.mark.parametrize(
    ("value", "operator", "verdict"),
    [
        (0, "Exists", True),
        (None, "Exists", False),
        (None, "DoesNotExist", True),
        (True, "(Boolean) is True", True),
        (1, "(Boolean) is True", False),
        (False, "(Boolean) is False", True),
        ([], "(Sequence) is empty", True),
        ([0], "(Sequence) is not empty", True),
    ],
)
def test_a_judgement(value: Any, operator: str, verdict: bool) -> None:
    """Each judgement says what its name says, of what is written out or given."""
    assert evaluate(group(unary(operand(value), operator)), {}) is verdict
    given_value = {"type": "DynamicOperand", "operand_name": "x"}
    assert evaluate(group(unary(given_value, operator)), {"x": value}) is verdict


@pytest.mark.parametrize(
    ("operator", "truths", "verdict"),
    [
        ("and", [True, True], True),
        ("and", [True, False], False),
        ("or", [False, True], True),
        ("or", [False, False], False),
        (None, [False, True], True),
    ],
)
def test_a_group(operator: str | None, truths: list[bool], verdict: bool) -> None:
    """One statement is enough unless all must be true; groups may hold groups."""
    statements = [unary(operand(truth), "(Boolean) is True") for truth in truths]
    more = {} if operator is None else {"operator": operator}
    assert evaluate(group(*statements, **more), {}) is verdict
    inner = {"type": "StatementGroup", "statements": statements, **more}
    assert evaluate(group(inner), {}) is verdict


def test_a_statement_can_guard_the_next() -> None:
    """What comes after a statement that decides is not looked at."""
    first = {
        "type": "DynamicOperand",
        "operand_name": "x",
        "operations": [{"type": "SequenceAggregate", "mode": "first"}],
    }
    whole = {"type": "DynamicOperand", "operand_name": "x"}
    guarded = group(
        unary(whole, "(Sequence) is not empty"),
        binary(first, "(Number) >", operand(3)),
        operator="and",
    )
    assert evaluate(guarded, {"x": []}) is False
    assert evaluate(guarded, {"x": [5]}) is True


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (binary(operand("a"), "(Number) >", operand(1)), r"\(Number\) >"),
        (binary(operand(3), "(String) startsWith", operand("a")), "startsWith"),
        (binary(operand("a"), "in (Sequence)", operand("abc")), "list"),
        (binary(operand([5, 5]), "(Detection) in zone", operand([[0, 0]])), "three points"),
        (binary(operand("x"), "(Detection) in zone", operand(SQUARE)), "in zone"),
        (unary(operand(3), "(Sequence) is empty"), "is empty"),
        (unary({"type": "DynamicOperand", "operand_name": "y"}, "Exists"), "'y'.*given: x"),
    ],
)
def test_values_that_do_not_fit_are_named(statement: Any, said: str) -> None:
    """A comparison of things that cannot be compared says what they are."""
    with pytest.raises(QueryError, match=said):
        evaluate(group(statement), {"x": 1})


def test_an_empty_group_is_refused() -> None:
    """A group needs a statement."""
    with pytest.raises(ValidationError):
        group()


NUMBERS = ("confidence", "x_min", "size", "tracker_id", "speed")
TEXTS = ("class_name",)
comparisons = st.one_of(
    st.builds(
        binary,
        st.sampled_from(NUMBERS).map(read),
        st.sampled_from(["(Number) >", "(Number) <=", "(Number) ==", "!="]),
        st.sampled_from([0, 0.7, 3, 12, 200]).map(operand),
        negate=st.booleans(),
    ),
    st.builds(
        binary,
        st.sampled_from(TEXTS).map(read),
        st.sampled_from(["==", "!=", "(String) startsWith", "in (Sequence)"]),
        st.just({"type": "DynamicOperand", "operand_name": "word"}),
    ).filter(lambda each: each["comparator"]["type"] != "in (Sequence)"),
    st.builds(
        binary,
        st.sampled_from(["class_name", "tracker_id", "confidence"]).map(read),
        st.just("in (Sequence)"),
        st.sampled_from([["cat", 12, 0.7], []]).map(operand),
    ),
    st.builds(
        binary,
        st.sampled_from(["center", "top_left"]).map(read),
        st.just("(Detection) in zone"),
        st.just(operand(SQUARE)),
    ),
    st.builds(unary, st.sampled_from(["time_in_zone", "speed"]).map(read), st.just("Exists")),
)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 30), st.sampled_from([0.3, 0.7, 0.9]), st.sampled_from(["cat", "dog"])
        ),
        max_size=6,
    ),
    statements=st.lists(comparisons, min_size=1, max_size=3),
    operator=st.sampled_from(["and", "or"]),
)
def test_all_at_once_is_one_by_one(
    make_frame: Callable[..., Frame], rows: Any, statements: Any, operator: str
) -> None:
    """A filter keeps of many detections what it keeps of each alone."""
    chosen = {
        "type": "DetectionsFilter",
        "filter_operation": {
            "type": "StatementGroup",
            "statements": statements,
            "operator": operator,
        },
    }
    keep = filter_of(chosen)
    frame = make_frame()
    detections = build_detections(
        frame,
        np.array([[x, x // 2, x + 10, x // 2 + 10] for x, *_ in rows], float).reshape(-1, 4),
        confidence=[confidence for _, confidence, _ in rows],
        class_name=[name for *_, name in rows],
        tracker_id=np.arange(10, 10 + len(rows)),
        producer="test",
        data={"speed": np.arange(len(rows), dtype=float)},
    )
    together = keep(detections).tracker_id.tolist()
    alone = [
        track
        for index in range(len(rows))
        for track in keep(detections[[index]]).tracker_id.tolist()
    ]
    assert together == alone


def filter_of(operation: dict[str, Any]) -> Callable[[Any], Any]:
    """Parse a filter once, as a document is."""
    from trackwire.blocks.query.language import DetectionsFilter

    parsed = DetectionsFilter.model_validate(operation)
    return lambda detections: parsed.apply(detections, {"word": "cat"})


def test_single_precision_equals_its_decimal(make_frame: Callable[..., Frame]) -> None:
    """A confidence that was given as 0.7 is not below 0.7, though it is stored more coarsely."""
    detections = build_detections(make_frame(), [[0, 0, 4, 4]], confidence=[0.7], producer="test")
    statement = binary(read("confidence"), "(Number) >=", operand(0.7))
    keep = filter_of(
        {
            "type": "DetectionsFilter",
            "filter_operation": {"type": "StatementGroup", "statements": [statement]},
        }
    )
    assert len(keep(detections)) == 1
    assert len(keep(sv.Detections.empty())) == 0


def document(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A document with a filter."""
    return {
        "version": "1.0",
        "inputs": [
            {
                "type": "WorkflowBatchInput",
                "name": "found",
                "kind": ["object_detection_prediction"],
            }
        ],
        "steps": [
            {
                "type": "DetectionsFilter",
                "name": "filter",
                "predictions": "$inputs.found",
                "operations": operations,
            }
        ],
        "outputs": [{"type": "JsonField", "name": "kept", "selector": "$steps.filter.predictions"}],
    }


def test_misspelt_words_are_mistakes_at_their_place() -> None:
    """Every misspelt operation, property and comparison is named, with what was meant."""
    bad = binary(read("clas_name"), "in (Sequenc)", operand(["cat"]))
    operations: list[dict[str, Any]] = [
        {
            "type": "DetectionsFilter",
            "filter_operation": {"type": "StatementGroup", "statements": [bad]},
        },
        {"type": "SortDetection", "mode": "size"},
    ]
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(document(operations))
    found = {
        each.path.removeprefix("$.steps[0].operations"): each for each in caught.value.mistakes
    }
    inner = "[0].filter_operation.statements[0]"
    assert {path: each.suggestion for path, each in found.items()} == {
        f"{inner}.left_operand.operations[0].property_name": "class_name",
        f"{inner}.comparator.type": "in (Sequence)",
        "[1].type": "SortDetections",
    }


def test_a_selector_in_a_statement_is_refused() -> None:
    """A statement reads parameters by name; a selector in it would be taken for a text."""
    statement = binary(read("class_name"), "==", operand("$inputs.wanted"))
    operations = [
        {
            "type": "DetectionsFilter",
            "filter_operation": {"type": "StatementGroup", "statements": [statement]},
        }
    ]
    with pytest.raises(SpecificationError) as caught:
        compile_workflow(document(operations))
    assert [each.code for each in caught.value.mistakes] == ["invalid_selector"]
