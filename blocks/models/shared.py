"""Loaded models shared between the engines of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet, WeakValueDictionary

from .recent_features import RecentFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..frame import Frame
    from .concept_seam import ConceptModel, ConceptProposal, ConceptQuery
    from .image_seam import ImageModel, ImagePrompts, Segmented
    from .seam import MemoryPlan, Prompt, Proposal, VideoModel

__all__ = ["ModelPool", "SharedConceptModel", "SharedImageModel", "SharedVideoModel"]

F = TypeVar("F")
S = TypeVar("S")
W = TypeVar("W")


class SharedVideoModel(Generic[F, S]):
    """A video model behind a lock: one call at a time, whichever thread it comes from.

    A model need not know that threads exist. One engine thread drives it as if it were its own;
    a second engine with the same model waits for single calls, not for whole frames, which is
    safe because all that a session remembers is in its state, and states are not shared.

    Args:
        model: The model.
    """

    def __init__(self, model: VideoModel[F, S]) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._recent: RecentFeatures[F] = RecentFeatures()
        self._readers: WeakSet[object] = WeakSet()

    @property
    def wrapped(self) -> VideoModel[F, S]:
        """The model itself, without the lock."""
        return self._model

    @property
    def lock(self) -> threading.Lock:
        """What is held during a call, for others that use the same network."""
        return self._lock

    def keep_features(self, reader: object) -> None:
        """Keep the features of frames while somebody else needs those of the same frames.

        Args:
            reader: Who else asks for features; they are kept for as long as it lives. Without
                readers nothing is: features take more room than frames.
        """
        with self._lock:
            self._readers.add(reader)

    def encode(self, frames: Sequence[Frame]) -> Sequence[F]:
        """See :meth:`VideoModel.encode`; a frame that is kept is not encoded again."""
        with self._lock:
            if not self._readers:
                self._recent.clear()
                return self._model.encode(frames)
            return self._recent.encode(frames, self._model.encode)

    def open(self, size_wh: tuple[int, int]) -> S:
        """See :meth:`VideoModel.open`."""
        with self._lock:
            return self._model.open(size_wh)

    def propagate(self, states: Sequence[S], features: Sequence[F]) -> Sequence[Proposal]:
        """See :meth:`VideoModel.propagate`."""
        with self._lock:
            return self._model.propagate(states, features)

    def prompt(
        self,
        states: Sequence[S],
        features: Sequence[F],
        prompts: Sequence[Sequence[Prompt]],
        seen: Sequence[Proposal],
    ) -> Sequence[Proposal]:
        """See :meth:`VideoModel.prompt`."""
        with self._lock:
            return self._model.prompt(states, features, prompts, seen)

    def remember(
        self,
        states: Sequence[S],
        features: Sequence[F],
        accepted: Sequence[Sequence[Proposal]],
        plans: Sequence[MemoryPlan],
    ) -> None:
        """See :meth:`VideoModel.remember`."""
        with self._lock:
            self._model.remember(states, features, accepted, plans)

    def drop(self, state: S, track_ids: Collection[int]) -> None:
        """See :meth:`VideoModel.drop`."""
        with self._lock:
            self._model.drop(state, track_ids)

    def nbytes(self, state: S) -> int:
        """See :meth:`VideoModel.nbytes`."""
        with self._lock:
            return self._model.nbytes(state)

    def close(self, state: S) -> None:
        """See :meth:`VideoModel.close`."""
        with self._lock:
            self._model.close(state)


class SharedImageModel(Generic[F]):
    """A model of single pictures behind a lock: one call at a time, from whichever thread.

    Args:
        model: The model.
        video: The tracker whose network it uses, if it does; both then take turns. Its features
            of a frame are features for this model as well.
    """

    def __init__(self, model: ImageModel[F], video: SharedVideoModel[F, Any] | None = None) -> None:
        self._model = model
        self._video = video
        self._lock = threading.Lock() if video is None else video.lock
        if video is not None:
            video.keep_features(self)

    @property
    def wrapped(self) -> ImageModel[F]:
        """The model itself, without the lock."""
        return self._model

    @property
    def video(self) -> SharedVideoModel[F, Any] | None:
        """The tracker that shares its network and features; None for a model of pictures only."""
        return self._video

    @property
    def low_res_hw(self) -> tuple[int, int]:
        """See :attr:`ImageModel.low_res_hw`."""
        return self._model.low_res_hw

    @property
    def device(self) -> Any:
        """See :attr:`ImageModel.device`."""
        return self._model.device

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> Sequence[F]:
        """See :meth:`ImageModel.encode`."""
        with self._lock:
            return self._model.encode(pictures)

    def encode_frames(self, frames: Sequence[Frame]) -> Sequence[F]:
        """Compute what only depends on the picture of frames, or take what a tracker computed.

        Args:
            frames: Frames of any sizes, BGR. One that the tracker with the same network has
                encoded, and that somebody still holds, is not encoded again.
        """
        if self._video is not None:
            return self._video.encode(frames)
        return self.encode([frame.image[..., ::-1] for frame in frames])

    def segment(
        self,
        features: Sequence[F],
        prompts: Sequence[ImagePrompts],
        sizes_wh: Sequence[tuple[int, int]],
        multimask: bool,
    ) -> Sequence[Segmented]:
        """See :meth:`ImageModel.segment`."""
        with self._lock:
            return self._model.segment(features, prompts, sizes_wh, multimask)

    def upscale(
        self,
        segmented: Segmented,
        hole_area: float = 0.0,
        sprinkle_area: float = 0.0,
        threshold: float = 0.0,
    ) -> NDArray[np.float32]:
        """See :meth:`ImageModel.upscale`."""
        with self._lock:
            return self._model.upscale(segmented, hole_area, sprinkle_area, threshold)

    def embedding(self, feature: F) -> Any:
        """See :meth:`ImageModel.embedding`."""
        with self._lock:
            return self._model.embedding(feature)

    def nbytes(self, feature: F) -> int:
        """See :meth:`ImageModel.nbytes`."""
        return self._model.nbytes(feature)


class SharedConceptModel(Generic[F, S]):
    """A concept model behind a lock: one call at a time, from whichever thread.

    Args:
        model: The model.
    """

    def __init__(self, model: ConceptModel[F, S]) -> None:
        self._model = model
        self._lock = threading.Lock()

    @property
    def wrapped(self) -> ConceptModel[F, S]:
        """The model itself, without the lock."""
        return self._model

    def encode(self, frames: Sequence[Frame]) -> Sequence[F]:
        """See :meth:`ConceptModel.encode`."""
        with self._lock:
            return self._model.encode(frames)

    def open(self) -> S:
        """See :meth:`ConceptModel.open`."""
        with self._lock:
            return self._model.open()

    def look(
        self, states: Sequence[S], features: Sequence[F], queries: Sequence[ConceptQuery]
    ) -> Sequence[ConceptProposal]:
        """See :meth:`ConceptModel.look`."""
        with self._lock:
            return self._model.look(states, features, queries)

    def remember(
        self, states: Sequence[S], features: Sequence[F], seen: Sequence[ConceptProposal]
    ) -> None:
        """See :meth:`ConceptModel.remember`."""
        with self._lock:
            self._model.remember(states, features, seen)

    def nbytes(self, state: S) -> int:
        """See :meth:`ConceptModel.nbytes`."""
        with self._lock:
            return self._model.nbytes(state)

    def close(self, state: S) -> None:
        """See :meth:`ConceptModel.close`."""
        with self._lock:
            self._model.close(state)


class ModelPool(Generic[W]):
    """Models loaded once and kept for as long as somebody holds them. Thread-safe.

    Args:
        share: Puts a loaded model behind a lock.
    """

    def __init__(self, share: Callable[[Any], W]) -> None:
        self._share = share
        self._models: WeakValueDictionary[Hashable, W] = WeakValueDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: Hashable, load: Callable[[], Any]) -> W:
        """Return the model of a key; load it if nobody holds it.

        Args:
            key: What makes two models the same one: id, size, device.
            load: Loads it. Others who want a model wait meanwhile, so that none is loaded twice.

        Raises:
            ModelError: What ``load`` raises.
        """
        with self._lock:
            shared = self._models.get(key)
            if shared is None:
                shared = self._models[key] = self._share(load())
            return shared
