"""Whether two frames show one scene, and how the camera moved from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scene"]

_WIDTH: Final = 96
_ALIKE: Final = 0.4
"""Correlation from which two pictures show one place."""
_PALETTE: Final = 0.75
"""Similarity of colours from which a picture may be the same place seen from the side."""
_FLAT: Final = 3.0
"""Grey levels that a picture without structure deviates from its mean."""
_SURE: Final = 0.15
"""Height of the peak of a phase correlation from which a shift is believed."""
_BETTER: Final = 0.8
"""Part of the difference between two pictures that a shift may leave, to be believed: what moves
before a camera on a tripod explains less."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is kept of a frame to compare the next one with: some 10 KB.

    Args:
        gray: ``(h, 96)`` uint8, the frame made small.
        colours: ``(256,)`` float32 root of a histogram of hue, saturation and value.
        size_wh: Size of the frame, pixels.
    """

    gray: NDArray[np.uint8]
    colours: NDArray[np.float32]
    size_wh: tuple[int, int]

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Self:
        """Keep what is needed of a frame.

        Args:
            image: ``(H, W, 3)`` uint8 BGR.
        """
        import cv2

        height, width = image.shape[:2]
        small = cv2.resize(
            image, (_WIDTH, max(round(_WIDTH * height / width), 8)), interpolation=cv2.INTER_AREA
        )
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        cube = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 8], [0, 180, 0, 256, 0, 256]).ravel()
        return cls(
            gray=np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8),
            colours=np.sqrt(cube / cube.sum()).astype(np.float32),
            size_wh=(width, height),
        )

    def matches(self, other: Scene) -> bool:
        """Tell whether another frame shows the same place, by its structure or by its colours.

        Light changes the colours and a moving camera the structure; a cut changes both.
        """
        import cv2

        there = other.gray
        if there.shape != self.gray.shape:
            rows, columns = self.gray.shape
            there = np.asarray(cv2.resize(there, (columns, rows)), np.uint8)
        a = self.gray.astype(np.float64) - self.gray.mean()
        b = there.astype(np.float64) - there.mean()
        if max(a.std(), b.std()) < _FLAT:  # two empty pictures: only their brightness can differ
            return bool(abs(float(self.gray.mean()) - float(there.mean())) < 16 * _FLAT)
        correlation = float((a * b).mean() / max(a.std() * b.std(), 1e-6))
        return correlation >= _ALIKE or float(self.colours @ other.colours) >= _PALETTE

    def shift_to(self, other: Scene) -> tuple[float, float]:
        """Measure how the picture moved, by phase correlation.

        Args:
            other: The next frame, of the same size.

        Returns:
            x and y in pixels of the frame by which what stands still in the scene moved; zeros
            where no one shift explains the change.
        """
        import cv2

        if other.gray.shape != self.gray.shape or min(self.gray.std(), other.gray.std()) < _FLAT:
            return 0.0, 0.0
        rows, columns = self.gray.shape
        window = cv2.createHanningWindow((columns, rows), cv2.CV_32F)
        (dx, dy), peak = cv2.phaseCorrelate(
            self.gray.astype(np.float32), other.gray.astype(np.float32), window
        )
        # Farther than this the two pictures share too little for a peak to mean anything.
        far = abs(dx) > columns / 3 or abs(dy) > rows / 3
        if peak < _SURE or far or not self._explains(other, dx, dy):
            return 0.0, 0.0
        return dx * other.size_wh[0] / columns, dy * other.size_wh[1] / rows

    def _explains(self, other: Scene, dx: float, dy: float) -> bool:
        """Whether the pictures differ clearly less if this one is moved."""
        import cv2

        rows, columns = self.gray.shape
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(self.gray, move, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        there = other.gray.astype(np.float32)
        after = float(np.abs(moved - there).mean())
        return after < _BETTER * float(np.abs(self.gray - there).mean())
