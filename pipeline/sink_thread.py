"""Sinks at work: a bounded queue for each, served by a thread of its own or by the caller's."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from trackwire.specs import Event, Outbox, SinkError

from .buffer import BoundedBuffer, OverflowPolicy
from .options import ErrorPolicy
from .status import SinkStatus
from .timings import Timings

if TYPE_CHECKING:
    from trackwire.blocks import Frame

__all__ = ["SinkQueue", "SinkThread", "serve", "sink_list"]

_QUEUE_ITEMS: Final = 16
_QUEUE_BYTES: Final = 256 * 2**20


class SinkQueue:
    """A sink and the results that wait for it.

    The sink is called and closed on one thread, whichever serves the queue. After an error the
    policy ``stop`` reports it to ``on_failure`` and calls the sink no more; ``skip`` goes on
    with the next result.

    Args:
        sink: Called with predictions and frame; a method ``close()`` is called at the end.
        outbox: Takes events.
        policy: What an error of the sink does.
        overflow: What happens when the sink is slower than the engine.
        on_failure: Called with the error that ends the run, from the serving thread.
        condition: Shared by queues that are served together.
    """

    def __init__(
        self,
        sink: Callable[[Any, Any], object],
        *,
        outbox: Outbox,
        policy: ErrorPolicy,
        overflow: OverflowPolicy,
        on_failure: Callable[[BaseException], None],
        condition: threading.Condition | None = None,
    ) -> None:
        self.name = getattr(sink, "__name__", None) or type(sink).__name__
        self.buffer: BoundedBuffer[tuple[Any, Any]] = BoundedBuffer(
            max_items=_QUEUE_ITEMS,
            max_weight=_QUEUE_BYTES,
            weigh=_pixel_bytes,
            policy=overflow,
            condition=condition,
        )
        self._sink = sink
        self._outbox = outbox
        self._policy = policy
        self._on_failure = on_failure
        self._delivered = self._failed = 0
        self._ages = Timings()
        self._refused: Counter[str] = Counter()
        self._last_error: str | None = None
        self._gave_up = self._closed = False

    def put(self, predictions: Any, frame: Any) -> None:
        """Queue a result; called by the engine's thread."""
        if not self.buffer.put((predictions, frame)):
            self._refused["sink_failed" if self._gave_up else "terminated"] += 1

    def deliver_next(self) -> None:
        """Hand the oldest result to the sink.

        Raises:
            EOFError: None is left and none will come.
            TimeoutError: None is there now.
        """
        predictions, frame = self.buffer.take(timeout_s=0)
        self._note_age(frame)
        try:
            self._sink(predictions, frame)
        except Exception as error:  # noqa: BLE001 - users' sinks may raise anything
            self._failed += 1
            self._tell("sink.failed", f"sink {self.name} failed: {error}", error)
            if self._policy == "stop":
                self._give_up(error)
        else:
            self._delivered += 1

    def close(self) -> None:
        """Close the sink; again does nothing. An error goes to ``on_failure``."""
        if self._closed:
            return
        self._closed = True
        self.buffer.abort("terminated")
        close = getattr(self._sink, "close", None)
        if not callable(close):
            return
        try:
            close()
        except Exception as error:  # noqa: BLE001 - users' sinks may raise anything
            self._tell("sink.close_failed", f"sink {self.name} did not close: {error}", error)
            self._on_failure(error)

    def fail(self, error: BaseException) -> None:
        """Take in and deliver nothing more, and end the run."""
        self._give_up(error)

    def status(self) -> SinkStatus:
        """Report; callable from any thread."""
        return SinkStatus(
            name=self.name,
            delivered=self._delivered,
            failed=self._failed,
            queued=len(self.buffer),
            queued_bytes=self.buffer.weight,
            drops=dict(self._refused + Counter(self.buffer.drops)),
            last_error=self._last_error,
            age_p50_ms=self._ages.percentile_ms(50),
            age_p95_ms=self._ages.percentile_ms(95),
        )

    def _note_age(self, frame: Any) -> None:
        now_s = monotonic()
        for one in frame if isinstance(frame, list) else (frame,):
            if one is not None:
                self._ages.add(now_s - one.video.received_s)

    def _give_up(self, error: BaseException) -> None:
        self._gave_up = True
        self.buffer.abort("sink_failed")
        self._on_failure(error)

    def _tell(self, kind: str, message: str, error: BaseException) -> None:
        self._last_error = str(error) or type(error).__name__
        self._outbox(Event(kind, "error", message, error=error, fields={"sink": self.name}))


def serve(queues: Sequence[SinkQueue]) -> None:
    """Deliver results until every queue is closed and empty, taking turns between them.

    Args:
        queues: Queues that share a condition.
    """
    if not queues:
        return
    condition = queues[0].buffer.condition
    while True:
        with condition:
            condition.wait_for(
                lambda: (
                    any(len(queue.buffer) for queue in queues)
                    or all(queue.buffer.closed for queue in queues)
                )
            )
        delivered = [_deliver(queue) for queue in queues]
        if not any(delivered) and all(queue.buffer.finished for queue in queues):
            return


def _deliver(queue: SinkQueue) -> bool:
    try:
        queue.deliver_next()
    except (EOFError, TimeoutError):
        return False
    return True


class SinkThread(threading.Thread):
    """Serves one queue, then closes its sink."""

    def __init__(self, queue: SinkQueue) -> None:
        super().__init__(name=f"trackwire-sink-{queue.name}")
        self._queue = queue

    def run(self) -> None:
        """Serve until the queue is closed; the body of the thread."""
        try:
            serve([self._queue])
        except BaseException as error:  # noqa: BLE001 - a thread has nobody above it to tell
            self._queue.fail(error)
        finally:
            self._queue.close()


def sink_list(on_prediction: object) -> tuple[Callable[[Any, Any], object], ...]:
    """Make the sinks of what a user passed as ``on_prediction``.

    Args:
        on_prediction: A callable, a list of them, or None.

    Returns:
        The sinks.

    Raises:
        SinkError: Something is no callable, or one sink stands there twice.
    """
    if on_prediction is None:
        return ()
    if callable(on_prediction):
        return (on_prediction,)
    if not isinstance(on_prediction, Iterable):
        raise SinkError(_NOT_CALLABLE.format(on_prediction))
    sinks: list[Callable[[Any, Any], object]] = []
    for sink in on_prediction:
        if not callable(sink):
            raise SinkError(_NOT_CALLABLE.format(sink))
        if any(sink is other for other in sinks):
            raise SinkError(f"sink {sink!r} stands twice in on_prediction; give it once")
        sinks.append(sink)
    return tuple(sinks)


_NOT_CALLABLE: Final = (
    "on_prediction must be a callable that takes (predictions, frame), or a list of them, "
    "found {!r}"
)


def _pixel_bytes(item: tuple[Any, Any]) -> int:
    predictions, frames = item
    if not isinstance(frames, list):
        return _result_bytes(predictions, frames)
    return sum(
        _result_bytes(prediction, frame)
        for prediction, frame in zip(predictions, frames, strict=True)
        if frame is not None
    )


def _result_bytes(prediction: Any, frame: Frame) -> int:
    """Bytes of the pictures in a result; of other values only arrays are counted."""
    arrays = {id(frame.image): frame.image.nbytes}
    if isinstance(prediction, dict):
        for value in prediction.values():
            image = getattr(value, "image", value)
            nbytes = getattr(image, "nbytes", None)
            if isinstance(nbytes, int):
                arrays[id(image)] = nbytes
    return sum(arrays.values())
