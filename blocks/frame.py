"""The picture on the wires: a decoded frame with where and when it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CropOrigin", "Frame", "VideoMetadata"]


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """Where a frame stands in its stream.

    Args:
        video_identifier: Name of the stream, ``[A-Za-z0-9._-]{1,80}`` without a leading dot,
            unique in a run and free of credentials.
        source_id: Position of the source among the sources of the run.
        frame_number: 0-based count of decoded frames, dropped ones included; never restarts.
        epoch: Rises at a reconnect, seek, loop or change of size. Every frame carries it, so a
            dropped frame cannot hide a gap.
        media_time_s: Presentation time in seconds (``pts * time_base``), or None if unknown.
        frame_timestamp: Wall-clock time of the frame, aware, UTC.
        received_s: ``time.monotonic()`` when the frame was decoded, for latencies.
        fps: Nominal frames per second of the container, exact, or None if unknown.
        measured_fps: Frames per second measured on a live source, or None.
        comes_from_video_file: True for a file, False for a live source, None if unknown.
    """

    video_identifier: str
    source_id: int
    frame_number: int
    epoch: int
    media_time_s: Fraction | None
    frame_timestamp: datetime
    received_s: float
    fps: Fraction | None = None
    measured_fps: float | None = None
    comes_from_video_file: bool | None = None

    @property
    def clock_s(self) -> Fraction:
        """Seconds on the clock that durations within the stream are measured with, exact.

        Of a file it is the time within the video, however fast it is read: the presentation
        time, or the frame number over the frame rate where the container has no times. Of a live
        source it is the wall clock, since its presentation times may jump. Two values can be
        compared within one ``epoch`` only.
        """
        if self.comes_from_video_file is not False:
            if self.media_time_s is not None:
                return self.media_time_s
            if self.fps:
                return self.frame_number / self.fps
        return Fraction(self.frame_timestamp.timestamp())


@dataclass(frozen=True, slots=True)
class CropOrigin:
    """Where a crop was cut from.

    Args:
        parent_id: ``image_id`` of the image the crop was cut from.
        root_id: ``image_id`` of the full frame.
        offset_xy: Top-left corner of the crop in the root frame, pixels.
        root_size_wh: Size of the root frame, pixels.
    """

    parent_id: str
    root_id: str
    offset_xy: tuple[int, int]
    root_size_wh: tuple[int, int]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Frame:
    """One decoded picture and its place in a stream.

    Args:
        image: ``(H, W, 3)`` uint8, BGR, 0-255. Shared between steps, therefore not writeable;
            whoever draws copies first.
        video: Where the picture stands in its stream.
        origin: Set for a crop, None for a full frame.
    """

    image: NDArray[np.uint8]
    video: VideoMetadata
    origin: CropOrigin | None = field(default=None)

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype.name != "uint8":
            raise ValueError(
                "Frame.image must be (H, W, 3) uint8 BGR, "
                f"found shape {self.image.shape} dtype {self.image.dtype}"
            )
        self.image.setflags(write=False)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def image_id(self) -> str:
        """Stable name of this picture: ``<video_identifier>/<frame_number>``.

        A crop adds where it lies in the full frame: ``@<x>,<y>,<width>x<height>``.
        """
        root = f"{self.video.video_identifier}/{self.video.frame_number}"
        if self.origin is None:
            return root
        (x, y), (width, height) = self.origin.offset_xy, self.size_wh
        return f"{root}@{x},{y},{width}x{height}"

    @property
    def frame_id(self) -> int:
        """1-based frame number, as scripts for other pipelines expect it."""
        return self.video.frame_number + 1

    @property
    def frame_timestamp(self) -> datetime:
        """Wall-clock time of the frame, aware, UTC."""
        return self.video.frame_timestamp

    @property
    def source_id(self) -> int:
        """Position of the source among the sources of the run."""
        return self.video.source_id

    @property
    def fps(self) -> float | None:
        """Nominal frames per second as a float, or None; ``video.fps`` is exact."""
        return None if self.video.fps is None else float(self.video.fps)
