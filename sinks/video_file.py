"""Annotated video as H.264 in MP4 files."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import SinkError

from .delivery import Delivery, Frames, Predictions, deliveries, stream_path
from .overlay import PictureChoice
from .segments import require_folder
from .video_writer import VideoWriter

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from .segments import Segment, Segments

__all__ = ["VideoFileSink"]

_FILE_NAME: Final = "annotated.mp4"
_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov"})
_PATHS_KEPT: Final = 1000


@dataclass(slots=True)
class _Stream:
    """The files of one stream: the writer at work, and how many came before it."""

    path: Path
    choice: PictureChoice
    writer: VideoWriter | None = None
    parts: int = 0
    segment: Segment | None = None
    epoch: int = 0


class VideoFileSink:
    """Writes what is seen as MP4: H.264, the source's frame rate and times.

    The picture is the image output named, else the workflow's only image output, else its
    detections drawn on the frame. A frame on which that output has no value shows as it came.
    When the size changes a new file is begun, ``annotated-002.mp4``. After a reconnect of a live
    source the video goes on one frame later. Odd sizes are padded to even, and to 16 pixels at
    least. The file grows in fragments of half a second, so a crash loses less than one second;
    :meth:`close` makes it an ordinary MP4.

    Args:
        target: A file that ends in ``.mp4`` (``.m4v``, ``.mov``), for one stream; else a folder,
            in which each stream gets ``<video_identifier>/annotated.mp4``.
        image_output: Name of the image output to write; None chooses as above.
        quality: x264's constant rate factor: 0 is lossless, 51 worst.
        append: Leave files that exist alone and begin the next number beside them, instead of
            replacing them.
        segments: Begin a file ``annotated-<segment>.mp4`` for each segment; give the same object
            to the sinks that shall change files together. The target must be a folder, and files
            that exist are left alone.

    Raises:
        ValueError: ``quality`` is out of range, or there are segments and the target is a file.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "clip.mp4", document, on_prediction=VideoFileSink("annotated.mp4")
        ... )
    """

    def __init__(
        self,
        target: str | Path,
        *,
        image_output: str | None = None,
        quality: int = 23,
        append: bool = False,
        segments: Segments | None = None,
    ) -> None:
        if not 0 <= quality <= 51:
            raise ValueError(f"quality must be from 0 (lossless) to 51, found {quality}")
        self._target = Path(target)
        if segments is not None:
            require_folder(self._target, _SUFFIXES)
        self._append = append
        self._segments = segments
        self._image_output = image_output
        self._quality = quality
        self._streams: dict[str, _Stream] = {}
        self._paths: deque[Path] = deque(maxlen=_PATHS_KEPT)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files begun so far, in order; of very many the latest thousand."""
        return tuple(self._paths)

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Write a frame, or several sources' frames.

        Raises:
            SinkError: The file cannot be written, the image output named does not exist, a
                second stream comes for one file, or the sink is closed.
        """
        with self._lock:
            for delivery in deliveries(predictions, frame):
                self._write(delivery)

    def close(self) -> None:
        """Finish the files; again does nothing.

        Raises:
            SinkError: One cannot be finished; the others are.
        """
        with self._lock:
            self._closed = True
            first_error: SinkError | None = None
            for stream in self._streams.values():
                try:
                    self._finish(stream)
                except SinkError as error:
                    first_error = first_error or error
            if first_error is not None:
                raise first_error

    def _write(self, delivery: Delivery) -> None:
        if self._closed:
            raise SinkError(f"the video sink for {self._target} is closed; make a new one")
        outputs, frame = delivery
        stream = self._stream(frame)
        image = stream.choice.choose(outputs, frame)
        size_wh = (image.shape[1], image.shape[0])
        segment = None if self._segments is None else self._segments.place(frame, self._target)
        writer = stream.writer
        if writer is not None and (writer.size_wh != size_wh or stream.segment != segment):
            self._finish(stream)
            writer = None
        if writer is None:
            stream.segment = segment
            writer = stream.writer = self._begin(stream, size_wh, frame)
        elif stream.epoch != frame.video.epoch and frame.video.comes_from_video_file is False:
            # A camera that was connected again counts time from anywhere.
            writer.follow_on()
        stream.epoch = frame.video.epoch
        writer.write(image, frame.video.media_time_s)

    def _finish(self, stream: _Stream) -> None:
        writer, stream.writer = stream.writer, None
        if writer is None:
            return
        try:
            writer.close()
        finally:
            if self._segments is not None and stream.segment is not None:
                self._segments.finish(stream.segment, writer.path)

    def _stream(self, frame: Frame) -> _Stream:
        name = frame.video.video_identifier
        if name not in self._streams:
            path = stream_path(self._target, _SUFFIXES, _FILE_NAME, name)
            other = next((n for n, each in self._streams.items() if each.path == path), None)
            if other is not None:
                raise SinkError(
                    f"{path} already takes stream {other!r} and cannot take {name!r} too; "
                    "give a folder instead of a file, for one video per stream"
                )
            self._streams[name] = _Stream(path, PictureChoice(self._image_output))
        return self._streams[name]

    def _begin(self, stream: _Stream, size_wh: tuple[int, int], frame: Frame) -> VideoWriter:
        path = self._next_path(stream)
        writer = VideoWriter(path, size_wh, fps=frame.video.fps, quality=self._quality)
        self._paths.append(path)
        return writer

    def _next_path(self, stream: _Stream) -> Path:
        if self._segments is not None and stream.segment is not None:
            return self._segments.begin(stream.segment, self._target, _FILE_NAME)
        while True:
            stream.parts += 1
            path = stream.path
            if stream.parts > 1:
                path = path.with_name(f"{path.stem}-{stream.parts:03d}{path.suffix}")
            if not self._append or not path.exists():
                return path
