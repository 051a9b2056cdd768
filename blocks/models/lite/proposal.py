"""What the tracker proposes for one frame of one stream, and how its tracks share the pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .window import box_of

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from .window import Window

__all__ = ["LiteProposal", "View", "hidden", "is_taken", "share_pixels", "unseen"]


@dataclass(frozen=True, slots=True)
class View:
    """One track on one frame.

    Args:
        track_id: The track.
        window: The search window.
        features: ``(C, N)`` float32 features of the window.
        likelihood: ``(h, w)`` float32 in 0-1 for the frame pixels from ``offset_xy`` on.
        offset_xy: Frame position of the first pixel.
        mask: ``(h, w)`` bool on the same pixels.
        xyxy: Tight half-open box of the mask in the frame; None where not visible.
        score: How sure the model is, 0-1.
        response: Mean response of the target model inside the mask.
        likeness: Cosine of the object's mean feature to the one remembered.
        prompted: Whether a prompt on this frame made the mask.
    """

    track_id: int
    window: Window
    features: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    offset_xy: tuple[int, int]
    mask: NDArray[np.bool_]
    xyxy: tuple[int, int, int, int] | None
    score: float
    response: float = 0.0
    likeness: float = 0.0
    prompted: bool = False

    @property
    def visible(self) -> bool:
        """Whether there is a mask."""
        return self.xyxy is not None

    def with_mask(self, mask: NDArray[np.bool_]) -> View:
        """Return the view with another mask on the same pixels."""
        box = box_of(mask)
        if box is None:
            return replace(self, mask=mask, xyxy=None, score=0.0)
        x, y = self.offset_xy
        return replace(self, mask=mask, xyxy=(box[0] + x, box[1] + y, box[2] + x, box[3] + y))

    def tight_mask(self) -> NDArray[np.bool_]:
        """Return the mask cut to its box, ``(0, 0)`` where not visible."""
        if self.xyxy is None:
            return np.zeros((0, 0), np.bool_)
        return self.cut(self.mask, self.xyxy)

    def cut(self, values: NDArray[Any], xyxy: tuple[int, int, int, int]) -> NDArray[Any]:
        """Return the part of a map of this view that lies in a box of the frame."""
        x, y = self.offset_xy
        return values[xyxy[1] - y : xyxy[3] - y, xyxy[0] - x : xyxy[2] - x]


class LiteProposal:
    """The views of one stream on one frame, behind the seam's ``Proposal``. Immutable.

    Args:
        views: In the order of the state, or of the prompts.
        size_wh: Size of the frame.
    """

    __slots__ = ("_by_id", "size_wh", "views")

    def __init__(self, views: Sequence[View], size_wh: tuple[int, int]) -> None:
        self.views = tuple(views)
        self.size_wh = size_wh
        self._by_id = {view.track_id: view for view in self.views}

    @property
    def track_ids(self) -> NDArray[np.int64]:
        """``(N,)`` int64."""
        return np.array([view.track_id for view in self.views], np.int64)

    @property
    def score(self) -> NDArray[np.float32]:
        """``(N,)`` float32, 0-1."""
        return np.array([view.score for view in self.views], np.float32)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """``(N,)`` bool."""
        return np.array([view.visible for view in self.views], np.bool_)

    @property
    def xyxy(self) -> NDArray[np.float32]:
        """``(N, 4)`` float32 tight half-open boxes, zeros where not visible."""
        boxes = [view.xyxy or (0, 0, 0, 0) for view in self.views]
        return np.array(boxes, np.float32).reshape(-1, 4)

    @property
    def diagnostics(self) -> Mapping[str, NDArray[Any]]:
        """``response`` (mean inside the mask, about 1 when sure) and ``likeness`` (cosine)."""
        return {
            "response": np.array([view.response for view in self.views], np.float32),
            "likeness": np.array([view.likeness for view in self.views], np.float32),
        }

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        """Build compact masks for some tracks, ``(K, H, W)``; empty where not visible."""
        import supervision as sv

        width, height = self.size_wh
        parts = [self._compact(self._by_id[int(i)]) for i in track_ids]
        if not parts:
            empty = np.zeros((0, height, width), bool)
            return sv.CompactMask.from_dense(empty, np.zeros((0, 4), np.float32), (height, width))
        return sv.CompactMask.merge(parts)

    def _compact(self, view: View) -> sv.CompactMask:
        import supervision as sv

        width, height = self.size_wh
        if view.xyxy is None:
            crop, x, y = np.zeros((1, 1), bool), 0, 0
        else:
            crop, (x, y) = view.tight_mask(), view.xyxy[:2]
        h, w = crop.shape
        inclusive = np.array([[0, 0, w - 1, h - 1]], np.float32)
        compact = sv.CompactMask.from_dense(crop[None], inclusive, (h, w))
        return compact.with_offset(x, y, (height, width))


def hidden(view: View) -> View:
    """Return the view of an object that is not there: no mask; the score stays."""
    return replace(view, mask=np.zeros_like(view.mask), xyxy=None)


def is_taken(view: View, others: Sequence[View]) -> bool:
    """Tell whether the masks of other views cover half of a view's mask or more."""
    shared = 0
    for other in others:
        overlap = _overlap(view, other)
        if overlap is not None:
            shared += int((view.cut(view.mask, overlap) & other.cut(other.mask, overlap)).sum())
    return shared > 0 and shared >= 0.5 * int(view.mask.sum())


