"""Frames from a video file, decoded with FFmpeg's libraries through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import Event, Outbox, SourceError, SourceFormatError

from .heap import keep_picture_memory
from .inspection import missing_file_error, text_file_error, unreadable_file_error
from .picture import PictureConverter
from .source import SourceFrame

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["FileSource"]

_SHORTFALL_S: Final = Fraction(1, 2)
"""Less than this missing at the end is rounding of the container, not a cut."""


class FileSource:
    """A video file, read from its first frame to its last, once.

    A packet that cannot be decoded costs the frames in it and an event
    (``source.packet_corrupt``); decoding goes on. A file that ends before its announced length
    ends with an event (``source.truncated``). Rotation and mirroring in the file's metadata are
    applied. The epoch rises when the picture size changes (``source.size_changed``) or time runs
    backwards (``source.time_reversed``).

    Args:
        path: The file. Only this file is opened: playlists cannot pull in others.
        name: Wished ``video_identifier``; None for the file's stem.

    Example:
        >>> source = FileSource("clip.mp4")
        >>> source.open()
        >>> source.fps
        Fraction(30000, 1001)
    """

    comes_from_video_file: bool | None = True

    def __init__(self, path: str | Path, *, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or self.path.stem
        self.fps: Fraction | None = None
        self.frame_count: int | None = None
        self._outbox: Outbox | None = None
        self._container: InputContainer | None = None
        self._frames: Iterator[SourceFrame] | None = None
        self._pending: SourceFrame | None = None
        self._time_offset: Fraction | None = None

    def listen(self, outbox: Outbox) -> None:
        """Send events to ``outbox`` from now on."""
        self._outbox = outbox

    def open(self) -> None:
        """Open the file and decode its first frame; opening again rewinds.

        Raises:
            SourceNotFoundError: There is no such file.
            SourceFormatError: The file is empty, cut short, no video, or none of it decodes.
            SourceError: The file cannot be read at all, for want of rights for instance.
        """
        self.close()
        problem = missing_file_error(self.path) or text_file_error(self.path)
        if problem is not None:
            raise problem
        keep_picture_memory()
        self._container, stream = self._open_container()
        self.fps = stream.average_rate or None
        self.frame_count = _announced_frames(self._container, stream)
        self._frames = self._decode(self._container, stream)
        try:
            self._pending = next(self._frames, None)
        except BaseException:
            self.close()
            raise
        if self._pending is None:
            self.close()
            raise SourceFormatError(
                f"video {self.path} opens, but none of its frames can be decoded "
                f"(codec {stream.codec_context.name}); it is damaged or empty: make it anew",
                path=str(self.path),
            )

    def read(self) -> SourceFrame | None:
        """Get the next frame.

        Returns:
            The frame, its image ``(H, W, 3)`` uint8 BGR, or None at the end.

        Raises:
            SourceError: The source is not open, or the file cannot be read any further; the
                next call gives None.
        """
        if self._frames is None:
            raise SourceError(f"video {self.path} was read before open()", path=str(self.path))
        frame, self._pending = self._pending, None
        return frame if frame is not None else next(self._frames, None)

    def close(self) -> None:
        """Close the file."""
        self._frames = self._pending = None
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def _open_container(self) -> tuple[InputContainer, VideoStream]:
        import av

        try:
            # "file:" keeps a colon in the name from reading as a protocol, and the whitelist
            # keeps a playlist in disguise from opening other files or the network.
            container = av.open(
                f"file:{self.path}",
                options={"protocol_whitelist": "file"},
                metadata_errors="replace",
            )
        except (av.FFmpegError, ValueError) as error:
            raise unreadable_file_error(self.path, error) from error
        attached = av.stream.Disposition.attached_pic
        videos = [each for each in container.streams.video if not each.disposition & attached]
        if not videos:
            kinds = ", ".join(stream.type for stream in container.streams) or "no streams"
            container.close()
            raise SourceFormatError(
                f"{self.path} holds no video: found {kinds} ({container.format.long_name})",
                path=str(self.path),
            )
        stream = videos[0]
        stream.thread_type = "AUTO"
        return container, stream

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[SourceFrame]:
        convert = PictureConverter()
        epoch, count = 0, 0
        last: Fraction | None = None
        size: tuple[int, int] | None = None
        damaged = False
        for frame in self._video_frames(container, stream):
            if frame.is_corrupt and not damaged:
                self._tell(
                    "source.frame_damaged", "the decoder had to guess parts of the picture", count
                )
            damaged = frame.is_corrupt
            image = convert(frame)
            time = _media_time(frame)
            if time is not None and last is not None and time < last:
                epoch += 1
                self._tell(
                    "source.time_reversed",
                    f"time runs backwards from {float(last):.3f} s to {float(time):.3f} s",
                    count,
                )
            found = (image.shape[1], image.shape[0])
            if size is not None and found != size:
                epoch += 1
                self._tell(
                    "source.size_changed",
                    f"pictures change from {size[0]}x{size[1]} to {found[0]}x{found[1]}",
                    count,
                )
            last, size = time if time is not None else last, found
            yield SourceFrame(image, time, epoch)
            count += 1
        self._check_length(container, stream, last, count)

    def _video_frames(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        import av

        packets = container.demux(stream)
        count = 0
        while True:
            try:
                packet = next(packets, None)
            except (av.error.InvalidDataError, av.error.EOFError) as error:
                self._tell("source.truncated", f"the container breaks off: {error}", count)
                return
            except av.FFmpegError as error:
                raise SourceError(
                    f"video {self.path} cannot be read beyond frame {count}: {error}",
                    path=str(self.path),
                    frame_number=count,
                ) from error
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._tell(
                    "source.packet_corrupt",
                    f"a packet at {_seconds(packet.pts, packet.time_base)} cannot be decoded "
                    f"and is left out: {error}",
                    count,
                )
                continue
            count += len(frames)
            yield from frames

    def _check_length(
        self,
        container: InputContainer,
        stream: VideoStream,
        last: Fraction | None,
        count: int,
    ) -> None:
        announced = _announced_duration(container, stream)
        if announced is None or last is None:
            return
        frame_s = 1 / self.fps if self.fps else Fraction(0)
        start = (stream.start_time or 0) * (stream.time_base or 0)
        reached = last - start + frame_s
        if announced - reached > max(_SHORTFALL_S, 3 * frame_s):
            self._tell(
                "source.truncated",
                f"ends after {float(reached):.2f} s of the {float(announced):.2f} s announced: "
                "the file was cut short or is damaged at its end",
                count,
            )

    def _tell(self, kind: str, what: str, frame_number: int) -> None:
        if self._outbox is not None:
            self._outbox(
                Event(
                    kind,
                    "warning",
                    f"{self.path.name}, frame {frame_number}: {what}",
                    frame_number=frame_number,
                )
            )


def _media_time(frame: VideoFrame) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * frame.time_base


def _seconds(pts: int | None, time_base: Fraction | None) -> str:
    if pts is None or not time_base:
        return "an unknown time"
    return f"about {float(pts * time_base):.3f} s"


def _announced_duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Length of the video in seconds, where the container states it for the video itself."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    if container.duration is not None and len(container.streams) == 1:
        return Fraction(container.duration, 1_000_000)
    return None


def _announced_frames(container: InputContainer, stream: VideoStream) -> int | None:
    duration = _announced_duration(container, stream)
    rate = stream.average_rate
    by_time = round(duration * rate) if duration is not None and rate else 0
    # A file that was still being written counts only the frames of its first fragment.
    return max(stream.frames, by_time) or None
