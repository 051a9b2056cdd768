"""Arguments and options of the commands: their types, names and help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = [
    "DesiredFps",
    "Device",
    "Explain",
    "Hardware",
    "Lazy",
    "Log",
    "LogOption",
    "MaxFps",
    "MaxFrames",
    "Metrics",
    "OnError",
    "OnErrorOption",
    "OpenTimeout",
    "Output",
    "Overwrite",
    "Parameters",
    "ReadTimeout",
    "Reconnect",
    "Show",
    "Sources",
    "Threads",
    "Transport",
    "TransportOption",
    "VideoOutput",
    "Workflow",
]

_LIVE: Final = "Live sources"


class Transport(StrEnum):
    """How RTSP carries pictures."""

    TCP = "tcp"
    UDP = "udp"


class Log(StrEnum):
    """How events are printed."""

    TEXT = "text"
    JSON = "json"


class OnError(StrEnum):
    """What to do with a frame that a step fails on."""

    STOP = "stop"
    SKIP = "skip"


Workflow = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW",
        help="Path of a JSON document, '-' for standard input, or the name of a ready-made one.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="Set a parameter of the workflow; VALUE is JSON, or else text. Repeatable.",
    ),
]
Device = Annotated[str, typer.Option(help="Where models run: auto, cpu, cuda, cuda:1, mps.")]
Threads = Annotated[int, typer.Option(min=1, max=64, help="Most steps that run at the same time.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Write what trackers decided and why to SOURCE/explain.jsonl."),
]
Lazy = Annotated[
    bool,
    typer.Option(
        "--lazy/--eager",
        help="Run a detector only for the frames on which a tracker asks for its boxes, or for "
        "all; the results are the same.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Option(
        "--source",
        "-s",
        help="Video file, folder or pattern of images, URL of a stream, number of a camera, or "
        "'synthetic:crossing?frames=150'; ${NAME} is taken from the environment. Repeatable.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for the results (default: a new out/run-TIME)."),
]
MaxFrames = Annotated[
    int | None, typer.Option(min=1, help="Stop each source after so many frames.")
]
Show = Annotated[bool, typer.Option("--show", help="Show the picture in a window.")]
VideoOutput = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Image output to write as video (default: the only one, else the detections "
        "drawn on the frame).",
    ),
]
OnErrorOption = Annotated[
    OnError, typer.Option(help="A step fails on a frame: stop the run, or skip the frame.")
]
DesiredFps = Annotated[
    float | None, typer.Option(min=0.001, help="Process so many frames per second of video.")
]
MaxFps = Annotated[
    float | None, typer.Option(min=0.001, help="Process at most so many frames per second of time.")
]
TransportOption = Annotated[
    Transport, typer.Option(help="RTSP over TCP, or UDP beside it.", rich_help_panel=_LIVE)
]
OpenTimeout = Annotated[
    float, typer.Option(min=0.1, help="Longest wait for a connection.", rich_help_panel=_LIVE)
]
ReadTimeout = Annotated[
    float, typer.Option(min=0.1, help="Longest silence before it is lost.", rich_help_panel=_LIVE)
]
Reconnect = Annotated[
    int | None,
    typer.Option(
        min=0, help="Attempts to connect again (default: for ever).", rich_help_panel=_LIVE
    ),
]
Hardware = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Decode on cuda, vaapi, ... or auto.", rich_help_panel=_LIVE),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Serve Prometheus metrics there.", rich_help_panel=_LIVE
    ),
]
LogOption = Annotated[Log, typer.Option(help="How events are printed.", rich_help_panel=_LIVE)]
