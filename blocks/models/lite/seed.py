"""The first mask of an object, from a box, points or a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .evidence import foreground_evidence, otsu_threshold
from .network import features
from .window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..seam import Prompt

__all__ = ["seed_mask"]

SEED_SIZE = 256
CONTEXT = 1.6
POINT_SHARE = 0.25
CUT_ROUNDS = 2
SMALLEST_SHARE = 0.03

Box = tuple[int, int, int, int]
FirstMask = tuple["NDArray[np.bool_]", tuple[int, int]]


def seed_mask(image: NDArray[np.uint8], prompt: Prompt, threads: int) -> FirstMask | None:
    """Answer a prompt on one picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        prompt: A mask is taken as it is; else a box; else points.
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
    box = _box_of_prompt(prompt, w, h)
    if box is None:
        return None
    window, region = _cut(image, box, threads)
    return region, (window.clipped((w, h))[:2])


def _box_of_prompt(prompt: Prompt, w: int, h: int) -> Box | None:
    """Round the box outwards and clip it; points give a box around those on the object."""
    xyxy = prompt.xyxy
    if xyxy is None:
        points, labels = np.asarray(prompt.points, float), np.asarray(prompt.labels)
        on = points[labels > 0]
        if len(on) == 0:
            return None
        reach = POINT_SHARE * min(w, h) / 2
        x1, y1 = on.min(0) - reach
        x2, y2 = on.max(0) + reach
    else:
        x1, y1, x2, y2 = xyxy
    if not np.isfinite((x1, y1, x2, y2)).all():
        return None
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(w)), min(y2, float(h))
    if x2 - x1 < 1 or y2 - y1 < 1:
        return None
    return int(np.floor(x1)), int(np.floor(y1)), int(np.ceil(x2)), int(np.ceil(y2))


def _cut(image: NDArray[np.uint8], box: Box, threads: int) -> tuple[Window, NDArray[np.bool_]]:
    """Cut the object of a box out of a window around it."""
    x1, y1, x2, y2 = box
    side = max(round(CONTEXT * max(x2 - x1, y2 - y1)), 8)
    window = Window((x1 + x2 - side) // 2, (y1 + y2 - side) // 2, side)
    crop = window.crop(image, SEED_SIZE)
    scale = SEED_SIZE / side
    rows = slice(max(round((y1 - window.y) * scale), 0), round((y2 - window.y) * scale))
    columns = slice(max(round((x1 - window.x) * scale), 0), round((x2 - window.x) * scale))
    inside = np.zeros((SEED_SIZE, SEED_SIZE), np.bool_)
    inside[rows, columns] = True
    found = inside
    if inside.any() and not inside.all():
        evidence = foreground_evidence(crop, features(crop, threads), inside)
        likely = evidence > otsu_threshold(evidence[inside])
        found = _grab_cut(crop, inside, likely)
    if found.sum() < SMALLEST_SHARE * inside.sum():
        found = inside
    size_wh = image.shape[1], image.shape[0]
    return window, window.to_frame(found.astype(np.float32), size_wh) > 0.5


def _grab_cut(
    crop: NDArray[np.uint8], inside: NDArray[np.bool_], likely: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Sharpen a first guess by colours and edges (Rother et al., "GrabCut", SIGGRAPH 2004)."""
    import cv2

    guess = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels = np.where(inside, guess, cv2.GC_BGD).astype(np.uint8)
    if not (likely & inside).any():
        return inside
    # OpenCV seeds its colour clusters from a global generator; fixed, the same box on the same
    # picture gives the same mask.
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(crop, labels, (0, 0, 1, 1), *models, CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    found: NDArray[np.bool_] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found