def unseen(track_id: int, window: Window) -> View:
    """Return the view of an object that was not looked for, or of a prompt without a place."""
    return View(
        track_id=track_id,
        window=window,
        features=np.zeros((0, 0), np.float32),
        likelihood=np.zeros((0, 0), np.float32),
        offset_xy=(0, 0),
        mask=np.zeros((0, 0), np.bool_),
        xyxy=None,
        score=0.0,
    )


def share_pixels(views: Sequence[View], fixed: Sequence[View] = ()) -> list[View]:
    """Give every pixel to the track that is most likely there.

    Args:
        views: Views of one frame; of two masks on one pixel the likelier keeps it. When they tie
            the earlier one does, unless the later one would lose half its area: then the earlier
            was cut from a box that holds both.
        fixed: Views that keep what they have, unless that leaves a mask of ``views`` less than
            half its area: then the two are the same object, and both stay.

    Returns:
        The views with masks that share no pixel.
    """
    masks = [view.mask for view in views]
    for i, first in enumerate(views):
        for j in range(i + 1, len(views)):
            overlap = _overlap(first, views[j])
            if overlap is None:
                continue
            second = views[j]
            a, b = first.cut(first.likelihood, overlap), second.cut(second.likelihood, overlap)
            both = first.cut(masks[i], overlap) & second.cut(masks[j], overlap)
            swallowed = first.mask.sum() > second.mask.sum() <= 2 * both.sum()
            wins = (a > b) if swallowed else (a >= b)
            masks[i], masks[j] = masks[i].copy(), masks[j].copy()
            first.cut(masks[i], overlap)[both & ~wins] = False
            second.cut(masks[j], overlap)[both & wins] = False
    for i, view in enumerate(views):
        left = masks[i].copy()
        for other in fixed:
            overlap = _overlap(view, other)
            if overlap is not None and other.track_id != view.track_id:
                view.cut(left, overlap)[other.cut(other.mask, overlap)] = False
        if left.sum() >= 0.5 * masks[i].sum():
            masks[i] = left
    return [
        view if mask is view.mask else view.with_mask(mask)
        for view, mask in zip(views, masks, strict=True)
    ]


def _overlap(a: View, b: View) -> tuple[int, int, int, int] | None:
    if a.xyxy is None or b.xyxy is None:
        return None
    x1, y1 = max(a.xyxy[0], b.xyxy[0]), max(a.xyxy[1], b.xyxy[1])
    x2, y2 = min(a.xyxy[2], b.xyxy[2]), min(a.xyxy[3], b.xyxy[3])
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None
