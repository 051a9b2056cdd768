"""How a pipeline runs: the options that both ways of making one take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict, get_args

from trackwire.specs import Event

from .buffer import OverflowPolicy
from .sources.live_options import LiveOptions

__all__ = ["ErrorPolicy", "PipelineOptions", "RunOptions", "SinkMode"]

ErrorPolicy: TypeAlias = Literal["stop", "skip"]
"""What an error does: end the run, or cost what it hit and nothing else. Both give an event."""

SinkMode: TypeAlias = Literal["adaptive", "sequential", "batch"]
"""How sinks are called: frame by frame, tick by tick with lists, or by the number of sources."""


class PipelineOptions(TypedDict, total=False):
    """Keyword options of :class:`~trackwire.InferencePipeline`; :class:`RunOptions` explains."""

    status_update_handlers: Sequence[Callable[[Event], None]]
    video_identifiers: Sequence[str] | None
    on_source_error: ErrorPolicy
    on_step_error: ErrorPolicy
    on_sink_error: ErrorPolicy
    batch_timeout_s: float | None
    sink_mode: SinkMode
    max_frames: int | None
    desired_fps: float | None
    max_fps: float | None
    buffer_policy: OverflowPolicy | None
    buffer_frames: int | None
    live: LiveOptions | None
    stall_timeout_s: float | None
    keep_running: bool


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a pipeline runs.

    Args:
        status_update_handlers: Called with each event, on the thread it comes from.
        video_identifiers: Wished names of the streams, one per source; None for the sources' own.
        on_source_error: Policy when a source fails.
        on_step_error: Policy when a step fails on a frame.
        on_sink_error: Policy when a sink raises.
        batch_timeout_s: With several sources, how long a tick waits for the others after the
            first frame is there. None waits for files as long as they run, and for live sources
            :data:`~trackwire.pipeline.engine_thread.LIVE_WAIT_S`. Sources that are opening,
            lost, paused or muted are not waited for.
        sink_mode: Call sinks frame by frame or tick by tick; ``adaptive`` decides by the number
            of sources at the start.
        max_frames: Read at most that many frames of each source.
        desired_fps: Process so many frames per second of video: a stride by the frames' own
            times, the same in every run. What falls between counts as dropped, ``stride``.
        max_fps: Process at most so many frames per second of wall clock and source: a file is
            held back, a live source drops, ``rate``.
        buffer_policy: What happens when frames come faster than they are processed; None waits
            for files and drops the oldest of live sources.
        buffer_frames: Most frames of a source that wait for the workflow; None for 8 of a file
            and 2 of a live source, so that what is processed is at most two frame times old.
        live: How URLs and cameras are opened and kept; None for the defaults.
        stall_timeout_s: A source without a frame for so long, or a workflow that works on one
            tick for so long, is an event (``source.stalled``, ``engine.stalled``); None for never.
        keep_running: Stay when the last source has ended, for sources to be added; only
            ``terminate()`` ends such a run.

    Raises:
        ValueError: An option is out of range.
    """

    status_update_handlers: Sequence[Callable[[Event], None]] = ()
    video_identifiers: Sequence[str] | None = None
    on_source_error: ErrorPolicy = "stop"
    on_step_error: ErrorPolicy = "stop"
    on_sink_error: ErrorPolicy = "stop"
    batch_timeout_s: float | None = None
    sink_mode: SinkMode = "adaptive"
    max_frames: int | None = None
    desired_fps: float | None = None
    max_fps: float | None = None
    buffer_policy: OverflowPolicy | None = None
    buffer_frames: int | None = None
    live: LiveOptions | None = None
    stall_timeout_s: float | None = 10.0
    keep_running: bool = False

    def __post_init__(self) -> None:
        for name in ("on_source_error", "on_step_error", "on_sink_error"):
            _require(name, getattr(self, name), get_args(ErrorPolicy))
        _require("sink_mode", self.sink_mode, get_args(SinkMode))
        if self.buffer_policy is not None:
            _require("buffer_policy", self.buffer_policy, get_args(OverflowPolicy))
        if self.batch_timeout_s is not None and self.batch_timeout_s < 0:
            raise ValueError(f"batch_timeout_s must not be negative, found {self.batch_timeout_s}")
        for name in ("max_frames", "buffer_frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}")
        for name in ("desired_fps", "max_fps", "stall_timeout_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive or None, found {value}")


def _require(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, found {value!r}")
