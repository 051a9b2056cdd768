"""From a coarse response to a mask with edges: guided filter and connected components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["guided_filter", "main_components"]


def guided_filter(
    guide: NDArray[np.uint8],
    values: NDArray[np.float32],
    radius: int = 6,
    epsilon: float = 1e-3,
    step: int = 2,
) -> NDArray[np.float32]:
    """Smooth a map along the edges of a colour picture.

    The filter of He, Sun and Tang ("Guided Image Filtering", ECCV 2010) in the subsampled form
    of He and Sun ("Fast Guided Filter", 2015).

    Args:
        guide: ``(S, S, 3)`` uint8 picture.
        values: ``(S, S)`` float32.
        radius: Half the side of the averaging square, pixels of ``guide``.
        epsilon: Colour variance, of values in 0-1, below which a square counts as flat.
        step: The linear models are fitted on every ``step``-th pixel.

    Returns:
        ``(S, S)`` float32.
    """
    import cv2

    size = guide.shape[1] // step, guide.shape[0] // step
    small = _unit(cv2.resize(guide, size, interpolation=cv2.INTER_AREA))
    kernel = (2 * (radius // step) + 1,) * 2
    r, g, b = (np.ascontiguousarray(small[..., i]) for i in range(3))
    p = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)

    def mean(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(x, kernel, borderType=cv2.BORDER_REFLECT), np.float32)

    mr, mg, mb, mp = mean(r), mean(g), mean(b), mean(p)
    rr = mean(r * r) - mr * mr + np.float32(epsilon)
    gg = mean(g * g) - mg * mg + np.float32(epsilon)
    bb = mean(b * b) - mb * mb + np.float32(epsilon)
    rg, rb, gb = mean(r * g) - mr * mg, mean(r * b) - mr * mb, mean(g * b) - mg * mb
    pr, pg, pb = mean(r * p) - mr * mp, mean(g * p) - mg * mp, mean(b * p) - mb * mp
    # The inverse of a symmetric 3 x 3 matrix, written out with its cofactors.
    c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c11, c12, c22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = 1 / np.maximum(rr * c00 + rg * c01 + rb * c02, 1e-12)
    ar = (c00 * pr + c01 * pg + c02 * pb) * scale
    ag = (c01 * pr + c11 * pg + c12 * pb) * scale
    ab = (c02 * pr + c12 * pg + c22 * pb) * scale
    offset = mp - ar * mr - ag * mg - ab * mb
    model = cv2.blur(np.dstack((ar, ag, ab, offset)), kernel, borderType=cv2.BORDER_REFLECT)
    full = cv2.resize(model, guide.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    picture = _unit(guide)
    result: NDArray[np.float32] = np.einsum("ijk,ijk->ij", full[..., :3], picture) + full[..., 3]
    return result


def _unit(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return an 8-bit picture as float32 in 0-1."""
    return np.asarray(np.multiply(picture, np.float32(1 / 255)), np.float32)


def main_components(
    mask: NDArray[np.bool_], prior: NDArray[np.float32] | None = None, share: float = 0.2
) -> NDArray[np.bool_]:
    """Drop specks: keep the components that carry the object.

    Args:
        mask: ``(S, S)`` bool.
        prior: ``(S, S)`` float32, how likely each pixel was the object before the look at this
            frame; a component weighs as much as the prior it covers. None weighs by area.
        share: Components lighter than this share of the heaviest are dropped.
    """
    import cv2

    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float64)
    weight = area
    if prior is not None:
        weight = np.bincount(flat, weights=prior.ravel(), minlength=count) + 0.02 * area
    weight[0] = 0
    kept = weight >= share * weight.max()
    kept[0] = False
    result: NDArray[np.bool_] = kept[labels]
    return result
