"""From a decoded video frame to an upright BGR array."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

__all__ = ["PictureConverter"]


class PictureConverter:
    """Converts decoded frames to BGR and turns them as their display matrix says.

    The arrays view the converted frame's own memory, nothing is copied, unless rows are padded or
    the picture is turned. Used by one thread.
    """

    def __init__(self) -> None:
        self._layout: tuple[int, int, str] | None = None
        self._matrix: NDArray[np.int32] | None = None

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Convert one frame.

        Args:
            frame: As decoded.

        Returns:
            ``(H, W, 3)`` uint8 BGR, contiguous, upright.
        """
        import numpy as np

        layout = (frame.width, frame.height, frame.format.name)
        if layout != self._layout:
            # The matrix belongs to the stream and is costly to get at, so not for every frame.
            matrix = frame.side_data.get("DISPLAYMATRIX")
            self._matrix = (
                None if matrix is None else np.frombuffer(bytes(cast("bytes", matrix)), np.int32)
            )
            self._layout = layout
        image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        if self._matrix is not None:
            image = _turn(image, self._matrix)
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
