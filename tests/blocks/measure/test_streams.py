"""Streams side by side are measured as each would be alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = [
    ({"type": "roboflow_core/line_counter@v2", "line_segment": [[0, 100], [300, 100]]}, "count_in"),
    (
        {
            "type": "roboflow_core/time_in_zone@v3",
            "zone": [[50, 50], [150, 50], [150, 150], [50, 150]],
            "remove_out_of_zone_detections": False,
        },
        "timed_detections",
    ),
    ({"type": "roboflow_core/velocity@v1"}, "velocity_detections"),
]
places = st.dictionaries(
    st.integers(0, 3), st.tuples(st.integers(20, 200), st.integers(20, 200)), max_size=3
)
streams = st.lists(st.tuples(places, st.booleans()), min_size=1, max_size=12)


def plain(value: Any) -> Any:
    """An output as plain values."""
    if isinstance(value, int):
        return value
    fields = ("time_in_zone", "velocity", "smoothed_velocity")
    found = {name: value.data[name].tolist() for name in fields if name in value.data}
    return value.tracker_id.tolist(), found


@pytest.mark.parametrize(("step", "output"), STEPS, ids=lambda each: str(each)[:40])
@settings(max_examples=40)
@given(one=streams, other=streams)
def test_streams_side_by_side_are_streams_alone(
    step: Any,
    output: str,
    measured: Callable[..., Any],
    at: Callable[..., Any],
    reported: Callable[..., Any],
    one: Any,
    other: Any,
) -> None:
    """Whatever moves in another stream, and whenever it has gaps, changes nothing in this one."""
    clips = {"one": one, "other": other}
    frames: dict[str, list[Any]] = {}
    for name, clip in clips.items():
        epoch = 0
        frames[name] = []
        for number, (tracks, gap) in enumerate(clip):
            epoch += gap
            frame = at(number, stream=name, epoch=epoch)
            frames[name].append((frame, reported(frame, tracks)))
    together: dict[str, list[Any]] = {"one": [], "other": []}
    run = measured(step, output)
    for number in range(max(map(len, clips.values()))):
        present = [name for name in clips if number < len(frames[name])]
        tick = [frames[name][number] for name in present]
        results = run.results([frame for frame, _ in tick], [found for _, found in tick])
        for name, result in zip(present, results, strict=True):
            together[name].append(plain(result.outputs[output]))
    for name, pairs in frames.items():
        alone = measured(step, output)
        expected = [
            plain(alone.results([frame], [found])[0].outputs[output]) for frame, found in pairs
        ]
        assert together[name] == expected
