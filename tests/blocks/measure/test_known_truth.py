"""Line counts, zone times and velocities on a clip whose truth is known are exact."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

FRAMES = 150
NTSC = Fraction(30000, 1001)
LINE_Y = 100
ZONE = (60, 40, 220, 160)
# Start and step in whole pixels a frame; odd starts keep centres off the line.
MOVING = {
    3: ((31, 151), (1, -2)),
    7: ((201, 31), (0, 2)),
    8: ((11, 71), (2, 0)),
    12: ((299, 201), (-3, -2)),
    20: ((101, 301), (1, -4)),
    21: ((151, 11), (0, 0)),
}


def centers(number: int) -> dict[int, tuple[int, int]]:
    """Where everything is on a frame; what leaves the picture is out of sight."""
    places = {
        track: (x + number * dx, y + number * dy) for track, ((x, y), (dx, dy)) in MOVING.items()
    }
    return {t: (x, y) for t, (x, y) in places.items() if -9 <= x < 329 and -9 <= y < 249}


def inside(place: tuple[int, int]) -> bool:
    """Whether a point is in the zone, whose edge belongs to it."""
    left, top, right, bottom = ZONE
    return left <= place[0] <= right and top <= place[1] <= bottom


def true_crossings(reach: int) -> dict[int, tuple[int, int]]:
    """How many have crossed the line by each frame, in and out.

    A box has crossed when it lies beyond the line by ``reach`` on the frame, and lay on the
    other side before.
    """
    sides: dict[int, int] = {}
    total_in = total_out = 0
    counts = {}
    for number in range(FRAMES):
        for track, (_, y) in centers(number).items():
            side = 1 if y - reach > LINE_Y else -1 if y + reach < LINE_Y else 0
            before = sides.get(track, 0)
            if side and before and side != before:
                total_in += side < 0
                total_out += side > 0
            sides[track] = side or before
        counts[number] = (total_in, total_out)
    return counts


@pytest.mark.parametrize(
    ("version", "anchor", "reach"), [(1, "CENTER", 0), (2, "CENTER", 0), (2, None, 10)]
)
def test_line_counts_are_exact(
    measured: Callable[..., Any],
    at: Callable[..., Any],
    version: int,
    anchor: str | None,
    reach: int,
) -> None:
    """On every frame the counts are those of the truth, for a point and for whole boxes."""
    step = {
        "type": f"roboflow_core/line_counter@v{version}",
        "line_segment": [[-50, LINE_Y], [400, LINE_Y]],
        "triggering_anchor": anchor,
    }
    run = measured(step, "count_in", "count_out")
    truth = true_crossings(reach)
    assert truth[FRAMES - 1] == (3, 1)
    for number in range(FRAMES):
        outputs = run(at(number, fps=NTSC), centers(number))
        assert (outputs["count_in"], outputs["count_out"]) == truth[number], number


@pytest.mark.parametrize("version", [1, 2, 3])
def test_zone_times_are_exact(
    measured: Callable[..., Any], at: Callable[..., Any], version: int
) -> None:
    """On every frame each object has been inside for the frames since it came in, exactly."""
    left, top, right, bottom = ZONE
    step = {
        "type": f"roboflow_core/time_in_zone@v{version}",
        "zone": [[left, top], [right, top], [right, bottom], [left, bottom]],
    }
    run = measured(step, "timed_detections")
    entered: dict[int, int] = {}
    longest = Fraction(0)
    for number in range(FRAMES):
        places = centers(number)
        for track, place in places.items():
            if inside(place):
                entered.setdefault(track, number)
            else:
                entered.pop(track, None)
        timed = run(at(number, fps=NTSC), places)["timed_detections"]
        truth = {t: (number - entered[t]) / NTSC for t in places if inside(places[t])}
        found = dict(zip(timed.tracker_id.tolist(), timed.data["time_in_zone"], strict=True))
        assert found == {track: float(time) for track, time in truth.items()}, number
        longest = max([longest, *truth.values()])
    assert longest > 2


def test_velocities_are_exact(measured: Callable[..., Any], at: Callable[..., Any]) -> None:
    """From its second frame on each object has the velocity that it moves with."""
    step = {"type": "roboflow_core/velocity@v1", "pixels_per_meter": 4}
    run = measured(step, "velocity_detections")
    seen: set[int] = set()
    compared = 0
    for number in range(FRAMES):
        places = centers(number)
        found = run(at(number, fps=NTSC), places)["velocity_detections"]
        for index, track in enumerate(found.tracker_id.tolist()):
            step_x, step_y = MOVING[track][1] if track in seen else (0, 0)
            velocity = (float(step_x * NTSC / 4), float(step_y * NTSC / 4))
            assert found.data["velocity"][index] == pytest.approx(velocity, rel=1e-13)
            speed = float(step_x**2 + step_y**2) ** 0.5 * float(NTSC) / 4
            assert found.data["speed"][index] == pytest.approx(speed, rel=1e-13)
            compared += track in seen
        seen.update(places)
    assert compared > 400
