"""Tables: one row for a frame, one table for the crops of a frame."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import pytest

from trackwire.blocks import Frame, build_detections, empty_detections
from trackwire.pipeline.engine import Engine
from trackwire.specs import BlockError, SpecificationError, compile_workflow

MakeFrame: TypeAlias = Callable[..., Frame]
CROP = {
    "type": "DynamicCrop",
    "name": "crop",
    "images": "$inputs.image",
    "predictions": "$inputs.boxes",
}


def tables(*steps: dict[str, Any], **properties: Any) -> Engine:
    """An engine that writes a table of ``columns_data``."""
    step = {"type": "roboflow_core/csv_formatter@v1", "name": "table", **properties}
    return Engine(
        compile_workflow(
            {
                "version": "1.0",
                "inputs": [
                    {"type": "WorkflowImage", "name": "image"},
                    {
                        "type": "WorkflowBatchInput",
                        "name": "boxes",
                        "kind": ["object_detection_prediction"],
                    },
                    {"type": "WorkflowBatchInput", "name": "value", "kind": ["*"]},
                    {"type": "WorkflowParameter", "name": "site", "default_value": "north"},
                ],
                "steps": [*steps, step],
                "outputs": [
                    {"type": "JsonField", "name": "csv", "selector": "$steps.table.csv_content"}
                ],
            }
        )
    )


def rows_of(text: str) -> list[list[str]]:
    """Read a table, its timestamps checked and left away."""
    header, *rows = list(csv.reader(io.StringIO(text, newline="")))
    assert header[0] == "timestamp"
    for row in rows:
        written = datetime.fromisoformat(row[0])
        assert written.tzinfo is not None
        assert abs((datetime.now(UTC) - written).total_seconds()) < 600
    return [each[1:] for each in (header, *rows)]


def test_a_row_for_a_frame(make_frame: MakeFrame) -> None:
    """Values, parameters and results of operations stand in the order of the document."""
    frame = make_frame()
    boxes = build_detections(frame, [(1, 1, 5, 5)] * 2, class_name=["cat", "dog"], producer="t")
    operations = {
        "classes": [{"type": "DetectionsPropertyExtract", "property_name": "class_name"}],
        "count": [{"type": "SequenceLength"}],
    }
    columns = {
        "count": "$inputs.boxes",
        "classes": "$inputs.boxes",
        "site": "$inputs.site",
        "half": 0.5,
        "on": True,
    }
    with tables(columns_data=columns, columns_operations=operations) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes], "value": [None]})
    assert not result.failures
    assert rows_of(result.outputs["csv"]) == [
        ["count", "classes", "site", "half", "on"],
        ["2", "['cat', 'dog']", "north", "0.5", "True"],
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ('a,"b"\nc', 'a,"b"\nc'),
        (np.float64(0.25), "0.25"),
        (np.array([1, 2]), "[1, 2]"),
        ({"k": np.int64(3)}, "{'k': 3}"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (("a", None), "['a', None]"),
    ],
)
def test_cells(make_frame: MakeFrame, value: Any, cell: str) -> None:
    """Values of any type have a form, and can be read back from a quoted cell."""
    frame = make_frame()
    with tables(columns_data={"v": "$inputs.value", "end": 1}) as engine:
        (result,) = engine.tick([frame], {"boxes": [None], "value": [value]})
    assert not result.failures, result.failures
    assert rows_of(result.outputs["csv"])[1] == [cell, "1"]


def test_pictures_and_detections(make_frame: MakeFrame) -> None:
    """A picture is written as its id, detections in their JSON form."""
    frame = make_frame(number=4)
    boxes = build_detections(frame, [(1, 1, 5, 5)], producer="t")
    with tables(columns_data={"i": "$inputs.image", "d": "$inputs.boxes"}) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes], "value": [None]})
    picture, found = rows_of(result.outputs["csv"])[1]
    assert picture == "cam/4"
    assert json.loads(found)["predictions"][0]["width"] == 4


def test_crops_of_a_frame_make_one_table(make_frame: MakeFrame) -> None:
    """The last crop of each frame has the table, of its own stream only; others have nothing."""
    frames = [make_frame("a"), make_frame("b"), make_frame("c")]
    boxes = [
        build_detections(frames[0], [(0, 0, 5, 5), (9, 9, 9, 9), (2, 2, 7, 7)], producer="t"),
        empty_detections(frames[1], producer="t"),
        build_detections(frames[2], [(1, 1, 5, 5)], producer="t"),
    ]
    with tables(CROP, columns_data={"crop": "$steps.crop.crops"}) as engine:
        results = engine.tick(frames, {"boxes": boxes, "value": [None] * 3})
    assert [result.failures for result in results] == [(), (), ()]
    first, second, third = (result.outputs["csv"] for result in results)
    assert first[:2] == [None, None]
    assert rows_of(first[2]) == [["crop"], ["a/0@0,0,5x5"], ["a/0@2,2,5x5"]]
    assert second == []
    assert rows_of(third[0]) == [["crop"], ["c/0@1,1,4x4"]]


def test_a_bad_row_fails_alone(make_frame: MakeFrame) -> None:
    """An operation that cannot work with one stream's value leaves the other stream's table."""
    frames = [make_frame("a"), make_frame("b")]
    operations = {"v": [{"type": "NumberRound", "decimal_digits": 1}]}
    with tables(columns_data={"v": "$inputs.value"}, columns_operations=operations) as engine:
        results = engine.tick(frames, {"boxes": [None] * 2, "value": ["x", 1.26]})
    assert [failure.code for failure in results[0].failures] == ["query"]
    assert rows_of(results[1].outputs["csv"])[1] == ["1.3"]


@pytest.mark.parametrize("name", ["columns_data", "columns_operations"])
def test_the_timestamp_is_taken(name: str) -> None:
    """A column named timestamp is a mistake of the document."""
    given = {"columns_data": {"a": 1}, "columns_operations": {}}
    value: Any = 1 if name == "columns_data" else []
    with pytest.raises(SpecificationError) as caught:
        tables(**{**given, name: {"timestamp": value}})
    assert [mistake.code for mistake in caught.value.mistakes] == ["invalid_value"]


def test_operations_on_no_column() -> None:
    """Operations on a column that is not there are found before the first frame."""
    with pytest.raises(BlockError, match="'b'") as caught:
        tables(columns_data={"a": 1}, columns_operations={"b": []})
    assert caught.value.code == "column_missing"
