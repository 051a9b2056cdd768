"""A cache that is bounded by the bytes of what it holds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["ByteCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Keeps values until their bytes exceed a limit; the one used longest ago goes first.

    A value that is larger than the limit is not kept. Thread-safe.

    Args:
        limit: Most bytes held; 0 keeps nothing.

    Raises:
        ValueError: The limit is negative.
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"a cache holds 0 bytes or more, found a limit of {limit}")
        self._limit = limit
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        """Iterate over the keys, the one used longest ago first."""
        with self._lock:
            return iter(tuple(self._held))

    @property
    def nbytes(self) -> int:
        """Bytes held, never more than the limit."""
        return self._nbytes

    @property
    def limit(self) -> int:
        """Most bytes held."""
        return self._limit

    def get(self, key: K) -> V | None:
        """Return the value of a key and note its use, or None."""
        with self._lock:
            entry = self._held.get(key)
            if entry is None:
                return None
            self._held.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, nbytes: int) -> None:
        """Keep a value in the place of the one the key has, and drop others if need be.

        Args:
            key: Where it is found.
            value: The value.
            nbytes: Bytes it holds, counted as one at least, so that values without bytes are
                bounded too.
        """
        size = max(nbytes, 1)
        with self._lock:
            self._remove(key)
            if size > self._limit:
                return
            self._held[key] = value, size
            self._nbytes += size
            while self._nbytes > self._limit:
                self._remove(next(iter(self._held)))

    def drop(self, key: K) -> None:
        """Forget a key; one that is not held is ignored."""
        with self._lock:
            self._remove(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._nbytes = 0

    def _remove(self, key: K) -> None:
        entry = self._held.pop(key, None)
        if entry is not None:
            self._nbytes -= entry[1]
