"""Pictures made ready for a detector, in batches of one size.

Pictures of different sizes never share a batch in which they would have to be padded to each
other: what a detector sees of one picture shall not depend on the other streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from trackwire.specs import ModelError

from .recipe import Recipe

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["Pictures", "batches"]

_MOST_PICTURES: Final = 16  # of one call, and no more pixels than this, so that memory has a bound
_MOST_PIXELS: Final = 8_000_000
_TRUNCATE: Final = 4.0  # deviations at which the smoothing kernel of scipy ends


@dataclass(frozen=True, slots=True)
class Pictures:
    """One batch.

    Args:
        indices: Which of the given pictures these are.
        values: ``(B, 3, H, W)`` float32 RGB, normalised, on the device.
        mask: ``(B, H, W)`` int64, 1 where there is picture; None where nothing is padding.
    """

    indices: tuple[int, ...]
    values: torch.Tensor
    mask: torch.Tensor | None


def batches(
    images: Sequence[NDArray[np.uint8]], recipe: Recipe, device: torch.device
) -> Iterator[Pictures]:
    """Prepare pictures, one batch at a time.

    Args:
        images: ``(H, W, 3)`` uint8 BGR each, of any sizes.
        recipe: What the detector wants.
        device: Where the batches are wanted.

    Raises:
        ModelError: A picture does not fit into what it is padded to.
    """
    sizes = [recipe.content_wh((image.shape[1], image.shape[0])) for image in images]
    inputs = [recipe.canvas_wh or size for size in sizes]
    order = sorted(range(len(images)), key=lambda index: inputs[index])
    for (width, height), group in groupby(order, key=lambda index: inputs[index]):
        members = tuple(group)
        step = max(1, min(_MOST_PICTURES, _MOST_PIXELS // (width * height)))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            yield _batch(part, [images[index] for index in part], recipe, device)


def _batch(
    indices: tuple[int, ...],
    images: Sequence[NDArray[np.uint8]],
    recipe: Recipe,
    device: torch.device,
) -> Pictures:
    import torch

    prepared = [_prepare(image, recipe, device) for image in images]
    if recipe.canvas_wh is None:
        return Pictures(indices, torch.stack(prepared), None)
    width, height = recipe.canvas_wh
    values = torch.zeros((len(prepared), 3, height, width), device=device)
    mask = torch.zeros((len(prepared), height, width), dtype=torch.int64, device=device)
    for index, each in enumerate(prepared):
        _, high, wide = each.shape
        if high > height or wide > width:
            raise ModelError(
                f"a picture becomes {wide}x{high} for the detector, whose pad_size is "
                f"{width}x{height}; let the sizes in its preprocessor_config.json fit together",
                code="detector_failed",
            )
        values[index, :, :high, :wide] = each
        mask[index, :high, :wide] = 1
    return Pictures(indices, values, mask)


def _prepare(image: NDArray[np.uint8], recipe: Recipe, device: torch.device) -> torch.Tensor:
    """``(3, h, w)`` float32, not padded yet."""
    import torch

    size = recipe.content_wh((image.shape[1], image.shape[0]))
    if recipe.steps == "resize_bytes":
        image = _resize_bytes(image, size, recipe.resample)
    # Whole bytes go up and become floats on the device: a quarter of the traffic.
    planes = torch.from_numpy(image[..., ::-1].copy()).to(device).permute(2, 0, 1)
    picture = planes.float() * recipe.scale
    if recipe.steps == "resize_floats":
        picture = _resize_floats(picture, size, recipe.resample)
    elif recipe.steps == "pad_square":
        picture = _zoom(_squared(picture) if recipe.square else picture, size)
    mean = torch.tensor(recipe.mean, device=device).view(3, 1, 1)
    std = torch.tensor(recipe.std, device=device).view(3, 1, 1)
    return (picture - mean) / std


def _resize_bytes(
    image: NDArray[np.uint8], size_wh: tuple[int, int], resample: int
) -> NDArray[np.uint8]:
    from PIL import Image

    if (image.shape[1], image.shape[0]) == size_wh:
        return image
    # The filters treat channels alike, so that BGR may pass for RGB here.
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size_wh, Image.Resampling(resample)), np.uint8)


def _resize_floats(picture: torch.Tensor, size_wh: tuple[int, int], resample: int) -> torch.Tensor:
    from PIL.Image import Resampling
    from torch.nn.functional import interpolate

    modes = {Resampling.NEAREST: "nearest", Resampling.BICUBIC: "bicubic"}
    mode = modes.get(Resampling(resample), "bilinear")
    corners = None if mode == "nearest" else False
    size = (size_wh[1], size_wh[0])
    return interpolate(picture[None], size, mode=mode, align_corners=corners)[0]


def _squared(picture: torch.Tensor) -> torch.Tensor:
    from torch.nn.functional import pad

    _, height, width = picture.shape
    side = max(height, width)
    return pad(picture, (0, side - width, 0, side - height))


def _zoom(picture: torch.Tensor, size_wh: tuple[int, int]) -> torch.Tensor:
    """Smooth and resize as scikit-image does, along one axis and then the other."""
    for axis, wanted in ((1, size_wh[1]), (2, size_wh[0])):
        picture = _smooth(picture, axis, picture.shape[axis] / wanted)
    for axis, wanted in ((1, size_wh[1]), (2, size_wh[0])):
        picture = _sample(picture, axis, wanted)
    return picture


def _smooth(picture: torch.Tensor, axis: int, factor: float) -> torch.Tensor:
    """Convolve with a Gaussian whose width suits the factor by which the axis shrinks."""
    import torch
    from torch.nn.functional import conv1d, pad

    deviation = (factor - 1) / 2
    radius = int(_TRUNCATE * deviation + 0.5)
    if deviation <= 0 or radius == 0:
        return picture
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64, device=picture.device)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    kernel = (kernel / kernel.sum()).float().view(1, 1, -1)
    lines = picture.movedim(axis, -1)
    flat = lines.reshape(-1, 1, lines.shape[-1])
    smoothed = conv1d(pad(flat, (radius, radius), mode="reflect"), kernel)
    return smoothed.view(lines.shape).movedim(-1, axis)


def _sample(picture: torch.Tensor, axis: int, wanted: int) -> torch.Tensor:
    """Interpolate linearly at the middles of the new pixels; beyond the edge it is mirrored."""
    import torch

    there = picture.shape[axis]
    if there == wanted:
        return picture
    last = there - 1
    steps = torch.arange(wanted, dtype=torch.float64, device=picture.device)
    at = ((steps + 0.5) * (there / wanted) - 0.5).abs()
    at = torch.where(at > last, 2 * last - at, at).clamp(0, last)
    before = at.floor().long().clamp(max=max(0, last - 1))
    share = (at - before).float().view([-1 if each == axis else 1 for each in range(3)])
    lower = picture.index_select(axis, before)
    upper = picture.index_select(axis, (before + 1).clamp(max=last))
    return lower + (upper - lower) * share
