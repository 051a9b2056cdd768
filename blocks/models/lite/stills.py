"""Masks in single pictures from boxes and points, without a download, torch or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..image_seam import ImagePrompts, Segmented
from ..small_areas import fill_and_clear
from .hypotheses import Guess, guesses
from .network import CHANNELS, STRIDE, features
from .outline import LIMIT, Hints
from .pictures import LiteFeatures, picture_features
from .threads import blas_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LiteImageModel"]

LOW_RES = 256
EMBEDDED_SIZE = 512


class LiteImageModel:
    """Find masks in single pictures by evidence on the features of a small network and GrabCut.

    Each prompt is answered by three guesses, made in different ways for a box and at different
    sizes for points. Their overlap with one another tells how far each can be trusted.

    Args:
        threads: Threads of onnxruntime and of linear algebra.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    @property
    def low_res_hw(self) -> tuple[int, int]:
        """Rows and columns of low-resolution masks."""
        return LOW_RES, LOW_RES

    @property
    def device(self) -> str:
        """Where it runs, always ``cpu``."""
        return "cpu"

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> Sequence[LiteFeatures]:
        """Take pictures in; the network sees parts of them once prompts tell which.

        Args:
            pictures: ``(H, W, 3)`` uint8 RGB each.
        """
        return [picture_features(np.ascontiguousarray(each[..., ::-1])) for each in pictures]

    def segment(
        self,
        features: Sequence[LiteFeatures],
        prompts: Sequence[ImagePrompts],
        sizes_wh: Sequence[tuple[int, int]],
        multimask: bool,
    ) -> Sequence[Segmented]:
        """Answer prompts, one after the other: on a CPU a batch gains nothing.

        Args:
            features: One for each picture.
            prompts: The prompts of each picture.
            sizes_wh: Size of each picture, pixels.
            multimask: All three guesses for each prompt, the most trusted first, or that one only.
        """
        with blas_threads(self._threads):
            return [
                self._answer(feature.image, given, multimask)
                for feature, given in zip(features, prompts, strict=True)
            ]

    def _answer(
        self, image: NDArray[np.uint8], prompts: ImagePrompts, multimask: bool
    ) -> Segmented:
        size_wh = image.shape[1], image.shape[0]
        masks = 3 if multimask else 1
        logits = np.empty((prompts.count, masks, LOW_RES, LOW_RES), np.float32)
        iou = np.empty((prompts.count, masks), np.float32)
        details: list[list[Guess]] = []
        for row in range(prompts.count):
            found = guesses(image, *_asked(prompts, row), self._threads)[:masks]
            for place, guess in enumerate(found):
                logits[row, place] = _shrunk(guess, size_wh)
                iou[row, place] = guess.score
            details.append(found)
        return Segmented(logits, iou, size_wh, details)

    def upscale(
        self,
        segmented: Segmented,
        hole_area: float = 0.0,
        sprinkle_area: float = 0.0,
        threshold: float = 0.0,
    ) -> NDArray[np.float32]:
        """Give masks at the size of their picture, as fine as they were found.

        A hole that a point off the object lies in stays open.

        Args:
            segmented: Answers of this model.
            hole_area: Largest hole filled, in pixels of a picture of 256 x 256; 0 for none.
            sprinkle_area: Largest speck cleared, likewise.
            threshold: Logit above which a pixel belongs to the mask.

        Returns:
            ``(B, C, H, W)`` float32 logits.
        """
        width, height = segmented.size_wh
        share = width * height / LOW_RES**2
        result = np.empty((*segmented.iou.shape, height, width), np.float32)
        for row, guessed in enumerate(segmented.details or ()):
            for place, guess in enumerate(guessed):
                large = guess.on_picture(segmented.size_wh)
                tidy = fill_and_clear(large, share * hole_area, share * sprinkle_area, threshold)
                result[row, place] = _unfilled(tidy, large, guess.off, threshold)
        return result

    def embedding(self, feature: LiteFeatures) -> NDArray[np.float32]:
        """Give the network's features of the whole picture, ``(1, 256, 64, 64)`` float32."""
        import cv2

        square = cv2.resize(
            feature.image, (EMBEDDED_SIZE, EMBEDDED_SIZE), interpolation=cv2.INTER_AREA
        )
        cells = EMBEDDED_SIZE // STRIDE
        seen = features(square.astype(np.uint8, copy=False), self._threads)
        return seen.reshape(1, CHANNELS, cells, cells)

    def nbytes(self, feature: LiteFeatures) -> int:
        """Bytes that the picture and its shrunk copies hold."""
        return feature.image.nbytes + feature.gray.nbytes + feature.colours.nbytes


def _asked(
    prompts: ImagePrompts, row: int
) -> tuple[tuple[float, float, float, float] | None, Hints]:
    """One prompt: its box, and what is known beside it."""
    none = np.zeros((0, 2), np.float32)
    on, off, box, prior = none, none, None, None
    if prompts.points is not None and prompts.labels is not None:
        on = prompts.points[row][prompts.labels[row] == 1]
        off = prompts.points[row][prompts.labels[row] == 0]
    if prompts.boxes is not None:
        x1, y1, x2, y2 = (float(value) for value in prompts.boxes[row])
        box = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    if prompts.mask_logits is not None:
        prior = prompts.mask_logits[row, 0]
    return box, Hints(on, off, prior)


def _unfilled(
    tidy: NDArray[np.float32],
    large: NDArray[np.float32],
    off: NDArray[np.float32],
    threshold: float,
) -> NDArray[np.float32]:
    """Open those filled holes again that points off the object lie in."""
    import cv2

    height, width = large.shape
    if tidy is large or not len(off):
        return tidy
    filled = (tidy > threshold) & (large <= threshold)
    _, labels = cv2.connectedComponents(filled.astype(np.uint8), connectivity=8)
    x, y = np.floor(off).astype(np.intp).T
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    meant = np.unique(np.asarray(labels, np.int32)[y[within], x[within]])
    return np.where(np.isin(labels, meant[meant > 0]), large, tidy)


def _shrunk(guess: Guess, size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """``(256, 256)`` logits of the whole picture."""
    import cv2

    if guess.outline is None:
        return np.full((LOW_RES, LOW_RES), -LIMIT, np.float32)
    way = cv2.INTER_AREA if min(size_wh) > LOW_RES else cv2.INTER_LINEAR
    large = guess.on_picture(size_wh)
    return np.asarray(cv2.resize(large, (LOW_RES, LOW_RES), interpolation=way), np.float32)
