"""The inference pipeline: sources, a workflow, and sinks, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trackwire.specs import (
    Event,
    Mistake,
    MistakeCode,
    Resources,
    SpecificationError,
    Workflow,
    compile_workflow,
)

from .broadcast import Broadcast
from .engine_thread import CustomLogic, Driver, SinkMode
from .identifiers import unique_identifiers
from .run import Run, RunOptions
from .sink_thread import sink_list
from .source_thread import ErrorPolicy
from .sources.resolve import VideoReference, resolve_sources
from .status import PipelineStatus

if TYPE_CHECKING:
    from trackwire.blocks import Frame, TrackerControl
    from trackwire.specs import Registry

    from .engine import EngineReport

__all__ = ["InferencePipeline", "Sink"]

Sink: TypeAlias = Callable[[Any, Any], object]
"""Takes ``(predictions, frame)``. A method ``close()``, if there is one, is called at the end."""


class InferencePipeline:
    """Reads sources, runs a workflow over their frames, and hands the results to sinks.

    Make one with :meth:`init_with_workflow` or :meth:`init_with_custom_logic`, then ``start`` and
    ``join`` it. A pipeline runs once. All methods may be called from any thread.

    **What sinks get.** With one source ``on_prediction(predictions, frame)``: a dict of the
    workflow's outputs by name and a :class:`~trackwire.blocks.Frame`. With several sources two
    lists, one place per source in their order, holding None where a source had no frame in the
    tick. ``sink_mode="sequential"`` calls frame by frame also then, ``"batch"`` with lists also
    for one source. Sinks are called in order, on one thread at a time. The pipeline closes them.

    **Errors.** Each is an event. Under the policy ``stop`` the run ends, what was computed before
    reaches the sinks, and :meth:`join` raises the error. Under ``skip`` the run goes on:
    a frame on which a step failed reaches no sink (in lists its place holds None) and counts as
    ``failed``; a sink misses the result on which it raised; a source is read on, and given up
    after ten errors in a row.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     video_reference="clip.mp4",
        ...     workflow_specification=document,
        ...     on_prediction=lambda predictions, frame: print(frame.frame_id, predictions),
        ... )
        >>> pipeline.start()
        >>> pipeline.join()
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def init_with_workflow(
        cls,
        video_reference: VideoReference,
        workflow_specification: Mapping[str, Any] | str | Path | Workflow,
        on_prediction: Sink | Sequence[Sink] | None = None,
        api_key: str | None = None,
        *,
        image_input_name: str = "image",
        workflows_parameters: Mapping[str, Any] | None = None,
        workflows_thread_pool_workers: int = 1,
        status_update_handlers: Sequence[Callable[[Event], None]] = (),
        on_source_error: ErrorPolicy = "stop",
        on_step_error: ErrorPolicy = "stop",
        on_sink_error: ErrorPolicy = "stop",
        batch_timeout_s: float | None = None,
        sink_mode: SinkMode = "adaptive",
        max_frames: int | None = None,
        video_identifiers: Sequence[str] | None = None,
        resources: Resources | None = None,
        registry: Registry | None = None,
    ) -> InferencePipeline:
        """Make a pipeline that runs a workflow.

        Args:
            video_reference: Video file, folder or glob of images, ``synthetic[:SCENE]``, a
                :class:`~trackwire.pipeline.FrameSource`, or a list of these.
            workflow_specification: Document, JSON text, path of a JSON file, or a compiled
                workflow.
            on_prediction: One sink or a list; None to run for the events alone.
            api_key: Key for hosted models; never logged.
            image_input_name: The workflow's image input. Left at its default it also stands for
                an only image input of another name.
            workflows_parameters: Values of run-time parameters by name; not with a compiled
                workflow, which has them.
            workflows_thread_pool_workers: Most steps that run at the same time; results do not
                depend on it.
            status_update_handlers: Called with each event, on the thread it comes from.
            on_source_error: Policy when a source fails.
            on_step_error: Policy when a step fails on a frame.
            on_sink_error: Policy when a sink raises.
            batch_timeout_s: With several sources, how long a tick waits for the others after
                the first frame is there; None for as long as they run.
            sink_mode: Call sinks frame by frame or tick by tick.
            max_frames: Read at most that many frames of each source.
            video_identifiers: Wished names of the streams, one per source.
            resources: What blocks get when they open; ``api_key`` and listeners are added.
            registry: Blocks the document may use; None for all that are installed.

        Returns:
            A pipeline that is not yet started; no source is open and no model loaded.

        Raises:
            SpecificationError: The workflow is wrong, or has no such image input.
            SourceError: A reference names nothing that can be read.
            SinkError: ``on_prediction`` is no callable.
            ValueError: An option is out of range.
        """
        if workflows_thread_pool_workers < 1:
            raise ValueError(
                "workflows_thread_pool_workers must be 1 or more, "
                f"found {workflows_thread_pool_workers}"
            )
        workflow = _compile(workflow_specification, registry, workflows_parameters)
        _check_image_input(workflow, image_input_name)
        outbox = Broadcast(status_update_handlers)
        given = resources or Resources()
        opened = replace(
            given,
            outbox=outbox if resources is None else Broadcast([outbox, given.outbox]),
            api_key=api_key or given.api_key,
        )

        def open_driver() -> Driver:
            from .engine import Engine

            return Engine(workflow, opened, threads=workflows_thread_pool_workers)

        return cls._with(
            open_driver,
            video_reference,
            on_prediction,
            video_identifiers,
            RunOptions(
                outbox=outbox,
                on_source_error=on_source_error,
                on_step_error=on_step_error,
                on_sink_error=on_sink_error,
                batch_timeout_s=batch_timeout_s,
                sink_mode=sink_mode,
                max_frames=max_frames,
            ),
        )

    @classmethod
    def init_with_custom_logic(
        cls,
        video_reference: VideoReference,
        on_video_frame: Callable[[list[Frame]], Sequence[Any]],
        on_prediction: Sink | Sequence[Sink] | None = None,
        *,
        status_update_handlers: Sequence[Callable[[Event], None]] = (),
        on_source_error: ErrorPolicy = "stop",
        on_step_error: ErrorPolicy = "stop",
        on_sink_error: ErrorPolicy = "stop",
        batch_timeout_s: float | None = None,
        sink_mode: SinkMode = "adaptive",
        max_frames: int | None = None,
        video_identifiers: Sequence[str] | None = None,
    ) -> InferencePipeline:
        """Make a pipeline that runs a callable of one's own instead of a workflow.

        Args:
            video_reference: As in :meth:`init_with_workflow`.
            on_video_frame: Called once per tick, always on the same thread, with a list of at
                most one :class:`~trackwire.blocks.Frame` per source, never empty, in the order
                of the sources. Returns a list with one result per frame, in the same order; a
                result may be anything and goes to the sinks as it is (those of Trackwire expect
                dicts). Images are not writeable: copy one to draw on it. An exception fails
                every frame of the tick and follows ``on_step_error``.
            on_prediction: As in :meth:`init_with_workflow`, and so are the rest.
            status_update_handlers: Called with each event, on the thread it comes from.
            on_source_error: Policy when a source fails.
            on_step_error: Policy when ``on_video_frame`` raises.
            on_sink_error: Policy when a sink raises.
            batch_timeout_s: How long a tick waits for the other sources; None for ever.
            sink_mode: Call sinks frame by frame or tick by tick.
            max_frames: Read at most that many frames of each source.
            video_identifiers: Wished names of the streams, one per source.

        Returns:
            A pipeline that is not yet started.

        Raises:
            SourceError: A reference names nothing that can be read.
            SinkError: ``on_prediction`` is no callable.
            ValueError: An option is out of range.
        """
        return cls._with(
            lambda: CustomLogic(on_video_frame),
            video_reference,
            on_prediction,
            video_identifiers,
            RunOptions(
                outbox=Broadcast(status_update_handlers),
                on_source_error=on_source_error,
                on_step_error=on_step_error,
                on_sink_error=on_sink_error,
                batch_timeout_s=batch_timeout_s,
                sink_mode=sink_mode,
                max_frames=max_frames,
            ),
        )

    @classmethod
    def _with(
        cls,
        open_driver: Callable[[], Driver],
        video_reference: VideoReference,
        on_prediction: Sink | Sequence[Sink] | None,
        video_identifiers: Sequence[str] | None,
        options: RunOptions,
    ) -> InferencePipeline:
        sources = resolve_sources(video_reference)
        names = [source.name for source in sources]
        if video_identifiers is not None:
            if len(video_identifiers) != len(names):
                raise ValueError(
                    f"video_identifiers needs one name per source ({len(names)}), "
                    f"found {len(video_identifiers)}"
                )
            names = list(video_identifiers)
        return cls(
            Run(open_driver, sources, unique_identifiers(names), sink_list(on_prediction), options)
        )

    def start(self, use_main_thread: bool = True) -> None:
        """Open models and sources, and run.

        Args:
            use_main_thread: Run the sinks on the calling thread, as windows need it, and return
                when the run is over. Otherwise each sink runs on a thread of its own and the
                call returns once all sources are open.

        Raises:
            TrackwireError: A source could not be opened (under ``stop``, or none could), a model
                could not be loaded, or the pipeline was started before. Everything is closed.
            KeyboardInterrupt: Ctrl-C was pressed. Results computed so far were handed to the
                sinks, and these were closed.
        """
        self._run.start(use_main_thread=use_main_thread)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the end of the run. Returns at once if it was never started.

        Args:
            timeout_s: Longest wait, or None for as long as it takes.

        Raises:
            TrackwireError: What stopped the run; raised again by each call. Errors of sinks and
                of custom sources come as they were raised.
            TimeoutError: The run goes on.
            KeyboardInterrupt: Ctrl-C was pressed; the run was stopped properly.
        """
        self._run.join(timeout_s)

    def terminate(self) -> None:
        """Stop the run, in any state; returns at once, :meth:`join` waits for the end.

        Sources are read no further, frames that wait are dropped and counted, the tick at work is
        finished, results already computed reach their sinks, and the sinks are closed.
        """
        self._run.terminate()

    def pause_stream(self, source_id: int) -> None:
        """Stop reading a source until :meth:`resume_stream`; a file loses nothing.

        Raises:
            ValueError: There is no such source.
        """
        self._run.hold(source_id, "paused")

    def mute_stream(self, source_id: int) -> None:
        """Read a source on but throw its frames away, counted, until :meth:`resume_stream`.

        Raises:
            ValueError: There is no such source.
        """
        self._run.hold(source_id, "muted")

    def resume_stream(self, source_id: int) -> None:
        """Let a paused or muted source go on.

        Raises:
            ValueError: There is no such source.
        """
        self._run.hold(source_id, "running")

    def status(self) -> PipelineStatus:
        """Say what goes on: frames, drops and errors by source and sink, sessions and tracks."""
        return self._run.status()

    def tracker(self, step: str | None = None) -> TrackerControl:
        """Return what looks at a tracker of the workflow and steers it, from any thread.

        Args:
            step: Name of the tracker's step; may be left out where there is only one.

        Raises:
            PipelineStateError: The workflow is not open yet: ask after
                ``start(use_main_thread=False)`` or from a sink.
            SessionError: There is no such tracker, or the name is needed.

        Example:
            >>> pipeline.start(use_main_thread=False)
            >>> pipeline.tracker().rename("street", 3, "our van")
        """
        return self._run.tracker(step)

    def engine_report(self) -> EngineReport | None:
        """Time and calls of each step so far, also after the end.

        Returns:
            The report, or None before the models are loaded and with custom logic.
        """
        return self._run.engine.report()

    @property
    def video_identifiers(self) -> tuple[str, ...]:
        """Names of the streams, in the order of the sources."""
        return self._run.video_identifiers


def _compile(
    specification: Mapping[str, Any] | str | Path | Workflow,
    registry: Registry | None,
    parameters: Mapping[str, Any] | None,
) -> Workflow:
    if not isinstance(specification, Workflow):
        return compile_workflow(specification, registry=registry, parameters=parameters)
    if parameters:
        raise ValueError(
            "workflows_parameters cannot be given with a compiled workflow; "
            "give them to compile_workflow(..., parameters=...)"
        )
    return specification


def _check_image_input(workflow: Workflow, name: str) -> None:
    images = [each.name for each in workflow.inputs.values() if each.role == "image"]
    if name in images or (name == "image" and len(images) == 1):
        return
    raise SpecificationError(
        [
            Mistake(
                code=MistakeCode.UNKNOWN_IMAGE_INPUT,
                path="$.inputs",
                message=f"the workflow has no image input {name!r}; "
                "set image_input_name to one that it has",
                found=name,
                allowed=tuple(images),
            )
        ]
    )
