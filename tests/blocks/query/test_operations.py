"""The query language: what each operation makes of a value."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import supervision as sv
from pydantic import TypeAdapter, ValidationError

from trackwire.blocks import Frame, build_detections, detections_to_json
from trackwire.blocks.query.column import QueryError
from trackwire.blocks.query.language import AnyOperation, run_operations

CHAIN: TypeAdapter[list[AnyOperation]] = TypeAdapter(list[AnyOperation])


def query(value: Any, *operations: dict[str, Any], **parameters: Any) -> Any:
    """Parse operations and run them."""
    return run_operations(CHAIN.validate_python(list(operations)), value, parameters)


@pytest.mark.parametrize(
    ("operation", "value", "result"),
    [
        ({"type": "StringToLowerCase"}, "CaT", "cat"),
        ({"type": "StringToUpperCase"}, "CaT", "CAT"),
        ({"type": "StringSubSequence", "start": 1, "end": 3}, "abcde", "bc"),
        ({"type": "StringSubSequence"}, "abcde", "abcd"),
        ({"type": "StringMatches", "regex": "^c.t$"}, "cut", True),
        ({"type": "StringMatches", "regex": "^c.t$"}, "cute", False),
        ({"type": "ToString"}, 3, "3"),
        ({"type": "ToNumber", "cast_to": "int"}, "3.9", 3),
        ({"type": "ToNumber", "cast_to": "float"}, "3.5", 3.5),
        ({"type": "ToBoolean"}, 0.0, False),
        ({"type": "ToBoolean"}, "True", True),
        ({"type": "NumberRound", "decimal_digits": 1}, 2.345, 2.3),
        ({"type": "Multiply", "other": 3}, 7, 21),
        ({"type": "Divide", "other": 4}, 7, 1.75),
        ({"type": "RandomNumber", "min_value": 2.0, "max_value": 2.0}, "whatever", 2.0),
        ({"type": "LookupTable", "lookup_table": {"a": 1, "7": "seven"}}, 7, "seven"),
        ({"type": "SequenceMap", "lookup_table": {"a": 1, "b": None}}, ["b", "a"], [None, 1]),
        ({"type": "NumericSequenceAggregate", "function": "min"}, [3, 1, 2], 1),
        ({"type": "NumericSequenceAggregate", "function": "max"}, [3, 1, 2], 3),
        ({"type": "NumericSequenceAggregate", "function": "sum"}, [3, 1, 2], 6),
        (
            {"type": "NumericSequenceAggregate", "function": "sum", "neutral_value": -1},
            [],
            -1,
        ),
        ({"type": "SequenceAggregate", "mode": "first"}, ["x", "y", "y"], "x"),
        ({"type": "SequenceAggregate", "mode": "last"}, ["x", "y", "z"], "z"),
        ({"type": "SequenceAggregate", "mode": "most_common"}, ["x", "y", "y"], "y"),
        ({"type": "SequenceAggregate", "mode": "least_common"}, ["x", "y", "y"], "x"),
        ({"type": "SequenceLength"}, [1, 2, 3], 3),
        ({"type": "SequenceLength"}, {"a": 1}, 1),
        ({"type": "SequenceElementsCount"}, ["x", "y", "y"], {"x": 1, "y": 2}),
        ({"type": "ConvertDictionaryToJSON"}, {"a": [1]}, '{"a": [1]}'),
        (
            {"type": "SequenceApply", "operations": [{"type": "Multiply", "other": 2}]},
            [1, 2.5],
            [2, 5.0],
        ),
    ],
)
def test_an_operation_on_a_plain_value(operation: Any, value: Any, result: Any) -> None:
    """Each operation gives what its description says."""
    assert query(value, operation) == result


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        ({"type": "StringToLowerCase"}, 3),
        ({"type": "ToNumber", "cast_to": "int"}, "three"),
        ({"type": "NumberRound", "decimal_digits": 1}, "2.3"),
        ({"type": "Multiply", "other": 2}, True),
        ({"type": "LookupTable", "lookup_table": {"a": 1}}, "b"),
        ({"type": "NumericSequenceAggregate", "function": "sum"}, "123"),
        ({"type": "NumericSequenceAggregate", "function": "sum"}, ["1"]),
        ({"type": "SequenceAggregate", "mode": "first"}, []),
        ({"type": "SequenceLength"}, 3),
        ({"type": "SequenceApply", "operations": []}, 3),
        ({"type": "ConvertDictionaryToJSON"}, [1]),
        ({"type": "ConvertDictionaryToJSON"}, {"a": {1}}),
        ({"type": "ExtractImageProperty", "property_name": "width"}, "image"),
        ({"type": "DetectionsPropertyExtract", "property_name": "size"}, [1]),
        ({"type": "ExtractDetectionProperty", "property_name": "size"}, sv.Detections.empty()),
    ],
)
def test_a_value_that_does_not_fit_is_named(operation: Any, value: Any) -> None:
    """An operation that cannot work says which it is and what it found."""
    with pytest.raises(QueryError, match=f"operation 0 \\({operation['type']}\\)"):
        query(value, operation)


@pytest.mark.parametrize(
    "operation",
    [
        {"type": "Divide", "other": 0},
        {"type": "StringMatches", "regex": "("},
        {"type": "ToNumber", "cast_to": "complex"},
        {"type": "NoSuchThing"},
        {"type": "LookupTable"},
        {"type": "ConvertImageToJPEG", "compression_level": 0},
    ],
)
def test_a_bad_operation_is_refused_when_it_is_parsed(operation: Any) -> None:
    """What can never work is found in the document, not on a frame."""
    with pytest.raises(ValidationError):
        CHAIN.validate_python([operation])


@pytest.fixture
def animals(make_frame: Callable[..., Frame]) -> sv.Detections:
    """Three tracked detections."""
    return build_detections(
        make_frame(),
        np.array([[10, 10, 30, 20], [0, 0, 40, 40], [31, 5, 35.5, 9]]),
        confidence=[0.7, 0.9, 0.8],
        class_id=[4, 2, 4],
        class_name=["cat", "dog", "cat"],
        tracker_id=[11, 12, 13],
        producer="test",
        data={"speed": np.array([1.5, 0.0, 2.5])},
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("confidence", [0.7, 0.9, 0.8]),
        ("class_name", ["cat", "dog", "cat"]),
        ("class_id", [4, 2, 4]),
        ("tracker_id", [11, 12, 13]),
        ("x_min", [10, 0, 31]),
        ("y_min", [10, 0, 5]),
        ("x_max", [30, 40, 35.5]),
        ("y_max", [20, 40, 9]),
        ("size", [200, 1600, 18]),
        ("center", [[20, 15], [20, 20], [33, 7]]),
        ("top_left", [[10, 10], [0, 0], [31, 5]]),
        ("bottom_right", [[30, 20], [40, 40], [36, 9]]),
        ("image_dimensions", [[48, 64]] * 3),
        ("prediction_type", ["object-detection"] * 3),
        ("speed", [1.5, 0.0, 2.5]),
        ("time_in_zone", [None, None, None]),
    ],
)
def test_a_property_of_all_detections(animals: sv.Detections, name: str, values: Any) -> None:
    """Properties are plain values, confidences the decimals they were written as."""
    operation = {"type": "DetectionsPropertyExtract", "property_name": name}
    assert query(animals, operation) == values
    assert query(animals[[]], operation) == []


@pytest.mark.parametrize(
    ("operation", "tracks"),
    [
        ({"type": "DetectionsSelection", "mode": "left_most"}, [11]),
        ({"type": "DetectionsSelection", "mode": "right_most"}, [13]),
        ({"type": "DetectionsSelection", "mode": "top_confidence"}, [12]),
        ({"type": "DetectionsSelection", "mode": "first"}, [11]),
        ({"type": "DetectionsSelection", "mode": "last"}, [13]),
        ({"type": "SortDetections", "mode": "confidence"}, [11, 13, 12]),
        ({"type": "SortDetections", "mode": "size", "ascending": False}, [12, 11, 13]),
        ({"type": "SortDetections", "mode": "center_x"}, [11, 12, 13]),
        ({"type": "SortDetections", "mode": "center_y"}, [13, 11, 12]),
        ({"type": "PickDetectionsByParentClass", "parent_class": "dog"}, [12, 11, 13]),
        ({"type": "PickDetectionsByParentClass", "parent_class": "cat"}, [11, 13, 12]),
        ({"type": "PickDetectionsByParentClass", "parent_class": "cow"}, []),
    ],
)
def test_detections_are_picked_and_sorted(
    animals: sv.Detections, operation: Any, tracks: list[int]
) -> None:
    """Picking and sorting keep all fields of what stays, and take an empty frame as it is."""
    found = query(animals, operation)
    assert found.tracker_id.tolist() == tracks
    assert len(found.data["class_name"]) == len(tracks)
    assert len(query(animals[[]], operation)) == 0


def test_boxes_are_widened_and_moved(animals: sv.Detections) -> None:
    """Boxes grow by the offset in all, half of it on each side; a shift moves them."""
    before = animals.xyxy.copy()
    wider = query(animals, {"type": "DetectionsOffset", "offset_x": 4, "offset_y": 2})
    assert wider.xyxy[0].tolist() == [8, 9, 32, 21]
    moved = query(animals, {"type": "DetectionsShift", "shift_x": 3, "shift_y": -2})
    assert moved.xyxy[0].tolist() == [13, 8, 33, 18]
    assert moved.xyxy.dtype == np.float32
    assert np.array_equal(animals.xyxy, before)


def test_classes_are_renamed(animals: sv.Detections) -> None:
    """Strictly all classes get new names and ids; else those named do, with ids of their own."""
    strict = {"type": "DetectionsRename", "class_map": {"cat": "pet", "dog": "beast"}}
    renamed = query(animals, strict)
    assert renamed.data["class_name"].tolist() == ["pet", "beast", "pet"]
    assert renamed.class_id.tolist() == [1, 0, 1]
    loose = {"type": "DetectionsRename", "class_map": "names", "strict": "strictly"}
    renamed = query(animals, loose, names={"cat": "pet"}, strictly=False)
    assert renamed.data["class_name"].tolist() == ["pet", "dog", "pet"]
    assert renamed.class_id.tolist() == [1024, 2, 1024]
    with pytest.raises(QueryError, match="dog"):
        query(animals, {**strict, "class_map": {"cat": "pet"}})
    with pytest.raises(QueryError, match="names"):
        query(animals, loose)
    assert len(query(animals[[]], strict)) == 0


def test_detections_become_a_dictionary(animals: sv.Detections) -> None:
    """The dictionary of detections is their JSON form."""
    assert query(animals, {"type": "DetectionsToDictionary"}) == detections_to_json(animals)


def test_images_are_measured_and_encoded(make_frame: Callable[..., Frame]) -> None:
    """An image has a size, and becomes a JPEG file as bytes or text."""
    frame = make_frame(size_wh=(40, 20))
    for name, value in {"width": 40, "height": 20, "size": 800, "aspect_ratio": 2.0}.items():
        assert query(frame, {"type": "ExtractImageProperty", "property_name": name}) == value
    encoded = query(frame, {"type": "ConvertImageToJPEG", "compression_level": 80})
    assert encoded.startswith(b"\xff\xd8")
    text = query(frame, {"type": "ConvertImageToBase64"})
    assert base64.b64decode(text).startswith(b"\xff\xd8")
