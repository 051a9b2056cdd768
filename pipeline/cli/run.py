"""``trackwire run``: a workflow over videos, with everything written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from rich.markup import escape

from trackwire.specs import SinkError, SourceError

from ..metrics import MetricsServer, parse_address
from ..options import PipelineOptions
from ..output_folder import OutputFolder, new_run_folder
from ..record import Recorded, RecordOptions, record
from ..sources.live_options import LiveOptions, Transport
from ..sources.resolve import is_live_reference
from .console import ExitCode, UsageError, err, error_text, out, say_error
from .dashboard import Dashboard
from .event_printer import EventPrinter, JsonEventPrinter
from .progress import ProgressSink
from .references import expand_references
from .workflow_argument import compile_argument

if TYPE_CHECKING:
    from trackwire.sinks import Segments
    from trackwire.specs import Event

    from ..inference_pipeline import InferencePipeline

__all__ = ["RunRequest", "exit_code_of", "live_options", "run"]


_WRONG_CALLS: Final = {"metrics_address", "metrics_token", "output_taken", "video_output"}
"""Codes of errors that another call would have avoided."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the command line asks for; see ``trackwire run --help``."""

    workflow: str
    sources: tuple[str, ...]
    output: Path | None
    parameters: tuple[str, ...]
    max_frames: int | None
    show: bool
    video_output: str | None
    on_error: Literal["stop", "skip"]
    overwrite: bool
    explain: bool
    device: str
    threads: int
    lazy: bool
    live: LiveOptions = field(default_factory=LiveOptions)
    desired_fps: float | None = None
    max_fps: float | None = None
    metrics: str | None = None
    log: Literal["text", "json"] = "text"
    append: bool = False
    segments: Segments | None = None


def live_options(
    transport: Transport,
    open_timeout_s: float,
    read_timeout_s: float,
    reconnect_attempts: int | None,
    hardware: str | None,
) -> LiveOptions:
    """Gather what the command line says about live sources."""
    return LiveOptions(
        transport=transport,
        open_timeout_s=open_timeout_s,
        read_timeout_s=read_timeout_s,
        reconnect_attempts=reconnect_attempts,
        hardware=hardware,
    )


def run(request: RunRequest) -> ExitCode:
    """Run a workflow and write its results.

    Args:
        request: What to run, over what, to where.

    Returns:
        The exit code. What went wrong during the run has been said and stands in ``run.json``.

    Raises:
        UsageError: The call cannot work: an option, or a source that names nothing. Nothing was
            written.
        SpecificationError: The workflow is wrong. Nothing was written.
        SinkError: The output folder cannot be written.
    """
    compiled = compile_argument(request.workflow, request.parameters, lazy=request.lazy)
    path = request.output or new_run_folder(Path("out"), datetime.now(UTC).astimezone())
    if request.append and request.overwrite:
        raise UsageError("--append and --overwrite exclude each other; give one of them")
    folder = OutputFolder(path, overwrite=request.overwrite, append=request.append)
    sources = expand_references(request.sources)
    live = any(map(is_live_reference, sources))
    with ExitStack() as stack:
        progress: Dashboard | ProgressSink
        if live and err.is_terminal:
            progress = stack.enter_context(Dashboard())
        else:
            progress = stack.enter_context(ProgressSink(request.max_frames, live=live))

        def watch(pipeline: InferencePipeline) -> None:
            progress.watch(pipeline)
            if request.metrics is not None:
                _serve_metrics(request.metrics, pipeline, stack)

        options = RecordOptions(
            reference=compiled.reference,
            parameters=compiled.parameters,
            base_directory=compiled.base_directory,
            device=request.device,
            threads=request.threads,
            max_frames=request.max_frames,
            on_error=request.on_error,
            video_output=request.video_output,
            show=request.show,
            explain=request.explain,
            segments=request.segments,
            listener=_listener(request),
            extra_sinks=(progress,),
            on_ready=watch,
            pipeline=PipelineOptions(
                live=request.live, desired_fps=request.desired_fps, max_fps=request.max_fps
            ),
        )
        try:
            recorded = record(compiled.workflow, sources, folder, options)
        except (SourceError, SinkError) as error:
            if isinstance(error, SourceError) or error.code in _WRONG_CALLS:
                raise UsageError(str(error), code=error.code) from error
            raise
    if recorded.report["frames"]["processed"]:
        _say_result(recorded, folder.path)
    return exit_code_of(recorded)


def _serve_metrics(address: str, pipeline: InferencePipeline, stack: ExitStack) -> None:
    try:
        host, port = parse_address(address)
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from error
    server = MetricsServer(pipeline.status, host, port)
    stack.callback(server.close)
    err.print(f"metrics at {escape(server.url)}")


def _listener(request: RunRequest) -> Callable[[Event], None]:
    if request.log == "json":
        return JsonEventPrinter()
    return EventPrinter(ends_run=request.on_error == "stop")


def exit_code_of(recorded: Recorded) -> ExitCode:
    """Say what ended a run that did not come to its end, and give its exit code."""
    if recorded.outcome.status == "interrupted":
        err.print("[bold yellow]interrupted[/]; what was done until then is on disk")
        return ExitCode.INTERRUPTED
    if recorded.outcome.error is not None:
        say_error(error_text(recorded.outcome.error))
        return ExitCode.FAILED
    return ExitCode.DONE


def _say_result(recorded: Recorded, folder: Path) -> None:
    report = recorded.report
    for stream in report["streams"]:
        dropped = sum(stream["frames_dropped"].values())
        notes = [
            f"{stream['frames_processed']} frames",
            f"{stream['tracks']} tracks",
            *([f"{stream['frames_failed']} failed"] if stream["frames_failed"] else []),
            *([f"{dropped} dropped"] if dropped else []),
        ]
        out.print(f"{escape(stream['video_identifier'])}: {', '.join(notes)}")
    if report["fps"]:
        out.print(f"{report['fps']:.1f} frames per second")
    out.print(f"results in {escape(str(folder))}")
