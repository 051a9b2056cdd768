"""Lines and zones: the right pixels get the colour added, wherever the shape lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame
from trackwire.blocks.draw.zones import (
    LineCounterVisualization,
    LineCounterVisualizationManifest,
    PolygonZoneVisualization,
    PolygonZoneVisualizationManifest,
)
from trackwire.specs import Batch, BlockError, Failure, Resources

MakeFrame: TypeAlias = Callable[..., Frame]

GREEN = sv.Color.from_hex("#5bb573").as_bgr()


def show(kind: str, frame: Frame, **properties: Any) -> Any:
    """Draw on one picture; returns the picture or the error."""
    block: Any = {"line": LineCounterVisualization, "zone": PolygonZoneVisualization}[kind]
    manifest: Any = {
        "line": LineCounterVisualizationManifest,
        "zone": PolygonZoneVisualizationManifest,
    }[kind]
    (step_type,) = manifest.type_ids()
    wired = {"zone": "$inputs.zone", "image": "$inputs.image"}
    step = manifest.model_validate({"type": step_type, "name": "draw", **wired})
    columns = {name: (getattr(step, name),) for name in manifest.model_fields}
    columns |= {name: (value,) for name, value in properties.items()} | {"image": (frame,)}
    (outcome,) = block.open(step, Resources()).run(Batch(("cam",), columns))
    return outcome.error if isinstance(outcome, Failure) else outcome["image"]


def added(frame: Frame, shape: Any, opacity: float = 0.3) -> np.ndarray:
    """The picture with a full-size coloured shape added to it."""
    result: np.ndarray = cv2.addWeighted(shape, opacity, frame.image, 1.0, 0.0)
    return result


@pytest.mark.parametrize("line", [[[150, 40], [60, 2]], [(150.7, 60.0), (-90.0, 390.9)]])
@pytest.mark.parametrize("thickness", [1, 6])
def test_a_line_and_its_counts(make_frame: MakeFrame, line: Any, thickness: int) -> None:
    """The line is added at the opacity, the counts are written at its start."""
    frame = make_frame(size_wh=(301, 161))
    drawn = show("line", frame, zone=line, thickness=thickness, count_in=3, count_out=1)
    shape = np.zeros_like(frame.image)
    start, end = ([int(value) for value in point] for point in line)
    cv2.line(shape, start, end, GREEN, thickness)
    expected = sv.draw_text(
        added(frame, shape),
        "in: 3, out: 1",
        sv.Point(*start),
        text_scale=1.0,
        text_thickness=1,
        text_padding=0,
        background_color=sv.Color.WHITE,
    )
    np.testing.assert_array_equal(drawn.image, expected)
    assert drawn.video is frame.video


def test_counts_stay_in_the_picture(make_frame: MakeFrame) -> None:
    """The counts of a line that begins at or beyond an edge are moved until they can be read."""
    frame = make_frame(size_wh=(301, 161))
    middle = show("line", frame, zone=[[150, 80], [150, 81]], opacity=0.0).image
    written = (middle != frame.image).any(axis=2).sum()
    for corner in ([0, 0], [300, 160], [-500, 80]):
        drawn = show("line", frame, zone=[corner, [150, 81]], opacity=0.0).image
        # The tail of the comma reaches a few pixels below the rectangle of the text.
        assert (drawn != frame.image).any(axis=2).sum() >= written - 5


def test_a_zone_is_filled(make_frame: MakeFrame) -> None:
    """Inside, the share of the colour is added and no more than white is reached."""
    frame = make_frame(image=np.full((48, 64, 3), 240, np.uint8))
    zone = [[10, 10], [30, 10], [30, 40], [10, 40]]
    drawn = show("zone", frame, zone=zone, color="rgb(0, 0, 250)", opacity=0.2).image
    assert drawn[25, 20].tolist() == [255, 240, 240]
    assert drawn[10, 10].tolist() == drawn[40, 30].tolist() == [255, 240, 240]
    assert drawn[9, 10].tolist() == drawn[41, 30].tolist() == [240, 240, 240]
    blue = drawn[..., 0] == 255
    assert blue.sum() == 21 * 31


def test_several_zones(make_frame: MakeFrame) -> None:
    """A list of polygons is drawn whole, parts outside of the picture cut off."""
    frame = make_frame()
    zones = [[[2, 2], [12, 2], [7, 12]], [[50, 30], [90, 30], [90, 80], [50, 80]]]
    drawn = show("zone", frame, zone=zones)
    shape = np.zeros_like(frame.image)
    cv2.fillPoly(shape, [np.array(zone, np.int32) for zone in zones], GREEN)
    np.testing.assert_array_equal(drawn.image, added(frame, shape))


def test_zones_of_other_steps(make_frame: MakeFrame) -> None:
    """A zone may also be an array, as a step that works one out puts it."""
    frame = make_frame()
    zone = [[2, 2], [12, 2], [7, 12]]
    expected = show("zone", frame, zone=zone).image
    for given in (np.array(zone), [np.array(zone)], np.array([zone])):
        np.testing.assert_array_equal(show("zone", frame, zone=given).image, expected)


def test_no_zone_and_zones_elsewhere(make_frame: MakeFrame) -> None:
    """An empty list gives the frame back; a zone beside the picture changes no pixel."""
    frame = make_frame()
    assert show("zone", frame, zone=[]) is frame
    beside = show("zone", frame, zone=[[900, 900], [950, 900], [900, 990]])
    np.testing.assert_array_equal(beside.image, frame.image)


@pytest.mark.parametrize("size_wh", [(1, 1), (17, 33)])
def test_tiny_and_odd_pictures(make_frame: MakeFrame, size_wh: tuple[int, int]) -> None:
    """Shapes larger than the picture are cut at its edges."""
    frame = make_frame(size_wh=size_wh)
    for kind, zone in (
        ("line", [[0, 0], [99, 99]]),
        ("zone", [[-5, -5], [99, -5], [99, 99], [-5, 99]]),
    ):
        assert show(kind, frame, zone=zone).image.shape == frame.image.shape


@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        ("line", [[0, 0]]),
        ("line", [[0, 0], [1, 1], [2, 2]]),
        ("line", []),
        ("line", [[0, 0], [1, float("nan")]]),
        ("line", "0,0 1,1"),
        ("zone", [[0, 0], [1, 1]]),
        ("zone", [[0, 0, 0], [1, 1, 1], [2, 2, 2]]),
        ("zone", [[[0, 0], [9, 0], [9, 9]], [[0, 0]]]),
        ("zone", [["a", "b"], ["c", "d"], ["e", "f"]]),
        ("zone", [{"x": 1, "y": 2}]),
    ],
)
def test_shapes_that_are_none(make_frame: MakeFrame, kind: str, zone: Any) -> None:
    """A zone of the wrong shape is an error that says what is wanted and what was found."""
    error = show(kind, make_frame(), zone=zone)
    assert isinstance(error, BlockError)
    assert error.code == "zone_shape"
    assert repr(zone) in str(error)


def test_written_zones_are_checked_when_opening() -> None:
    """A zone that stands in the document is checked before the first frame."""
    step = LineCounterVisualizationManifest(
        type="roboflow_core/line_counter_visualization@v1",
        name="line",
        image="$inputs.image",
        zone=[[1, 2]],
    )
    with pytest.raises(BlockError, match="two points"):
        LineCounterVisualization.open(step, Resources())
