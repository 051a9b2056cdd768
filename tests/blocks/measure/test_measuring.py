"""Measuring on empty frames, several streams, gaps and odd values."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks.measure.geometry import read_line, read_polygons
from trackwire.blocks.measure.track_memory import TrackMemory
from trackwire.specs import SpecificationError

LINE = {"type": "roboflow_core/line_counter@v2", "line_segment": [[0, 100], [300, 100]]}
CENTER_LINE = {**LINE, "triggering_anchor": "CENTER"}
ZONE = {
    "type": "roboflow_core/time_in_zone@v2",
    "zone": [[50, 50], [150, 50], [150, 150], [50, 150]],
}
SPEED = {"type": "roboflow_core/velocity@v1"}
EACH = [
    (LINE, "detections_in"),
    (ZONE, "timed_detections"),
    (SPEED, "velocity_detections"),
]
BELOW, ABOVE = {1: (150, 150)}, {1: (150, 50)}


@pytest.mark.parametrize(("step", "output"), EACH)
def test_an_empty_frame_is_measured(
    step: Any, output: str, measured: Callable[..., Any], at: Callable[..., Any]
) -> None:
    """A frame without objects, at the beginning too, gives an empty result with all fields."""
    run = measured(step, output)
    for number in range(3):
        found = run(at(number), {})[output]
        assert len(found) == 0
        assert found.tracker_id.dtype == np.int64


@pytest.mark.parametrize(("step", "output"), EACH)
def test_detections_without_ids_are_refused_where_they_are_not_empty(
    step: Any,
    output: str,
    measured: Callable[..., Any],
    at: Callable[..., Any],
    reported: Callable[..., Any],
) -> None:
    """Objects that no tracker has seen cannot be measured; an empty frame without ids can."""
    run, frame = measured(step, output), at(0)
    untracked = reported(frame, BELOW)
    untracked.tracker_id = None
    (result,) = run.results([frame], [untracked])
    assert [failure.code for failure in result.failures] == ["tracker_ids_missing"]
    (result,) = run.results([at(1)], [sv.Detections.empty()])
    assert not result.failures


@pytest.mark.parametrize(("step", "output"), EACH)
def test_input_is_not_changed(
    step: Any,
    output: str,
    measured: Callable[..., Any],
    at: Callable[..., Any],
    reported: Callable[..., Any],
) -> None:
    """What is measured is added to a copy: other steps read the same detections."""
    frame = at(0)
    detections = reported(frame, BELOW)
    fields = set(detections.data)
    measured(step, output).results([frame], [detections])
    assert set(detections.data) == fields


def test_streams_are_counted_apart(measured: Callable[..., Any], at: Callable[..., Any]) -> None:
    """The same track id in two streams is two objects, and one stream's end leaves the other."""
    run = measured(CENTER_LINE, "count_in")
    for stream in ("one", "two"):
        run(at(0, stream=stream), BELOW)
    assert run(at(1, stream="one"), ABOVE)["count_in"] == 1
    assert run(at(1, stream="two"), BELOW)["count_in"] == 0
    run.engine.end_stream("one")
    assert run(at(2, stream="two"), ABOVE)["count_in"] == 1
    assert run(at(2, stream="one"), BELOW)["count_in"] == 0


def test_a_gap_keeps_counts_and_forgets_sides(
    measured: Callable[..., Any], at: Callable[..., Any]
) -> None:
    """After a gap nobody knows who crossed meanwhile; what was counted stays counted."""
    run = measured(CENTER_LINE, "count_in", "count_out")
    run(at(0), BELOW)
    assert run(at(1), ABOVE)["count_in"] == 1
    outputs = run(at(2, epoch=1), BELOW)
    assert (outputs["count_in"], outputs["count_out"]) == (1, 0)
    assert run(at(3, epoch=1), ABOVE)["count_in"] == 2


def test_who_crosses_out_of_sight_is_counted(
    measured: Callable[..., Any], at: Callable[..., Any]
) -> None:
    """An object that is hidden while it crosses is counted when it is seen again, once."""
    run = measured(CENTER_LINE, "count_in", "detections_in")
    run(at(0), BELOW)
    for number in range(1, 40):
        assert run(at(number), {})["count_in"] == 0
    outputs = run(at(40), ABOVE)
    assert outputs["count_in"] == 1
    assert outputs["detections_in"].tracker_id.tolist() == [1]
    assert run(at(41), ABOVE)["count_in"] == 1


def test_ids_below_zero_are_no_tracks(measured: Callable[..., Any], at: Callable[..., Any]) -> None:
    """What a tracker has not confirmed yet is neither counted nor timed."""
    run = measured(CENTER_LINE, "count_in")
    run(at(0), {-1: (150, 150)})
    assert run(at(1), {-1: (150, 50)})["count_in"] == 0
    zone = measured(ZONE, "timed_detections")
    zone(at(0), {-1: (100, 100)})
    assert zone(at(5), {-1: (100, 100)})["timed_detections"].data["time_in_zone"].tolist() == [0]


