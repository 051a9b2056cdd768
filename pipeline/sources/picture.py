"""From a decoded video frame to an upright BGR array."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

__all__ = ["PictureConverter"]


class PictureConverter:
    """Converts decoded frames to BGR and turns them as their display matrix says.

    The scaler's tables are kept from frame to frame and made anew when size or pixel format
    change. The arrays view the converted frame's own memory, nothing is copied, unless rows are
    padded or the picture is turned. Used by one thread.
    """

    def __init__(self) -> None:
        self._reformatter: VideoReformatter | None = None
        self._input: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Convert one frame.

        Args:
            frame: As decoded.

        Returns:
            ``(H, W, 3)`` uint8 BGR, contiguous, upright.
        """
        import numpy as np
        from av.video.reformatter import VideoReformatter

        layout = (frame.width, frame.height, frame.format.name)
        if self._reformatter is None or layout != self._input:
            self._reformatter, self._input = VideoReformatter(), layout
        # One thread: slices of one picture gain nothing beside a decoder that uses every core.
        bgr = self._reformatter.reformat(frame, format="bgr24", threads=1)
        image = np.asarray(bgr.to_ndarray(), np.uint8)
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            image = _turn(image, np.frombuffer(bytes(matrix), np.int32))
        return np.ascontiguousarray(image)


def _turn(image: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Apply a display matrix: x' = a x + c y, y' = b x + d y, to the nearest quarter turn."""
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        x_sign, y_sign = a, d
    else:
        image, x_sign, y_sign = image.transpose(1, 0, 2), c, b
    if x_sign < 0:
        image = image[:, ::-1]
    if y_sign < 0:
        image = image[::-1]
    return image
