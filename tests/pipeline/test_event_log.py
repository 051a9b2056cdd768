"""The event log: bounded, complete in its counts, safe to call from anywhere."""

from __future__ import annotations

import threading

from trackwire.pipeline.event_log import EventLog
from trackwire.specs import BlockError, Event


def test_it_keeps_the_first_and_counts_all() -> None:
    """An endless run cannot fill the memory with events, nor hide how many there were."""
    log = EventLog(capacity=3)
    for number in range(10):
        log(Event("frame.dropped", "info", "dropped", frame_number=number))
    assert [event["frame_number"] for event in log.as_json()] == [0, 1, 2]
    assert log.counts == {"frame.dropped": 10}


def test_what_happens_often_is_counted_and_not_kept() -> None:
    """Tracks that come and go leave room for what goes wrong."""
    log = EventLog(capacity=2)
    for _ in range(5):
        log(Event("track.started", "debug", "started"))
    log(Event("step.failed", "error", "bad"))
    assert [event["kind"] for event in log.as_json()] == ["step.failed"]
    assert log.counts == {"step.failed": 1, "track.started": 5}


def test_only_warnings_and_errors_are_told() -> None:
    """A terminal shows what needs a look, the report holds everything."""
    told: list[Event] = []
    log = EventLog(told.append)
    for severity in ("debug", "info", "warning", "error"):
        log(Event("x", severity, severity))
    assert [event.message for event in told] == ["warning", "error"]


def test_fields_without_a_value_are_left_out() -> None:
    """The report stays readable."""
    log = EventLog()
    log(Event("step.failed", "error", "bad", step="tracker", error=ValueError("no")))
    (event,) = log.as_json()
    assert event.pop("at").endswith("+00:00")
    assert event == {
        "kind": "step.failed",
        "severity": "error",
        "message": "bad",
        "step": "tracker",
        "error": "ValueError",
    }
    log(Event("step.failed", "error", "bad", error=BlockError("no", code="picture")))
    assert (log.as_json()[1]["error"], log.as_json()[1]["code"]) == ("BlockError", "picture")


def test_threads_may_tell_at_once() -> None:
    """No event is lost between threads."""
    log = EventLog()

    def tell() -> None:
        for _ in range(200):
            log(Event("x", "info", "x"))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.counts == {"x": 800}
