"""The two forms of a picture that the interactive predictor takes: RGB arrays and PIL images."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from trackwire.specs import ModelError

from .pillow_pictures import rgb_of_pillow

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PictureFormatError", "read_rgb"]


class PictureFormatError(ModelError, NotImplementedError):
    """What was given as a picture is none."""

    default_code = "rgb_format"


def read_rgb(image: Any) -> NDArray[np.uint8]:
    """Take a picture as an array.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, 0-255, or a ``PIL.Image.Image`` as
            :func:`~.pillow_pictures.rgb_of_pillow` takes it.

    Returns:
        ``(H, W, 3)`` uint8 RGB; the array itself if it was one.

    Raises:
        PictureFormatError: It is neither.
    """
    pillow = sys.modules.get("PIL.Image")  # without it nobody can have made a picture of it
    if pillow is not None and isinstance(image, pillow.Image):
        try:
            return rgb_of_pillow(image)
        except ValueError as error:
            raise _unsupported(str(error)) from error
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return image
        raise _unsupported(f"an array of shape {image.shape} and type {image.dtype}")
    raise _unsupported(f"a {type(image).__name__}")


def _unsupported(found: str) -> PictureFormatError:
    return PictureFormatError(
        f"Image format not supported: found {found}; give (H, W, 3) uint8 RGB or a PIL image"
    )
