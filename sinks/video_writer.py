"""One H.264 file, written as it goes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import SinkError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["VideoWriter"]

_LEAST_SIDE: Final = 16
_LEAST_TICKS: Final = 90_000
_MOST_TICKS: Final = 2**31 - 1
_FALLBACK_FPS: Final = Fraction(30)
_SNAP: Final = Fraction(1, 10)
_BT709: Final = 1
_LIMITED_RANGE: Final = 1

_CONTAINER_OPTIONS: Final = {
    # Fragments while it is written, an ordinary index once it is closed.
    "movflags": "hybrid_fragmented+default_base_moof",
    "frag_duration": "500000",  # microseconds
    "flush_packets": "1",
}
# The encoder holds back no frames: what it held at a crash would be lost beside the fragment.
_X264: Final = "rc-lookahead=0:sync-lookahead=0:mbtree=0:bframes=0:sliced-threads=1"


class VideoWriter:
    """Encodes pictures of one size into one MP4 file. Used by one thread at a time.

    Times are kept: those within a tenth of a frame of the grid that the frame rate makes are put
    on it, so that a container's rounding does not turn an exact rate into a variable one, and
    others stay as they are. Where time is unknown or runs backwards, one frame's duration passes.

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
        from av.video.reformatter import VideoReformatter

        self.path = path
        self.size_wh = size_wh
        self._padded_wh = tuple(max(_LEAST_SIDE, side + side % 2) for side in size_wh)
        rate = (fps or _FALLBACK_FPS).limit_denominator(100_000)
        if rate.numerator > _MOST_TICKS:
            rate = Fraction(round(rate))
        self._rate = rate
        self._tick = Fraction(1, rate.numerator * -(-_LEAST_TICKS // rate.numerator))
        self._reformatter = VideoReformatter()
        self._origin: Fraction | None = None
        self._last_time: Fraction | None = None
        self._last: Fraction | None = None
        self._closed = False
        try:
            self._container = av.open(
                f"file:{path}", "w", format="mp4", options=dict(_CONTAINER_OPTIONS)
            )
            stream = self._container.add_stream(
                "libx264",
                rate=rate,
                options={"preset": "veryfast", "crf": str(quality), "x264-params": _X264},
            )
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be made", error) from error
        stream.width, stream.height = self._padded_wh
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._tick
        stream.gop_size = max(1, round(rate * 2))
        stream.codec_context.colorspace = _BT709
        stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = _BT709
        stream.codec_context.color_range = _LIMITED_RANGE
        self._stream = stream

    def write(self, image: NDArray[np.uint8], media_time_s: Fraction | None) -> None:
        """Append a picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR of the writer's size.
            media_time_s: When it is shown, on the clock of its source, or None.

        Raises:
            SinkError: It cannot be encoded or written.
        """
        import av
        import numpy as np
        from av.video.reformatter import ColorRange, Colorspace

        picture = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(self._pad(image)), "bgr24")
        yuv = self._reformatter.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        yuv.pts = round(self._time(media_time_s) / self._tick)
        yuv.time_base = self._tick
        try:
            self._container.mux(self._stream.encode(yuv))
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be written", error) from error

    def follow_on(self) -> None:
        """Let the next picture come one frame after the last: its times have a new origin."""
        self._origin = self._last_time = None

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
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._error("cannot be finished", error) from error

    def _time(self, media_time_s: Fraction | None) -> Fraction:
        """When the picture is shown, from the start of this file; always later than the last."""
        step = 1 / self._rate
        follows = Fraction(0) if self._last is None else self._last + step
        runs_back = (
            media_time_s is not None
            and self._last_time is not None
            and media_time_s <= self._last_time
        )
        if media_time_s is None or runs_back:
            time = follows
            self._origin = None if media_time_s is None else media_time_s - time
        else:
            if self._origin is None:
                self._origin = media_time_s - follows
            time = media_time_s - self._origin
            on_grid = round(time / step) * step
            if abs(on_grid - time) <= step * _SNAP:
                time = on_grid
            if self._last is not None:
                time = max(time, self._last + self._tick)
        self._last_time = media_time_s
        self._last = time
        return time

    def _pad(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        right = self._padded_wh[0] - image.shape[1]
        bottom = self._padded_wh[1] - image.shape[0]
        if not right and not bottom:
            return image
        # Repeating the edge compresses better than black, and hides the seam.
        return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="edge")

    def _error(self, what: str, error: Exception) -> SinkError:
        reason = getattr(error, "strerror", None) or error
        return SinkError(f"video {self.path} {what}: {reason}", path=str(self.path))
