"""One H.264 file, written as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import SinkError

from .picture_encoder import PictureEncoder

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MP4_OPTIONS", "VideoWriter"]

MP4_OPTIONS: Final = {
    # Fragments while it is written, an ordinary index once it is closed.
    "movflags": "hybrid_fragmented+default_base_moof",
    "frag_duration": "500000",  # microseconds
    "flush_packets": "1",
}


class VideoWriter:
    """Encodes pictures of one size into one MP4 file. Used by one thread at a time.

    Args:
        path: The file, replaced if it exists; its folder exists.
        size_wh: Size of the pictures, pixels.
        fps: Nominal frames per second; 30 where None.
        quality: x264's constant rate factor.

    Raises:
        SinkError: The file cannot be made.
    """

    def __init__(
        self, path: Path, size_wh: tuple[int, int], *, fps: Fraction | None, quality: int
    ) -> None:
        import av

        self.path = path
        self.size_wh = size_wh
        self._closed = False
        try:
            self._container = av.open(f"file:{path}", "w", format="mp4", options=dict(MP4_OPTIONS))
            self._encoder = PictureEncoder(self._container, size_wh, fps=fps, quality=quality)
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be made", error) from error

    def write(self, image: NDArray[np.uint8], media_time_s: Fraction | None) -> None:
        """Append a picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR of the writer's size.
            media_time_s: When it is shown, on the clock of its source, or None.

        Raises:
            SinkError: It cannot be encoded or written.
        """
        import av

        try:
            self._container.mux(self._encoder.encode(image, media_time_s))
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be written", error) from error

    def follow_on(self) -> None:
        """Let the next picture come one frame after the last: its times have a new origin."""
        self._encoder.follow_on()

    def close(self) -> None:
        """Write what is left and the index; again does nothing.

        Raises:
            SinkError: The file cannot be finished; what it holds so far can be played.
        """
        import av

        if self._closed:
            return
        self._closed = True
        try:
            try:
                self._container.mux(self._encoder.flush())
            finally:
                self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be finished", error) from error

    def _error(self, what: str, error: Exception) -> SinkError:
        reason = getattr(error, "strerror", None) or error
        return SinkError(f"video {self.path} {what}: {reason}", path=str(self.path))
