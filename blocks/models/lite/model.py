"""The embedded tracker behind the model seam."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..seam import MemoryPlan, Prompt, Proposal
from .look import look, measured
from .motion import CUT_RESIDUAL, Motion, small_gray
from .network import STRIDE
from .network import features as network_features
from .palette import colour_places, covered
from .pictures import LiteFeatures, picture_features
from .proposal import LiteProposal, View, hidden, is_taken, share_pixels, unseen
from .search import chosen, near_first, search_window, within_reach
from .seed import seed_mask
from .state import LiteState, Track
from .threads import blas_threads
from .window import Window, window_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...frame import Frame
    from .palette import ColourPlace
    from .stills import LiteImageModel

__all__ = ["LiteModel"]

LOST_SCORE = 0.5
FOUND_SCORE = 0.6
FAR_SCORE = 0.85
"""An object that is found farther away than it can have got must look like itself all the more."""

LEAST_FOUND = 0.08
"""Part of its usual area that an object must show when it comes back from behind something."""

LEAST_LEARNT = 0.5
"""Part of its area of late that an object must show to be learnt from."""


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
        return [picture_features(frame.image) for frame in frames]

    def image_model(self) -> LiteImageModel:
        """Give what finds masks in single pictures with the same network."""
        from .stills import LiteImageModel

        return LiteImageModel(self._threads)

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
                    self._advance(state, track_id, view, plan, feature.colours)
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
        views: dict[int, View] = {}
        for track_id, track in state.tracks.items():
            if track.missing:
                views[track_id] = unseen(track_id, track.window)
                continue
            view = self._step(track_id, track, feature.image, motion)
            good = view.score >= LOST_SCORE and view.mask.sum() >= 0.02 * track.area
            views[track_id] = view if good else hidden(view)
        self._look_for_lost(state, feature, views, cut=motion.residual >= CUT_RESIDUAL)
        return LiteProposal(share_pixels(list(views.values())), state.size_wh)

    def _look_for_lost(
        self, state: LiteState, feature: LiteFeatures, views: dict[int, View], *, cut: bool
    ) -> None:
        """Replace the views of lost tracks whose turn it is by what a look for them shows.

        Behind a cut all are looked for that are not where they were.
        """
        tracks = state.tracks
        lost = [i for i, view in views.items() if tracks[i].missing or (cut and not view.visible)]
        if not lost:
            return
        hw = feature.colours.shape[0], feature.colours.shape[1]
        taken = covered(list(views.values()), state.size_wh, hw)
        for track_id in lost if cut else sorted(chosen(lost, state.frames)):
            track = tracks[track_id]
            places = colour_places(
                track.palette, feature.colours, taken, track.usual_wh, track.filled, state.size_wh
            )
            view = self._search(track_id, track, feature.image, near_first(track, places), cut=cut)
            others = [other for other in views.values() if other.track_id != track_id]
            rivals = [tracks[other.track_id] for other in others if not other.visible]
            good = _is_found(track, view, cut=cut) and not is_taken(view, others)
            good = good and not self._is_rather(rivals, view)
            views[track_id] = view if good else hidden(view)

    def _step(self, track_id: int, track: Track, image: NDArray[np.uint8], motion: Motion) -> View:
        """Look where an object seen on the last frame should be now."""
        dx, dy = motion.shift(track.window, track.prior)
        centre = track.centre[0] + dx, track.centre[1] + dy
        window = window_for(centre, track.box_wh, track.window.side)
        prior = motion.warp(track.prior, track.window, window)
        return self._look(track_id, image, window, track, prior)

    def _search(
        self,
        track_id: int,
        track: Track,
        image: NDArray[np.uint8],
        places: Sequence[ColourPlace],
        *,
        cut: bool,
    ) -> View:
        """Look for a lost object: where its colours are most, and elsewhere by turns.

        Elsewhere is the other places that have its colours, all of them at once behind a cut, and
        a wide look.
        """
        view = unseen(track_id, track.window)
        for place in places if cut else places[:1]:
            view = self._look_closely(track_id, track, image, place.centre_xy)
            if _is_found(track, view, cut=cut):
                return view
        turn = track.missing % (len(places) + 1)
        if 0 < turn < len(places):
            return self._look_closely(track_id, track, image, places[turn].centre_xy)
        if turn > 0:
            return view
        size_wh = image.shape[1], image.shape[0]
        wide = self._look(track_id, image, search_window(track, size_wh), track, None)
        if wide.xyxy is None:
            return wide
        x1, y1, x2, y2 = wide.xyxy
        return self._look_closely(track_id, track, image, ((x1 + x2) / 2, (y1 + y2) / 2))

    def _look_closely(
        self,
        track_id: int,
        track: Track,
        image: NDArray[np.uint8],
        centre_xy: tuple[float, float],
    ) -> View:
        """Look for a lost object at a place, as large as it usually is."""
        window = window_for(centre_xy, track.usual_wh)
        return self._look(track_id, image, window, track, None)

    def _is_rather(self, rivals: Sequence[Track], view: View) -> bool:
        """Tell whether what was found looks more like another track that is lost."""
        cells = self._size // STRIDE
        return any(
            measured(view, rival.target, rival.target.respond(view.features), cells).score
            > view.score
            for rival in rivals
        )

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

    def _advance(
        self,
        state: LiteState,
        track_id: int,
        view: View,
        plan: MemoryPlan,
        colours: NDArray[np.int16],
    ) -> None:
        track = state.tracks.get(track_id)
        if track is None:
            if view.visible and view.prompted:  # what was propagated only was dropped since
                track = state.tracks[track_id] = Track(view, self._size, state.size_wh)
                track.note_colours(view, colours, state.size_wh)
            return
        # What shows half of itself all of a sudden is half hidden, or half of it is not found:
        # the other half must not be learnt as background.
        whole = view.prompted or float(view.mask.sum()) >= LEAST_LEARNT * track.area
        track.move(view)
        if view.visible and whole and track_id in plan.write:
            track.learn(view, state.size_wh, view.prompted)
            track.note_colours(view, colours, state.size_wh)


def _is_found(track: Track, view: View, *, cut: bool) -> bool:
    """Tell whether what a look for a lost object shows is that object.

    Only a cut takes it farther than it can have got.
    """
    if view.xyxy is None:
        return False
    size = float(view.mask.sum()) / max(track.usual_area, 1.0)
    near = within_reach(track, view.xyxy)
    needed = FOUND_SCORE if near else FAR_SCORE
    return (near or cut) and view.score >= needed and LEAST_FOUND <= size <= 5
