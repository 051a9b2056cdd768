"""Who has a session: room, idleness, time-outs, and what is left when a stream has gone."""

from __future__ import annotations

from typing import Any

import pytest


def kinds(tracker: Any) -> list[str]:
    """Return what was told of sessions, the ends of sessions left out."""
    return [each.kind for each in tracker.events if each.kind != "tracker.session_ended"]


def test_the_stream_idle_for_longest_gives_way(rig: Any) -> None:
    """Of those idle for long enough the least recently used one goes, and says so."""
    tracker = rig(rig.still, max_sessions=2, idle_after_s=60)
    for second, stream in ((0, "a"), (1, "b"), (2, "a")):
        tracker.now_s = second
        tracker.step(second, stream=stream)
    tracker.now_s = 61
    assert tracker.wants(0, stream="c")
    assert rig.places(tracker.step(0, stream="c")).keys() == {1, 2}
    assert tracker.tracker.control.streams == ("a", "c")
    assert kinds(tracker) == ["tracker.session_evicted"]
    told = tracker.track_events[-4:-2]
    assert [(e.stream, e.fields["event"], e.fields["reason"]) for e in told] == [
        ("b", "ended", "evicted")
    ] * 2
    assert len(tracker.model.open_states) == 2


def test_an_evicted_stream_never_sees_an_old_id_again(rig: Any) -> None:
    """The count of ids outlives the session, also one that was thrown out."""
    tracker = rig(rig.still, max_sessions=1, idle_after_s=60)
    tracker.step(0)
    tracker.now_s = 60
    tracker.step(0, stream="b")
    tracker.now_s = 120
    assert rig.places(tracker.step(1)).keys() == {3, 4}


def test_live_streams_are_never_evicted_in_a_circle(rig: Any) -> None:
    """With more live streams than room, those that came first keep their tracks throughout."""
    tracker = rig(rig.still, max_sessions=2, idle_after_s=5)
    for second in range(20):
        tracker.now_s = second
        frames = [tracker.frame(second, stream=stream) for stream in "cabd"]
        outcomes = tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
        tracked = [
            stream
            for stream, each in zip("cabd", outcomes, strict=True)
            if "predictions" in getattr(each, "keys", tuple)()
        ]
        assert tracked == ["c", "a"]
    assert kinds(tracker) == ["tracker.session_refused"] * 2
    assert tracker.tracker.control.status().streams_refused == 2


def test_of_one_tick_no_stream_takes_the_place_of_another(rig: Any) -> None:
    """A stream that comes back after a pause, in the same tick as a newcomer, is not idle."""
    tracker = rig(rig.still, max_sessions=1, idle_after_s=60)
    tracker.step(0)
    tracker.now_s = 100
    frames = [tracker.frame(1, stream="new"), tracker.frame(1)]
    refused, tracked = tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
    assert refused.error.code == "session_cap"
    assert rig.places(tracked["predictions"]).keys() == {1, 2}


def test_a_stream_that_is_silent_for_too_long_is_freed(rig: Any) -> None:
    """Also where there is room: memory is not held for a camera that has gone."""
    tracker = rig(rig.still, session_timeout_s=30)
    for second, stream in ((0, "a"), (10, "b"), (29.5, "b")):
        tracker.now_s = second
        tracker.step(int(second), stream=stream)
    assert len(tracker.tracker.sessions) == 2
    tracker.now_s = 30
    tracker.step(30, stream="b")
    assert tracker.tracker.control.streams == ("b",)
    assert [event.fields["reason"] for event in tracker.events if "evicted" in event.kind] == [
        "timed_out"
    ]
    assert {e.fields["reason"] for e in tracker.track_events if e.stream == "a"} == {
        "detected",
        "timed_out",
    }
    assert len(tracker.model.open_states) == 1


def test_a_pause_of_all_streams_frees_none_that_come_back(rig: Any) -> None:
    """A paused file goes on with its tracks: the frame that comes is what counts."""
    tracker = rig(rig.still, session_timeout_s=30)
    tracker.step(0)
    tracker.now_s = 1000
    assert rig.places(tracker.step(1)).keys() == {1, 2}


def test_without_a_time_out_sessions_are_kept(rig: Any) -> None:
    """Null is for ever."""
    tracker = rig(rig.still, session_timeout_s=None)
    tracker.step(0)
    tracker.now_s = 1e9
    tracker.step(0, stream="b")
    assert len(tracker.tracker.sessions) == 2


def test_the_status_adds_up(rig: Any) -> None:
    """Sessions, tracks, bytes and counts, now and at their peak, streams that ended included."""
    tracker = rig(rig.crossing, prompt_mode="every_frame", lost_after=3)
    control = tracker.tracker.control
    for number in range(13):
        tracker.step(number)
    tracker.now_s = 2.5
    tracker.step(0, stream="b")
    status = control.status()
    first, second = status.sessions
    assert (first.stream, first.tracks, first.unseen, first.idle_s) == ("a", (1,), (), 2.5)
    assert (second.stream, second.tracks, second.nbytes) == ("b", (1, 2), 2000)
    assert (status.tracks, status.nbytes, status.peak_sessions) == (3, 3000, 2)
    assert (first.tally.born, first.tally.lost, first.tally.ended) == (2, 1, 1)
    assert status.nbytes == tracker.tracker.sessions.nbytes()
    tracker.tracker.close()
    status = control.status()
    assert (status.sessions, status.tracks, status.nbytes) == ((), 0, 0)
    assert (status.peak_nbytes, status.sessions_ended) == (3000, 2)
    assert (status.tally.frames, status.tally.born, status.tally.ended) == (14, 4, 4)
    assert status.as_json()["tally"]["born"] == 4


@pytest.mark.parametrize("cap", [3, 10])
def test_a_thousand_streams_leave_nothing_behind(rig: Any, cap: int) -> None:
    """Ended one by one, ten at a time, or refused: sessions and bytes return to zero."""
    tracker = rig(rig.still, max_sessions=cap)
    for group in range(100):
        streams = [f"{group}-{place}" for place in range(10)]
        for number in range(2):
            frames = [tracker.frame(number, stream=stream) for stream in streams]
            tracker.tick(*((frame, tracker.truth(frame)) for frame in frames))
            assert len(tracker.tracker.sessions) == len(tracker.model.open_states) == cap
        for stream in streams:
            tracker.tracker.end_stream(stream)
        assert tracker.tracker.sessions.nbytes() == 0
    status = tracker.tracker.control.status()
    assert (status.peak_sessions, status.sessions_ended) == (cap, 100 * cap)
    assert (status.nbytes, len(tracker.model.open_states)) == (0, 0)
