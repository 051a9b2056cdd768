"""Loaded models shared between the engines of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from ..frame import Frame
    from .seam import MemoryPlan, Prompt, Proposal, VideoModel

__all__ = ["ModelPool", "SharedVideoModel"]

F = TypeVar("F")
S = TypeVar("S")


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

    @property
    def wrapped(self) -> VideoModel[F, S]:
        """The model itself, without the lock."""
        return self._model

    def encode(self, frames: Sequence[Frame]) -> Sequence[F]:
        """See :meth:`VideoModel.encode`."""
        with self._lock:
            return self._model.encode(frames)

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


class ModelPool:
    """Models loaded once and kept for as long as somebody holds them. Thread-safe."""

    def __init__(self) -> None:
        self._models: WeakValueDictionary[Hashable, SharedVideoModel[Any, Any]] = (
            WeakValueDictionary()
        )
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._models)

    def get(
        self, key: Hashable, load: Callable[[], VideoModel[Any, Any]]
    ) -> SharedVideoModel[Any, Any]:
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
                shared = self._models[key] = SharedVideoModel(load())
            return shared

    def adopt(self, model: VideoModel[Any, Any]) -> SharedVideoModel[Any, Any]:
        """Return the one shared wrapper of a model that somebody else loaded."""
        if isinstance(model, SharedVideoModel):
            return model
        # The wrapper holds the model, so its address is not given to another while it is a key.
        return self.get(("adopted", id(model)), lambda: model)
