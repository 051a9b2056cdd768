"""Finding what moves in front of a background that is learnt: one detector per stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ForegroundDetector", "ForegroundOptions", "merge_near"]

_FOREGROUND: Final = 255  # MOG2 writes 127 for shadows
_LARGEST_BLOBS: Final = 256
_FRAGMENT: Final = 0.25  # a part is a fragment up to this share of its object's foreground
_PATIENCE: Final = 8  # the background is learnt at this fraction of an even mean over all frames
_MOSTLY: Final = 0.6  # parts this much of whose width is shared stand one above the other
_CONTRAST: Final = 50.0  # grey levels of difference that make a confidence of 0.63
_SOBEL: Final = 1 / 8  # makes the answer of the 3 x 3 filter grey levels a pixel
_EDGE_REACH: Final = 0.03  # an edge vouches for pixels this near, fraction of the longer side


@dataclass(frozen=True, slots=True)
class ForegroundOptions:
    """How a :class:`ForegroundDetector` looks at a picture.

    Lengths are fractions of the longer side of the frame and areas fractions of the frame, so
    that one setting fits all sizes.

    Args:
        warm_up_frames: Frames that only teach the background.
        history: Frames the background remembers.
        variance_threshold: Squared distance, in deviations, from which a pixel is foreground.
        min_area: Smallest foreground of an object, fraction of the frame.
        min_area_px: The same in pixels of the frame; the larger one counts.
        min_edge_change: Foreground counts only where edges have come or gone nearby: mean change
            of the brightness gradient, grey levels a pixel. What a cloud or an automatic gain
            does to a wall moves no edges. 0 takes all foreground.
        max_foreground: Above this share of foreground everything has changed: the camera
            moved, or the scene was cut. Nothing is found and the background is learnt anew.
        merge_distance: Objects nearer than this are one.
        close_size: Gaps up to this are closed within an object.
        working_size: Longer side of the picture that is looked at, pixels; 0 for full size.
    """

    warm_up_frames: int = 10
    history: int = 500
    variance_threshold: float = 16.0
    min_area: float = 0.0008
    min_area_px: int = 16
    min_edge_change: float = 8.0
    max_foreground: float = 0.5
    merge_distance: float = 0.01
    close_size: float = 0.006
    working_size: int = 480


class ForegroundDetector:
    """Learns the background of one stream and finds what moves before it.

    Args:
        options: How to look.
    """

    def __init__(self, options: ForegroundOptions) -> None:
        self._options = options
        self._size_wh: tuple[int, int] | None = None
        self._seen = 0

    def reset(self) -> None:
        """Forget the background: the next frames are warm-up again."""
        self._size_wh = None

    def detect(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the moving objects of the next frame and learn from it.

        Args:
            image: ``(H, W, 3)`` uint8 BGR. A change of size starts a new background.

        Returns:
            ``(N, 4)`` float32 boxes in pixels of the image, half-open, largest first, and
            ``(N,)`` float32 confidences: 0 where the moving pixels look like the background,
            0.63 where they differ from it by 50 of 255 grey levels, 0.86 by 100.
        """
        height, width = image.shape[:2]
        if self._size_wh != (width, height):
            self._start(width, height)
        small = self._shrink(image)
        self._seen += 1
        labels = self._subtractor.apply(small, learningRate=self._learning_rate())
        foreground = np.asarray(labels == _FOREGROUND, dtype=np.uint8)
        changed = cv2.countNonZero(foreground) / foreground.size
        if self._seen > self._options.warm_up_frames and changed > self._options.max_foreground:
            self._start(width, height)
            self._subtractor.apply(small)
            self._seen = 1
        if self._seen <= self._options.warm_up_frames:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        background = np.asarray(self._subtractor.getBackgroundImage(), dtype=np.uint8)
        if self._options.min_edge_change > 0:
            foreground &= self._edges_changed(small, background)
        return self._objects(small, background, foreground)

    def _start(self, width: int, height: int) -> None:
        options = self._options
        self._size_wh = (width, height)
        self._seen = 0
        self._subtractor = cv2.createBackgroundSubtractorMOG2(
            history=options.history, varThreshold=options.variance_threshold, detectShadows=True
        )
        longer = max(width, height)
        scale = min(1.0, options.working_size / longer) if options.working_size else 1.0
        self._small_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
        longer_small = max(self._small_wh)
        self._close = _kernel(options.close_size * longer_small)
        self._reach = np.ones((2 * round(_EDGE_REACH * longer_small / 2) + 1,) * 2, np.uint8)
        self._merge_px = options.merge_distance * longer_small
        per_pixel = (width * height) / (self._small_wh[0] * self._small_wh[1])
        smallest = max(options.min_area * width * height, options.min_area_px)
        self._min_area = smallest / per_pixel

    def _learning_rate(self) -> float:
        """How much one frame teaches; -1 leaves it to MOG2, which starts very fast.

        At its own speed MOG2 takes a plain surface that passes for background after two or
        three frames, early in a stream, and hollows out objects.
        """
        if self._seen <= self._options.warm_up_frames:
            return -1.0
        return max(1.0 / self._options.history, 1.0 / (_PATIENCE * self._seen))

    def _shrink(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._small_wh == self._size_wh:
            return image
        small = cv2.resize(image, self._small_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def _edges_changed(
        self, small: NDArray[np.uint8], background: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Mark with 1 the pixels near which edges differ from those of the background."""
        now, then = (
            cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (3, 3), 0)
            for picture in (small, background)
        )
        difference = cv2.subtract(now, then, dtype=cv2.CV_16S)  # gradients are linear
        across, down = (
            cv2.Sobel(difference, cv2.CV_32F, dx, 1 - dx, scale=_SOBEL) for dx in (1, 0)
        )
        changed = cv2.magnitude(across, down) >= self._options.min_edge_change
        return np.asarray(cv2.dilate(changed.astype(np.uint8), self._reach), dtype=np.uint8)

    def _objects(
        self,
        small: NDArray[np.uint8],
        background: NDArray[np.uint8],
        foreground: NDArray[np.uint8],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # Opening removes single noisy pixels but also thin limbs; a median does less harm.
        cleaned = cv2.medianBlur(foreground, 3)
        cleaned = cv2.morphologyEx(cleaned, cv2.MORPH_CLOSE, self._close)
        _, _, stats, _ = cv2.connectedComponentsWithStats(cleaned, connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
        left, top, wide, high = stats[1:, :4].T
        boxes = np.stack([left, top, left + wide, top + high], axis=1).astype(np.float64)
        keep = np.argsort(-areas)[:_LARGEST_BLOBS]
        keep = keep[areas[keep] >= self._min_area / 4]  # parts may merge to one large enough
        boxes, areas = merge_near(boxes[keep], areas[keep], self._merge_px)
        large = np.flatnonzero(areas >= self._min_area)
        order = large[np.argsort(-areas[large], kind="stable")]
        boxes = boxes[order]
        confidence = _confidence(cv2.absdiff(small, background).max(axis=2), foreground, boxes)
        width, height = self._size_wh or (0, 0)
        scale = np.array([width / self._small_wh[0], height / self._small_wh[1]] * 2)
        return (boxes * scale).astype(np.float32), confidence


def _confidence(
    difference: NDArray[np.uint8], foreground: NDArray[np.uint8], boxes: NDArray[np.float64]
) -> NDArray[np.float32]:
    values = []
    for x1, y1, x2, y2 in boxes.astype(int):
        moving = foreground[y1:y2, x1:x2]
        contrast = cv2.mean(difference[y1:y2, x1:x2], mask=moving)[0]
        values.append(1 - np.exp(-contrast / _CONTRAST))
    return np.array(values, dtype=np.float32)


def _kernel(side: float) -> NDArray[np.uint8]:
    odd = max(3, 2 * round(side / 2) + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd)), dtype=np.uint8)


def merge_near(
    boxes: NDArray[np.float64], areas: NDArray[np.float64], distance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join fragments with the object they belong to, until there are none.

    Two boxes near each other are joined if one is a fragment beside the other, that is much
    smaller, or if they stand one above the other, or lie in one another. Two people who walk
    side by side are neither, and stay two.

    Args:
        boxes: ``(N, 4)`` x1, y1, x2, y2.
        areas: ``(N,)`` foreground in each box, added up when boxes are joined.
        distance: Boxes whose gap is at most this, in x and in y, are near.

    Returns:
        ``(M, 4)`` boxes and ``(M,)`` areas, ``M <= N``.
    """
    objects = list(zip(boxes.tolist(), areas.tolist(), strict=True))
    index = 0
    while index < len(objects):
        for other in range(index + 1, len(objects)):
            if _belong_together(*objects[index], *objects[other], distance):
                (x1, y1, x2, y2), area = objects[index]
                (a1, b1, a2, b2), more = objects.pop(other)
                union = [min(x1, a1), min(y1, b1), max(x2, a2), max(y2, b2)]
                objects[index] = (union, area + more)
                index = -1  # the larger box may now be near to one looked at before
                break
        index += 1
    return (
        np.array([box for box, _ in objects], dtype=np.float64).reshape(-1, 4),
        np.array([area for _, area in objects], dtype=np.float64),
    )


def _belong_together(
    box: list[float], area: float, other: list[float], more: float, distance: float
) -> bool:
    (x1, y1, x2, y2), (a1, b1, a2, b2) = box, other
    across, down = min(x2, a2) - max(x1, a1), min(y2, b2) - max(y1, b1)
    if min(across, down) < -distance:
        return False
    stacked = across >= _MOSTLY * min(x2 - x1, a2 - a1)
    return stacked or min(area, more) <= _FRAGMENT * max(area, more)
