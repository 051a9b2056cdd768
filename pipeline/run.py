"""One run of a pipeline: its threads, from start to finish."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from trackwire.specs import Event, Outbox, TrackwireError

from .engine_thread import Driver, EngineThread
from .identifiers import unique_identifiers
from .options import RunOptions
from .sink_thread import SinkQueue, SinkThread, serve
from .source_thread import SourceThread
from .sources.source import FrameSource
from .status import PipelineState, PipelineStatus
from .trackers import chosen_tracker
from .watchdog import Watchdog

if TYPE_CHECKING:
    from trackwire.blocks import TrackerControl

__all__ = ["PipelineStateError", "Run"]


class PipelineStateError(TrackwireError, RuntimeError):
    """A pipeline was asked for something that its state does not allow."""

    default_code = "pipeline_state"


class Run:
    """The threads of one pipeline and what they share.

    Args:
        open_driver: Makes the engine.
        sources: What to read.
        video_identifiers: Name of each source's stream.
        sinks: Where results go.
        outbox: Takes events.
        options: How to run.
    """

    def __init__(
        self,
        open_driver: Callable[[], Driver],
        sources: Sequence[FrameSource],
        video_identifiers: Sequence[str],
        sinks: Sequence[Callable[[Any, Any], object]],
        outbox: Outbox,
        options: RunOptions,
    ) -> None:
        self._options = options
        self._outbox = outbox
        self._lock = threading.RLock()
        self._begun = self._terminated = False
        self._error: BaseException | None = None
        self._server: threading.Thread | None = None
        self._opened = threading.Event()
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._sources: list[SourceThread] = []
        for source, identifier in zip(sources, video_identifiers, strict=True):
            self._sources.append(self._source_thread(source, identifier))
        shared = threading.Condition()
        self._sinks = tuple(
            SinkQueue(
                sink,
                outbox=outbox,
                policy=options.on_sink_error,
                overflow="wait",
                on_failure=self._fail,
                condition=shared,
            )
            for sink in sinks
        )
        self._sink_threads = tuple(map(SinkThread, self._sinks))
        self.engine = EngineThread(
            open_driver=open_driver,
            sources=self._sources,
            sinks=self._sinks,
            condition=self._changed,
            outbox=outbox,
            options=options,
            on_failure=self._fail,
            on_end=self._stop_watching,
        )
        self._watchdog: Watchdog | None = None
        if options.stall_timeout_s is not None:
            self._watchdog = Watchdog(
                lambda: tuple(self._sources), self.engine, outbox, options.stall_timeout_s
            )

    @property
    def video_identifiers(self) -> tuple[str, ...]:
        """Names of the streams, by ``source_id``."""
        return tuple(source.video_identifier for source in self._sources)

    @property
    def state(self) -> PipelineState:
        """Where the run stands."""
        if not self._begun:
            return "finished" if self._terminated else "created"
        if self._over.is_set() or (self._server is None and self._threads_ended()):
            return "finished"
        if self._terminated or not self.engine.is_alive():
            return "stopping"
        return "running" if self.engine.started_s is not None else "starting"

    def start(self, *, use_main_thread: bool) -> None:
        """Open everything and run; see :meth:`InferencePipeline.start`."""
        with self._lock:
            if self._begun or self._terminated:
                raise PipelineStateError(
                    f"the pipeline is {self.state} and cannot be started; "
                    "a pipeline runs once, make a new one"
                )
            self._begun = True
            self._server = threading.current_thread() if use_main_thread else None
            self.engine.start()
            for source in self._sources:
                source.start()
        try:
            self._wait_until_open()
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            self.terminate()
            self._finish_here(deliver=False)
            raise
        self._suit_sinks()
        self.engine.release()
        if self._watchdog is not None:
            self._watchdog.start()
        if use_main_thread:
            self._serve_here()
        else:
            for thread in self._sink_threads:
                thread.start()
            self._opened.set()

    def join(self, timeout_s: float | None) -> None:
        """Wait for the end; see :meth:`InferencePipeline.join`."""
        if not self._begun:
            return
        busy = {*self._threads(), None if self._over.is_set() else self._server}
        if threading.current_thread() in busy:
            raise PipelineStateError(
                "join() was called by a thread of the pipeline itself, which would wait for "
                "itself for ever; call terminate() there and join() outside"
            )
        try:
            self._wait(timeout_s)
        except KeyboardInterrupt:
            self.terminate()
            self._wait(None)
            raise
        if self._error is not None:
            raise self._error

    def terminate(self) -> None:
        """Stop; see :meth:`InferencePipeline.terminate`."""
        with self._lock:
            self._terminated = True
        self.engine.stop()
        for source in self._sources:
            source.stop()

    def add_source(self, source: FrameSource, wished_identifier: str) -> int:
        """Read one more source; see :meth:`InferencePipeline.add_source`."""
        with self._lock:
            if self.state not in {"starting", "running"}:
                raise PipelineStateError(
                    f"the pipeline is {self.state}; sources can be added while it runs"
                )
            taken = self.video_identifiers
            identifier = unique_identifiers([*taken, wished_identifier])[-1]
            thread = self._source_thread(source, identifier)
            self._sources.append(thread)
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: thread.opened or thread.open_failure is not None)
        if thread.open_failure is not None:
            thread.join()
            raise thread.open_failure
        with self._lock:
            self.engine.add(thread)
            self._suit_sinks()
            if self._terminated:
                thread.stop()
        return thread.source_id

    def remove_source(self, source_id: int) -> None:
        """Read a source no further; see :meth:`InferencePipeline.remove_source`."""
        self._source(source_id).stop("removed")

    def hold(self, source_id: int, mode: Literal["running", "paused", "muted"]) -> None:
        """Pause, mute or resume a source.

        Raises:
            ValueError: There is no such source.
        """
        self._source(source_id).hold(mode)

    def status(self) -> PipelineStatus:
        """Report; callable from any thread."""
        sources = tuple(source.status() for source in tuple(self._sources))
        begun, ended = self.engine.started_s, self.engine.ended_s
        elapsed_s = 0.0 if begun is None else (ended or monotonic()) - begun
        processed = sum(source.processed for source in sources)
        report = self.engine.report()
        return PipelineStatus(
            state=self.state,
            sources=sources,
            sinks=tuple(sink.status() for sink in self._sinks),
            ticks=self.engine.ticks,
            elapsed_s=elapsed_s,
            frames_per_second=processed / elapsed_s if elapsed_s > 0 else 0.0,
            error=None if self._error is None else str(self._error) or repr(self._error),
            trackers=tuple(each.status() for each in (self.engine.trackers or {}).values()),
            steps=() if report is None else report.steps,
        )

    def tracker(self, step: str | None) -> TrackerControl:
        """Return a tracker of the workflow; see :meth:`InferencePipeline.tracker`."""
        trackers = self.engine.trackers
        if trackers is None:
            raise PipelineStateError(
                f"the pipeline is {self.state} and its workflow is not open, so that there is no "
                "tracker yet; ask after start(use_main_thread=False), or in a sink"
            )
        return chosen_tracker(trackers, step)

    def _source_thread(self, source: FrameSource, identifier: str) -> SourceThread:
        return SourceThread(
            source,
            source_id=len(self._sources),
            video_identifier=identifier,
            condition=self._changed,
            outbox=self._outbox,
            options=self._options,
        )

    def _source(self, source_id: int) -> SourceThread:
        if not 0 <= source_id < len(self._sources):
            names = ", ".join(f"{i} ({name})" for i, name in enumerate(self.video_identifiers))
            raise ValueError(f"there is no source {source_id}; there are {names}")
        return self._sources[source_id]

    def _suit_sinks(self) -> None:
        """Let no sink hold up a live source, which cannot wait; known once sources are open."""
        if any(source.live for source in self._sources):
            for sink in self._sinks:
                sink.buffer.policy = "drop_oldest"

    def _stop_watching(self) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()

    def _wait_until_open(self) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    (self.engine.opened and all(s.opened for s in self._sources))
                    or self.engine.open_failure is not None
                    or self._source_failures()
                )
            )
            failures = self._source_failures()
        if self.engine.open_failure is not None:
            raise self.engine.open_failure
        if failures:
            raise failures[0]

    def _source_failures(self) -> list[BaseException]:
        """Why sources could not be opened, where that forbids the run."""
        failures = [s.open_failure for s in self._sources if s.open_failure is not None]
        if self._options.on_source_error == "skip" and len(failures) < len(self._sources):
            return []
        return failures

    def _serve_here(self) -> None:
        """Run the sinks on this thread until the run is over."""
        self._opened.set()
        try:
            serve(self._sinks)
            self._wait_for_threads()
        except BaseException:
            self.terminate()
            self._finish_here(deliver=True)
            raise
        self._finish_here(deliver=False)

    def _finish_here(self, *, deliver: bool) -> None:
        """Close the sinks on this thread, having delivered what was computed if so asked."""
        try:
            if deliver:
                serve(self._sinks)
            self._wait_for_threads()
        finally:
            for sink in self._sinks:
                sink.close()
            self._over.set()
            self._opened.set()

    def _wait_for_threads(self) -> None:
        for thread in self._threads():
            if thread.ident is not None:
                thread.join()

    def _wait(self, timeout_s: float | None) -> None:
        deadline = None if timeout_s is None else monotonic() + timeout_s

        def left() -> float | None:
            return None if deadline is None else max(deadline - monotonic(), 0.0)

        done = self._opened.wait(left())
        if done and self._server is not None:
            done = self._over.wait(left())
        for thread in self._threads():
            if done and thread.ident is not None:
                thread.join(left())
                done = not thread.is_alive()
        if not done:
            raise TimeoutError(f"the pipeline is still {self.state} after {timeout_s} s")

    def _threads(self) -> tuple[threading.Thread, ...]:
        watchdog = () if self._watchdog is None else (self._watchdog,)
        return (*self._sources, self.engine, *self._sink_threads, *watchdog)

    def _threads_ended(self) -> bool:
        return self._opened.is_set() and not any(thread.is_alive() for thread in self._threads())

    def _fail(self, error: BaseException) -> None:
        """End the run because of an error; the first one is what join() raises."""
        with self._lock:
            first = self._error is None
            if first:
                self._error = error
        if first:
            message = f"the run is stopped: {error}"
            self._outbox(Event("pipeline.failed", "error", message, error=error))
        self.terminate()
