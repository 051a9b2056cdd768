"""Notices what came to a halt without an error: silent sources, and a workflow that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from trackwire.specs import Event, Outbox

if TYPE_CHECKING:
    from .engine_thread import EngineThread
    from .source_thread import SourceThread

__all__ = ["Watchdog"]

_LOOKS_PER_TIMEOUT: Final = 4


class Watchdog(threading.Thread):
    """Looks at sources and engine now and then, and tells once about each halt and its end.

    It changes nothing: whoever reads the events decides. A source that says itself that it was
    lost is no case for it, nor is one that waits for room or is held back by the user.

    Args:
        sources: Gives the sources there are.
        engine: The engine's thread.
        outbox: Takes events.
        timeout_s: How long a halt has to last.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        sources: Callable[[], Sequence[SourceThread]],
        engine: EngineThread,
        outbox: Outbox,
        timeout_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(name="trackwire-watchdog")
        self._sources = sources
        self._engine = engine
        self._outbox = outbox
        self._timeout_s = timeout_s
        self._clock = clock
        self._stalled: set[int] = set()
        self._engine_stalled = False
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more; returns at once."""
        self._ended.set()

    def look(self) -> None:
        """Look once; called by the watchdog's thread, or by a test with its own clock."""
        now_s = self._clock()
        for source in self._sources():
            waiting_s = source.silent_for_s(now_s)
            self._judge_source(source, waiting_s is not None and waiting_s > self._timeout_s)
        working_s = self._engine.working_for_s(now_s)
        stalled = working_s is not None and working_s > self._timeout_s
        if stalled and not self._engine_stalled:
            self._outbox(
                Event(
                    "engine.stalled",
                    "warning",
                    f"the workflow has been at work on one tick for {working_s:.1f} s",
                )
            )
        elif self._engine_stalled and not stalled:
            self._outbox(Event("engine.resumed", "info", "the workflow goes on"))
        self._engine_stalled = stalled

    def _judge_source(self, source: SourceThread, stalled: bool) -> None:
        known = source.source_id in self._stalled
        if stalled and not known:
            self._stalled.add(source.source_id)
            source.tell("source.stalled", "warning", f"no frame for {self._timeout_s:g} s")
        elif known and not stalled:
            self._stalled.discard(source.source_id)
            source.tell("source.resumed", "info", "frames come again, or the source was lost")

    def run(self) -> None:
        """Look until stopped; the body of the thread."""
        while not self._ended.wait(self._timeout_s / _LOOKS_PER_TIMEOUT):
            self.look()
