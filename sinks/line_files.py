"""Text files that are written line by line, one for each stream or one for all."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import SinkError

from .delivery import stream_path
from .segments import require_folder

if TYPE_CHECKING:
    from io import FileIO

    from trackwire.blocks import Frame

    from .segments import Segment, Segments

__all__ = ["LineFile", "LineFiles"]

_PATHS_KEPT: Final = 1000
_TAIL_BYTES: Final = 64 * 1024


class LineFile:
    """One file of lines, without a buffer between it and the system.

    Args:
        path: The file; its folder exists.
        append: Go on behind what it holds, a half line at the end cut off; else replace it.

    Raises:
        SinkError: It cannot be opened.
    """

    def __init__(self, path: Path, *, append: bool) -> None:
        self.path = path
        try:
            if append:
                _cut_half_line(path)
            self._file: FileIO = path.open("ab" if append else "wb", buffering=0)
            self.is_empty = self._file.tell() == 0
        except OSError as error:
            raise self._error(error) from error

    def write(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            SinkError: The disk is full, or the file went away.
        """
        try:
            left = memoryview(lines)
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            raise self._error(error) from error
        self.is_empty = False

    def close(self) -> None:
        """Close the file; again does nothing."""
        self._file.close()

    def _error(self, error: OSError) -> SinkError:
        return SinkError(
            f"cannot write to {self.path}: {error.strerror or error}; make room, or give a place "
            "that may be written",
            path=str(self.path),
        )


class LineFiles:
    """The line files of a sink. Used by one thread at a time.

    Args:
        target: A file if it ends in one of the suffixes, else a folder.
        suffixes: Endings, in lower case.
        file_name: Name of the file in a stream's folder.
        append: Go on behind what files hold, instead of replacing them.
        segments: Where each segment begins and what is kept; None for one file without end.
        header: What a file begins with, whole lines.

    Raises:
        ValueError: There are segments, and the target is a file.
    """

    def __init__(
        self,
        target: Path,
        suffixes: frozenset[str],
        file_name: str,
        *,
        append: bool,
        segments: Segments | None,
        header: bytes = b"",
    ) -> None:
        if segments is not None:
            require_folder(target, suffixes)
        self._target = target
        self._suffixes = suffixes
        self._file_name = file_name
        self._append = append
        self._segments = segments
        self._header = header
        self._files: dict[Path, LineFile] = {}
        self._by_stream: dict[str, tuple[Segment | None, LineFile]] = {}
        self._paths: deque[Path] = deque(maxlen=_PATHS_KEPT)
        self._closed = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files begun so far, in order; of very many the latest thousand."""
        return tuple(self._paths)

    def write(self, frame: Frame, lines: bytes) -> None:
        """Append whole lines to the file of a frame's stream; none only begins the file.

        Raises:
            SinkError: It cannot be written, or the files are closed.
        """
        if self._closed:
            raise SinkError(f"the sink for {self._target} is closed; make a new one")
        stream = frame.video.video_identifier
        segment = None if self._segments is None else self._segments.place(frame, self._target)
        known = self._by_stream.get(stream)
        if known is None or known[0] != segment:
            if known is not None:
                self._finish(*known)
            known = self._by_stream[stream] = (segment, self._open(frame, segment))
        if lines:
            known[1].write(lines)

    def close(self) -> None:
        """Close the files; again does nothing."""
        if self._closed:
            return
        self._closed = True
        for segment, file in self._by_stream.values():
            self._finish(segment, file)

    def _open(self, frame: Frame, segment: Segment | None) -> LineFile:
        if self._segments is not None and segment is not None:
            path = self._segments.begin(segment, self._target, self._file_name)
        else:
            path = stream_path(
                self._target, self._suffixes, self._file_name, frame.video.video_identifier
            )
        if path not in self._files:
            file = self._files[path] = LineFile(path, append=self._append)
            self._paths.append(path)
            if file.is_empty and self._header:
                file.write(self._header)
        return self._files[path]

    def _finish(self, segment: Segment | None, file: LineFile) -> None:
        file.close()
        if self._segments is not None and segment is not None:
            del self._files[file.path]
            self._segments.finish(segment, file.path)


def _cut_half_line(path: Path) -> None:
    """Cut off what stands behind the last newline: a crash in the middle of a line left it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = position = file.seek(0, 2)
        while position > 0:
            begin = max(0, position - _TAIL_BYTES)
            file.seek(begin)
            newline = file.read(position - begin).rfind(b"\n")
            if newline >= 0:
                position = begin + newline + 1
                break
            position = begin
        if position < end:
            file.truncate(position)
