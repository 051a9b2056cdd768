"""The seam between whoever wants masks of single pictures and the models that find them.

A picture is encoded once; any number of prompts is then answered on its features. Coordinates are
pixels of the full picture, boxes ``(x1, y1, x2, y2)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from trackwire.specs import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOGIT_LIMIT", "ImageModel", "ImagePromptError", "ImagePrompts", "Segmented"]

F = TypeVar("F")

LOGIT_LIMIT = 32.0
"""Low-resolution logits are handed out within plus and minus this."""


class ImagePromptError(ModelError, ValueError):
    """Prompts for a picture do not fit together, or cannot be read."""

    default_code = "image_prompt"


@dataclass(frozen=True, slots=True)
class ImagePrompts:
    """``B`` prompts of one picture, each of which asks for one object.

    A box counts as its two corners, which come before the points given with it. Without points,
    boxes and masks there is one prompt, which asks for the most prominent object.

    Args:
        points: ``(B, P, 2)`` float32 x, y in full-picture pixels, or None.
        labels: ``(B, P)`` int32: 1 on the object, 0 off it, -1 padding. Goes with ``points``.
        boxes: ``(B, 4)`` float32 in full-picture pixels, or None.
        mask_logits: ``(B, 1, h, w)`` float32 logits of a mask that is to be refined, as
            ``Segmented.low_res`` gives them, or None. Models resize them where ``h`` and ``w``
            are not theirs.

    Raises:
        ImagePromptError: Shapes do not fit together, a label is unknown, or a number is not finite.

    Example:
        >>> import numpy as np
        >>> ImagePrompts(boxes=np.array([[10, 10, 60, 80]], np.float32)).count
        1
    """

    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int32] | None = None
    boxes: NDArray[np.float32] | None = None
    mask_logits: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        _check_shapes(self)
        for name in ("points", "boxes", "mask_logits"):
            values = getattr(self, name)
            if values is not None and not np.isfinite(values).all():
                raise ImagePromptError(
                    f"{name} of a picture's prompts must be finite numbers, found nan or inf"
                )
        if self.labels is not None and not np.isin(self.labels, (-1, 0, 1)).all():
            found = sorted({int(label) for label in self.labels.flat} - {-1, 0, 1})
            raise ImagePromptError(
                f"labels of points must be 1 (on the object), 0 (off it) or -1 (padding), "
                f"found {found}"
            )

    @property
    def count(self) -> int:
        """``B``, the number of prompts."""
        given = (self.points, self.boxes, self.mask_logits)
        return next((len(values) for values in given if values is not None), 1)

    def as_points(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Express boxes and points as labelled points.

        Returns:
            ``(B, Q, 2)`` float32 and ``(B, Q)`` int32, labels 2 and 3 for the first and second
            corner of a box; one padding point at 0, 0 where there is neither box nor point.
        """
        points: list[NDArray[np.float32]] = []
        labels: list[NDArray[np.int32]] = []
        if self.boxes is not None:
            points.append(self.boxes.reshape(-1, 2, 2).astype(np.float32))
            labels.append(np.tile(np.array([2, 3], np.int32), (len(self.boxes), 1)))
        if self.points is not None and self.labels is not None:
            points.append(self.points.astype(np.float32))
            labels.append(self.labels.astype(np.int32))
        if not points or not sum(each.shape[1] for each in labels):
            empty = np.zeros((self.count, 1, 2), np.float32)
            return empty, np.full((self.count, 1), -1, np.int32)
        return np.concatenate(points, axis=1), np.concatenate(labels, axis=1)


@dataclass(frozen=True, slots=True)
class Segmented:
    """Answers to the prompts of one picture, ``C`` masks for each.

    Args:
        logits: ``(B, C, h, w)`` float32 mask logits at the model's own resolution.
        iou: ``(B, C)`` float32, how well the model expects each mask to fit, 0-1.
        size_wh: Size of the picture, pixels.
        details: What the model keeps of each mask for ``upscale``, ``B`` sequences of ``C``;
            None if the logits are all there is.
    """

    logits: NDArray[np.float32]
    iou: NDArray[np.float32]
    size_wh: tuple[int, int]
    details: Sequence[Sequence[Any]] | None = None

    def __len__(self) -> int:
        """``B``, the number of prompts."""
        return len(self.logits)

    @property
    def low_res(self) -> NDArray[np.float32]:
        """``(B, C, h, w)`` float32 logits within ±32, to be handed out and refined from."""
        return self.logits.clip(-LOGIT_LIMIT, LOGIT_LIMIT)

    def rows(self, start: int, stop: int) -> Segmented:
        """Give the answers to prompts ``start:stop`` only, so that few are upscaled at once."""
        chosen = slice(start, stop)
        details = None if self.details is None else self.details[chosen]
        return replace(self, logits=self.logits[chosen], iou=self.iou[chosen], details=details)

    def best(self) -> Segmented:
        """Give the most confident mask of each prompt only: ``C`` is 1."""
        chosen = self.iou.argmax(axis=1) if self.iou.size else np.zeros(len(self), np.intp)
        rows = np.arange(len(self))
        details = self.details
        if details is not None:
            details = [[masks[one]] for masks, one in zip(details, chosen.tolist(), strict=True)]
        return replace(
            self,
            logits=self.logits[rows, chosen][:, None],
            iou=self.iou[rows, chosen][:, None],
            details=details,
        )


