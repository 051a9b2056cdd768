"""What a source of frames is: the seam between the pipeline and files, folders, cameras."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trackwire.specs import Outbox

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FrameSource", "InterruptibleSource", "ReportingSource", "SourceFrame"]


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One decoded picture, as a source hands it over.

    Args:
        image: ``(H, W, 3)`` uint8 BGR, 0-255. The source must not write to it afterwards.
        media_time_s: Presentation time in seconds, or None if unknown.
        epoch: Rises at a reconnect, seek, loop, change of size, or time that runs backwards.
    """

    image: NDArray[np.uint8]
    media_time_s: Fraction | None
    epoch: int


@runtime_checkable
class FrameSource(Protocol):
    """Where frames come from. Driven by one thread: ``open``, ``read`` until None, ``close``.

    Attributes:
        name: Wished ``video_identifier``, free of credentials. The pipeline makes it a slug and
            unique in the run.
        comes_from_video_file: True where the frame number tells the time (a file, a folder of
            images), False for a live source, None if unknown; settled after ``open``.
        fps: Nominal frames per second, exact; known after ``open``, or None.
        frame_count: Frames that are announced; known after ``open``, or None. Decoding may give
            more or fewer.
    """

    name: str
    comes_from_video_file: bool | None
    fps: Fraction | None
    frame_count: int | None

    def open(self) -> None:
        """Get ready to read from the first frame; opening again rewinds.

        Raises:
            SourceError: Nothing can be read.
        """
        ...

    def read(self) -> SourceFrame | None:
        """Get the next frame.

        Returns:
            The frame, or None at the end of the stream.

        Raises:
            SourceError: The frame cannot be read. Reading again goes on behind it where that is
                possible, and gives None or raises again where it is not.
        """
        ...

    def close(self) -> None:
        """Free everything. May be called in any state, more than once."""
        ...


@runtime_checkable
class ReportingSource(Protocol):
    """A source that has more to tell than frames and errors."""

    def listen(self, outbox: Outbox) -> None:
        """Send events to ``outbox`` from now on; called before ``open``."""
        ...


@runtime_checkable
class InterruptibleSource(Protocol):
    """A source whose ``open`` and ``read`` may wait long, as for a network."""

    def interrupt(self) -> None:
        """Make a waiting ``open`` or ``read`` come back soon, and later ones at once.

        Called from another thread than the one that drives the source; final.
        """
        ...
