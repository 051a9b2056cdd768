"""The commands and their options; what they do is imported when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    DesiredFps,
    Device,
    Explain,
    Hardware,
    Lazy,
    Log,
    LogOption,
    MaxFps,
    MaxFrames,
    Metrics,
    OnError,
    OnErrorOption,
    OpenTimeout,
    Output,
    Overwrite,
    Parameters,
    ReadTimeout,
    Reconnect,
    Show,
    Sources,
    Threads,
    Transport,
    TransportOption,
    VideoOutput,
    Workflow,
)
from .console import boundary, out
from .recording import (
    Append,
    KeepBytes,
    KeepDays,
    KeepSegments,
    SegmentLength,
    make_segments,
)

__all__ = ["app"]

app = typer.Typer(
    name="trackwire",
    help="Run JSON workflows that detect, track and mask objects in video.",
    epilog="Exit codes: 0 done, 1 the run failed, 2 the call or the specification is wrong, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from trackwire import __version__

        out.print(f"trackwire {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Run JSON workflows that detect, track and mask objects in video."""
    del version  # its callback has acted
    context.obj = debug


@app.command(
    "run",
    epilog="Writes SOURCE/annotated.mp4 and SOURCE/predictions.jsonl for each source, and "
    "run.json, below the output folder. A folder that holds results is refused without "
    "--append or --overwrite.",
)
def _run(
    context: typer.Context,
    workflow: Workflow,
    source: Sources,
    output: Output = None,
    param: Parameters = None,
    max_frames: MaxFrames = None,
    show: Show = False,
    video_output: VideoOutput = None,
    on_error: OnErrorOption = OnError.STOP,
    overwrite: Overwrite = False,
    explain: Explain = False,
    device: Device = "auto",
    threads: Threads = 1,
    lazy: Lazy = True,
    desired_fps: DesiredFps = None,
    max_fps: MaxFps = None,
    transport: TransportOption = Transport.TCP,
    open_timeout_s: OpenTimeout = 10.0,
    read_timeout_s: ReadTimeout = 10.0,
    reconnect: Reconnect = None,
    hardware: Hardware = None,
    metrics: Metrics = None,
    log: LogOption = Log.TEXT,
    append: Append = False,
    segment_s: SegmentLength = None,
    keep_segments: KeepSegments = None,
    keep_days: KeepDays = None,
    keep_bytes: KeepBytes = None,
) -> None:
    """Run a workflow over videos and write annotated videos, predictions and a report."""
    with boundary(debug=context.obj):
        from .references import hide_credentials
        from .run import RunRequest, live_options, run

        hide_credentials()
        request = RunRequest(
            workflow=workflow,
            sources=tuple(source),
            output=output,
            parameters=tuple(param or ()),
            max_frames=max_frames,
            show=show,
            video_output=video_output,
            on_error=on_error.value,
            overwrite=overwrite,
            explain=explain,
            device=device,
            threads=threads,
            lazy=lazy,
            live=live_options(transport.value, open_timeout_s, read_timeout_s, reconnect, hardware),
            desired_fps=desired_fps,
            max_fps=max_fps,
            metrics=metrics,
            log=log.value,
            append=append,
            segments=make_segments(segment_s, keep_segments, keep_days, keep_bytes),
        )
        raise typer.Exit(run(request))


@app.command("cameras")
def _cameras(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the cameras of this machine."""
    with boundary(debug=context.obj):
        from .cameras import list_cameras

        list_cameras(as_json=as_json)


@app.command("validate")
def _validate(
    context: typer.Context,
    workflow: Workflow,
    param: Parameters = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Say what each step does, when it runs, and what looks unintended."
        ),
    ] = False,
) -> None:
    """Check a workflow without running it; lists every mistake at once."""
    with boundary(debug=context.obj):
        from .validate import validate

        validate(workflow, tuple(param or ()), explain=explain)


@app.command("graph")
def _graph(context: typer.Context, workflow: Workflow, param: Parameters = None) -> None:
    """Draw a workflow as a Mermaid flowchart, on standard output."""
    with boundary(debug=context.obj):
        from .language import draw_graph

        draw_graph(workflow, tuple(param or ()))


@app.command("blocks")
def _blocks(
    context: typer.Context,
    pattern: Annotated[
        str, typer.Argument(help="Part of a type id; one match is described in full.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the blocks a workflow may use, or describe one: properties, kinds, defaults, outputs."""
    with boundary(debug=context.obj):
        from .language import list_blocks

        list_blocks(pattern, as_json=as_json)


@app.command("schema")
def _schema(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of printing.")
    ] = None,
) -> None:
    """Print the JSON Schema of workflow documents, for editors that complete and check."""
    with boundary(debug=context.obj):
        from .language import write_schema

        write_schema(output)


models = typer.Typer(invoke_without_command=True)
app.add_typer(models, name="models")


@models.callback()
def _models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List trackers and detectors: size, licence, what they need, what is on disk."""
    if context.invoked_subcommand is not None:
        return
    with boundary(debug=context.obj):
        from .models import list_models

        list_models(as_json=as_json)


@models.command("pull")
def _pull(
    context: typer.Context,
    model_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Of a tracker or a detector, such as hub:PekingU/rtdetr_v2_r18vd."
        ),
    ],
) -> None:
    """Download the weights of a model, or say that they are there."""
    with boundary(debug=context.obj):
        from .models import pull_model

        pull_model(model_id)


@app.command(
    "detect",
    epilog="Exit code 2 where the picture, the detector or a class is not there, or the output is.",
)
def _detect(
    context: typer.Context,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture to look at.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Detector, such as onnx:PATH or hub:OWNER/NAME.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Picture to write, with what was found drawn on it."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least confidence of what is shown.")
    ] = 0.4,
    class_names: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Classes to show (default: all), or what an open vocabulary shall find.",
        ),
    ] = None,
    names_file: Annotated[
        Path | None,
        typer.Option(help="File with the name of a class in each line, for an ONNX file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output that exists.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Find objects on one picture: print them, and draw boxes, masks and labels."""
    with boundary(debug=context.obj):
        from .detect import DetectRequest, detect

        detect(
            DetectRequest(
                image=image,
                model=model,
                output=output,
                confidence=confidence,
                class_names=class_names,
                names_file=names_file,
                as_json=as_json,
                overwrite=overwrite,
                device=device,
            )
        )


@app.command(
    "demo",
    epilog="Needs no download, no camera and no GPU. Replaces the results of an earlier demo.",
)
def _demo(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "out/demo"
    ),
    frames: Annotated[int, typer.Option(min=30, max=5000, help="Frames in the clip.")] = 150,
    seed: Annotated[int, typer.Option(min=0, help="Seed of textures and detections.")] = 1,
    scene: Annotated[str, typer.Option(help="Which synthetic scene.")] = "crossing",
    model: Annotated[str, typer.Option(help="Which tracker; see 'trackwire models'.")] = "lite",
) -> None:
    """Track a synthetic clip whose truth is known, and say how well it went."""
    with boundary(debug=context.obj):
        from .demo import DemoRequest, demo

        raise typer.Exit(demo(DemoRequest(output, frames, seed, scene, model)))


@app.command("doctor")
def _doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check whether this machine can run workflows, and say how to mend what is missing."""
    with boundary(debug=context.obj):
        from .doctor import doctor

        raise typer.Exit(doctor(as_json=as_json))
