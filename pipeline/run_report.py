"""What ``run.json`` says about a run."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from trackwire.specs import SpecificationError, TrackwireError

from .redaction import redact_values

if TYPE_CHECKING:
    from trackwire.specs import Workflow

    from .engine import EngineReport
    from .event_log import EventLog
    from .status import PipelineStatus, SourceStatus

__all__ = ["REPORT_SCHEMA", "RunOutcome", "RunReport", "RunStatus", "TrackCount"]

REPORT_SCHEMA: Final = "trackwire.run/1"
"""Value of ``schema`` in ``run.json``; the number rises when a reader must change."""

RunStatus: TypeAlias = Literal["running", "done", "failed", "interrupted"]

_PACKAGES: Final = ("av", "numpy", "onnxruntime", "opencv-python-headless", "supervision", "torch")


class TrackCount:
    """Counts the identities in each stream's results. Driven by one thread."""

    def __init__(self) -> None:
        self._seen: dict[str, set[int]] = {}

    def add(self, stream: str, outputs: Mapping[str, Any]) -> None:
        """Look at the outputs of one frame.

        Args:
            stream: Its ``video_identifier``.
            outputs: Values by name; those with a ``tracker_id`` array are counted.
        """
        seen = self._seen.setdefault(stream, set())
        for value in outputs.values():
            tracker_ids = getattr(value, "tracker_id", None)
            if tracker_ids is not None:
                seen.update(int(tracker_id) for tracker_id in tracker_ids)

    def of(self, stream: str) -> int:
        """Number of different ids seen in a stream."""
        return len(self._seen.get(stream, ()))


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended.

    Args:
        status: ``running`` until it has ended.
        error: What ended it, or None.
        ended_at: When, aware, UTC; None while it runs.
    """

    status: RunStatus
    error: BaseException | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class RunReport:
    """Gathers what ``run.json`` says.

    Args:
        workflow: The compiled workflow.
        reference: How the workflow was named, such as a path.
        parameters: What was set for this run, by name.
        started_at: When the run began, aware, UTC.
        omitted_images: Image outputs that are not in ``predictions.jsonl``.
        video_output: The image output that is written as video, or None where the detections
            are drawn on the frame.
        tracks: Identities seen.
    """

    workflow: Workflow
    reference: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    omitted_images: Sequence[str] = ()
    video_output: str | None = None
    tracks: TrackCount = field(default_factory=TrackCount)

    def as_json(
        self,
        outcome: RunOutcome,
        *,
        pipeline: PipelineStatus | None = None,
        engine: EngineReport | None = None,
        events: EventLog | None = None,
    ) -> dict[str, Any]:
        """Put everything together.

        Args:
            outcome: How the run ended, or that it is running.
            pipeline: The pipeline's last status, or None if it was never made.
            engine: The engine's last report, or None likewise.
            events: What happened, or None for nothing.

        Returns:
            JSON-ready values.
        """
        ended = outcome.ended_at
        document = {
            "schema": REPORT_SCHEMA,
            "status": outcome.status,
            "error": None if outcome.error is None else _error(outcome.error),
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            "ended_at": None if ended is None else ended.isoformat(timespec="milliseconds"),
            "workflow": {
                "reference": self.reference,
                "digest": f"sha256:{self.workflow.digest}",
                "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            },
            "frames": _frames(pipeline),
            "fps": None if pipeline is None else round(pipeline.frames_per_second, 3),
            "elapsed_s": None if pipeline is None else round(pipeline.elapsed_s, 3),
            "tracks": sum(self.tracks.of(s.video_identifier) for s in _sources(pipeline)),
            "trackers": [] if pipeline is None else [t.as_json() for t in pipeline.trackers],
            "calls_saved": 0 if engine is None else sum(step.skipped for step in engine.steps),
            "streams": [self._stream(source) for source in _sources(pipeline)],
            "steps": [] if engine is None else _steps(engine),
            "engine_overhead_p50_ms": None if engine is None else _round(engine.overhead_p50_ms),
            "sinks": [] if pipeline is None else _sinks(pipeline),
            "video_output": self.video_output,
            "omitted_image_outputs": list(self.omitted_images),
            "event_counts": {} if events is None else events.counts,
            "events": [] if events is None else events.as_json(),
            "versions": _versions(),
        }
        # Parameters may be URLs, and errors of libraries may hold them.
        return {name: redact_values(value) for name, value in document.items()}

    def _stream(self, source: SourceStatus) -> dict[str, Any]:
        return {
            "video_identifier": source.video_identifier,
            "state": source.state,
            "size_wh": None if source.size_wh is None else list(source.size_wh),
            "fps": None if source.fps is None else str(source.fps),
            "frames_announced": source.frame_count,
            "frames_in": source.decoded,
            "frames_processed": source.processed,
            "frames_failed": source.failed,
            "frames_dropped": dict(source.drops),
            "source_errors": source.errors,
            "reconnects": source.reconnects,
            "latency_p50_ms": _round(source.latency_p50_ms),
            "latency_p95_ms": _round(source.latency_p95_ms),
            "last_error": source.last_error,
            "tracks": self.tracks.of(source.video_identifier),
        }


def _sources(pipeline: PipelineStatus | None) -> Sequence[SourceStatus]:
    return () if pipeline is None else pipeline.sources


def _frames(pipeline: PipelineStatus | None) -> dict[str, Any]:
    sources = _sources(pipeline)
    dropped: Counter[str] = Counter()
    for source in sources:
        dropped.update(source.drops)
    return {
        "in": sum(source.decoded for source in sources),
        "processed": sum(source.processed for source in sources),
        "failed": sum(source.failed for source in sources),
        "dropped": dict(dropped),
    }


def _steps(engine: EngineReport) -> list[dict[str, Any]]:
    return [
        {
            "name": step.name,
            "type": step.type,
            "calls": step.calls,
            "elements": step.elements,
            "skipped": step.skipped,
            "failed": step.failed,
            "p50_ms": _round(step.p50_ms),
            "p95_ms": _round(step.p95_ms),
        }
        for step in engine.steps
    ]


def _sinks(pipeline: PipelineStatus) -> list[dict[str, Any]]:
    return [
        {
            "name": sink.name,
            "delivered": sink.delivered,
            "failed": sink.failed,
            "dropped": dict(sink.drops),
            "age_p50_ms": _round(sink.age_p50_ms),
            "age_p95_ms": _round(sink.age_p95_ms),
            "last_error": sink.last_error,
        }
        for sink in pipeline.sinks
    ]


def _error(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, TrackwireError):
        described["code"] = error.code
        for name in ("step", "stream", "frame_number"):
            if error.context.get(name) is not None:
                described[name] = _plain(error.context[name])
    if isinstance(error, SpecificationError):
        described["mistakes"] = [str(mistake) for mistake in error.mistakes]
    return described


def _versions() -> dict[str, str]:
    from trackwire import __version__

    versions = {"trackwire": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _round(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
