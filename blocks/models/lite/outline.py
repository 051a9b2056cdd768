"""Cutting an object out of a picture: from a box, from points on and off it, from a rough mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .evidence import cells_like, foreground_evidence, otsu_threshold
from .network import STRIDE, features
from .refine import guided_filter
from .window import Box, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LIMIT", "SIZE", "Hints", "Outline", "cut_out", "grab_cut", "window_around"]

SIZE = 256
CONTEXT = 1.6
DISC = 4
CUT_ROUNDS = 2
STEEPNESS = 20.0
LIMIT = 10.0
PRIOR_WEIGHT = 1.5
CLICK_WEIGHT = 3.0
"""Of points beside a rough mask, where no box tells how far the object reaches."""
BOXED_CLICK_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of an object beside its box, full-picture pixels.

    Args:
        on: ``(N, 2)`` float32 points on it.
        off: ``(M, 2)`` float32 points off it.
        prior: ``(h, w)`` float32 logits of a rough mask, a map of the whole picture of any size;
            None for none.
    """

    on: NDArray[np.float32]
    off: NDArray[np.float32]
    prior: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """One mask of an object.

    Args:
        window: The part of the picture it lies in.
        logits: ``(S, S)`` float32 over the window, positive on the object.
    """

    window: Window
    logits: NDArray[np.float32]

    def on_picture(self, size_wh: tuple[int, int]) -> NDArray[np.float32]:
        """Give ``(H, W)`` float32 logits of the whole picture."""
        w, h = size_wh
        result = np.full((h, w), -LIMIT, np.float32)
        x1, y1, x2, y2 = self.window.clipped(size_wh)
        result[y1:y2, x1:x2] = self.window.to_frame(self.logits, size_wh)
        return result


