"""From decoded pictures to the square tensors the image encoders take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from ...frame import Frame

__all__ = ["Preprocessor"]


class Preprocessor:
    """Turns frames into normalised square pictures on the model's device.

    The library's own processors need torchvision. This one does the same steps: RGB, bilinear
    resize with antialiasing, rounding to whole grey levels, normalisation.

    Args:
        image_size: Side of the square, pixels.
        mean: Per-channel mean, RGB, 0-1.
        std: Per-channel deviation, RGB, 0-1.
        device: Where the pictures are wanted.
        dtype: Their type.
    """

    def __init__(
        self,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        import torch

        self._image_size = image_size
        self._device = device
        self._dtype = dtype
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def __call__(self, frames: Sequence[Frame]) -> torch.Tensor:
        """Prepare frames, which may differ in size.

        Args:
            frames: At least one frame; images ``(H, W, 3)`` uint8 BGR, 0-255.

        Returns:
            ``(B, 3, S, S)`` normalised RGB.
        """
        return self.prepare([frame.image[..., ::-1] for frame in frames])

    def prepare(self, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Prepare pictures, which may differ in size.

        Args:
            pictures: At least one; ``(H, W, 3)`` uint8 RGB, 0-255.

        Returns:
            ``(B, 3, S, S)`` normalised RGB.
        """
        import torch

        square = torch.cat([self._square(picture) for picture in pictures])
        return ((square / 255.0 - self._mean) / self._std).to(self._dtype)

    def _square(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """``(1, 3, S, S)`` float32 RGB in whole grey levels, 0-255."""
        import torch
        from torch.nn.functional import interpolate

        # Upload whole bytes and convert on the device: a quarter of the traffic of floats.
        writable = np.require(picture, np.uint8, ["C", "W"])  # else torch warns
        rgb = torch.from_numpy(writable).to(self._device)
        planes = rgb.permute(2, 0, 1).unsqueeze(0).float()
        size = (self._image_size, self._image_size)
        resized = interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)
        return resized.round_().clamp_(0, 255)
