"""The two forms in which sinks are called, read as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from trackwire.blocks import Frame
from trackwire.specs import SinkError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Delivery",
    "Frames",
    "Predictions",
    "deliveries",
    "make_folder",
    "safe_name",
    "stream_folder",
    "stream_path",
]

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


def stream_folder(target: Path, stream: str) -> Path:
    """Make the folder of a stream, ``TARGET/<video_identifier>``.

    Args:
        target: Folder of all streams.
        stream: The ``video_identifier`` of the stream.

    Returns:
        The folder; it exists.

    Raises:
        SinkError: The name of the stream leads out of the folder, or it cannot be made.
    """
    return make_folder(target / safe_name(stream))


def stream_path(target: Path, suffixes: frozenset[str], file_name: str, stream: str) -> Path:
    """Place a stream's file: the target itself, or ``TARGET/<video_identifier>/<file_name>``.

    Args:
        target: A file if it ends in one of the suffixes, else a folder.
        suffixes: Endings, in lower case.
        file_name: Name of the file in a stream's folder.
        stream: The ``video_identifier`` of the stream.

    Returns:
        The path; its folder exists.

    Raises:
        SinkError: The name of the stream leads out of the folder, or it cannot be made.
    """
    if target.suffix.lower() in suffixes:
        make_folder(target.parent)
        return target
    return stream_folder(target, stream) / file_name


def safe_name(stream: str) -> str:
    """Return the name of a stream, which names files and folders.

    Raises:
        SinkError: It leads out of its folder.
    """
    # Pipelines only give safe names; a frame made by hand may bring anything.
    if not stream or stream.startswith(".") or any(each in stream for each in "/\\\0"):
        raise SinkError(
            f"video_identifier {stream!r} cannot name a folder; use letters, digits, '-', '_' and "
            "'.', not at the start"
        )
    return stream


def make_folder(folder: Path) -> Path:
    """Make a folder where there is none yet, and return it.

    Raises:
        SinkError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"cannot make the folder {folder}: {error.strerror or error}; give one that may be "
            "written",
            path=str(folder),
        ) from error
    return folder
