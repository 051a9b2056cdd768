"""What is remembered of each track of a stream, bounded."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

__all__ = ["TrackMemory"]

T = TypeVar("T")

_MOST_TRACKS: Final = 4096


class TrackMemory(Generic[T]):
    """A value for each track; the tracks that were longest not seen give way.

    Args:
        most: How many tracks are remembered.
    """

    __slots__ = ("_most", "_values")

    def __init__(self, most: int = _MOST_TRACKS) -> None:
        self._most = most
        self._values: OrderedDict[int, T] = OrderedDict()

    def get(self, track: int) -> T | None:
        """The value of a track, None if there is none; the track counts as seen."""
        value = self._values.get(track)
        if value is not None:
            self._values.move_to_end(track)
        return value

    def put(self, track: int, value: T) -> None:
        """Remember a value of a track."""
        self._values[track] = value
        self._values.move_to_end(track)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def drop(self, track: int) -> None:
        """Forget a track."""
        self._values.pop(track, None)

    def items(self) -> list[tuple[int, T]]:
        """Tracks and values, the longest not seen first."""
        return list(self._values.items())

    def __len__(self) -> int:
        return len(self._values)
