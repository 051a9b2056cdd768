"""What is wrong with a file that is no readable video: the answers users need."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trackwire.specs import SourceError, SourceFormatError, SourceNotFoundError, nearest

__all__ = ["missing_file_error", "text_file_error", "unreadable_file_error"]

_HEAD_BYTES: Final = 4096
_RAW_VIDEO: Final = b"YUV4MPEG2"  # raw video whose head is text
_BOX_BYTES: Final = 16


def missing_file_error(path: Path) -> SourceError | None:
    """Tell what is wrong with a path before anything is decoded.

    Args:
        path: Where a video file should be.

    Returns:
        The error to raise, or None if there is a file with something in it.
    """
    if path.is_dir():
        return SourceFormatError(
            f"{path} is a folder, not a video file; name a file in it", path=str(path)
        )
    if not path.exists():
        return SourceNotFoundError(
            f"there is no file {path}{_nearby(path)}; relative paths start at the working "
            f"directory {Path.cwd()}",
            path=str(path),
        )
    if path.is_file() and path.stat().st_size == 0:
        return SourceFormatError(
            f"video {path} is empty (0 bytes): copying or recording it did not finish; make it "
            "anew",
            path=str(path),
        )
    return None


def text_file_error(path: Path) -> SourceError | None:
    """Refuse text before a decoder sees it: some formats of text name other files to open.

    Args:
        path: A file with something in it.

    Returns:
        The error to raise, or None if the file is not text or cannot be read.
    """
    try:
        head = _head(path)
    except OSError:
        return None
    if not _is_text(head) or head.startswith(_RAW_VIDEO):
        return None
    start = head.decode("utf-8", "replace").strip()[:40]
    return SourceFormatError(
        f"video {path} cannot be opened: it is a text file that begins with {start!r}, whatever "
        "its ending says. Name a video file; playlists are not followed",
        path=str(path),
    )


def unreadable_file_error(path: Path, error: Exception) -> SourceError:
    """Work out from its first bytes why a file does not open as a video.

    Args:
        path: The file.
        error: What the decoder library raised.

    Returns:
        The error to raise.
    """
    try:
        head = _head(path)
    except OSError as unreadable:
        return SourceError(
            f"video {path} cannot be read: {unreadable.strerror or unreadable}; check its rights",
            path=str(path),
        )
    size = path.stat().st_size
    if head[4:8] == b"ftyp" and not _has_index(path):
        why = (
            f"it is an MP4 without its index (no 'moov' part in {size} bytes): it was cut short, "
            "or its recording was not finished. Copy it again, or recover it with a repair tool"
        )
    else:
        why = (
            f"its {size} bytes are of no video format that the decoder knows ({error}); "
            "it is damaged or no video"
        )
    return SourceFormatError(f"video {path} cannot be opened: {why}", path=str(path))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f" (nor a folder {folder})"
    names = [each.name for each in folder.iterdir()]
    near = nearest(path.name, names)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        # A multi-byte character may be cut at the end of what was read.
        head[: max(len(head) - 3, 1)].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_index(path: Path) -> bool:
    """Walk the top-level parts of an MP4 for ``moov``."""
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(_BOX_BYTES)
            if header[4:8] == b"moov":
                return True
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8:  # 0 means "to the end of the file"; less makes no sense
                return False
            position += length
    return False
