"""The first mask of an object, from a box, points or a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .evidence import foreground_evidence, otsu_threshold
from .hypotheses import guesses
from .network import features
from .outline import SIZE, Hints, grab_cut, window_around
from .window import Box, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..seam import Prompt

__all__ = ["seed_mask"]

SMALLEST_SHARE = 0.03

FirstMask = tuple["NDArray[np.bool_]", tuple[int, int]]


def seed_mask(image: NDArray[np.uint8], prompt: Prompt, threads: int) -> FirstMask | None:
    """Answer a prompt on one picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        prompt: A mask is taken as it is; else points, on the object and off it, with or without a
            box; else a box.
        threads: Threads of the network.

    Returns:
        ``(h, w)`` bool and the frame position ``(x, y)`` of its first pixel, or None when the
        prompt leaves nothing inside the frame.
    """
    h, w = image.shape[:2]
    if prompt.mask is not None:
        mask = np.asarray(prompt.mask, bool)
        if mask.shape != (h, w):
            raise ValueError(
                f"mask of the prompt for track {prompt.track_id} has shape {mask.shape}, "
                f"the frame has {(h, w)}"
            )
        return (mask, (0, 0)) if mask.any() else None
    if prompt.points is not None:
        return _around_points(image, prompt, threads)
    box = _box_of_prompt(prompt, w, h)
    if box is None:
        return None
    window, region = _cut(image, box, threads)
    return region, (window.clipped((w, h))[:2])


def _around_points(image: NDArray[np.uint8], prompt: Prompt, threads: int) -> FirstMask | None:
    """Take the most trusted answer to points, which may come with a box."""
    points = np.asarray(prompt.points, np.float32).reshape(-1, 2)
    on = np.asarray(prompt.labels).reshape(-1) > 0
    if not np.isfinite(points).all() or not (on.any() or prompt.xyxy is not None):
        return None
    best = guesses(image, prompt.xyxy, Hints(points[on], points[~on]), threads)[0]
    if best.outline is None:
        return None
    window, size_wh = best.outline.window, (image.shape[1], image.shape[0])
    return window.to_frame(best.outline.logits, size_wh) > 0, window.clipped(size_wh)[:2]


def _box_of_prompt(prompt: Prompt, w: int, h: int) -> Box | None:
    """Round the box outwards and clip it."""
    if prompt.xyxy is None or not np.isfinite(prompt.xyxy).all():
        return None
    x1, y1, x2, y2 = prompt.xyxy
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(w)), min(y2, float(h))
    if x2 - x1 < 1 or y2 - y1 < 1:
        return None
    return int(np.floor(x1)), int(np.floor(y1)), int(np.ceil(x2)), int(np.ceil(y2))


def _cut(image: NDArray[np.uint8], box: Box, threads: int) -> tuple[Window, NDArray[np.bool_]]:
    """Cut the object of a box out of a window around it."""
    window, inside = window_around(box)
    crop = window.crop(image, SIZE)
    found = inside
    if inside.any() and not inside.all():
        evidence = foreground_evidence(crop, features(crop, threads), inside)
        likely = evidence > otsu_threshold(evidence[inside])
        found = grab_cut(crop, inside, likely)
    if found.sum() < SMALLEST_SHARE * inside.sum():
        found = inside
    size_wh = image.shape[1], image.shape[0]
    return window, window.to_frame(found.astype(np.float32), size_wh) > 0.5
