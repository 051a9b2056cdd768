"""One look at one window of a frame: where in it is the object, and is it there at all?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .network import STRIDE, features
from .proposal import View
from .refine import guided_filter, main_components
from .window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ridge import TargetModel

__all__ = ["coverage_of", "look", "presence", "prior_of"]

PRIOR_CELLS = 80
PRIOR_WEIGHT = 0.25
_STEEPNESS = 4.0
_LIMIT = 1.2


def look(
    track_id: int,
    image: NDArray[np.uint8],
    window: Window,
    target: TargetModel,
    prior: NDArray[np.float32] | None,
    size: int,
    threads: int,
) -> View:
    """Find an object in a window.

    Args:
        track_id: The track the view is for.
        image: ``(H, W, 3)`` uint8 BGR.
        window: Where to look.
        target: What to look for.
        prior: ``(n, n)`` float32, the last mask carried into the window, or None.
        size: Side the window is resized to, pixels.
        threads: Threads of the network.

    Returns:
        The view, with a mask wherever the likelihood is above one half, present or not.
    """
    import cv2

    crop = window.crop(image, size)
    seen = features(crop, threads)
    cells = size // STRIDE
    response = target.respond(seen)
    grid = _STEEPNESS * np.clip(response, -_LIMIT, _LIMIT).reshape(cells, cells)
    square = (size, size)
    logit = cv2.resize(grid, square, interpolation=cv2.INTER_CUBIC)
    wide = None
    if prior is not None:
        wide = np.asarray(cv2.resize(prior, square, interpolation=cv2.INTER_LINEAR), np.float32)
        odds = np.clip(wide, 0.018, 0.982)
        logit += PRIOR_WEIGHT * np.log(odds / (1 - odds))
    soft = guided_filter(crop, np.asarray(1 / (1 + np.exp(-logit)), np.float32))
    mask = soft > 0.5
    soft[mask & ~main_components(mask, wide)] = 0
    size_wh = image.shape[1], image.shape[0]
    likelihood = window.to_frame(soft, size_wh)
    view = View(
        track_id=track_id,
        window=window,
        features=seen,
        likelihood=likelihood,
        offset_xy=window.clipped(size_wh)[:2],
        mask=likelihood > 0.5,
        xyxy=None,
        score=0.0,
    ).with_mask(likelihood > 0.5)
    return measured(view, target, response, cells)


def measured(view: View, target: TargetModel, response: NDArray[np.float32], cells: int) -> View:
    """Fill in a view's response, likeness and score."""
    if view.xyxy is None:
        return view
    coverage = coverage_of(view, cells)
    inside = float((response * coverage).sum() / max(float(coverage.sum()), 1e-6))
    likeness = float(target.describe(view.features, coverage) @ target.prototype)
    score = presence(inside, likeness, target.level)
    return replace(view, response=inside, likeness=likeness, score=score)


def presence(response: float, likeness: float, level: NDArray[np.float32]) -> float:
    """Turn the two measurements into a score, 0-1; below one half a track counts as lost.

    Both are read against what is usual for this object: how well a regression fits and how
    uniform an object looks differ more between objects than between there and gone.
    """
    fit = response / max(float(level[0]), 0.3) - 0.6
    look_alike = likeness / max(float(level[1]), 0.4) - 0.75
    return 1 / (1 + math.exp(-(5 * fit + 10 * look_alike)))


def coverage_of(view: View, cells: int) -> NDArray[np.float32]:
    """Return how much of each cell of the window the mask covers, ``(cells * cells,)``, 0-1."""
    if view.xyxy is None:
        return np.zeros(cells * cells, np.float32)
    tight = view.tight_mask().astype(np.float32)
    return view.window.from_frame(tight, view.xyxy[:2], cells).ravel()


def prior_of(view: View) -> NDArray[np.float32]:
    """Return the mask as the prior of the next frame, ``(80, 80)`` float32."""
    return coverage_of(view, PRIOR_CELLS).reshape(PRIOR_CELLS, PRIOR_CELLS)
