"""Features of the frames that are being worked on, so that two steps need not encode one twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import ReferenceType, ref

if TYPE_CHECKING:
    from ..frame import Frame

__all__ = ["RecentFeatures"]

F = TypeVar("F")


class RecentFeatures(Generic[F]):
    """Remembers the features of frames for as long as somebody holds the frame.

    Frames are told apart by identity: what two steps read from one wire is one object. One
    thread at a time may call :meth:`encode`; frames may be let go by any thread at any time.

    Args:
        least: Frames that are remembered at least, as long as they live. Above twice the number
            of frames of a call, and above this, those used longest ago are forgotten.
    """

    def __init__(self, least: int = 8) -> None:
        self._least = least
        self._held: _Held[F] = _Held()

    def __len__(self) -> int:
        return len(self._held)

    def encode(
        self, frames: Sequence[Frame], compute: Callable[[Sequence[Frame]], Sequence[F]]
    ) -> list[F]:
        """Return the features of frames, and compute those that are not known.

        Args:
            frames: The frames; one may occur twice.
            compute: Computes the features of frames; called once, or not at all.
        """
        known: dict[int, F] = {}
        missing: dict[int, Frame] = {}
        for frame in frames:
            key = id(frame)
            held = self._held.pop(key, None)
            if held is not None and held[0]() is frame:
                self._held[key] = held  # now the one used last
                known[key] = held[1]
            elif key not in known:
                missing[key] = frame
        if missing:
            found = compute(tuple(missing.values()))
            for (key, frame), features in zip(missing.items(), found, strict=True):
                known[key] = features
                self._held[key] = self._reference(key, frame), features
        limit = max(self._least, 2 * len(frames))
        # A copy in one step: another thread may let go of a frame meanwhile.
        for key in list(self._held)[: max(len(self._held) - limit, 0)]:
            self._held.pop(key, None)
        return [known[id(frame)] for frame in frames]

    def clear(self) -> None:
        """Forget all features."""
        self._held.clear()

    def _reference(self, key: int, frame: Frame) -> ReferenceType[Frame]:
        held = ref(self._held)  # weak, or the features would wait for the garbage collector

        def forget(gone: ReferenceType[Frame]) -> None:
            still = held()
            if still is not None and key in still and still[key][0] is gone:
                still.pop(key, None)

        return ref(frame, forget)


class _Held(dict[int, tuple[ReferenceType["Frame"], F]], Generic[F]):
    """A dictionary that can be referred to weakly."""

    __slots__ = ("__weakref__",)
