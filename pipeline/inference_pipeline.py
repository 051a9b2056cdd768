"""The inference pipeline: sources, a workflow, and sinks, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from trackwire.specs import (
    Mistake,
    MistakeCode,
    Resources,
    SpecificationError,
    Workflow,
    compile_workflow,
)

from .broadcast import Broadcast
from .engine_thread import CustomLogic, Driver
from .identifiers import unique_identifiers
from .options import PipelineOptions, RunOptions
from .run import Run
from .sink_thread import sink_list
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

    **Live sources.** URLs and cameras drop the oldest frame instead of waiting, connect again
    when they are lost, and hold nobody up. Sinks of a run with a live source drop, too.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     video_reference="clip.mp4",
        ...     workflow_specification=document,
        ...     on_prediction=lambda predictions, frame: print(frame.frame_id, predictions),
        ... )
        >>> pipeline.start()
        >>> pipeline.join()
    """

    def __init__(self, run: Run, options: RunOptions) -> None:
        self._run = run
        self._options = options

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
        resources: Resources | None = None,
        registry: Registry | None = None,
        **options: Unpack[PipelineOptions],
    ) -> InferencePipeline:
        """Make a pipeline that runs a workflow.

        Args:
            video_reference: Video file, URL of a stream, number of a camera, folder or glob of
                images, ``synthetic[:SCENE]``, a :class:`~trackwire.pipeline.FrameSource`, or a
                list of these.
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
            resources: What blocks get when they open; ``api_key`` and listeners are added.
            registry: Blocks the document may use; None for all that are installed.
            **options: How to run; :class:`~trackwire.pipeline.RunOptions` explains each.

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
        run_options = RunOptions(**options)
        outbox = Broadcast(run_options.status_update_handlers)
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
            outbox,
            run_options,
        )

    @classmethod
    def init_with_custom_logic(
        cls,
        video_reference: VideoReference,
        on_video_frame: Callable[[list[Frame]], Sequence[Any]],
        on_prediction: Sink | Sequence[Sink] | None = None,
        **options: Unpack[PipelineOptions],
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
            on_prediction: As in :meth:`init_with_workflow`.
            **options: As in :meth:`init_with_workflow`.

        Returns:
            A pipeline that is not yet started.

        Raises:
            SourceError: A reference names nothing that can be read.
            SinkError: ``on_prediction`` is no callable.
            ValueError: An option is out of range.
        """
        run_options = RunOptions(**options)
        outbox = Broadcast(run_options.status_update_handlers)
        return cls._with(
            lambda: CustomLogic(on_video_frame),
            video_reference,
            on_prediction,
            outbox,
            run_options,
        )

    @classmethod
    def _with(
        cls,
        open_driver: Callable[[], Driver],
        video_reference: VideoReference,
        on_prediction: Sink | Sequence[Sink] | None,
        outbox: Broadcast,
        options: RunOptions,
    ) -> InferencePipeline:
        sources = resolve_sources(video_reference, options.live)
        names = [source.name for source in sources]
        if options.video_identifiers is not None:
            if len(options.video_identifiers) != len(names):
                raise ValueError(
                    f"video_identifiers needs one name per source ({len(names)}), "
                    f"found {len(options.video_identifiers)}"
                )
            names = list(options.video_identifiers)
        sinks = sink_list(on_prediction)
        run = Run(open_driver, sources, unique_identifiers(names), sinks, outbox, options)
        return cls(run, options)

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

    def add_source(
        self, video_reference: VideoReference, *, video_identifier: str | None = None
    ) -> int:
        """Read one more source from now on, and wait until it is open.

        With sinks that get lists, these grow by a place. How sinks are called does not change:
        ``adaptive`` was decided at the start.

        Args:
            video_reference: One source, as in :meth:`init_with_workflow`.
            video_identifier: Wished name of the stream.

        Returns:
            Its ``source_id``; numbers of removed sources are not used again.

        Raises:
            SourceError: It names nothing, or cannot be opened. The run goes on without it.
            PipelineStateError: The pipeline does not run.
            ValueError: The reference stands for several sources.
        """
        sources = resolve_sources(video_reference, self._options.live)
        if len(sources) != 1:
            raise ValueError(f"add_source takes one source, found {len(sources)}; call it for each")
        return self._run.add_source(sources[0], video_identifier or sources[0].name)

    def remove_source(self, source_id: int) -> None:
        """Read a source no further and end its stream; the others go on.

        Frames that wait are dropped and counted (``removed``). The run ends with its last source
        unless it was made with ``keep_running``.

        Raises:
            ValueError: There is no such source.
        """
        self._run.remove_source(source_id)

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