class ImageModel(Protocol[F]):
    """A model that finds masks in single pictures. ``F``: features of a picture.

    It keeps nothing between calls, so that any number of threads may take turns with it.
    """

    @property
    def low_res_hw(self) -> tuple[int, int]:
        """Rows and columns of ``Segmented.low_res``."""
        ...

    @property
    def device(self) -> Any:
        """Where it runs: a device of torch, or ``cpu`` where there is no torch."""
        ...

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> Sequence[F]:
        """Compute what only depends on a picture, batched over pictures.

        Args:
            pictures: ``(H, W, 3)`` uint8 RGB each, 0-255, of any sizes.
        """
        ...

    def segment(
        self,
        features: Sequence[F],
        prompts: Sequence[ImagePrompts],
        sizes_wh: Sequence[tuple[int, int]],
        multimask: bool,
    ) -> Sequence[Segmented]:
        """Answer prompts, batched over all prompts of all pictures.

        Args:
            features: One for each picture.
            prompts: The prompts of each picture.
            sizes_wh: Size of each picture, pixels.
            multimask: Whether to give three masks for each prompt, which tell an object from its
                parts and from what it is part of, or one.

        Returns:
            For each picture the answers in the order of its prompts.
        """
        ...

    def upscale(
        self,
        segmented: Segmented,
        hole_area: float = 0.0,
        sprinkle_area: float = 0.0,
        threshold: float = 0.0,
    ) -> NDArray[np.float32]:
        """Bring masks to the size of their picture.

        Args:
            segmented: What :meth:`segment` gave, or some rows of it.
            hole_area: Background inside a mask up to this area is filled first, low-resolution
                pixels at the size the model was trained for; 0 for none.
            sprinkle_area: Specks of mask up to this area are removed first, likewise.
            threshold: Logit above which a pixel belongs to the mask.

        Returns:
            ``(B, C, H, W)`` float32 logits.
        """
        ...

    def embedding(self, feature: F) -> Any:
        """Give the features of a picture as an array: ``(1, C, h, w)``.

        Returns:
            A tensor of torch where the model runs on torch, else float32 of NumPy.
        """
        ...

    def nbytes(self, feature: F) -> int:
        """Bytes that the features of a picture hold."""
        ...


def _check_shapes(prompts: ImagePrompts) -> None:
    points, labels = prompts.points, prompts.labels
    if (points is None) is not (labels is None):
        there, missing = ("labels", "points") if points is None else ("points", "labels")
        raise ImagePromptError(
            f"{there} of a picture's prompts were given without {missing}: each point has a label, "
            "1 on the object, 0 off it"
        )
    shapes: dict[str, tuple[str, bool]] = {}
    if points is not None and labels is not None:
        fits = points.ndim == 3 and points.shape[2] == 2 and points.shape[:2] == labels.shape
        shapes["points and labels"] = ("(B, P, 2) and (B, P)", fits)
    if prompts.boxes is not None:
        shapes["boxes"] = ("(B, 4)", prompts.boxes.ndim == 2 and prompts.boxes.shape[1] == 4)
    if prompts.mask_logits is not None:
        mask = prompts.mask_logits
        fits = mask.ndim == 4 and mask.shape[1] == 1 and mask.size > 0
        shapes["mask_logits"] = ("(B, 1, h, w)", fits)
    given = {
        name: values.shape
        for name in ("points", "labels", "boxes", "mask_logits")
        if (values := getattr(prompts, name)) is not None
    }
    wrong = [f"{name} must be {wanted}" for name, (wanted, fits) in shapes.items() if not fits]
    if not wrong and len({shape[0] for shape in given.values()}) > 1:
        wrong = ["points, labels, boxes and mask_logits must have the same first dimension"]
    if wrong:
        found = ", ".join(f"{name} {shape}" for name, shape in given.items())
        raise ImagePromptError(
            f"prompts of a picture do not fit together: {'; '.join(wrong)}; found {found}"
        )
