"""Surfaces: fractal noise run through a colour ramp, in several patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .description import Colour, Texture

__all__ = ["fractal_noise", "paint"]


def fractal_noise(
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    *,
    coarsest: float = 0.5,
    octaves: int = 5,
    persistence: float = 0.55,
) -> NDArray[np.float32]:
    """Add up random grids, each twice as fine and weaker than the last.

    Args:
        size_wh: Width and height in pixels.
        rng: Source of the random values.
        coarsest: Cell of the coarsest grid as a fraction of the shorter side.
        octaves: How many grids.
        persistence: Weight of a grid against the next coarser one.

    Returns:
        ``(H, W)`` float32, stretched to 0-1.
    """
    width, height = size_wh
    total = np.zeros((height, width), np.float32)
    cell = coarsest * min(size_wh)
    weight = 1.0
    for _ in range(octaves):
        grid_wh = (max(2, round(width / cell) + 1), max(2, round(height / cell) + 1))
        grid = rng.random((grid_wh[1], grid_wh[0]), dtype=np.float32)
        total += weight * cv2.resize(grid, size_wh, interpolation=cv2.INTER_CUBIC)
        cell = max(1.0, cell / 2)
        weight *= persistence
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def paint(
    texture: Texture,
    colours: Sequence[Colour],
    size_wh: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Paint a rectangle of a texture.

    Args:
        texture: Which pattern.
        colours: Blue, green, red of two colours or more; the pattern runs through them.
        size_wh: Width and height in pixels.
        rng: Source of the random values.

    Returns:
        ``(H, W, 3)`` uint8 BGR.

    Raises:
        ValueError: The texture is unknown.
    """
    value = _pattern(texture, size_wh, rng)
    fine = fractal_noise(size_wh, rng, coarsest=0.06, octaves=3)
    ramp = np.linspace(0, 1, len(colours))
    channels = [
        np.interp(value, ramp, [colour[channel] for colour in colours]) * (0.8 + 0.4 * fine)
        for channel in range(3)
    ]
    return np.asarray(np.clip(np.stack(channels, axis=2), 0, 255), np.uint8)


def _pattern(
    texture: Texture, size_wh: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Values 0-1 that the colour ramp is read at."""
    noise = fractal_noise(size_wh, rng)
    width, height = size_wh
    side = min(size_wh)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / side
    if texture == "grain":
        return fractal_noise(size_wh, rng, coarsest=0.25, octaves=7, persistence=0.75)
    if texture == "marble":
        return np.asarray(0.5 + 0.5 * np.sin(9 * x + 5 * y + 9 * noise), np.float32)
    if texture == "stripes":
        wave = np.sin(2 * np.pi * (6 * x + 1.2 * y) + 2.5 * noise)
        return np.asarray(np.clip(0.5 + 1.6 * wave, 0, 1), np.float32)
    if texture == "spots":
        wave = np.sin(26 * x + 3 * noise) * np.sin(26 * y + 3 * noise)
        return np.asarray(np.clip(0.5 + 1.8 * (wave - 0.25), 0, 1), np.float32)
    if texture == "weave":
        wave = np.sin(34 * x + noise) + np.sin(34 * y - noise)
        return np.asarray(np.clip(0.5 + 0.35 * wave + 0.4 * (noise - 0.5), 0, 1), np.float32)
    raise ValueError(f"unknown texture {texture!r}")
