"""How a picture becomes the input of a network, and boxes find the way back.

Each family of detectors was trained on pictures prepared in its own way. The arithmetic here,
down to where an odd pixel of padding goes, is that of the family's own programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ColorOrder", "Fit", "Placement", "Preparation", "Resampling", "prepare"]

ColorOrder: TypeAlias = Literal["rgb", "bgr"]
Placement: TypeAlias = Literal["center", "corner", "stretch"]
Resampling: TypeAlias = Literal["linear", "area", "cubic", "antialias"]

_CV2 = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}
Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a network wants its pictures.

    Args:
        size_wh: Width and height of its input, pixels.
        color: Order of the channels.
        scale: Factor for the 0-255 of a pixel.
        mean: Subtracted after that, in the order of ``color``.
        std: Divided by after that, in the order of ``color``.
        fit: ``center`` and ``corner`` keep proportions and pad, on both sides or right and below;
            ``stretch`` does neither.
        margin: Pixels by which the picture stays smaller than the input, both sides together;
            not with ``stretch``.
        pad_value: Grey level of the padding, 0-255.
        resize: ``antialias`` is the bilinear filter of Pillow, the others are OpenCV's.
    """

    size_wh: tuple[int, int]
    color: ColorOrder = "rgb"
    scale: float = 1 / 255
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    fit: Placement = "center"
    margin: int = 0
    pad_value: int = 114
    resize: Resampling = "linear"

    def place(self, frame_wh: tuple[int, int]) -> Fit:
        """Say where a picture lies in the input.

        Args:
            frame_wh: Width and height of the picture, pixels.
        """
        (width, height), (wide, high) = frame_wh, self.size_wh
        if self.fit == "stretch":
            return Fit(frame_wh, (wide, high), (wide / width, high / height), (0, 0))
        scale = min((wide - self.margin) / width, (high - self.margin) / height)
        content = (max(1, round(width * scale)), max(1, round(height * scale)))
        offset = ((wide - content[0]) // 2, (high - content[1]) // 2)
        return Fit(frame_wh, content, (scale, scale), offset if self.fit == "center" else (0, 0))


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a picture lies in the input of a network.

    Args:
        frame_wh: Width and height of the picture, pixels.
        content_wh: The same within the input.
        scale_xy: Pixels of the input for one of the picture.
        offset_xy: Top left corner of the picture within the input.
    """

    frame_wh: tuple[int, int]
    content_wh: tuple[int, int]
    scale_xy: tuple[float, float]
    offset_xy: tuple[int, int]

    def to_frame(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take boxes from the input to the picture.

        Args:
            xyxy: ``(N, 4)`` in pixels of the input.

        Returns:
            ``(N, 4)`` float32 in pixels of the picture; boxes may reach over its edges.
        """
        boxes = (xyxy - np.array(self.offset_xy * 2)) / np.array(self.scale_xy * 2)
        return np.asarray(boxes, np.float32)


def prepare(
    images: Sequence[NDArray[np.uint8]], how: Preparation
) -> tuple[NDArray[np.float32], list[Fit]]:
    """Make the input of a network from pictures of any sizes.

    Args:
        images: ``(H, W, 3)`` uint8 BGR each.
        how: What the network wants.

    Returns:
        ``(B, 3, H, W)`` float32 in the network's order of channels, and where each picture lies.
    """
    fits = [how.place((image.shape[1], image.shape[0])) for image in images]
    canvases = [_place(image, fit, how) for image, fit in zip(images, fits, strict=True)]
    blob = np.asarray(
        cv2.dnn.blobFromImages(canvases, how.scale, swapRB=how.color == "rgb"), np.float32
    )
    if any(how.mean):
        blob -= np.array(how.mean, np.float32).reshape(1, 3, 1, 1)
    if how.std != (1.0, 1.0, 1.0):
        blob /= np.array(how.std, np.float32).reshape(1, 3, 1, 1)
    return blob, fits


def _place(image: NDArray[np.uint8], fit: Fit, how: Preparation) -> NDArray[np.uint8]:
    content = _resize(image, fit.content_wh, how.resize)
    if fit.content_wh == how.size_wh:
        return content
    width, height = how.size_wh
    (left, top), (wide, high) = fit.offset_xy, fit.content_wh
    canvas = np.full((height, width, 3), how.pad_value, np.uint8)
    canvas[top : top + high, left : left + wide] = content
    return canvas


def _resize(
    image: NDArray[np.uint8], size_wh: tuple[int, int], how: Resampling
) -> NDArray[np.uint8]:
    if (image.shape[1], image.shape[0]) == size_wh:
        return image
    if how == "antialias":
        from PIL import Image

        # The filter treats channels alike, so that BGR may pass for RGB here.
        picture = Image.fromarray(image).resize(size_wh, Image.Resampling.BILINEAR)
        return np.asarray(picture, np.uint8)
    return np.asarray(cv2.resize(image, size_wh, interpolation=_CV2[how]), np.uint8)
