"""EdgeTAM's memory: a remembered view squeezed into a few latents, for many objects at once."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["squeeze_views"]


def squeeze_views(resampler: Any, views: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Run the perceiver of EdgeTAM on a batch; the library's own pass takes one object only.

    Args:
        resampler: The model's ``spatial_perceiver``.
        views: ``(B, C, h, w)`` encoded views.
        position: ``(B, C, h, w)`` position encoding of the views.

    Returns:
        ``(B, tokens, C)``: the latents that look everywhere, then those of one window each.
    """
    import torch

    latents = []
    if resampler.num_latents_1d > 0:
        latents.append(_look_everywhere(resampler, views, position))
    if resampler.num_latents_2d > 0:
        latents.append(_look_into_windows(resampler, views))
    return torch.cat(latents, dim=1)


def _look_everywhere(resampler: Any, views: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    features, places = views.flatten(2).transpose(1, 2), position.flatten(2).transpose(1, 2)
    latents = resampler.latents_1d.expand(len(views), -1, -1)
    for layer in resampler.layers:
        latents = layer(latents, features, places)
    normed: torch.Tensor = resampler.layer_norm(latents)
    return normed


def _look_into_windows(resampler: Any, views: torch.Tensor) -> torch.Tensor:
    count, channels, height, width = views.shape
    side = isqrt(resampler.num_latents_2d)
    grid = views.view(count, channels, side, height // side, side, width // side)
    windows = grid.permute(0, 2, 4, 3, 5, 1).reshape(count * side * side, -1, channels)
    latents = resampler.latents_2d.repeat(count, 1).unsqueeze(1)
    for layer in resampler.layers:
        latents = layer(latents, windows, positional_encoding=None)
    normed: torch.Tensor = resampler.layer_norm(latents.view(count, side * side, channels))
    return normed
