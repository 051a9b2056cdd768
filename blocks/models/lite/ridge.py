"""The target model: a ridge regression from features to object or background, learnt online.

The regression with balanced, soft-edged labels follows the few-shot learners of video object
segmentation (Bhat et al., "Learning What to Learn for Video Object Segmentation", ECCV 2020);
solved here in closed form on running normal matrices, so memory does not grow with the video.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TargetModel"]

ANCHOR_SHARE = 0.3
DECAY = 0.95
RIDGE = 0.1
# Below one half: with equal shares a small object's border cells pull the mask outwards a little
# on every frame, which the regression then learns.
OBJECT_SHARE = 0.3
LOOK_DECAY = 0.93


class TargetModel:
    """What one object looks like against its surroundings.

    Two sets of normal matrices are kept: the anchor, learnt from prompts, and the recent one, a
    running average over the frames remembered. The weights solve their mixture. Beside them stand
    the mean look of the object, ``prototype``, and ``level``: the response inside its mask and the
    likeness to that look which are usual for it, both running averages.

    Args:
        features: ``(C, N)`` float32 features of the first window; they fix the standardisation.
        coverage: ``(N,)`` float32, how much of each cell the object covers, 0-1.
        valid: ``(N,)`` bool, cells that lie inside the frame.
    """

    __slots__ = (
        "_anchor", "_anchor_rhs", "_mean", "_recent", "_recent_rhs", "_scale", "level",
        "prototype", "weights",
    )  # fmt: skip

    def __init__(
        self,
        features: NDArray[np.float32],
        coverage: NDArray[np.float32],
        valid: NDArray[np.bool_],
    ) -> None:
        known = features[:, valid] if valid.any() else features
        self._mean = known.mean(1).astype(np.float32)
        self._scale = (1 / (known.std(1) + 1e-3)).astype(np.float32)
        self._anchor, self._anchor_rhs = self._normal(features, coverage, valid)
        self._recent, self._recent_rhs = self._anchor.copy(), self._anchor_rhs.copy()
        self.prototype = self.describe(features, coverage)
        self.weights = np.zeros(len(self._anchor), np.float32)
        self._solve()
        self.level = np.ones(2, np.float32)
        self.level[0] = self.respond(features) @ coverage / max(float(coverage.sum()), 1e-6)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(getattr(self, name).nbytes for name in self.__slots__)

    def respond(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score ``(C, N)`` features: ``(N,)`` float32, about +1 on the object and -1 off it."""
        weights = self.weights[:-1] * self._scale
        offset = self.weights[-1] - float(weights @ self._mean)
        response: NDArray[np.float32] = weights @ features + np.float32(offset)
        return response

    def describe(
        self, features: NDArray[np.float32], coverage: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the mean standardised feature of the covered cells, ``(C,)`` of length one."""
        total = float(coverage.sum())
        mean = (features @ coverage) / max(total, 1e-6)
        vector = (mean - self._mean) * self._scale
        result: NDArray[np.float32] = vector / max(float(np.linalg.norm(vector)), 1e-6)
        return result

    def update(
        self,
        features: NDArray[np.float32],
        coverage: NDArray[np.float32],
        valid: NDArray[np.bool_],
        anchor: bool,
    ) -> None:
        """Take one more view in.

        Args:
            features: ``(C, N)`` float32.
            coverage: ``(N,)`` float32, 0-1.
            valid: ``(N,)`` bool.
            anchor: Whether the view was prompted and so also enters the anchor.
        """
        matrix, rhs = self._normal(features, coverage, valid)
        _blend(self._recent, matrix, DECAY)
        _blend(self._recent_rhs, rhs, DECAY)
        if anchor:
            _blend(self._anchor, matrix, 0.5)
            _blend(self._anchor_rhs, rhs, 0.5)
        measured = np.array([self.respond(features) @ coverage, 0.0], np.float32)
        measured[0] /= max(float(coverage.sum()), 1e-6)
        look = self.describe(features, coverage)
        measured[1] = look @ self.prototype
        self.level += (1 - LOOK_DECAY) * (measured - self.level)
        mixed = self.prototype + (1 - LOOK_DECAY) * (look - self.prototype)
        self.prototype = np.divide(mixed, max(float(np.linalg.norm(mixed)), 1e-6), dtype=np.float32)
        self._solve()

    def _normal(
        self,
        features: NDArray[np.float32],
        coverage: NDArray[np.float32],
        valid: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # A thing thinner than a cell fills none: what it fills most is object all the same.
        target = 2 * coverage / max(float(coverage.max(initial=0.0)), 1e-6) - 1
        weight = np.abs(target) * (valid if valid.any() else 1)
        on = target > 0
        for side, share in ((on, OBJECT_SHARE), (~on, 1 - OBJECT_SHARE)):
            weight[side] *= share / max(float(weight[side].sum()), 1e-6)
        x = np.empty((len(features) + 1, features.shape[1]), np.float32)
        np.subtract(features, self._mean[:, None], out=x[:-1])
        x[:-1] *= self._scale[:, None]
        x[-1] = 1
        root = np.sqrt(weight).astype(np.float32, copy=False)
        x *= root
        return x @ x.T, x @ (root * target).astype(np.float32, copy=False)

    def _solve(self) -> None:
        from scipy.linalg import cho_factor, cho_solve

        matrix = ANCHOR_SHARE * self._anchor + (1 - ANCHOR_SHARE) * self._recent
        rhs = ANCHOR_SHARE * self._anchor_rhs + (1 - ANCHOR_SHARE) * self._recent_rhs
        size = len(matrix)
        matrix.flat[:: size + 1] += RIDGE * max(float(np.trace(matrix)) / size, 1e-3)
        factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        self.weights = cho_solve(factor, rhs, check_finite=False)


def _blend(kept: NDArray[np.float32], new: NDArray[np.float32], decay: float) -> None:
    """Move a running average towards a new value, in place."""
    kept *= decay
    kept += (1 - decay) * new
