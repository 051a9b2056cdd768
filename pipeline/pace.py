"""Which frames of a source are processed when fewer are wanted than come."""

from __future__ import annotations

from fractions import Fraction
from math import floor

__all__ = ["RateLimit", "Stride"]


class Stride:
    """Picks frames by their own times, so that every run picks the same.

    The clip is divided into slots of ``1 / fps`` seconds from its first frame; the first frame of
    each slot is picked. A new epoch starts a new division.

    Args:
        fps: Frames per second of video to pick.
    """

    def __init__(self, fps: float) -> None:
        self._fps = Fraction(fps).limit_denominator(1_000_000)
        self._epoch: int | None = None
        self._origin_s = Fraction(0)
        self._slot = -1

    def picks(self, time_s: Fraction, epoch: int) -> bool:
        """Decide about the next frame.

        Args:
            time_s: Its presentation time in seconds.
            epoch: Its epoch.

        Returns:
            True to process it.
        """
        if epoch != self._epoch:
            self._epoch, self._origin_s, self._slot = epoch, time_s, -1
        slot = floor((time_s - self._origin_s) * self._fps)
        if slot <= self._slot:
            return False
        self._slot = slot
        return True


class RateLimit:
    """Keeps to a number of frames per second of wall clock, without punishing jitter.

    A frame that comes late may be followed by one that comes up to a period early.

    Args:
        fps: Most frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._due_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Tell how long the next frame is to be held back.

        Args:
            now_s: Time on a monotonic clock.

        Returns:
            Seconds; 0 if it is due.
        """
        return 0.0 if self._due_s is None else max(self._due_s - now_s, 0.0)

    def take(self, now_s: float) -> None:
        """Take note that a frame was let through at ``now_s``."""
        due_s = now_s if self._due_s is None else max(self._due_s, now_s - self._period_s)
        self._due_s = due_s + self._period_s
