"""From a ``video_reference`` as a user writes it to sources."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from trackwire.specs import SourceError, SourceFormatError, SourceNotFoundError

from .file import FileSource
from .images import IMAGE_SUFFIXES, ImageSource, natural_key
from .live import CameraSource, LiveSource
from .live_options import LiveOptions
from .source import FrameSource
from .synthetic import SYNTHETIC_PREFIX, SyntheticSource

__all__ = ["VideoReference", "is_live_reference", "resolve_sources"]

OneReference: TypeAlias = str | Path | int | FrameSource
VideoReference: TypeAlias = OneReference | Sequence[OneReference]
"""A video file, a folder or glob of images, a URL, a camera's number or device path,
``synthetic[:SCENE]``, a source, or a list of them."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LIVE_DEVICE = re.compile(r"/dev/video\d+|\d+")


def resolve_sources(
    video_reference: VideoReference, live: LiveOptions | None = None
) -> tuple[FrameSource, ...]:
    """Make the sources a reference stands for; none is opened yet.

    A glob that matches images is one source; one that matches videos is one source per video,
    in natural order. A name that exists on disk is taken as it is, also with ``*`` in it.

    Args:
        video_reference: Path, folder, glob, URL, camera number or ``/dev/video*``,
            ``synthetic[:SCENE][?options]``, a :class:`FrameSource`, or a list of these.
        live: How URLs and cameras are opened and kept; None for the defaults.

    Returns:
        The sources in order; their positions are the ``source_id``.

    Raises:
        SourceNotFoundError: There is nothing at the path.
        SourceFormatError: What is there is neither a video nor images.
        SourceError: The scheme of a URL is unknown, or the list is empty.
        TypeError: The reference is of a type that names no source.
    """
    if isinstance(video_reference, str | Path | int) or not isinstance(video_reference, Sequence):
        return _resolve_one(video_reference, live)
    if not video_reference:
        raise SourceError("video_reference is an empty list; give at least one source")
    return tuple(source for one in video_reference for source in _resolve_one(one, live))


def is_live_reference(reference: str) -> bool:
    """Whether a reference may stand for a live source: a URL or a camera."""
    return _URL.match(reference) is not None or _is_device(reference)


def _resolve_one(reference: object, live: LiveOptions | None) -> tuple[FrameSource, ...]:
    if isinstance(reference, bool) or not isinstance(reference, str | Path | int):
        if isinstance(reference, FrameSource) and not isinstance(reference, type):
            return (reference,)
        raise TypeError(
            "video_reference must be a path, a folder or glob of images, a URL, a camera number, "
            f"a FrameSource or a list of these, found {type(reference).__name__}"
        )
    text = str(reference)
    if isinstance(reference, int) or is_live_reference(text):
        return (LiveSource(text, live) if _URL.match(text) else CameraSource(text, live),)
    if text.partition(":")[0].partition("?")[0] == SYNTHETIC_PREFIX and not Path(text).exists():
        return (SyntheticSource.from_reference(text),)
    return _resolve_path(Path(text).expanduser())


def _resolve_path(path: Path) -> tuple[FrameSource, ...]:
    if path.is_dir():
        return (ImageSource(path),)
    if not path.exists() and glob.has_magic(str(path)):
        return _resolve_glob(str(path))
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return (ImageSource([path], name=path.stem),)
    return (FileSource(path),)


def _is_device(text: str) -> bool:
    return _LIVE_DEVICE.fullmatch(text) is not None and not Path(text).is_file()


def _resolve_glob(pattern: str) -> tuple[FrameSource, ...]:
    matches = [
        Path(match)
        # Path.glob takes no absolute pattern.
        for match in sorted(glob.glob(pattern, recursive=True), key=natural_key)  # noqa: PTH207
        if Path(match).is_file()
    ]
    if not matches:
        raise SourceNotFoundError(
            f"nothing matches {pattern!r}; check the folder and the ending, "
            "and quote the pattern on a command line",
            path=pattern,
        )
    images = [path for path in matches if path.suffix.lower() in IMAGE_SUFFIXES]
    if images and len(images) != len(matches):
        other = next(path for path in matches if path not in images)
        raise SourceFormatError(
            f"{pattern!r} matches {len(images)} images and {len(matches) - len(images)} other "
            f"files, such as {other.name}; narrow the pattern to one kind, as in '*.jpg'",
            path=pattern,
        )
    if images:
        return (ImageSource(images),)
    return tuple(FileSource(path) for path in matches)