@pytest.mark.parametrize(
    ("options", "kept", "times"),
    [
        ({}, [1, 1, 0, 1], [0.0, 0.1, 0.0]),
        ({"remove_out_of_zone_detections": False}, [1, 1, 1, 1], [0.0, 0.1, 0.0, 0.0]),
        ({"reset_out_of_zone_detections": False}, [1, 1, 0, 1], [0.0, 0.1, 0.3]),
    ],
)
def test_who_leaves_the_zone(
    options: Any,
    kept: list[int],
    times: list[float],
    measured: Callable[..., Any],
    at: Callable[..., Any],
) -> None:
    """Outside, an object is left out or has time 0; back, it begins anew or goes on."""
    run = measured({**ZONE, **options}, "timed_detections")
    found = [
        run(at(number), {5: place})["timed_detections"]
        for number, place in enumerate([(100, 100), (100, 100), (10, 10), (100, 100)])
    ]
    assert [len(each) for each in found] == kept
    seconds = [time for each in found for time in each.data["time_in_zone"]]
    assert seconds == pytest.approx(times)


def test_several_zones_are_one(measured: Callable[..., Any], at: Callable[..., Any]) -> None:
    """An object that goes from one zone into another has been inside all the while."""
    near, far = [[0, 0], [50, 0], [50, 50], [0, 50]], [[51, 0], [99, 0], [99, 50], [51, 50]]
    step = {"type": "roboflow_core/time_in_zone@v3", "zone": [near, far]}
    run = measured(step, "timed_detections")
    for number, x in enumerate((40, 50, 52, 60)):
        timed = run(at(number), {1: (x, 20)})["timed_detections"]
        assert timed.data["time_in_zone"] == pytest.approx([number / 10])


def test_time_of_a_live_source_is_the_clock(
    measured: Callable[..., Any], at: Callable[..., Any]
) -> None:
    """Presentation times of a live stream may jump: there the wall clock is counted."""
    run = measured(ZONE, "timed_detections")
    run(at(0, file=False), {1: (100, 100)})
    timed = run(at(4, file=False), {1: (100, 100)})["timed_detections"]
    assert timed.data["time_in_zone"].tolist() == [4.0]


def test_smoothing_and_gaps_of_velocity(
    measured: Callable[..., Any], at: Callable[..., Any]
) -> None:
    """The smoothed velocity starts at zero and follows; equal times and gaps give no velocity."""
    run = measured({**SPEED, "smoothing_alpha": 0.25}, "velocity_detections")

    def measure(x: float, **where: Any) -> tuple[float, float]:
        found = run(at(**where), {1: (x, 100)})["velocity_detections"].data
        return float(found["velocity"][0, 0]), float(found["smoothed_velocity"][0, 0])

    assert measure(10, number=0) == (0, 0)
    assert measure(12, number=1) == pytest.approx((20, 5))
    assert measure(14, number=2) == pytest.approx((20, 8.75))
    assert measure(90, number=3, media_time_s=Fraction(2, 10)) == pytest.approx((0, 6.5625))
    assert measure(200, number=4, epoch=1) == (0, 0)


@pytest.mark.parametrize(
    ("step", "path", "said"),
    [
        ({**LINE, "line_segment": [[0, 0]]}, "line_segment", "two points"),
        ({**LINE, "line_segment": [[5, 5], [5, 5]]}, "line_segment", "differ"),
        ({**ZONE, "zone": [[0, 0], [5, 5]]}, "zone", "three or more"),
        ({**ZONE, "zone": [[0, 0], [5, "5"], [3, 3]]}, "zone", "point 1"),
        ({**ZONE, "zone": [[0, 0], [5, 1e9], [3, 3]]}, "zone", "65536"),
        ({**ZONE, "zone": [[-9, 0], [-5, 0], [-5, 9]]}, "zone", "outside of every picture"),
        ({**SPEED, "smoothing_alpha": 0}, "smoothing_alpha", "greater than 0"),
    ],
)
def test_a_bad_option_is_a_mistake_in_the_document(
    step: Any, path: str, said: str, measured: Callable[..., Any]
) -> None:
    """Lines, zones and factors that cannot be are found when the document is compiled."""
    with pytest.raises(SpecificationError) as caught:
        measured(step)
    (mistake,) = caught.value.mistakes
    assert mistake.path == f"$.steps[0].{path}"
    assert said in str(mistake)


@pytest.mark.parametrize("value", [None, 5, "zone", [], [[]], [[[1, 2]]], [[1, 2], [3], [4, 5]]])
def test_what_is_no_zone_is_refused(value: Any) -> None:
    """Whatever is wired as a zone is looked at before it is used."""
    with pytest.raises(ValueError, match="zone"):
        read_polygons(value)
    with pytest.raises(ValueError, match="line"):
        read_line(value)


def test_arrays_are_zones_too() -> None:
    """A zone that another step has made may be an array."""
    assert read_polygons(np.array([[0, 0], [4, 0], [4, 4]])) == (((0, 0), (4, 0), (4, 4)),)


def test_memory_of_tracks_is_bounded() -> None:
    """The track that was longest not seen is the first to be forgotten."""
    memory: TrackMemory[str] = TrackMemory(most=2)
    memory.put(1, "a")
    memory.put(2, "b")
    assert memory.get(1) == "a"
    memory.put(3, "c")
    assert [track for track, _ in memory.items()] == [1, 3]
    memory.drop(1)
    assert len(memory) == 1
    assert memory.get(2) is None


def test_a_misspelt_anchor_is_a_mistake(measured: Callable[..., Any]) -> None:
    """A point of the box that there is none of is found when the document is compiled."""
    with pytest.raises(SpecificationError, match="did you mean: CENTER"):
        measured({**LINE, "triggering_anchor": "CENTRE"})
