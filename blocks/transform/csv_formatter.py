"""Tables: values of a frame, or of each of its crops, as the rows of a CSV text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, field_validator

from trackwire.specs import (
    STRING,
    Batch,
    BlockError,
    BlockManifest,
    Failure,
    Halt,
    Outcome,
    OutputDefinition,
    Resources,
    StreamKey,
    Traits,
)

from ..frame import Frame
from ..query.language import AnyOperation, run_operations

__all__ = ["CsvFormatter", "CsvFormatterManifest"]

_TIMESTAMP: Final = "timestamp"


class CsvFormatterManifest(BlockManifest):
    """Properties of the block that writes tables."""

    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("csv_content", frozenset({STRING})),
    )

    type: Literal["roboflow_core/csv_formatter@v1"]
    columns_data: dict[str, Any] = Field(
        description="Value of each column by its name, wired or written out. The column timestamp "
        "is added, first of all: when the row was written, UTC."
    )
    columns_operations: dict[str, list[AnyOperation]] = Field(
        default={}, description="Operations of the query language on the values of columns."
    )

    @field_validator("columns_data", "columns_operations")
    @classmethod
    def _keep_timestamp_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        if _TIMESTAMP in value:
            raise ValueError(
                f"the column {_TIMESTAMP!r} is added to each table and cannot be given; choose "
                "another name"
            )
        return value


class CsvFormatter:
    """Writes values as a table with a header: one row for a frame.

    Behind a crop the rows of one frame's crops make one table, which its last crop puts out;
    nothing that reads the table is run for the others. Streams have tables of their own.
    Detections without operations are written in their JSON form, pictures as their ids.
    """

    manifest: ClassVar[type[BlockManifest]] = CsvFormatterManifest

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block.

        Raises:
            BlockError: There are operations on a column that is not given.
        """
        columns = getattr(step, "columns_data", {})
        unknown = [name for name in getattr(step, "columns_operations", {}) if name not in columns]
        if unknown:
            raise BlockError(
                f"columns_operations of step {step.name!r} names {', '.join(map(repr, unknown))}, "
                f"which columns_data does not give; it gives {', '.join(map(repr, columns))}. "
                "Add a column of that name, or take its operations out",
                code="column_missing",
            )
        return cls()

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Write a table for each frame."""
        outcomes: list[Outcome] = []
        for _, group in groupby(range(len(batch)), key=lambda index: batch.streams[index]):
            outcomes += self._table(list(group), batch)
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:
        """Forget nothing: a table does not depend on earlier ones."""

    def close(self) -> None:
        """Free nothing."""

    def _table(self, elements: Sequence[int], batch: Batch) -> list[Outcome]:
        """The outcomes of elements of one frame; those that fail have no row."""
        outcomes: list[Outcome] = []
        rows: dict[int, Mapping[str, Any]] = {}
        for place, element in enumerate(elements):
            try:
                rows[place] = _row(
                    batch["columns_data"][element], batch["columns_operations"][element]
                )
                outcomes.append(Halt("the row stands in the table of the frame's last crop"))
            except Exception as error:  # noqa: BLE001 - one bad element must not fail the others
                outcomes.append(Failure(error))
        if rows:
            last = max(rows)
            outcomes[last] = {"csv_content": _write(list(rows.values()))}
        return outcomes


def _row(data: Mapping[str, Any], operations: Mapping[str, Any]) -> Mapping[str, Any]:
    row: dict[str, Any] = {_TIMESTAMP: datetime.now(UTC).isoformat()}
    for name, value in data.items():
        row[name] = _cell(run_operations(operations.get(name, ()), value, {}))
    return row


def _write(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """What stands in a cell: lists as Python writes them, as readers of such tables expect."""
    if hasattr(value, "xyxy"):
        from ..detections_json import detections_to_json

        return json.dumps(detections_to_json(value), ensure_ascii=False)
    if isinstance(value, Frame):
        return value.image_id
    if isinstance(value, datetime):
        return value.isoformat()
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, Mapping):
        return {str(key): _cell(item) for key, item in plain.items()}
    if isinstance(plain, Iterable) and not isinstance(plain, str | bytes):
        return [_cell(item) for item in plain]
    return plain
