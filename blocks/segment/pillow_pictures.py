"""Images of Pillow, of any mode, as RGB arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["rgb_of_pillow"]

_NO_RANGE = {"I", "F"}


def rgb_of_pillow(image: Image.Image) -> NDArray[np.uint8]:
    """Take an image of Pillow as an array.

    Transparency is left out. Of sixteen bits the upper eight are taken, as OpenCV does for files;
    Pillow itself would cut everything off at 255.

    Args:
        image: Of any mode but ``I`` and ``F``, whose values may mean anything.

    Returns:
        ``(H, W, 3)`` uint8 RGB, 0-255.

    Raises:
        ValueError: It cannot be read, or is empty; the text says what was found.
    """
    named = f"an image of Pillow in mode {image.mode!r}"
    if 0 in image.size:
        raise ValueError(f"{named} without pixels, {image.size[0]} x {image.size[1]}")
    if image.mode in _NO_RANGE:
        raise ValueError(f"{named}, whose values have no known range: bring them to 0-255, uint8")
    try:
        if image.mode.startswith("I;16"):
            upper = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(upper[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, ValueError) as error:
        raise ValueError(f"{named} that cannot be read: {error}") from error
