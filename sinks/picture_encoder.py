"""Pictures as H.264 packets with the times of their source."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["PictureEncoder"]

_LEAST_SIDE: Final = 16
_LEAST_TICKS: Final = 90_000
_MOST_TICKS: Final = 2**31 - 1
_FALLBACK_FPS: Final = Fraction(30)
_SNAP: Final = Fraction(1, 10)
_BT709: Final = 1
_LIMITED_RANGE: Final = 1

# The encoder holds back no frames: what it held at a crash would be lost beside the fragment.
_X264: Final = "rc-lookahead=0:sync-lookahead=0:mbtree=0:bframes=0:sliced-threads=1:force-cfr=1"


class PictureEncoder:
    """Encodes pictures of one size. Used by one thread at a time.

    Times are kept: those within a tenth of a frame of the grid that the frame rate makes are put
    on it, so that a container's rounding does not turn an exact rate into a variable one, and
    others stay as they are. Where time is unknown or runs backwards, one frame's duration passes.

    Args:
        container: Gets the stream; need not be the one that the packets go to.
        size_wh: Size of the pictures, pixels.
        fps: Nominal frames per second; 30 where None.
        quality: x264's constant rate factor.
        keyframe_s: Most seconds between keyframes.

    Raises:
        av.FFmpegError: The encoder cannot be made.
    """

    def __init__(
        self,
        container: OutputContainer,
        size_wh: tuple[int, int],
        *,
        fps: Fraction | None,
        quality: int,
        keyframe_s: int = 2,
    ) -> None:
        from av.video.reformatter import VideoReformatter

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
        stream = container.add_stream(
            "libx264",
            rate=rate,
            options={"preset": "veryfast", "crf": str(quality), "x264-params": _X264},
        )
        stream.width, stream.height = self._padded_wh
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._tick
        stream.gop_size = max(1, round(rate * keyframe_s))
        stream.codec_context.colorspace = _BT709
        stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = _BT709
        stream.codec_context.color_range = _LIMITED_RANGE
        self.stream = stream

    def encode(
        self, image: NDArray[np.uint8], media_time_s: Fraction | None
    ) -> list[Packet[VideoStream]]:
        """Encode a picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR of the encoder's size.
            media_time_s: When it is shown, on the clock of its source, or None.

        Returns:
            Packets that are done, in order; that of this picture may come with a later one.

        Raises:
            av.FFmpegError: It cannot be encoded.
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
        return self.stream.encode(yuv)

    def flush(self) -> list[Packet[VideoStream]]:
        """Return the packets that are left; the encoder takes no more pictures."""
        return self.stream.encode(None)

    def follow_on(self) -> None:
        """Let the next picture come one frame after the last: its times have a new origin."""
        self._origin = self._last_time = None

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
