"""``trackwire demo``: a synthetic clip is tracked and held against its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from trackwire.specs import SinkError, compile_workflow, load_library

from ..demonstration import Judge, write_prompts
from ..output_folder import OutputFolder
from ..record import Recorded, RecordOptions, record
from ..scene import build_scene
from ..sources.synthetic import SyntheticSource
from .console import ExitCode, UsageError, out
from .event_printer import EventPrinter
from .progress import ProgressSink
from .run import exit_code_of

if TYPE_CHECKING:
    from ..demonstration import Prompts
    from ..evaluation import TrackingScore

__all__ = ["DemoRequest", "demo"]

_WORKFLOW: Final = "track-detections"
_PROMPT_INTERVAL: Final = 10


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What the command line asks for; see ``trackwire demo --help``."""

    output: Path
    frames: int
    seed: int
    scene: str
    model: str


def demo(request: DemoRequest) -> ExitCode:
    """Render, track, judge and print.

    The tracker is given imperfect boxes on every tenth frame, as from a detector that is too slow
    for every frame; between them, and for all masks and identities, it is on its own.

    Args:
        request: How long a clip, and of what.

    Returns:
        The exit code.

    Raises:
        UsageError: The scene is unknown.
        SinkError: The output folder cannot be written.
    """
    try:
        scene = build_scene(request.scene, frame_count=request.frames, seed=request.seed)
    except ValueError as error:
        raise UsageError(f"--scene: {error}") from error
    source = SyntheticSource(scene)
    prompts = _write_prompts(request, source)
    _say_beginning(source, prompts)
    judge = Judge(source, prompts)
    recorded = _track(request, source, prompts, judge)
    if recorded.outcome.status == "done":
        _say_result(recorded, judge.score(), source)
        _say_files(request.output, source.name)
    return exit_code_of(recorded)


def _write_prompts(request: DemoRequest, source: SyntheticSource) -> Prompts:
    path = request.output.resolve() / "boxes.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_prompts(source, path, every=_PROMPT_INTERVAL, seed=request.seed)
    except OSError as error:
        raise SinkError(
            f"the output folder {path.parent} cannot be written: {error.strerror or error}. Give "
            "another one with --output"
        ) from error


def _track(
    request: DemoRequest, source: SyntheticSource, prompts: Prompts, judge: Judge
) -> Recorded:
    parameters: dict[str, Any] = {
        "path": str(prompts.path),
        "prompt_interval": _PROMPT_INTERVAL,
        "model_id": request.model,
    }
    with ProgressSink() as progress:
        return record(
            compile_workflow(load_library(_WORKFLOW), parameters=parameters),
            source,
            OutputFolder(request.output, overwrite=True),
            RecordOptions(
                reference=_WORKFLOW,
                parameters=parameters,
                listener=EventPrinter(ends_run=True),
                extra_sinks=(judge, progress),
                on_ready=progress.watch,
            ),
        )


def _say_beginning(source: SyntheticSource, prompts: Prompts) -> None:
    width, height = source.scene.size_wh
    count = source.scene.frame_count
    objects = sum(actor.is_object for actor in source.scene.actors)
    out.print(
        f"Clip: scene '{source.name}', {count} frames of {width}x{height}, {objects} objects that "
        "get in each other's way."
    )
    out.print(
        f"Given to the tracker: {prompts.boxes} boxes with jitter and drop-outs, on "
        f"{prompts.frames} of the {count} frames. No masks, no identities."
    )


def _say_result(recorded: Recorded, score: TrackingScore, source: SyntheticSource) -> None:
    names = {actor.actor_id: actor.name for actor in source.scene.actors}
    table = Table("OBJECT", "MEAN IOU", "FOUND", box=None, pad_edge=False)
    for object_id, overlap in score.iou_by_object.items():
        found = "yes" if object_id in score.found_objects else "no"
        table.add_row(names[object_id], f"{overlap:.3f}", found)
    out.print(table)
    lines = (
        ("frames per second", f"{recorded.report['fps']:.1f}"),
        ("tracks", f"{len(score.tracks)} for {len(score.iou_by_object)} objects"),
        ("mean IoU", f"{score.mean_iou:.3f}"),
        ("identity switches", f"{score.identity_switches}"),
        ("recall, precision", f"{score.recall:.3f}, {score.precision:.3f} (at IoU 0.5)"),
        ("false tracks", f"{len(score.false_tracks)}"),
    )
    for name, value in lines:
        out.print(f"[bold]{name:18}[/] {value}")
    out.print(
        "[dim]Judged against the exact masks, from the frame an object was first in a box on, "
        "while a quarter of it is visible.[/]"
    )


def _say_files(folder: Path, stream: str) -> None:
    for path, what in (
        (folder / stream / "annotated.mp4", "video"),
        (folder / stream / "predictions.jsonl", "predictions"),
        (folder / "boxes.jsonl", "boxes given"),
        (folder / "run.json", "report"),
    ):
        out.print(f"{what + ':':13} {escape(str(path))}")
