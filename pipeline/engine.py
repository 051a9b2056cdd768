"""The engine: executes a compiled workflow, one tick of frames at a time.

A tick takes at most one frame of each stream and runs every step once, batched over the
streams. Steps whose values are only read lazily run for the elements that are demanded, and
need travels backwards through pure steps. A step that fails on one stream's frame fails there
alone: what depends on it is not run for that frame, everything else goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Self

from trackwire.specs import (
    BlockError,
    Event,
    Input,
    ModelError,
    Resources,
    StreamKey,
    TrackwireError,
    Workflow,
)

from .open_step import OpenStep
from .plan import Plan, StepPlan
from .planner import make_plan
from .tick import Tick
from .timings import EngineReport, StepReport, Timings
from .trackers import chosen_tracker, trackers_of

if TYPE_CHECKING:
    from types import TracebackType

    from trackwire.blocks import Frame, TrackerControl

__all__ = ["Engine", "EngineReport", "FrameResult", "StepReport", "TickError"]

_NO_RESOURCES: Final = Resources()


class TickError(TrackwireError, ValueError):
    """An engine was driven in a way that it must refuse; nothing was run."""

    default_code = "tick"


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What a workflow made of one frame.

    Args:
        frame: The frame.
        outputs: The workflow's outputs by name; None where there is no value since a step
            failed or a branch was off.
        failures: Steps that failed on this frame, in order of execution. Steps that were not
            run since they depend on a failed one are not listed.
    """

    frame: Frame
    outputs: Mapping[str, Any]
    failures: tuple[BlockError, ...] = ()


