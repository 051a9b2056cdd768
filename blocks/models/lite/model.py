"""The embedded tracker behind the model seam."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..seam import MemoryPlan, Prompt, Proposal
from .look import look
from .motion import Motion, small_gray
from .network import features as network_features
from .proposal import LiteProposal, View, hidden, share_pixels, unseen
from .search import chosen, search_window, within_reach
from .seed import seed_mask
from .state import LiteState, Track
from .threads import blas_threads
from .window import Window, window_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...frame import Frame

__all__ = ["LiteFeatures", "LiteModel"]

LOST_SCORE = 0.5
FOUND_SCORE = 0.6


@dataclass(frozen=True, slots=True)
class LiteFeatures:
    """What only depends on the picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR, the frame's own array.
        gray: ``(h, w)`` uint8, small, for the optical flow.
    """

    image: NDArray[np.uint8]
    gray: NDArray[np.uint8]


class LiteModel:
    """Follow objects with a target model learnt online; needs no download, torch or GPU.

    Each object has a search window, one pass of a small network a frame, and a ridge regression
    from features to object or background. Memory is constant for each object.

    Args:
        search_size: Side that search windows are resized to, pixels, a multiple of 16. Smaller
            is faster and less exact.
        threads: Threads of onnxruntime, of OpenCV and of linear algebra. OpenCV's are set for the
            process, linear algebra's while the model works.

    Raises:
        ValueError: ``search_size`` is no positive multiple of 16, or ``threads`` below 1.

    Example:
        >>> model = LiteModel()
        >>> state = model.open((640, 480))
    """

    def __init__(self, *, search_size: int = 320, threads: int = 1) -> None:
        if search_size < 64 or search_size % 16:
            raise ValueError(f"search_size must be a multiple of 16 from 64, found {search_size}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, found {threads}")
        import cv2

        cv2.setNumThreads(threads)
        self._size = search_size
        self._threads = threads

    def encode(self, frames: Sequence[Frame]) -> Sequence[LiteFeatures]:
        """Shrink each picture for the flow; windows are encoded when their place is known."""
        return [LiteFeatures(frame.image, small_gray(frame.image)) for frame in frames]

    def open(self, size_wh: tuple[int, int]) -> LiteState:
        """Start an empty state for frames of the given size, pixels."""
        blank = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        return LiteState(size_wh, small_gray(blank).shape[:2])

    def propagate(
        self, states: Sequence[LiteState], features: Sequence[LiteFeatures]
    ) -> Sequence[LiteProposal]:
        """Find every track of each state on the new frame; the states stay as they are."""
        with blas_threads(self._threads):
            return [self._follow(s, f) for s, f in zip(states, features, strict=True)]

    def prompt(
        self,
        states: Sequence[LiteState],
        features: Sequence[LiteFeatures],
        prompts: Sequence[Sequence[Prompt]],
        seen: Sequence[Proposal],
    ) -> Sequence[LiteProposal]:
        """Answer prompts on the current frame; the states stay as they are."""
        result = []
        for state, feature, asked, known in zip(states, features, prompts, seen, strict=True):
            with blas_threads(self._threads):
                views = [self._seed(feature.image, prompt) for prompt in asked]
            ids = {prompt.track_id for prompt in asked}
            others = known.views if isinstance(known, LiteProposal) else ()
            shared = share_pixels(views, [view for view in others if view.track_id not in ids])
            result.append(LiteProposal(shared, state.size_wh))
        return result

    def remember(
        self,
        states: Sequence[LiteState],
        features: Sequence[LiteFeatures],
        accepted: Sequence[Sequence[Proposal]],
        plans: Sequence[MemoryPlan],
    ) -> None:
        """Advance the states by the accepted views of this frame: the only writer.

        A visible track's position advances with every accepted view; its appearance is learnt
        only when the plan says so, or when it is newly prompted.
        """
        for state, feature, proposals, plan in zip(states, features, accepted, plans, strict=True):
            latest: dict[int, View] = {}
            for proposal in proposals:
                if isinstance(proposal, LiteProposal):
                    latest |= {view.track_id: view for view in proposal.views}
            with blas_threads(self._threads):
                for track_id, view in latest.items():
                    self._advance(state, track_id, view, plan)
            state.gray[...] = feature.gray
            state.frames += 1

    def drop(self, state: LiteState, track_ids: Collection[int]) -> None:
        """Forget tracks; ids that the state does not know are ignored."""
        for track_id in track_ids:
            state.tracks.pop(int(track_id), None)

    def nbytes(self, state: LiteState) -> int:
        """Bytes the state holds."""
        return state.nbytes

    def close(self, state: LiteState) -> None:
        """Free what the state holds; it must not be used again."""
        state.tracks.clear()
        state.gray = np.zeros((0, 0), np.uint8)

    def _follow(self, state: LiteState, feature: LiteFeatures) -> LiteProposal:
        if not state.tracks:
            return LiteProposal((), state.size_wh)
        motion = Motion(feature.gray, state.gray if state.frames else None, state.size_wh)
        lost = [track_id for track_id, track in state.tracks.items() if track.missing]
        turn = chosen(lost, state.frames)
        views = []
        for track_id, track in state.tracks.items():
            if not track.missing:
                view = self._step(track_id, track, feature.image, motion)
                good = view.score >= LOST_SCORE and view.mask.sum() >= 0.02 * track.area
            elif track_id in turn:
                view = self._search(track_id, track, feature.image)
                size = float(view.mask.sum()) / max(track.area, 1.0)
                near = view.xyxy is not None and within_reach(track, view.xyxy)
                good = near and view.score >= FOUND_SCORE and 0.2 <= size <= 5
            else:
                view, good = unseen(track_id, track.window), False
            views.append(view if good else hidden(view))
        return LiteProposal(share_pixels(views), state.size_wh)

    def _step(self, track_id: int, track: Track, image: NDArray[np.uint8], motion: Motion) -> View:
        """Look where an object seen on the last frame should be now."""
        dx, dy = motion.shift(track.window, track.prior)
        centre = track.centre[0] + dx, track.centre[1] + dy
        window = window_for(centre, track.box_wh, track.window.side)
        prior = motion.warp(track.prior, track.window, window)
        return self._look(track_id, image, window, track, prior)

    def _search(self, track_id: int, track: Track, image: NDArray[np.uint8]) -> View:
        """Look for a lost object: a wide look first, then a close one at what it shows."""
        size_wh = image.shape[1], image.shape[0]
        wide = self._look(track_id, image, search_window(track, size_wh), track, None)
        if wide.xyxy is None:
            return wide
        x1, y1, x2, y2 = wide.xyxy
        centre = (x1 + x2) / 2, (y1 + y2) / 2
        close = window_for(centre, track.box_wh, track.window.side)
        return self._look(track_id, image, close, track, None)

    def _look(
        self,
        track_id: int,
        image: NDArray[np.uint8],
        window: Window,
        track: Track,
        prior: NDArray[np.float32] | None,
    ) -> View:
        return look(track_id, image, window, track.target, prior, self._size, self._threads)

    def _seed(self, image: NDArray[np.uint8], prompt: Prompt) -> View:
        nothing = replace(unseen(prompt.track_id, Window(0, 0, 32)), prompted=True)
        seed = seed_mask(image, prompt, self._threads)
        if seed is None:
            return nothing
        mask, offset = seed
        view = replace(
            nothing, mask=mask, offset_xy=offset, likelihood=mask.astype(np.float32), score=1.0
        ).with_mask(mask)
        if view.xyxy is None:
            return nothing
        x1, y1, x2, y2 = view.xyxy
        window = window_for(((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1))
        seen = network_features(window.crop(image, self._size), self._threads)
        return replace(view, window=window, features=seen)

    def _advance(self, state: LiteState, track_id: int, view: View, plan: MemoryPlan) -> None:
        track = state.tracks.get(track_id)
        if track is None:
            if view.visible and view.prompted:  # what was propagated only was dropped since
                state.tracks[track_id] = Track(view, self._size, state.size_wh)
            return
        track.move(view)
        if view.visible and track_id in plan.write:
            track.learn(view, state.size_wh, view.prompted)