def window_around(box: Box) -> tuple[Window, NDArray[np.bool_]]:
    """Place a window around a box.

    Args:
        box: Half-open, whole pixels, within the picture.

    Returns:
        The window and ``(S, S)`` bool, which of its pixels lie in the box.
    """
    x1, y1, x2, y2 = box
    side = max(round(CONTEXT * max(x2 - x1, y2 - y1)), 8)
    window = Window((x1 + x2 - side) // 2, (y1 + y2 - side) // 2, side)
    scale = SIZE / side
    rows = slice(max(round((y1 - window.y) * scale), 0), round((y2 - window.y) * scale))
    columns = slice(max(round((x1 - window.x) * scale), 0), round((x2 - window.x) * scale))
    inside = np.zeros((SIZE, SIZE), np.bool_)
    inside[rows, columns] = True
    return window, inside


def cut_out(
    image: NDArray[np.uint8],
    box: Box,
    hints: Hints,
    *,
    trust_box: bool,
    threads: int,
    click_weight: float = CLICK_WEIGHT,
) -> Outline | None:
    """Cut an object out.

    What a point lies on is kept with what is connected to it, and so are the parts of a rough mask,
    which the point may be there to add to; the rest is dropped.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        box: Where the object lies; nothing outside is taken.
        hints: Points on and off it, and a rough mask.
        trust_box: Start from the whole box, not from what in it looks like an object.
        threads: Threads of the network.
        click_weight: How much points count beside a rough mask.

    Returns:
        The outline; None if nothing is left.
    """
    window, inside = window_around(box)
    crop = window.crop(image, SIZE)
    on, off = _dots(hints.on, window) & inside, _dots(hints.off, window)
    prior = None if hints.prior is None else _prior(hints.prior, image, window)
    likely = inside
    if not trust_box and inside.any() and not inside.all():
        seen = features(crop, threads)
        evidence = foreground_evidence(crop, seen, inside)
        if prior is not None:
            evidence = PRIOR_WEIGHT * _standard(prior, inside)
        if on.any():
            weight = np.float32(1 if prior is None else click_weight)
            evidence = evidence + weight * cells_like(seen, _cells(on), _cells(off), SIZE)
        likely = inside & (evidence > otsu_threshold(evidence[inside]))
    mask = grab_cut(crop, inside, likely, on, off)
    mask = _connected_to(mask, on, None if prior is None else prior > 0)
    if not mask.any():
        return None
    soft = guided_filter(crop, mask.astype(np.float32))
    logits = np.clip(STEEPNESS * (soft - np.float32(0.5)), -LIMIT, LIMIT)
    logits[~inside | off] = -LIMIT
    return Outline(window, logits.astype(np.float32, copy=False))


def _dots(points: NDArray[np.float32], window: Window) -> NDArray[np.bool_]:
    """``(S, S)`` bool, small discs around points of the picture."""
    import cv2

    dots = np.zeros((SIZE, SIZE), np.uint8)
    scale = SIZE / window.side
    for x, y in (points - np.array([window.x, window.y], np.float32)) * scale:
        if -DISC <= x < SIZE + DISC and -DISC <= y < SIZE + DISC:
            cv2.circle(dots, (int(x), int(y)), DISC, 1, -1)
    return dots > 0


def _cells(dots: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells of the network's grid hold a part of a dot, flat."""
    cells = SIZE // STRIDE
    held: NDArray[np.bool_] = dots.reshape(cells, STRIDE, cells, STRIDE).any((1, 3)).ravel()
    return held


def _prior(
    prior: NDArray[np.float32], image: NDArray[np.uint8], window: Window
) -> NDArray[np.float32]:
    """``(S, S)`` the rough mask in the window, in -1 to 1."""
    import cv2

    h, w = image.shape[:2]
    whole = np.asarray(cv2.resize(np.tanh(prior), (w, h)), np.float32)
    x1, y1, x2, y2 = window.clipped((w, h))
    raised = np.asarray(whole[y1:y2, x1:x2] + 1, np.float32)  # what lies outside becomes -1
    lowered: NDArray[np.float32] = window.from_frame(raised, (x1, y1), SIZE) - np.float32(1)
    return lowered


def _standard(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    part = values[inside]
    result: NDArray[np.float32] = (values - part.mean()) / (part.std() + 1e-6)
    return result


def grab_cut(
    crop: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    likely: NDArray[np.bool_],
    on: NDArray[np.bool_] | None = None,
    off: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Sharpen a first guess by colours and edges (Rother et al., "GrabCut", SIGGRAPH 2004).

    Args:
        crop: ``(S, S, 3)`` uint8 BGR.
        inside: ``(S, S)`` bool; nothing else is taken.
        likely: ``(S, S)`` bool, the guess.
        on: ``(S, S)`` bool, certainly on the object, or None.
        off: ``(S, S)`` bool, certainly off it, or None.

    Returns:
        ``(S, S)`` bool; ``inside`` if the guess is empty, or all of the crop has one colour.
    """
    import cv2

    if (crop == crop[0, 0]).all():  # there is no edge to find, and the search may take seconds
        return inside
    guess = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels = np.where(inside, guess, cv2.GC_BGD).astype(np.uint8)
    if on is not None:
        labels[on] = cv2.GC_FGD
    if off is not None:
        labels[off] = cv2.GC_BGD
    fore = (labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD)
    if not fore.any() or fore.all():
        return inside
    # OpenCV seeds its colour clusters from a global generator; fixed, the same prompt on the same
    # picture gives the same mask.
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(crop, labels, (0, 0, 1, 1), *models, CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    found: NDArray[np.bool_] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found


def _connected_to(
    mask: NDArray[np.bool_], on: NDArray[np.bool_], known: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """The components that points lie on or half of which were known; all without points."""
    import cv2

    if not on.any():
        return mask
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    found = np.asarray(labels, np.int32)
    touched = np.unique(found[on & mask])
    if known is not None:
        sizes = np.bincount(found.ravel())
        shared = np.bincount(found[known], minlength=len(sizes))
        touched = np.union1d(touched, np.flatnonzero(2 * shared >= sizes))
    kept: NDArray[np.bool_] = np.isin(found, touched[touched > 0])
    return kept
