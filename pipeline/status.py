"""What a running pipeline says about itself: immutable reports, made on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from trackwire.blocks import TrackerStatus

    from .timings import StepReport

__all__ = ["PipelineState", "PipelineStatus", "SinkStatus", "SourceState", "SourceStatus"]

PipelineState: TypeAlias = Literal["created", "starting", "running", "stopping", "finished"]
SourceState: TypeAlias = Literal[
    "created",
    "opening",
    "running",
    "reconnecting",
    "paused",
    "muted",
    "ended",
    "failed",
    "removed",
    "stopped",
]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source.

    Args:
        source_id: Position among the sources.
        video_identifier: Name of the stream.
        state: ``reconnecting`` was lost and tries to come back, ``ended`` came to its end,
            ``failed`` gave up after errors, ``stopped`` was cut off by the end of the run.
        decoded: Frames decoded, dropped ones included.
        processed: Frames that went through the workflow.
        failed: Frames of these on which a step failed.
        buffered: Frames that wait for the engine.
        drops: Frames thrown away, by cause: ``overflow`` (the workflow is too slow), ``muted``,
            ``stride`` and ``rate`` (fewer frames were asked for), ``removed`` and ``terminated``
            (the source or the run was stopped before their turn).
        errors: Errors the source raised.
        reconnects: Times it was lost and came back.
        last_error: The latest of these, or None.
        size_wh: Size of the latest frame in pixels, or None.
        fps: Nominal frames per second, or None.
        fps_in: Frames that came per second in the last moments, dropped ones included, or None.
        fps_out: Frames that left the workflow per second in the last moments, or None.
        latency_p50_ms: Median age of a frame when the workflow is done with it, in milliseconds
            since it was decoded, over the latest 2,048; None before the first.
        latency_p95_ms: 95th percentile of the same.
        frame_count: Frames announced, or None.
    """

    source_id: int
    video_identifier: str
    state: SourceState
    decoded: int
    processed: int
    failed: int
    buffered: int
    drops: Mapping[str, int]
    errors: int
    reconnects: int
    last_error: str | None
    size_wh: tuple[int, int] | None
    fps: Fraction | None
    fps_in: float | None
    fps_out: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    frame_count: int | None


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """One sink.

    Args:
        name: Name of the callable or its class.
        delivered: Results handed to the sink.
        failed: Results on which it raised.
        queued: Results that wait for it.
        queued_bytes: Bytes of pixels these hold.
        drops: Results thrown away, by cause: ``overflow``, ``sink_failed``, ``terminated``.
        last_error: The latest error, or None.
        age_p50_ms: Median age of a frame when the sink gets it, in milliseconds since it was
            decoded, over the latest 2,048; None before the first.
        age_p95_ms: 95th percentile of the same.
    """

    name: str
    delivered: int
    failed: int
    queued: int
    queued_bytes: int
    drops: Mapping[str, int]
    last_error: str | None
    age_p50_ms: float | None
    age_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """The whole pipeline.

    Args:
        state: Where it stands in its life.
        sources: In the order of ``source_id``.
        sinks: In the order given.
        ticks: Times the workflow was run.
        elapsed_s: Seconds from the first open source to now, or to the end.
        frames_per_second: Frames processed by ``elapsed_s``, all sources together.
        error: What stopped the run, or None.
        trackers: The tracker steps of the workflow: sessions, tracks and bytes of each.
        steps: Calls and times of each step; empty with custom logic and before the models are
            loaded.
    """

    state: PipelineState
    sources: tuple[SourceStatus, ...]
    sinks: tuple[SinkStatus, ...]
    ticks: int
    elapsed_s: float
    frames_per_second: float
    error: str | None
    trackers: tuple[TrackerStatus, ...] = ()
    steps: tuple[StepReport, ...] = ()

    @property
    def processed(self) -> int:
        """Frames processed, all sources together."""
        return sum(source.processed for source in self.sources)