class Engine:
    """Executes a workflow. Owns the opened blocks and with them all that they remember.

    One thread drives an engine: ``tick``, ``end_stream`` and ``close`` must not overlap.
    ``report``, ``tracker`` and ``trackers`` may be called from any thread.

    With ``threads`` above 1 steps that do not depend on one another run at the same time.
    Results are the same, whatever the number; calls of one block never overlap, but may come
    from different threads. It pays where blocks release the interpreter (models, OpenCV) or
    wait; a hand-over between threads costs 0.1 to 0.2 milliseconds for each group of steps.

    Args:
        workflow: A compiled workflow; several engines may share it.
        resources: What blocks get when they open; ``outbox`` also takes the engine's events
            ``step.failed`` and ``step.close_failed``.
        threads: Most steps that run at the same time.

    Raises:
        SpecificationError: A run-time parameter has no value, or one that a step refuses.
        ModelError: Steps lack their models; one error names all such steps.
        TrackwireError: A step cannot be opened for another reason.
        ValueError: ``threads`` is below 1.

    Example:
        >>> with Engine(compile_workflow("track.json")) as engine:
        ...     for frame in frames:
        ...         (result,) = engine.tick([frame])
        ...         use(result.outputs["predictions"])
    """

    def __init__(
        self, workflow: Workflow, resources: Resources = _NO_RESOURCES, *, threads: int = 1
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, found {threads}")
        self._resources = resources
        self._plan = make_plan(workflow)
        self._steps = _open_steps(self._plan, resources)
        # The thread that ticks works as well.
        useful = min(threads, max(map(len, self._plan.waves), default=1)) - 1
        self._pool = ThreadPoolExecutor(useful, "trackwire-step") if useful else None
        self._trackers = trackers_of(self._steps)
        self._live: set[StreamKey] = set()
        self._closed = False
        self._ticks = self._frames = 0
        self._overhead = Timings()

    def tick(
        self,
        frames: Sequence[Frame],
        batch_inputs: Mapping[str, Sequence[Any]] | None = None,
    ) -> Sequence[FrameResult]:
        """Run the workflow once.

        Args:
            frames: At most one frame of each stream; may be empty.
            batch_inputs: For each batch input of the workflow one value per frame.

        Returns:
            One result per frame, in order. A failing step is no exception but part of the
            result.

        Raises:
            TickError: Two frames are of one stream, a batch input is unknown, left out or of
                another length, or the engine is closed.
        """
        started = perf_counter()
        self._check(frames)
        tick = Tick(
            self._plan, self._steps, frames, self._inputs(frames, batch_inputs or {}), self._pool
        )
        tick.run()
        results = [
            FrameResult(frame, tick.wires.output(element), tick.failures(element))
            for element, frame in enumerate(frames)
        ]
        self._ticks += 1
        self._frames += len(frames)
        self._overhead.add(perf_counter() - started - tick.in_blocks_s)
        for result in results:
            for failure in result.failures:
                self._tell("step.failed", failure)
        return results

    def end_stream(self, stream: StreamKey) -> None:
        """Let every block forget a stream. Does nothing for a stream that is not running.

        Args:
            stream: Its ``video_identifier``.

        Raises:
            BlockError: Blocks failed at it; the first error, after all blocks were told.
        """
        if stream not in self._live:
            return
        self._live.discard(stream)
        failures: list[BlockError] = []
        for step in self._steps:
            try:
                step.block.end_stream(stream)
            except Exception as error:  # noqa: BLE001 - a block may raise anything; all are told
                failures.append(
                    _wrap(step.plan, f"cannot end stream {stream}", error, stream=stream)
                )
        self._raise_first("step.end_stream_failed", failures)

    def close(self) -> None:
        """Close every block. May be called again, which does nothing.

        Raises:
            BlockError: Blocks failed at it; the first error, after all blocks were closed.
        """
        if self._closed:
            return
        self._closed = True
        self._live.clear()
        if self._pool is not None:
            self._pool.shutdown()
        failures: list[BlockError] = []
        for step in reversed(self._steps):
            try:
                step.block.close()
            except Exception as error:  # noqa: BLE001 - a block may raise anything; all are closed
                failures.append(_wrap(step.plan, "cannot be closed", error))
        self._raise_first("step.close_failed", failures)

    def report(self) -> EngineReport:
        """Sum up what was done so far."""
        return EngineReport(
            ticks=self._ticks,
            frames=self._frames,
            overhead_p50_ms=self._overhead.percentile_ms(50),
            steps=tuple(step.report() for step in self._steps),
        )

    @property
    def trackers(self) -> Mapping[str, TrackerControl]:
        """The trackers of the workflow, by the name of the step."""
        return self._trackers

    def tracker(self, step: str | None = None) -> TrackerControl:
        """Return what looks at a tracker and steers it, from any thread.

        Args:
            step: Name of the tracker's step; may be left out where there is only one.

        Raises:
            SessionError: There is no such tracker, or the name is needed.

        Example:
            >>> engine.tracker().prompt("street", box=(120, 80, 200, 300), class_name="bus")
        """
        return chosen_tracker(self._trackers, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, frames: Sequence[Frame]) -> None:
        if self._closed:
            raise TickError("the engine is closed; make a new one", code="engine_closed")
        streams = {frame.video.video_identifier for frame in frames}
        if len(streams) < len(frames):
            names = [frame.video.video_identifier for frame in frames]
            double = next(name for name in names if names.count(name) > 1)
            raise TickError(
                f"a tick takes at most one frame of each stream, found {names.count(double)} "
                f"of {double!r}; put the further ones into the next ticks",
                code="duplicate_stream",
                stream=double,
            )
        self._live |= streams

    def _inputs(
        self, frames: Sequence[Frame], given: Mapping[str, Sequence[Any]]
    ) -> list[Sequence[Any]]:
        columns: list[Sequence[Any]] = []
        batch_names: set[str] = set()
        for declared in self._plan.inputs:
            if declared.role == "image":
                columns.append(frames)
            elif declared.role == "video_metadata":
                columns.append([frame.video for frame in frames])
            else:
                batch_names.add(declared.name)
                columns.append(_batch_input(declared, given, len(frames)))
        unknown = given.keys() - batch_names
        if unknown:
            raise TickError(
                f"the workflow has no batch input {', '.join(sorted(map(repr, unknown)))}; "
                f"allowed: {', '.join(sorted(batch_names)) or 'none'}",
                code="unknown_batch_input",
            )
        return columns

    def _raise_first(self, kind: str, failures: Sequence[BlockError]) -> None:
        for failure in failures:
            self._tell(kind, failure)
        if failures:
            raise failures[0]

    def _tell(self, kind: str, failure: BlockError) -> None:
        context = failure.context
        self._resources.outbox(
            Event(
                kind,
                "error",
                failure.message,
                stream=context.get("stream"),
                step=context.get("step"),
                frame_number=context.get("frame_number"),
                error=failure,
            )
        )


def _batch_input(declared: Input, given: Mapping[str, Sequence[Any]], count: int) -> Sequence[Any]:
    name = declared.name
    if name not in given:
        if declared.default is not None or count == 0:
            return [declared.default] * count
        raise TickError(
            f"the workflow needs the batch input {name!r}, one value for each of {count} frames, "
            f"and found none; call tick(frames, {{{name!r}: [...]}})",
            code="missing_batch_input",
        )
    if len(given[name]) != count:
        raise TickError(
            f"batch input {name!r} needs one value for each of {count} frames, "
            f"found {len(given[name])}",
            code="batch_input_length",
        )
    depth = declared.dimensionality - 1
    if depth and not all(_is_nested(value, depth) for value in given[name]):
        raise TickError(
            f"batch input {name!r} has dimensionality {declared.dimensionality}: its value for a "
            f"frame is a list{' of lists' * (depth - 1)} of values; found "
            f"{next(value for value in given[name] if not _is_nested(value, depth))!r}",
            code="batch_input_shape",
        )
    return given[name]


def _is_nested(value: Any, depth: int) -> bool:
    return isinstance(value, list | tuple) and (
        depth == 1 or all(_is_nested(item, depth - 1) for item in value)
    )


def _open_steps(plan: Plan, resources: Resources) -> tuple[OpenStep, ...]:
    """Open all blocks, or none: what was opened is closed again if one cannot be."""
    opened: list[OpenStep] = []
    lacking: list[tuple[StepPlan, ModelError]] = []
    with contextlib.ExitStack() as on_failure:
        for step in plan.steps:
            try:
                block = step.block.open(step.manifest, resources)
            except ModelError as error:
                lacking.append((step, error))
                continue
            except TrackwireError as error:
                error.context.setdefault("step", step.name)
                raise
            except Exception as error:
                raise _wrap(step, "cannot be opened", error) from error
            on_failure.callback(block.close)
            opened.append(OpenStep(step, block))
        if lacking:
            raise _model_error(lacking)
        on_failure.pop_all()
    return tuple(opened)


def _model_error(lacking: Sequence[tuple[StepPlan, ModelError]]) -> ModelError:
    described = [f"step {step.name!r}{_model_of(step)}: {error.message}" for step, error in lacking]
    first = lacking[0][1]
    if len(lacking) == 1:
        message = described[0]
    else:
        head = f"{len(lacking)} steps cannot get their models"
        message = "\n".join([head, *(f"- {each}" for each in described)])
    codes = {error.code for _, error in lacking}
    failure = ModelError(
        message,
        code=first.code if len(codes) == 1 else None,
        **(first.context if len(lacking) == 1 else {}),
        steps=tuple(step.name for step, _ in lacking),
        errors=tuple(error for _, error in lacking),
    )
    failure.__cause__ = first
    return failure


def _model_of(step: StepPlan) -> str:
    model_id = getattr(step.manifest, "model_id", None)
    return "" if model_id is None else f" (model {model_id})"


def _wrap(step: StepPlan, what: str, error: Exception, **context: Any) -> BlockError:
    failure = BlockError(
        f"step {step.name!r} ({step.manifest.type}) {what}: {str(error) or type(error).__name__}",
        code=error.code if isinstance(error, TrackwireError) else "step_raised",
        step=step.name,
        **context,
    )
    failure.__cause__ = error
    return failure
