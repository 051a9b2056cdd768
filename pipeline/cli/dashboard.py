"""A table of live sources on the terminal, renewed while a run goes on."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from rich.live import Live
from rich.table import Table

from .console import err

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from ..inference_pipeline import InferencePipeline
    from ..status import PipelineStatus, SourceStatus

__all__ = ["Dashboard", "status_table"]

_PER_SECOND: Final = 4
_COLOURS: Final = {"running": "green", "reconnecting": "yellow", "failed": "red"}


class Dashboard:
    """Shows the status of a pipeline on standard error; for terminals.

    It asks the pipeline when it draws, so it is no burden on the frames.
    """

    def __init__(self) -> None:
        self._pipeline: InferencePipeline | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._live = Live(
            get_renderable=self._render, console=err, refresh_per_second=_PER_SECOND, transient=True
        )
        self._live.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __call__(self, predictions: dict[str, Any], frame: Frame) -> None:
        """Do nothing with a result: the table is drawn by the clock."""

    def watch(self, pipeline: InferencePipeline) -> None:
        """Show this pipeline from now on."""
        self._pipeline = pipeline

    def _render(self) -> Table:
        return Table() if self._pipeline is None else status_table(self._pipeline.status())


def status_table(status: PipelineStatus) -> Table:
    """Lay out a status.

    Args:
        status: Of a pipeline, running or not.

    Returns:
        One row per source; what concerns the whole run is in the caption.
    """
    table = Table(title=f"trackwire: {status.state}", caption=_caption(status), expand=False)
    for heading in ("stream", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("fps in", "fps out", "frames", "dropped", "p50 ms", "p95 ms", "reconnects"):
        table.add_column(heading, justify="right", no_wrap=True)
    for source in status.sources:
        table.add_row(*_cells(source))
    return table


def _cells(source: SourceStatus) -> tuple[str, ...]:
    colour = _COLOURS.get(source.state, "default")
    return (
        source.video_identifier,
        f"[{colour}]{source.state}[/]",
        _number(source.fps_in),
        _number(source.fps_out),
        str(source.processed),
        str(sum(source.drops.values())),
        _number(source.latency_p50_ms),
        _number(source.latency_p95_ms),
        str(source.reconnects),
    )


def _caption(status: PipelineStatus) -> str:
    tracked = [
        f"{tracker.step}: {tracker.tracks} tracks, {tracker.nbytes / 2**20:.1f} MiB"
        for tracker in status.trackers
    ]
    slowest = max(status.steps, key=lambda step: step.p95_ms or 0.0, default=None)
    steps = (
        []
        if slowest is None or slowest.p95_ms is None
        else [f"slowest step {slowest.name}: {slowest.p95_ms:.0f} ms"]
    )
    return " · ".join([f"{status.elapsed_s:.0f} s", *tracked, *steps])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
