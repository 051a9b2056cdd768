"""What the embedded models keep of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .motion import small_gray
from .palette import colour_index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LiteFeatures", "picture_features"]


@dataclass(frozen=True, slots=True)
class LiteFeatures:
    """What only depends on the picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR, the frame's own array.
        gray: ``(h, w)`` uint8, small, for the optical flow.
        colours: ``(h, w)`` int16, smaller still: which of 4096 colours each pixel has.
    """

    image: NDArray[np.uint8]
    gray: NDArray[np.uint8]
    colours: NDArray[np.int16]


def picture_features(image: NDArray[np.uint8]) -> LiteFeatures:
    """Shrink a picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR; kept, not copied.
    """
    return LiteFeatures(image, small_gray(image), colour_index(image))
