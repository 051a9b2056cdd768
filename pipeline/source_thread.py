"""The thread that reads one source into its buffer."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

from trackwire.blocks import Frame, VideoMetadata
from trackwire.specs import Event, Outbox, SourceFormatError

from .buffer import BoundedBuffer, OverflowPolicy
from .options import RunOptions
from .pace import RateLimit, Stride
from .rates import RateMeter
from .sources.source import FrameSource, InterruptibleSource, ReportingSource, SourceFrame
from .status import SourceState, SourceStatus
from .timings import Timings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SourceThread"]

_MAX_ERRORS_IN_A_ROW: Final = 10
_BUFFER_FRAMES: Final = 8
_LIVE_BUFFER_FRAMES: Final = 2  # each one more makes what is processed a frame time older
_BUFFER_BYTES: Final = 256 * 2**20


class SourceThread(threading.Thread):
    """Reads one source, numbers its frames, and hands them to the engine.

    A source that is read from a file waits for room in the buffer; a live one drops the oldest
    frame, and counts it. Under the policy ``skip`` a source that raises is read on, and given up
    after ten errors in a row; under ``stop`` it is given up at once. What was read before is
    processed either way, so the same file always gives the same results.

    Args:
        source: Opened, read and closed on this thread only.
        source_id: Position among the sources.
        video_identifier: Name of the stream.
        condition: Notified of every change; shared with the engine's thread.
        outbox: Takes events.
        options: How the pipeline runs.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        source_id: int,
        video_identifier: str,
        condition: threading.Condition,
        outbox: Outbox,
        options: RunOptions,
    ) -> None:
        super().__init__(name=f"trackwire-source-{source_id}")
        self.source_id = source_id
        self.video_identifier = video_identifier
        self.buffer: BoundedBuffer[Frame] = BoundedBuffer(
            max_items=_frames_held(source, options),
            max_weight=_BUFFER_BYTES,
            weigh=_image_bytes,
            policy=_overflow(source, options),
            condition=condition,
        )
        self.opened = False
        self.open_failure: BaseException | None = None
        self.failure: BaseException | None = None
        self.processed = self.failed = 0
        self.departures = RateMeter()
        self.latency = Timings()
        self._source = source
        self._condition = condition
        self._outbox = outbox
        self._options = options
        self._stride = None if options.desired_fps is None else Stride(options.desired_fps)
        self._limit = None if options.max_fps is None else RateLimit(options.max_fps)
        self._arrivals = RateMeter()
        self._stopping = self._removed = False
        self._state: SourceState = "created"
        self._mode: Literal["running", "paused", "muted"] = "running"
        self._decoded = self._errors = self._reconnects = 0
        self._due_since_s: float | None = None
        self._last_error: str | None = None
        self._size_wh: tuple[int, int] | None = None
        self._drops: Counter[str] = Counter()

    @property
    def live(self) -> bool:
        """The source cannot wait; known once it is open."""
        return self._source.comes_from_video_file is False

    @property
    def expected(self) -> bool:
        """A frame is to be expected: the source is open, not lost, not paused and not muted."""
        return self._mode == "running" and self.opened and self._state == "running"

    def silent_for_s(self, now_s: float) -> float | None:
        """Tell how long a frame has been due, or None where none is."""
        with self._condition:
            if not self.expected or len(self.buffer) or self._due_since_s is None:
                return None
            return now_s - self._due_since_s

    @property
    def paused(self) -> bool:
        """The frames in the buffer are to stay there."""
        return self._mode == "paused"

    def run(self) -> None:
        """Read until the end, an error or a stop; the body of the thread."""
        try:
            if self._open():
                self._read_all()
        except BaseException as error:  # noqa: BLE001 - a thread has nobody above it to tell
            self._give_up(error)
        finally:
            self._close()
            with self._condition:
                if self._state not in {"ended", "failed"}:
                    self._state = "removed" if self._removed else "stopped"
                self.opened = True
                self.buffer.close()
            if self._state == "removed":
                self.tell("source.removed", "info", f"removed after {self._decoded} frames")

    def stop(self, cause: Literal["terminated", "removed"] = "terminated") -> None:
        """Read no further and drop what waits in the buffer; does not wait for the thread.

        Args:
            cause: What the dropped frames are counted under.
        """
        with self._condition:
            self._removed = self._removed or cause == "removed"
            self._stopping = True
            self.buffer.abort(cause)
            self._condition.notify_all()
        if isinstance(self._source, InterruptibleSource):
            self._source.interrupt()

    def hold(self, mode: Literal["running", "paused", "muted"]) -> None:
        """Pause, mute or resume."""
        with self._condition:
            self._mode = mode
            self._condition.notify_all()

    def status(self) -> SourceStatus:
        """Report; callable from any thread."""
        with self._condition:
            state = self._mode if self._state == "running" else self._state
            return SourceStatus(
                source_id=self.source_id,
                video_identifier=self.video_identifier,
                state=state,
                decoded=self._decoded,
                processed=self.processed,
                failed=self.failed,
                buffered=len(self.buffer),
                drops=dict(self._drops + Counter(self.buffer.drops)),
                errors=self._errors,
                reconnects=self._reconnects,
                last_error=self._last_error,
                size_wh=self._size_wh,
                fps=self._source.fps,
                fps_in=self._arrivals.per_second(monotonic()),
                fps_out=self.departures.per_second(monotonic()),
                latency_p50_ms=self.latency.percentile_ms(50),
                latency_p95_ms=self.latency.percentile_ms(95),
                frame_count=self._source.frame_count,
            )

    def tell(
        self,
        kind: str,
        severity: Literal["info", "warning", "error"],
        message: str,
        error: BaseException | None = None,
    ) -> None:
        """Send an event about this stream."""
        self._outbox(Event(kind, severity, message, stream=self.video_identifier, error=error))

    def _open(self) -> bool:
        if self._stopping:
            return False
        self._state = "opening"
        if isinstance(self._source, ReportingSource):
            self._source.listen(self._pass_on)
        try:
            self._source.open()
        except Exception as error:  # noqa: BLE001 - users' sources may raise anything
            self.open_failure = error
            self._give_up(error)
            return False
        # What a URL leads to is known only now.
        self.buffer.policy = _overflow(self._source, self._options)
        self.buffer.max_items = _frames_held(self._source, self._options)
        fps = self._source.fps
        rate = f"{float(fps):g} frames per second" if fps else "unknown rate"
        self.tell("source.opened", "info", f"opened, {rate}")
        with self._condition:
            self._state = "running"
            self.opened = True
            self._condition.notify_all()
        return True

    def _read_all(self) -> None:
        errors_in_a_row = 0
        while self._may_go_on():
            try:
                self._due_since_s = monotonic()
                picture = self._source.read()
                self._due_since_s = None
                frame = None if picture is None else self._frame(picture)
            except Exception as error:  # noqa: BLE001 - users' sources may raise anything
                errors_in_a_row += 1
                if (
                    self._options.on_source_error == "stop"
                    or errors_in_a_row == _MAX_ERRORS_IN_A_ROW
                ):
                    self._give_up(error)
                    return
                self._count_error(error)
                self.tell("source.error", "error", f"{error} (read on)", error)
                continue
            if frame is None:
                if not self._stopping:  # else the source was interrupted
                    self._end()
                return
            errors_in_a_row = 0
            self._hand_over(frame)

    def _may_go_on(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or self._mode != "paused")
            if self._limit is not None and not self.live:
                # Held back before it is decoded, so that it is not old when its turn comes.
                wait_s = self._limit.wait_s(monotonic())
                self._condition.wait_for(lambda: self._stopping, wait_s)
            if self._stopping:
                return False
        most = self._options.max_frames
        if most is not None and self._decoded >= most:
            self._end()
            return False
        return True

    def _frame(self, picture: SourceFrame) -> Frame:
        image: NDArray[np.uint8] = picture.image
        received_s = monotonic()
        self._arrivals.mark(received_s)
        metadata = VideoMetadata(
            video_identifier=self.video_identifier,
            source_id=self.source_id,
            frame_number=self._decoded,
            epoch=picture.epoch,
            media_time_s=picture.media_time_s,
            frame_timestamp=datetime.now(UTC),
            received_s=received_s,
            fps=self._source.fps,
            measured_fps=self._arrivals.per_second(received_s) if self.live else None,
            comes_from_video_file=self._source.comes_from_video_file,
        )
        try:
            frame = Frame(image, metadata)
        except (ValueError, AttributeError) as error:
            raise SourceFormatError(
                f"source {self.video_identifier!r} gave a picture that is no frame: {error}",
                stream=self.video_identifier,
            ) from error
        self._decoded += 1
        self._size_wh = frame.size_wh
        return frame

    def _hand_over(self, frame: Frame) -> None:
        cause = self._unwanted(frame)
        if cause is not None:
            self._drops[cause] += 1
        elif not self.buffer.put(frame):
            self._drops["terminated"] += 1

    def _unwanted(self, frame: Frame) -> str | None:
        """Why a frame is not to be processed, or None."""
        if self._mode == "muted":
            return "muted"
        if self._stride is not None and not self._stride.picks(_time_of(frame), frame.video.epoch):
            return "stride"
        if self._limit is None:
            return None
        if self.live and self._limit.wait_s(monotonic()) > 0:
            return "rate"
        self._limit.take(monotonic())
        return None

    def _end(self) -> None:
        with self._condition:
            self._state = "ended"
        self.tell("source.ended", "info", f"ended after {self._decoded} frames")

    def _give_up(self, error: BaseException) -> None:
        self._count_error(error)
        with self._condition:
            self._state = "failed"
            self.failure = error
        self.tell("source.failed", "error", f"given up: {error}", error)

    def _count_error(self, error: BaseException) -> None:
        self._errors += 1
        self._last_error = str(error) or type(error).__name__

    def _close(self) -> None:
        try:
            self._source.close()
        except Exception as error:  # noqa: BLE001 - users' sources may raise anything
            self.tell("source.close_failed", "warning", f"did not close: {error}", error)

    def _pass_on(self, event: Event, /) -> None:
        with self._condition:
            if event.kind == "source.lost":
                self._state = "reconnecting"
                self._last_error = event.message
            elif event.kind == "source.reconnected":
                self._state = "running"
                self._reconnects += 1
        self._outbox(replace(event, stream=self.video_identifier))


def _image_bytes(frame: Frame) -> int:
    return frame.image.nbytes


def _overflow(source: FrameSource, options: RunOptions) -> OverflowPolicy:
    """A live source must not wait: what it holds back grows old."""
    if options.buffer_policy is not None:
        return options.buffer_policy
    return "drop_oldest" if source.comes_from_video_file is False else "wait"


def _frames_held(source: FrameSource, options: RunOptions) -> int:
    live = source.comes_from_video_file is False
    return options.buffer_frames or (_LIVE_BUFFER_FRAMES if live else _BUFFER_FRAMES)


def _time_of(frame: Frame) -> Fraction:
    """When a frame is to be shown, in seconds; by its number or arrival where it does not say."""
    video = frame.video
    if video.media_time_s is not None:
        return video.media_time_s
    if video.fps is not None and video.comes_from_video_file:
        return video.frame_number / video.fps
    return Fraction(video.received_s)
