"""The events of a run, kept in bounded memory for its report."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trackwire.specs import TrackwireError

if TYPE_CHECKING:
    from trackwire.specs import Event

__all__ = ["EventLog", "event_to_json"]


class EventLog:
    """An outbox that keeps the first events in full and counts all of them.

    Events of the severity ``debug`` are only counted: what happens to tracks happens often, and
    would leave no room for what goes wrong.

    Callable from any thread.

    Args:
        listener: Called with each event that is a warning or an error, while no lock is held;
            must not raise. None for nobody.
        capacity: How many events are kept in full.
    """

    def __init__(
        self, listener: Callable[[Event], None] | None = None, *, capacity: int = 500
    ) -> None:
        self._listener = listener
        self._capacity = capacity
        self._kept: list[Event] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, event: Event, /) -> None:
        """Take one event."""
        with self._lock:
            self._counts[event.kind] += 1
            if event.severity != "debug" and len(self._kept) < self._capacity:
                self._kept.append(event)
        if self._listener is not None and event.severity in {"warning", "error"}:
            self._listener(event)

    @property
    def counts(self) -> dict[str, int]:
        """How many events of each kind came, kept or not."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def as_json(self) -> list[dict[str, Any]]:
        """The events kept, in order, as JSON-ready dicts; fields without a value are left out."""
        with self._lock:
            kept = list(self._kept)
        return [event_to_json(event) for event in kept]


def event_to_json(event: Event) -> dict[str, Any]:
    """Make a JSON-ready dict of an event; fields without a value are left out."""
    known = {
        "at": event.at.isoformat(timespec="milliseconds"),
        "kind": event.kind,
        "severity": event.severity,
        "message": event.message,
        "stream": event.stream,
        "step": event.step,
        "frame_number": event.frame_number,
        "error": None if event.error is None else type(event.error).__name__,
        "code": event.error.code if isinstance(event.error, TrackwireError) else None,
    }
    return {name: value for name, value in known.items() if value is not None}
