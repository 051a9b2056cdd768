"""A run with everything written: annotated videos, predictions, and the report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trackwire.sinks import JsonLinesSink, VideoFileSink, render_boxes
from trackwire.specs import IMAGE, WILDCARD, Resources, SinkError

from .event_log import EventLog
from .explanation_files import ExplanationFiles
from .inference_pipeline import InferencePipeline, Sink
from .interrupt import stopping_on_signals
from .options import PipelineOptions
from .run_report import RunOutcome, RunReport, TrackCount

if TYPE_CHECKING:
    from trackwire.blocks import Frame
    from trackwire.sinks import Segments
    from trackwire.specs import Event, Workflow

    from .output_folder import OutputFolder
    from .sources.resolve import VideoReference

__all__ = ["RecordOptions", "Recorded", "record"]


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """How a recorded run goes.

    Args:
        reference: How the workflow was named, for the report.
        parameters: What was set for this run, for the report.
        base_directory: Where relative paths of the workflow start; None for the working
            directory.
        device: Where models run.
        threads: Most steps that run at the same time.
        max_frames: Read at most that many frames of each source.
        pipeline: Further options of the pipeline, such as how live sources are kept.
        on_error: Policy when a step fails on a frame or a source fails.
        video_output: Image output to write as video; None for the only one, else the
            detections are drawn on the frame.
        show: Show the picture in a window.
        explain: Write what trackers decided and why to ``<video_identifier>/explain.jsonl``.
        segments: Cuts videos and lines into segments and deletes old ones; None for one file
            each.
        listener: Called with each warning and error, from any thread.
        extra_sinks: Further sinks, called frame by frame.
        on_ready: Called with the pipeline before anything is written or started.
    """

    reference: str = "document"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    base_directory: Path | None = None
    device: str = "auto"
    threads: int = 1
    max_frames: int | None = None
    pipeline: PipelineOptions = field(default_factory=PipelineOptions)
    on_error: Literal["stop", "skip"] = "stop"
    video_output: str | None = None
    show: bool = False
    explain: bool = False
    segments: Segments | None = None
    listener: Callable[[Event], None] | None = None
    extra_sinks: Sequence[Sink] = ()
    on_ready: Callable[[InferencePipeline], None] | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded run that is over.

    Args:
        outcome: How it ended; an error here is one that was not raised.
        report: What stands in ``run.json``.
    """

    outcome: RunOutcome
    report: Mapping[str, Any]


def record(
    workflow: Workflow,
    sources: VideoReference,
    folder: OutputFolder,
    options: RecordOptions,
) -> Recorded:
    """Run a workflow over sources and write everything below a folder.

    Writes ``<video_identifier>/annotated.mp4`` and ``<video_identifier>/predictions.jsonl`` for
    each stream and ``run.json``, which says ``running`` from the start and how it ended at the
    end, whatever happens. On the main thread SIGINT and SIGTERM end the run properly.

    Args:
        workflow: Compiled.
        sources: What to read.
        folder: Where to write; claimed here.
        options: How to run.

    Returns:
        How it ended. An error that stopped the run after the first file was written is in the
        outcome, and not raised.

    Raises:
        SinkError: The folder is taken or cannot be written, or ``video_output`` names no image
            output; nothing was written.
        SourceError: A reference names nothing that can be read; nothing was written.
    """
    images = _image_outputs(workflow)
    report = RunReport(
        workflow=workflow,
        reference=options.reference,
        parameters=options.parameters,
        omitted_images=images,
        video_output=_chosen(workflow, _video_outputs(workflow), options.video_output),
    )
    events = EventLog(options.listener)
    explanations = ExplanationFiles(folder.path, append=folder.append)
    pipeline = _pipeline(workflow, sources, folder, options, report.tracks, events, explanations)
    explanations.on_failure = pipeline.terminate
    if options.on_ready is not None:
        options.on_ready(pipeline)
    folder.claim(report.as_json(RunOutcome("running")))
    try:
        outcome = _drive(pipeline, use_main_thread=options.show)
        explanations.close()
        if explanations.error is not None and outcome.error is None:
            outcome = replace(outcome, status="failed", error=explanations.error)
        document = report.as_json(
            outcome, pipeline=pipeline.status(), engine=pipeline.engine_report(), events=events
        )
        folder.write_report(document)
    finally:
        folder.release()
    return Recorded(outcome, document)


def _pipeline(
    workflow: Workflow,
    sources: VideoReference,
    folder: OutputFolder,
    options: RecordOptions,
    tracks: TrackCount,
    events: EventLog,
    explanations: ExplanationFiles,
) -> InferencePipeline:
    def count_tracks(outputs: Mapping[str, Any], frame: Frame) -> None:
        tracks.add(frame.video.video_identifier, outputs)

    sinks: list[Sink] = [
        JsonLinesSink(folder.path, append=folder.append, segments=options.segments),
        VideoFileSink(
            folder.path,
            image_output=options.video_output,
            append=folder.append,
            segments=options.segments,
        ),
        count_tracks,
        *options.extra_sinks,
    ]
    if options.show:
        sinks.append(render_boxes)
    settings: PipelineOptions = {
        **options.pipeline,
        "status_update_handlers": [events],
        "on_source_error": options.on_error,
        "on_step_error": options.on_error,
        "sink_mode": "sequential",
        "max_frames": options.max_frames,
    }
    return InferencePipeline.init_with_workflow(
        sources,
        workflow,
        sinks,
        workflows_thread_pool_workers=options.threads,
        resources=Resources(
            base_directory=options.base_directory,
            output_directory=folder.path,
            device=options.device,
            explain=explanations if options.explain else None,
        ),
        **settings,
    )


def _drive(pipeline: InferencePipeline, *, use_main_thread: bool) -> RunOutcome:
    """Run to the end and say how it ended; this is where every error of a run arrives."""
    on_main = threading.current_thread() is threading.main_thread()
    with stopping_on_signals(pipeline.terminate) if on_main else nullcontext() as interruption:
        error: BaseException | None = None
        try:
            pipeline.start(use_main_thread=use_main_thread)
            pipeline.join()
        except (Exception, KeyboardInterrupt) as raised:  # noqa: BLE001
            # Whatever a source, step or sink of one's own raises must reach the report.
            error = raised
    if (interruption is not None and interruption.happened) or isinstance(error, KeyboardInterrupt):
        return RunOutcome("interrupted", None, datetime.now(UTC))
    return RunOutcome("done" if error is None else "failed", error, datetime.now(UTC))


def _image_outputs(workflow: Workflow) -> tuple[str, ...]:
    return tuple(output.name for output in workflow.outputs if IMAGE in output.kinds)


def _video_outputs(workflow: Workflow) -> tuple[str, ...]:
    """Image outputs with one picture per frame: crops make no video."""
    return tuple(
        output.name
        for output in workflow.outputs
        if IMAGE in output.kinds and output.dimensionality == 1
    )


def _chosen(workflow: Workflow, images: Sequence[str], wanted: str | None) -> str | None:
    """The image output that becomes the video, as the video sink will choose it."""
    if wanted is None:
        return images[0] if len(images) == 1 else None
    named = {output.name: output for output in workflow.outputs}
    chosen = named.get(wanted)
    if chosen is None or chosen.dimensionality > 1 or not chosen.kinds & {IMAGE, WILDCARD}:
        raise SinkError(
            f"the workflow has no image output {wanted!r}; it has: {', '.join(images) or 'none'}",
            code="video_output",
        )
    return wanted
