"""Optical flow between the last frame a state has seen and the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .window import Window

__all__ = ["CUT_RESIDUAL", "Motion", "small_gray"]

LONG_SIDE = 400
CUT_RESIDUAL = 0.5
_SMALLEST = 48


def small_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture the flow works on: grey, long side at most 400 px."""
    import cv2

    h, w = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(h, w))
    size = max(1, round(w * scale)), max(1, round(h * scale))
    if scale < 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)


class Motion:
    """Dense flow from the current frame back to the last, by DIS.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, as in OpenCV.

    Args:
        current: ``(h, w)`` uint8 grey picture of this frame.
        last: The same of the last frame, or None when there is none.
        size_wh: Size of the full frame.
    """

    def __init__(
        self,
        current: NDArray[np.uint8],
        last: NDArray[np.uint8] | None,
        size_wh: tuple[int, int],
    ) -> None:
        import cv2

        h, w = current.shape
        self._scale = w / size_wh[0], h / size_wh[1]
        self._residual = 0.0
        self._flow: NDArray[np.float32] = np.zeros((h, w, 2), np.float32)
        if last is not None and min(h, w) >= _SMALLEST:
            dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
            dis.setFinestScale(2)
            start = np.zeros((h, w, 2), np.float32)
            self._flow = dis.calc(current, last, start).astype(np.float32, copy=False)
            y, x = np.mgrid[0:h, 0:w].astype(np.float32)
            carried = cv2.remap(
                last, x + self._flow[..., 0], y + self._flow[..., 1], cv2.INTER_LINEAR
            )
            self._residual = float(
                cv2.absdiff(current, carried).mean() / max(float(current.std()), 1.0)
            )

    @property
    def residual(self) -> float:
        """Return what the flow cannot explain, as a share of the picture's contrast.

        The mean difference of this frame and the last one carried to it, over the deviation of
        this frame: 0.1 to 0.3 in most video, one half and more where a cut joins two scenes.
        """
        return self._residual

    def shift(self, window: Window, prior: NDArray[np.float32]) -> tuple[float, float]:
        """Return how far an object moved since the last frame, frame pixels.

        Args:
            window: The last window.
            prior: ``(n, n)`` float32 mask of the object in it, 0-1.
        """
        cells = len(prior)
        rows, columns = np.nonzero(prior > 0.5)
        if len(rows) == 0:
            return 0.0, 0.0
        keep = slice(None, None, max(1, len(rows) // 400))
        step = window.side / cells
        x = window.x + (columns[keep] + 0.5) * step
        y = window.y + (rows[keep] + 0.5) * step
        dx = dy = 0.0
        # The flow is known where the object is now, so look again where it went.
        for _ in range(2):
            back = self._at(x + dx, y + dy)
            dx, dy = -float(np.median(back[:, 0])), -float(np.median(back[:, 1]))
        return dx, dy

    def warp(
        self, prior: NDArray[np.float32], last: Window, current: Window
    ) -> NDArray[np.float32]:
        """Carry a mask of the last window into the current one, ``(n, n)`` float32."""
        import cv2

        cells = len(prior)
        step = current.side / cells
        axis = (np.arange(cells) + 0.5) * step
        x, y = np.meshgrid(axis + current.x, axis + current.y)
        back = self._at(x.ravel(), y.ravel()).reshape(cells, cells, 2)
        scale = cells / last.side
        source_x = ((x + back[..., 0] - last.x) * scale - 0.5).astype(np.float32)
        source_y = ((y + back[..., 1] - last.y) * scale - 0.5).astype(np.float32)
        return cv2.remap(
            prior, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        ).astype(np.float32, copy=False)

    def _at(
        self, x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]
    ) -> NDArray[np.float64]:
        h, w = self._flow.shape[:2]
        columns = np.clip((x * self._scale[0]).astype(np.intp), 0, w - 1)
        rows = np.clip((y * self._scale[1]).astype(np.intp), 0, h - 1)
        result: NDArray[np.float64] = self._flow[rows, columns] / np.array(self._scale)
        return result
