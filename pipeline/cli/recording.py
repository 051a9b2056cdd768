"""Options of ``trackwire run`` for recordings without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from .console import UsageError

if TYPE_CHECKING:
    from trackwire.sinks import Segments

__all__ = ["Append", "KeepBytes", "KeepDays", "KeepSegments", "SegmentLength", "make_segments"]

_PANEL: Final = "Recording"

Append = Annotated[
    bool,
    typer.Option(
        "--append", help="Write beside the results of earlier runs.", rich_help_panel=_PANEL
    ),
]
SegmentLength = Annotated[
    float | None,
    typer.Option(
        "--segment-s",
        metavar="SECONDS",
        help="Begin new files each so many seconds.",
        rich_help_panel=_PANEL,
    ),
]
KeepSegments = Annotated[
    int | None,
    typer.Option(help="Keep at most so many segments of a source.", rich_help_panel=_PANEL),
]
KeepDays = Annotated[
    float | None,
    typer.Option(help="Delete segments that are so many days old.", rich_help_panel=_PANEL),
]
KeepBytes = Annotated[
    int | None,
    typer.Option(help="Keep at most so many bytes of a source.", rich_help_panel=_PANEL),
]

_DAY_S: Final = 86_400


def make_segments(
    segment_s: float | None,
    keep_segments: int | None,
    keep_days: float | None,
    keep_bytes: int | None,
) -> Segments | None:
    """Make the segments that the options ask for.

    Returns:
        Them, or None for one file without end.

    Raises:
        UsageError: A value is not positive, or something is to be kept of no segments.
    """
    limits = {
        "--keep-segments": keep_segments,
        "--keep-days": keep_days,
        "--keep-bytes": keep_bytes,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    for name, value in [("--segment-s", segment_s), *given.items()]:
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be more than 0, found {value}")
    if segment_s is None:
        if given:
            raise UsageError(f"{', '.join(given)} needs --segment-s: only whole segments go")
        return None
    from trackwire.sinks import Segments

    return Segments(
        segment_s,
        keep_segments=keep_segments,
        keep_s=None if keep_days is None else keep_days * _DAY_S,
        keep_bytes=keep_bytes,
    )
