"""The two forms in which sinks are called, read as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from trackwire.blocks import Frame
from trackwire.specs import SinkError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Delivery", "Frames", "Predictions", "deliveries", "stream_path"]

Predictions: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any] | None]
"""Outputs by name, or a list of them with None where a source had no frame."""

Frames: TypeAlias = Frame | Sequence[Frame | None]
"""A frame, or a list that goes with the list of predictions."""


class Delivery(NamedTuple):
    """The result for one frame.

    Args:
        outputs: Outputs of the workflow by name.
        frame: The frame they belong to.
    """

    outputs: Mapping[str, Any]
    frame: Frame


def deliveries(predictions: Predictions, frame: Frames) -> Iterator[Delivery]:
    """Go through the results of a call of a sink, one frame at a time.

    Args:
        predictions: First argument of the call.
        frame: Second argument of the call.

    Yields:
        Outputs and frame of each source that has one.

    Raises:
        SinkError: The arguments do not belong together, or outputs are no dict.
    """
    if isinstance(frame, Frame):
        yield _delivery(predictions, frame)
        return
    if isinstance(predictions, Mapping) or len(predictions) != len(frame):
        raise SinkError(
            f"a sink got {len(frame)} frames; it needs a list with as many predictions, found "
            f"{type(predictions).__name__} of {len(predictions)}"
        )
    for one, picture in zip(predictions, frame, strict=True):
        if picture is not None:
            yield _delivery(one, picture)


def _delivery(outputs: object, frame: Frame) -> Delivery:
    if not isinstance(outputs, Mapping):
        raise SinkError(
            f"this sink needs predictions as a dict of outputs by name, found "
            f"{type(outputs).__name__} for {frame.image_id}"
        )
    return Delivery(outputs, frame)


def stream_path(target: Path, suffixes: frozenset[str], file_name: str, frame: Frame) -> Path:
    """Place a stream's file: the target itself, or ``TARGET/<video_identifier>/<file_name>``.

    Args:
        target: A file if it ends in one of the suffixes, else a folder.
        suffixes: Endings, in lower case.
        file_name: Name of the file in a stream's folder.
        frame: A frame of the stream.

    Returns:
        The path; its folder exists.

    Raises:
        SinkError: The name of the stream leads out of the folder, or it cannot be made.
    """
    if target.suffix.lower() in suffixes:
        path = target
    else:
        name = frame.video.video_identifier
        # Pipelines only give safe names; a frame made by hand may bring anything.
        if not name or name.startswith(".") or "/" in name or "\\" in name or "\0" in name:
            raise SinkError(f"video_identifier {name!r} cannot name a folder; use letters, digits")
        path = target / name / file_name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"cannot make the folder {path.parent}: {error.strerror or error}", path=str(path)
        ) from error
    return path
