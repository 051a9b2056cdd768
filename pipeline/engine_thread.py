"""The thread that drives the engine: gathers a tick of frames, runs it, hands the results on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

from trackwire.specs import BlockError, Event, Outbox, TrackwireError

from .options import RunOptions
from .source_thread import SourceThread

if TYPE_CHECKING:
    from trackwire.blocks import Frame, TrackerControl

    from .engine import EngineReport, FrameResult
    from .sink_thread import SinkQueue

__all__ = ["LIVE_WAIT_S", "CustomLogic", "Driver", "EngineThread"]

LIVE_WAIT_S: Final = 0.02
"""How long a tick waits for live sources after the first frame is there, unless told otherwise.

Long enough to gather cameras that run in step, too short to slow one down for another."""


class Driver(Protocol):
    """What the thread drives: an engine, or something that behaves like one."""

    def tick(self, frames: Sequence[Frame]) -> Sequence[FrameResult]:
        """Process at most one frame of each stream; one result per frame, in order."""
        ...

    def end_stream(self, stream: str) -> None:
        """Forget a stream."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class CustomLogic:
    """Lets a callable stand where an engine would.

    Args:
        on_video_frame: Takes the frames of a tick, returns as many results, in order.
    """

    def __init__(self, on_video_frame: Callable[[list[Frame]], Sequence[Any]]) -> None:
        self._call = on_video_frame

    def tick(self, frames: Sequence[Frame]) -> Sequence[FrameResult]:
        """Call the callable.

        Raises:
            BlockError: It raised, or did not return one result per frame.
        """
        from .engine import FrameResult

        try:
            results = self._call(list(frames))
        except Exception as error:
            first = frames[0].video
            raise BlockError(
                f"on_video_frame failed on frame {first.frame_number} of "
                f"{first.video_identifier}: {type(error).__name__}: {error}",
                code="step_raised",
                step="on_video_frame",
                stream=first.video_identifier,
                frame_number=first.frame_number,
            ) from error
        if isinstance(results, Mapping | str) or not isinstance(results, Sequence):
            raise BlockError(
                _NO_RESULTS.format(len(frames), type(results).__name__), code="outcome_count"
            )
        if len(results) != len(frames):
            raise BlockError(
                _NO_RESULTS.format(len(frames), f"{len(results)} results"), code="outcome_count"
            )
        return [FrameResult(frame, value) for frame, value in zip(frames, results, strict=True)]

    def end_stream(self, stream: str) -> None:
        """Do nothing: a callable is not told."""

    def close(self) -> None:
        """Do nothing."""


def _failure_of(error: Exception) -> BlockError:
    """The same as a failure of frames; what says its code keeps it."""
    if isinstance(error, BlockError):
        return error
    failure = BlockError(
        str(error) or type(error).__name__,
        code=error.code if isinstance(error, TrackwireError) else "step_raised",
    )
    failure.__cause__ = error
    return failure


_NO_RESULTS: Final = (
    "on_video_frame must return a list with one result per frame ({} in this tick), found {}"
)


