"""A bounded buffer between two threads that says what it threw away, and why."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

__all__ = ["BoundedBuffer", "OverflowPolicy"]

T = TypeVar("T")

OverflowPolicy: TypeAlias = Literal["wait", "drop_oldest", "drop_newest", "latest"]
"""What happens when a buffer is full: the producer waits, the oldest item goes, or the new one
does. ``latest`` never holds more than the newest item, full or not."""


class BoundedBuffer(Generic[T]):
    """A queue bounded in items and in weight (bytes, say), for any number of threads.

    Whatever went in comes out in order or is counted in :attr:`drops`, by cause: at any moment
    ``accepted == taken + len(buffer) + sum(drops)``, the causes of refused items aside. An item
    heavier than the whole bound is taken when the buffer is empty, so that nothing gets stuck.

    Args:
        max_items: Most items held.
        max_weight: Most weight held, or None for no bound.
        weigh: Weight of an item; called once per item.
        policy: What :meth:`put` does when there is no room.
        condition: Notified at every change. Buffers that share one can be waited on together;
            None makes one of its own.

    Raises:
        ValueError: A bound is not positive, or the policy is unknown.
    """

    def __init__(
        self,
        *,
        max_items: int,
        max_weight: int | None = None,
        weigh: Callable[[T], int] = lambda _item: 0,
        policy: OverflowPolicy = "wait",
        condition: threading.Condition | None = None,
    ) -> None:
        if max_weight is not None:
            _positive(max_weight, "max_weight")
        self._max_items = _positive(max_items, "max_items")
        self._max_weight = max_weight
        self._weigh = weigh
        self._policy = _checked(policy)
        self._condition = threading.Condition() if condition is None else condition
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._closed = False
        self._accepted = self._taken = 0
        self._drops: Counter[str] = Counter()

    @property
    def condition(self) -> threading.Condition:
        """What to wait on for changes. Hold it while looking at several properties."""
        return self._condition

    @property
    def closed(self) -> bool:
        """Nothing more can be put."""
        return self._closed

    @property
    def finished(self) -> bool:
        """Nothing more can be put, and nothing is left."""
        with self._condition:
            return self._closed and not self._items

    @property
    def policy(self) -> OverflowPolicy:
        """What happens when the buffer is full; may be set while it is in use."""
        return self._policy

    @policy.setter
    def policy(self, policy: OverflowPolicy) -> None:
        with self._condition:
            self._policy = _checked(policy)
            self._condition.notify_all()

    @property
    def max_items(self) -> int:
        """Most items held; may be set while the buffer is in use, what is held too many stays."""
        return self._max_items

    @max_items.setter
    def max_items(self, max_items: int) -> None:
        with self._condition:
            self._max_items = _positive(max_items, "max_items")
            self._condition.notify_all()

    @property
    def weight(self) -> int:
        """Weight of what is held."""
        return self._weight

    @property
    def accepted(self) -> int:
        """Items that were let in, those dropped later included."""
        return self._accepted

    @property
    def taken(self) -> int:
        """Items that came out."""
        return self._taken

    @property
    def drops(self) -> Mapping[str, int]:
        """Items thrown away, by cause: ``overflow``, or what :meth:`abort` was told."""
        with self._condition:
            return dict(self._drops)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, *, timeout_s: float | None = None) -> bool:
        """Hand an item over.

        Args:
            item: What to hand over.
            timeout_s: Longest wait for room, or None for as long as it takes.

        Returns:
            True if it was taken in, be it that the policy threw it away at once, which is
            counted in :attr:`drops`. False if the buffer is or was closed meanwhile, or the wait
            was too long: a refused item is the caller's to count.
        """
        weight = self._weigh(item)
        with self._condition:
            if self._policy == "wait":
                self._condition.wait_for(
                    lambda: self._closed or self._policy != "wait" or self._fits(weight), timeout_s
                )
            if self._closed or (self._policy == "wait" and not self._fits(weight)):
                return False
            if self._policy == "drop_newest" and not self._fits(weight):
                self._accepted += 1
                self._drops["overflow"] += 1
                return True
            while self._items and (self._policy == "latest" or not self._fits(weight)):
                self._pop()
                self._drops["overflow"] += 1
            self._items.append((item, weight))
            self._weight += weight
            self._accepted += 1
            self._condition.notify_all()
            return True

    def take(self, *, timeout_s: float | None = None) -> T:
        """Get the oldest item.

        Args:
            timeout_s: Longest wait, or None for as long as it takes; 0 does not wait.

        Returns:
            The item.

        Raises:
            EOFError: The buffer is closed and empty.
            TimeoutError: Nothing came in time.
        """
        deadline = None if timeout_s is None else monotonic() + timeout_s
        with self._condition:
            while not self._items:
                if self._closed:
                    raise EOFError("the buffer is closed and empty")
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"nothing came within {timeout_s} s")
                self._condition.wait(left)
            item = self._pop()
            self._taken += 1
            self._condition.notify_all()
            return item

    def close(self) -> None:
        """Take in nothing more; what is held can still be taken."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def abort(self, cause: str) -> int:
        """Close, and throw away what is held.

        Args:
            cause: What to count the items under.

        Returns:
            How many items were thrown away.
        """
        with self._condition:
            count = len(self._items)
            if count:
                self._drops[cause] += count
            self._items.clear()
            self._weight = 0
            self._closed = True
            self._condition.notify_all()
            return count

    def _fits(self, weight: int) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._max_items and (
            self._max_weight is None or self._weight + weight <= self._max_weight
        )

    def _pop(self) -> T:
        item, weight = self._items.popleft()
        self._weight -= weight
        return item


def _checked(policy: OverflowPolicy) -> OverflowPolicy:
    if policy not in get_args(OverflowPolicy):
        raise ValueError(
            f"policy must be one of {', '.join(get_args(OverflowPolicy))}, found {policy!r}"
        )
    return policy


def _positive(bound: int, name: str) -> int:
    if bound < 1:
        raise ValueError(f"{name} must be positive, found {bound}")
    return bound
