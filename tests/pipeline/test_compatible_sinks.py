"""Documents of the existing language write tables and files, and call a real server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from trackwire.blocks import detections_to_json

Run: TypeAlias = Callable[..., Any]
SITE = 'north, "gate"'


def without_times(table: str) -> list[list[str]]:
    """A table's cells without the timestamps, which stand first."""
    return [row[1:] for row in csv.reader(io.StringIO(table, newline=""))]


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


HEADER = ["classes", "count", "site", "number"]
ROWS = [
    ["['cat', 'dog']", "2", SITE, "7"],
    ["[]", "0", SITE, "7"],
    ["['dog']", "1", SITE, "7"],
]


def test_a_document_writes_tables(run_compatible: Run) -> None:
    """Each frame has a table with a header and a row of the values worked out by hand."""
    run = run_compatible("csv_formatter")
    assert [without_times(outputs["csv"]) for outputs in run.outputs] == [
        [HEADER, row] for row in ROWS
    ]


def test_a_document_writes_tables_of_crops(run_compatible: Run) -> None:
    """The last crop of a frame has the rows of all; a frame without crops has none."""
    run = run_compatible("csv_formatter_behind_crop")
    first, second, third = (outputs["csv"] for outputs in run.outputs)
    assert (len(first), first[0], second) == (2, None, [])
    assert without_times(first[1]) == [["classes", "name"], ["['cat']", SITE], ["['dog']", SITE]]
    assert without_times(third[0]) == [["classes", "name"], ["['dog']", SITE]]


def test_a_document_appends_to_files(run_compatible: Run) -> None:
    """Two entries fill a file, the third begins another one with a header of its own."""
    run = run_compatible("local_file_sink_append_log")
    assert [outputs["failed"] for outputs in run.outputs] == [False] * 3
    full, begun = files_in(run.folder)
    assert without_times(full.read_text()) == [HEADER, *ROWS[:2]]
    assert without_times(begun.read_text()) == [HEADER, ROWS[2]]
    assert {path.parent for path in (full, begun)} == {run.folder / "tables" / "today"}
    assert {path.name.startswith("counts_") for path in (full, begun)} == {True}
    names = [full, full, begun]
    assert [outputs["told"] for outputs in run.outputs] == [
        f"saved to tables/today/{path.name}" for path in names
    ]


def test_a_document_makes_separate_files(run_compatible: Run) -> None:
    """Each frame has a file whose JSON is that of its detections."""
    run = run_compatible("local_file_sink_separate_files")
    written = [json.loads(path.read_text()) for path in files_in(run.folder)]
    assert written == [detections_to_json(detections) for detections in run.detections]
    assert {path.suffix for path in files_in(run.folder)} == {".json"}


def test_a_document_writes_for_each_crop(run_compatible: Run) -> None:
    """Every crop is an entry of the file, and has a status of its own."""
    run = run_compatible("local_file_sink_behind_crop")
    assert [outputs["failed"] for outputs in run.outputs] == [[False, False], [], [False]]
    (path,) = files_in(run.folder)
    assert path.read_text() == "['cat']\n['dog']\n['dog']\n"


@pytest.fixture
def arrived(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that have arrived at a server on this machine, which may be called."""
    monkeypatch.setenv("TRACKWIRE_PRIVATE_NETWORK", "1")
    requests: list[Request] = []

    def take(request: Request) -> Response:
        request.get_data(parse_form_data=True, cache=True)
        requests.append(request)
        return Response()

    httpserver.expect_request("/").respond_with_handler(take)
    return requests


def test_a_document_sends_json(
    run_compatible: Run, httpserver: HTTPServer, arrived: list[Request]
) -> None:
    """Three frames are three requests, with counts, header and query."""
    run = run_compatible("webhook_sink_json", url=httpserver.url_for("/"))
    assert [outputs["failed"] for outputs in run.outputs] == [False] * 3
    assert [request.get_json() for request in arrived] == [
        {"count": count, "site": "north"} for count in (2, 0, 1)
    ]
    assert {request.headers["X-Site"] for request in arrived} == {"north"}
    assert {request.args["site"] for request in arrived} == {"north"}
    assert {request.method for request in arrived} == {"POST"}


def test_a_document_sends_a_picture(
    run_compatible: Run, httpserver: HTTPServer, arrived: list[Request]
) -> None:
    """The first frame's picture arrives as a JPEG; the cooldown holds back the others."""
    run = run_compatible("webhook_sink_picture", url=httpserver.url_for("/"))
    assert [outputs["held_back"] for outputs in run.outputs] == [False, True, True]
    (request,) = arrived
    assert request.method == "PUT"
    assert request.form.to_dict() == {"camera": "3"}
    file = request.files["picture"]
    decoded = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    request.close()
    assert decoded is not None
    assert decoded.shape == (48, 64, 3)
    # Green lies over the cat and blue over the dog, as far as JPEG keeps colours apart.
    assert decoded[9, 9].argmax() == 1
    assert decoded[18, 26].argmax() == 0
