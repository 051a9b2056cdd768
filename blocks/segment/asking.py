"""Asking a model of single pictures: prompts of many pictures in, a mask for each prompt out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..models.image_seam import ImagePrompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.image_seam import ImageModel, Segmented
    from .prompts import Sam2Prompt

__all__ = ["Ask", "PictureAnswer", "answer_all"]

_CHUNK_PIXELS: Final = 1 << 24
"""Pixels of masks that are brought to full size at a time: 64 MB of float32."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt for one object of one picture; without anything, for the most prominent one.

    Args:
        xyxy: Box in pixels of the picture, or None.
        points: ``(P, 2)`` float32 x, y in pixels; P may be 0.
        labels: ``(P,)`` int32, 1 on the object, 0 off it.
        logits: ``(h, w)`` float32 logits of a mask to start from, or None.
    """

    xyxy: tuple[float, float, float, float] | None = None
    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int32] | None = None
    logits: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, prompt: Sam2Prompt, logits: NDArray[np.float32] | None = None) -> Ask:
        """Read a prompt as it is written.

        Args:
            prompt: The prompt.
            logits: ``(h, w)`` logits of a mask to start from, or None.
        """
        box, points = prompt.box, prompt.points or ()
        return cls(
            None if box is None else box.xyxy,
            np.array([(point.x, point.y) for point in points], np.float32).reshape(-1, 2),
            np.array([point.positive for point in points], np.int32),
            logits,
        )

    @property
    def kind(self) -> tuple[bool, int, tuple[int, ...] | None]:
        """What prompts must agree in to be asked in one array, without padding."""
        points = 0 if self.points is None else len(self.points)
        return self.xyxy is not None, points, None if self.logits is None else self.logits.shape


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """The most confident mask for each of ``N`` prompts of one picture.

    Args:
        groups: Prompts that were asked in one array: their positions, and their answers.
        count: ``N``.
    """

    groups: Sequence[tuple[Sequence[int], Segmented]]
    count: int

    @property
    def iou(self) -> NDArray[np.float32]:
        """``(N,)`` float32, how well the model expects each mask to fit, 0-1."""
        found = np.zeros(self.count, np.float32)
        for rows, segmented in self.groups:
            found[list(rows)] = segmented.iou[:, 0]
        return found.clip(0.0, 1.0)

    @property
    def low_res(self) -> NDArray[np.float32]:
        """``(N, h, w)`` float32 logits within ±32, at the model's own resolution."""
        shape = self.groups[0][1].logits.shape[2:] if self.groups else (0, 0)
        found = np.zeros((self.count, *shape), np.float32)
        for rows, segmented in self.groups:
            found[list(rows)] = segmented.low_res[:, 0]
        return found

    def full_size(
        self, model: ImageModel[Any], wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Bring masks to the size of the picture, few at a time.

        Args:
            model: The model that gave the answers.
            wanted: ``(N,)`` which ones; None for all.

        Yields:
            The position of a prompt and its ``(H, W)`` float32 logits, in no order.
        """
        for rows, segmented in self.groups:
            width, height = segmented.size_wh
            step = max(1, _CHUNK_PIXELS // max(width * height, 1))
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                if wanted is not None and not wanted[list(part)].any():
                    continue
                full = model.upscale(segmented.rows(start, start + step))
                yield from (
                    (row, mask)
                    for row, mask in zip(part, full[:, 0], strict=True)
                    if wanted is None or wanted[row]
                )


def answer_all(
    model: ImageModel[Any],
    features: Sequence[Any],
    asked: Sequence[Sequence[Ask]],
    sizes_wh: Sequence[tuple[int, int]],
    *,
    multimask: bool,
) -> list[PictureAnswer]:
    """Ask for objects of pictures, all in one call of the model.

    What a prompt gets does not depend on the prompts beside it: those that differ in the number
    of points are not padded to the same length, since models see padding.

    Args:
        model: The model.
        features: For each picture what ``model.encode`` gave.
        asked: For each picture its prompts, which may be none.
        sizes_wh: Size of each picture, pixels.
        multimask: Whether the model proposes three masks for each prompt, of which the most
            confident one is taken, or one.

    Raises:
        ModelError: A prompt is not finite, or the model cannot answer.
    """
    groups: list[tuple[int, list[int]]] = []
    for picture, asks in enumerate(asked):
        alike: defaultdict[Any, list[int]] = defaultdict(list)
        for row, ask in enumerate(asks):
            alike[ask.kind].append(row)
        groups += [(picture, rows) for rows in alike.values()]
    found: list[list[tuple[Sequence[int], Segmented]]] = [[] for _ in asked]
    if groups:
        answers = model.segment(
            [features[picture] for picture, _ in groups],
            [_joined([asked[picture][row] for row in rows]) for picture, rows in groups],
            [sizes_wh[picture] for picture, _ in groups],
            multimask,
        )
        for (picture, rows), segmented in zip(groups, answers, strict=True):
            found[picture].append((rows, segmented.best()))
    return [PictureAnswer(one, len(asks)) for one, asks in zip(found, asked, strict=True)]


def _joined(asks: Sequence[Ask]) -> ImagePrompts:
    """Put prompts of one kind into arrays."""
    boxed, points, start = asks[0].kind
    joined = ImagePrompts(
        points=np.stack([ask.points for ask in asks if ask.points is not None]) if points else None,
        labels=np.stack([ask.labels for ask in asks if ask.labels is not None]) if points else None,
        boxes=np.array([ask.xyxy for ask in asks], np.float32) if boxed else None,
        mask_logits=np.stack([ask.logits for ask in asks if ask.logits is not None])[:, None]
        if start is not None
        else None,
    )
    if joined.count == len(asks):
        return joined
    # Several prompts that say nothing: the seam has no other way to ask for more than one.
    nowhere = np.zeros((len(asks), 1, 2), np.float32)
    return ImagePrompts(points=nowhere, labels=np.full((len(asks), 1), -1, np.int32))