class EngineThread(threading.Thread):
    """Takes at most one frame of each source per tick and hands the results to the sinks.

    A tick waits for the sources that are to give a frame, for as long as
    :attr:`RunOptions.batch_timeout_s` says; those that are opening, lost, paused or muted hold
    nobody up. A frame on which a step failed is handed to no sink; under ``stop`` it is the last
    of the run.

    Args:
        open_driver: Makes the engine; called on this thread.
        sources: The sources; their buffers share ``condition``.
        sinks: Queues that take the results.
        condition: Notified by sources, and by this thread when the engine is open.
        outbox: Takes events.
        options: How the pipeline runs.
        on_failure: Called with the error that ends the run.
        on_end: Called when the last tick is done.
    """

    def __init__(
        self,
        *,
        open_driver: Callable[[], Driver],
        sources: Sequence[SourceThread],
        sinks: Sequence[SinkQueue],
        condition: threading.Condition,
        outbox: Outbox,
        options: RunOptions,
        on_failure: Callable[[BaseException], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(name="trackwire-engine")
        self.opened = False
        self.open_failure: BaseException | None = None
        self.ticks = 0
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.last_report: EngineReport | None = None
        self._driver: Driver | None = None
        self._open_driver = open_driver
        self._sources = {source.source_id: source for source in sources}
        self._sinks = sinks
        self._condition = condition
        self._outbox = outbox
        self._options = options
        self._batched = options.sink_mode == "batch" or (
            options.sink_mode == "adaptive" and len(sources) > 1
        )
        self._on_failure = on_failure
        self._on_end = on_end
        self._running = list(sources)
        self._working_since_s: float | None = None
        self._stopping = False
        self._released = False

    def run(self) -> None:
        """Open the engine, run ticks until the sources end, close it; the body of the thread."""
        try:
            if self._open() and self._wait_for_release():
                self.started_s = monotonic()
                self._run_ticks()
        except BaseException as error:  # noqa: BLE001 - a thread has nobody above it to tell
            self._on_failure(error)
        finally:
            self.ended_s = monotonic()
            self._on_end()
            for source in self._sources.values():
                source.stop()
            self._close()
            for sink in self._sinks:
                sink.buffer.close()

    def release(self) -> None:
        """Let the ticks begin: every source is open."""
        with self._condition:
            self._released = True
            self._condition.notify_all()

    def stop(self) -> None:
        """Run no further tick; does not wait for the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def add(self, source: SourceThread) -> None:
        """Take frames of one more source from now on; it is open."""
        with self._condition:
            self._sources[source.source_id] = source
            self._running.append(source)
            self._condition.notify_all()

    def working_for_s(self, now_s: float) -> float | None:
        """Tell how long the tick at work has taken so far; None between ticks."""
        since_s = self._working_since_s
        return None if since_s is None else now_s - since_s

    def report(self) -> EngineReport | None:
        """The engine's report, also after the run; None with custom logic or before the start."""
        report = getattr(self._driver, "report", None)
        if report is not None:
            self.last_report = report()
        return self.last_report

    @property
    def trackers(self) -> Mapping[str, TrackerControl] | None:
        """The trackers of the engine, also after the run; None before it is open."""
        if self._driver is None:
            return None
        trackers: Mapping[str, TrackerControl] = getattr(self._driver, "trackers", {})
        return trackers

    def _open(self) -> bool:
        try:
            self._driver = None if self._stopping else self._open_driver()
        except BaseException as error:  # noqa: BLE001 - raised again by start()
            self.open_failure = error
        with self._condition:
            self.opened = True
            self._condition.notify_all()
        return self._driver is not None

    def _wait_for_release(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._released or self._stopping)
            return not self._stopping

    def _run_ticks(self) -> None:
        while True:
            frames = self._gather()
            if frames is None:
                return
            if frames:
                results = self._tick(frames)
                self._count(frames, results)
                self._hand_on(results)
                if self._options.on_step_error == "stop":
                    self._stop_at_failure(results)
            self._end_streams()

    def _gather(self) -> list[Frame] | None:
        """Wait for a tick of frames; an empty list if a source ended, None if all is over."""
        deadline: float | None = None
        with self._condition:
            while not self._stopping and (self._running or self._options.keep_running):
                if any(source.buffer.finished for source in self._running):
                    return self._take() if self._late(deadline) else []
                able = [source for source in self._running if not source.paused]
                ready = [source for source in able if len(source.buffer)]
                missing = [s for s in able if s.expected and not len(s.buffer)]
                if ready and not missing:
                    return self._take()
                if ready and deadline is None:
                    wait_s = self._wait_for(ready, missing)
                    deadline = None if wait_s is None else monotonic() + wait_s
                if self._late(deadline):
                    return self._take()
                self._condition.wait(None if deadline is None else deadline - monotonic())
        return None

    def _wait_for(
        self, ready: Sequence[SourceThread], missing: Sequence[SourceThread]
    ) -> float | None:
        """How long the frames that are there wait for those that are not; None for ever."""
        if self._options.batch_timeout_s is not None:
            return self._options.batch_timeout_s
        return LIVE_WAIT_S if any(source.live for source in (*ready, *missing)) else None

    def _late(self, deadline: float | None) -> bool:
        return deadline is not None and monotonic() >= deadline

    def _take(self) -> list[Frame]:
        return [
            source.buffer.take(timeout_s=0)
            for source in self._running
            if len(source.buffer) and not source.paused
        ]

    def _tick(self, frames: Sequence[Frame]) -> Sequence[FrameResult]:
        """Run one tick; what the engine raises becomes a failure of every frame in it."""
        from .engine import FrameResult

        self.ticks += 1
        self._working_since_s = monotonic()
        try:
            return self._active().tick(frames)
        except Exception as error:  # noqa: BLE001 - custom logic may raise anything
            failure = _failure_of(error)
            first = frames[0].video
            self._outbox(
                Event(
                    "step.failed",
                    "error",
                    failure.message,
                    stream=first.video_identifier,
                    step=failure.context.get("step"),
                    frame_number=first.frame_number,
                    error=failure,
                )
            )
            return [FrameResult(frame, {}, (failure,)) for frame in frames]
        finally:
            self._working_since_s = None

    def _count(self, frames: Sequence[Frame], results: Sequence[FrameResult]) -> None:
        now_s = monotonic()
        for frame, result in zip(frames, results, strict=True):
            source = self._sources[frame.video.source_id]
            source.processed += 1
            source.departures.mark(now_s)
            source.latency.add(now_s - frame.video.received_s)
            source.failed += bool(result.failures)

    def _hand_on(self, results: Sequence[FrameResult]) -> None:
        good = [result for result in results if not result.failures]
        if not good:
            return
        if not self._batched:
            for result in good:
                for sink in self._sinks:
                    sink.put(result.outputs, result.frame)
            return
        places = max(self._sources) + 1
        predictions: list[Any] = [None] * places
        frames: list[Frame | None] = [None] * places
        for result in good:
            source_id = result.frame.video.source_id
            predictions[source_id], frames[source_id] = result.outputs, result.frame
        for sink in self._sinks:
            # Each sink gets lists of its own: one that changes them must not disturb the others.
            sink.put(list(predictions), list(frames))

    def _stop_at_failure(self, results: Sequence[FrameResult]) -> None:
        failures = [failure for result in results for failure in result.failures]
        if failures:
            self._on_failure(failures[0])

    def _end_streams(self) -> None:
        for source in [each for each in self._running if each.buffer.finished]:
            self._running.remove(source)
            self._forget(source)
            if source.failure is not None and self._options.on_source_error == "stop":
                self._on_failure(source.failure)

    def _forget(self, source: SourceThread) -> None:
        try:
            self._active().end_stream(source.video_identifier)
        except Exception as error:  # noqa: BLE001 - users' blocks may raise anything
            # The engine has sent the event; ending a stream is part of running its steps.
            if self._options.on_step_error == "stop":
                self._on_failure(error)

    def _close(self) -> None:
        for source in self._running:
            if self._driver is not None:
                self._forget(source)
        if self._driver is None:
            return
        self.report()
        try:
            self._driver.close()
        except Exception as error:  # noqa: BLE001 - users' blocks may raise anything
            self._on_failure(error)

    def _active(self) -> Driver:
        if self._driver is None:
            raise BlockError("the engine is not open; start the pipeline first")
        return self._driver
