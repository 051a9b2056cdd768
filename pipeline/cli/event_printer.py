"""Events of a run, told on standard error without flooding it."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from trackwire.specs import TrackwireError

from ..event_log import event_to_json
from ..redaction import redact_values
from .console import say_warning

if TYPE_CHECKING:
    from trackwire.specs import Event

__all__ = ["EventPrinter", "JsonEventPrinter"]

_TOLD_OF_A_KIND: Final = 5


class EventPrinter:
    """Prints warnings and errors of a run; of many of one kind and stream only the first five.

    Callable from any thread.

    Args:
        ends_run: An error ends the run. It is then said at the end, and not here as well.
    """

    def __init__(self, *, ends_run: bool) -> None:
        self._ends_run = ends_run
        self._told: Counter[tuple[str, str | None]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, event: Event, /) -> None:
        """Print one event, or not."""
        if self._ends_run and event.error is not None:
            return
        with self._lock:
            key = (event.kind, event.stream)
            self._told[key] += 1
            number = self._told[key]
        if number > _TOLD_OF_A_KIND:
            return
        where = "" if event.stream is None else f"{event.stream}: "
        if event.frame_number is not None:
            where = f"{where}frame {event.frame_number}: "
        code = f" [{event.error.code}]" if isinstance(event.error, TrackwireError) else ""
        say_warning(f"{where}{event.message}{code}")
        if number == _TOLD_OF_A_KIND:
            say_warning(f"further events {event.kind!r} are only counted, in run.json")


class JsonEventPrinter:
    """Prints each warning and error as one line of JSON on standard error, for log collectors.

    Nothing is held back: who collects logs also samples them. Callable from any thread.
    """

    def __call__(self, event: Event, /) -> None:
        """Print one event."""
        line = json.dumps(redact_values(event_to_json(event)), separators=(",", ":"))
        sys.stderr.write(line + "\n")  # one call, so that lines of threads do not mix
        sys.stderr.flush()
