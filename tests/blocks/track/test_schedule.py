"""Which frames are prompt frames."""

from __future__ import annotations

import pytest

from trackwire.blocks.track.schedule import PromptClock, PromptMode, Schedule


def walk(schedule: Schedule, detections: list[int], *, live_tracks: int = 0) -> list[int]:
    """Return the prompt frames of a session that sees the given numbers of detections."""
    clock, prompt_frames, live = PromptClock(), [], live_tracks
    for frame, count in enumerate(detections):
        consumed = schedule.consumes(clock, detections=count, live_tracks=live)
        assert not consumed or schedule.due(clock)
        if consumed:
            prompt_frames.append(frame)
            live = max(live, count)
        clock = clock.after(consumed=consumed)
    return prompt_frames


@pytest.mark.parametrize(
    ("mode", "interval", "detections", "expected"),
    [
        # the first frame that has any, not the first frame
        ("first_frame", 1, [0, 0, 2, 2, 0, 3], [2]),
        ("first_frame", 1, [0, 0, 0], []),
        # 0, N, 2N from the first frame that has any
        ("every_n_frames", 3, [1] * 8, [0, 3, 6]),
        ("every_n_frames", 3, [0, 1, 1, 1, 1, 1], [1, 4]),
        # a due frame without detections counts when something is followed
        ("every_n_frames", 3, [1, 1, 1, 0, 1, 1, 1], [0, 3, 6]),
        ("every_n_frames", 1, [1, 0, 1], [0, 1, 2]),
        # each frame, with or without
        ("every_frame", 30, [0, 1, 0, 2], [0, 1, 2, 3]),
    ],
)
def test_prompt_frames_by_mode(
    mode: PromptMode, interval: int, detections: list[int], expected: list[int]
) -> None:
    """Each mode takes the frames that its description promises."""
    assert walk(Schedule(mode, interval), detections) == expected


def test_due_frame_stays_due_while_nothing_is_followed() -> None:
    """An empty due frame of a session without tracks does not push the next one away."""
    schedule, clock = Schedule("every_n_frames", 3), PromptClock(3)
    assert not schedule.consumes(clock, detections=0, live_tracks=0)
    assert schedule.due(clock.after(consumed=False))
    assert schedule.consumes(clock, detections=0, live_tracks=1)


def test_clock_counts_from_the_last_prompt_frame() -> None:
    """Frames are counted as processed, from the prompt frame on."""
    clock = PromptClock().after(consumed=False)
    assert clock.since_prompt is None
    clock = clock.after(consumed=True).after(consumed=False).after(consumed=False)
    assert clock.since_prompt == 3


@pytest.mark.parametrize("interval", [0, -1])
def test_interval_below_one_is_refused(interval: int) -> None:
    """An interval that could never pass is an error, told with what was found."""
    with pytest.raises(ValueError, match=f"at least 1 frame, found {interval}"):
        Schedule("every_n_frames", interval)
