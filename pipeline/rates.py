"""Events per second over the last moments."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["RateMeter"]

_WINDOW_S: Final = 5.0
_MOST: Final = 512


class RateMeter:
    """Counts how many events per second there were lately, in constant memory.

    The window is five seconds, or the latest 512 events where these are shorter. Not
    thread-safe: a rate read while another thread marks may miss the newest event.
    """

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_MOST)

    @property
    def last_s(self) -> float | None:
        """Time of the latest event, or None before the first."""
        return self._times[-1] if self._times else None

    def mark(self, now_s: float) -> None:
        """Take note of an event at ``now_s``, on a monotonic clock."""
        self._times.append(now_s)
        # Old ones go as new ones come, so that reading needs no lock.
        while now_s - self._times[0] > _WINDOW_S:
            self._times.popleft()

    def per_second(self, now_s: float) -> float | None:
        """Get the rate.

        Args:
            now_s: The time; silence since the latest event lowers the rate.

        Returns:
            Events per second, 0.0 after a silence of the whole window, None before the second
            event.
        """
        times = tuple(self._times)
        if len(times) < 2:
            return None
        if now_s - times[-1] > _WINDOW_S:
            return 0.0
        # The next event is not overdue until one mean interval has passed.
        interval_s = (times[-1] - times[0]) / (len(times) - 1)
        overdue_s = max(now_s - times[-1] - interval_s, 0.0)
        span_s = times[-1] - times[0] + overdue_s
        return (len(times) - 1) / span_s if span_s > 0 else None
