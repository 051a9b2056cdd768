"""Documents of the existing language give what was worked out by hand.

``NAME.json`` in ``tests/resources/specs/compatible`` is a document; ``NAME.expected.json`` beside
it says what three frames show and what must come out of each:

- ``about``: what the document is there to show;
- ``frames``: three lists of objects ``{"box", "class", "class_id", "confidence", "track",
  "color"}``. Each is drawn as a filled rectangle on grey, and the stand-in for a hosted model
  reports it; so does every batch input;
- ``size`` (64 x 48), ``fps`` (10), ``tracked`` (reports have ``tracker_id``), ``masks`` (and
  masks: the box, or the rectangle ``mask`` of the object), ``parameters``;
- ``expected``: for each output three values. A number, text, list or object is compared as it
  is; ``null`` means no value; ``{"$detections": {...}}`` compares columns of detections by name
  (``box``, ``class``, ``class_id``, ``confidence``, ``tracker_id`` or a data field);
  ``{"$image": {"size", "pixels", "same_as_input"}}`` compares a picture, ``pixels`` being
  ``[x, y, [b, g, r]]``. Without ``expected``, ``checked_by`` names the test that compares;
- ``failures``: for each frame the codes of the steps that fail, none if left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame
from trackwire.specs import Missing

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "specs" / "compatible"
DOCUMENTS = sorted(
    path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith(".expected")
)


def check(found: Any, expected: Any, frame: Frame, place: str) -> None:
    """Compare what came out with what must."""
    if isinstance(expected, Mapping) and "$detections" in expected:
        assert isinstance(found, sv.Detections), place
        for name, column in expected["$detections"].items():
            assert column_of(found, name) == approximately(column), f"{place}: {name}"
    elif isinstance(expected, Mapping) and "$image" in expected:
        assert isinstance(found, Frame), place
        check_image(found, expected["$image"], frame, place)
    elif isinstance(expected, Mapping) and isinstance(found, Mapping):
        assert set(found) == set(expected), place
        for name, value in expected.items():
            check(found[name], value, frame, f"{place}.{name}")
    elif isinstance(expected, list) and isinstance(found, list | tuple):
        assert len(found) == len(expected), place
        for index, pair in enumerate(zip(found, expected, strict=True)):
            check(*pair, frame, f"{place}[{index}]")
    elif expected is None:
        assert found is None or isinstance(found, Missing), place
    else:
        assert found == approximately(expected), place


def approximately(value: Any) -> Any:
    """Numbers within single precision; everything else as it is."""
    if isinstance(value, list):
        return [approximately(each) for each in value]
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-6)
    return value


def column_of(detections: sv.Detections, name: str) -> list[Any]:
    """A column of detections as plain values."""
    columns: dict[str, Any] = {
        "box": detections.xyxy,
        "class": detections.data["class_name"],
        "class_id": detections.class_id,
        "confidence": detections.confidence,
        "tracker_id": detections.tracker_id,
        "mask_area": None if detections.mask is None else detections.area,
    }
    column = columns.get(name, detections.data.get(name))
    assert column is not None, name
    plain: list[Any] = np.asarray(column).tolist()
    return plain


def check_image(image: Frame, expected: Mapping[str, Any], frame: Frame, place: str) -> None:
    """Compare a picture: its size, some of its pixels, whether it is the input."""
    if "size" in expected:
        assert list(image.size_wh) == expected["size"], place
    for x, y, color in expected.get("pixels", ()):
        assert image.image[y, x].tolist() == color, f"{place} at {x}, {y}"
    if "same_as_input" in expected:
        same = np.array_equal(image.image, frame.image)
        assert same == expected["same_as_input"], place


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_compatible_document_gives_what_it_must(
    name: str, run_compatible: Callable[..., Any]
) -> None:
    """A document of the existing language runs on three frames and gives the values worked out."""
    run = run_compatible(name)
    codes = [[failure.code for failure in failures] for failures in run.failures]
    assert codes == run.about.get("failures", [[], [], []]), run.failures
    for output, values in run.about.get("expected", {}).items():
        assert len(values) == 3, f"{output} needs a value for each frame"
        for number, value in enumerate(values):
            found = run.outputs[number][output]
            check(found, value, run.frames[number], f"frame {number}: {output}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_compatible_document_is_compared_with_something(name: str) -> None:
    """Every document says what it shows, and every one of its outputs is compared."""
    about = json.loads((FOLDER / f"{name}.expected.json").read_text())
    assert about["about"]
    assert len(about["frames"]) == 3
    if "expected" not in about:
        test_file = FOLDER.parents[2] / "pipeline" / about["checked_by"]
        assert f'"{name}"' in test_file.read_text()
        return
    document = json.loads((FOLDER / f"{name}.json").read_text())
    document = document.get("specification", document)
    assert {output["name"] for output in document["outputs"]} <= set(about["expected"]) | set(
        about.get("not_compared", ())
    )
