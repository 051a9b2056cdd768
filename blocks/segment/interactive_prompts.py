"""From the arrays of a predictor's call to the prompts of one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.image_seam import ImagePromptError, ImagePrompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_prompts"]


def read_prompts(
    point_coords: Any,
    point_labels: Any,
    box: Any,
    mask_input: Any,
    *,
    size_wh: tuple[int, int],
    pixels: bool,
) -> ImagePrompts:
    """Read the prompts of one picture; one prompt may leave its first dimension out.

    Args:
        point_coords: ``(N, 2)`` or ``(B, N, 2)`` x, y, or None.
        point_labels: ``(N,)`` or ``(B, N)``, or None.
        box: ``(4,)`` or ``(B, 4)`` x1, y1, x2, y2, or None.
        mask_input: ``(h, w)``, ``(1, h, w)`` or ``(B, 1, h, w)`` logits, or None.
        size_wh: Size of the picture, pixels.
        pixels: Whether coordinates are pixels, or parts of the picture, 0-1.

    Raises:
        ImagePromptError: They do not fit together.
    """
    points = _numbers("point_coords", point_coords, np.float32)
    labels = _whole("point_labels", _numbers("point_labels", point_labels, np.float32))
    boxes = _numbers("box", box, np.float32)
    masks = _numbers("mask_input", mask_input, np.float32)
    if points is not None and labels is None:
        raise ImagePromptError(
            "point_coords were given without point_labels: each point has a label, 1 on the "
            "object, 0 off it"
        )
    if points is not None and points.shape == (0,):  # an empty list: no click yet
        points = points.reshape(0, 2)
    scale = np.ones(2, np.float32) if pixels else np.array(size_wh, np.float32)
    if points is not None:
        points = (points[None] if points.ndim == 2 else points) * _fitting(points, scale)
    if labels is not None and labels.ndim == 1:
        labels = labels[None]
    if boxes is not None:
        boxes = np.atleast_2d(boxes)
        boxes = boxes * _fitting(boxes, np.tile(scale, 2))
    if masks is not None and masks.ndim in {2, 3}:
        masks = masks.reshape(-1, 1, *masks.shape[-2:]) if masks.size else masks
    return ImagePrompts(points, labels, boxes, masks)


def _numbers(name: str, values: Any, dtype: Any) -> NDArray[Any] | None:
    """Take lists, arrays and tensors as an array."""
    if values is None:
        return None
    if hasattr(values, "detach"):  # a tensor, maybe on a GPU
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values  # bfloat16 has no array
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        raise ImagePromptError(
            f"{name} must be an array of numbers with rows of equal length: {error}"
        ) from error


def _whole(name: str, values: NDArray[Any] | None) -> NDArray[np.int32] | None:
    """Take numbers as integers, and refuse those that are none."""
    if values is None:
        return None
    if not (values == np.rint(values)).all() or not np.isfinite(values).all():
        raise ImagePromptError(
            f"{name} must be whole numbers, 1 on the object and 0 off it, found "
            f"{np.unique(values).tolist()[:8]}"
        )
    return values.astype(np.int32)


def _fitting(values: NDArray[Any], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scale, or one that leaves values of a wrong shape for the prompts' own check."""
    return scale if values.shape[-1:] == scale.shape else np.ones(1, np.float32)
