"""What an engine tells about its work: how often steps ran, and how long it took them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

__all__ = ["EngineReport", "StepReport", "Timings"]

_KEPT: Final = 2048


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step's work so far.

    Args:
        name: Name of the step.
        type: Type id as written in the specification.
        calls: How often the block was called.
        elements: Elements it worked on.
        skipped: Elements left out since nobody needed them.
        failed: Elements it failed on.
        p50_ms: Median time of the latest calls (up to 2,048), milliseconds; None before the
            first.
        p95_ms: 95th percentile of the same.
    """

    name: str
    type: str
    calls: int
    elements: int
    skipped: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What an engine did so far.

    Args:
        ticks: Calls of ``Engine.tick``.
        frames: Frames in them.
        overhead_p50_ms: Median time of a tick that was not spent inside blocks, milliseconds;
            None before the first.
        steps: One report per step, in order of execution.
    """

    ticks: int
    frames: int
    overhead_p50_ms: float | None
    steps: tuple[StepReport, ...]


class Timings:
    """The latest durations of something, in constant memory.

    Not thread-safe: a report read while another thread adds may miss the newest durations.
    """

    __slots__ = ("_kept", "_next")

    def __init__(self) -> None:
        self._kept = array("d")
        self._next = 0

    def add(self, duration_s: float) -> None:
        """Take one duration, forgetting the oldest of many."""
        if len(self._kept) < _KEPT:
            self._kept.append(duration_s)
        else:
            self._kept[self._next] = duration_s
            self._next = (self._next + 1) % _KEPT

    def percentile_ms(self, percent: float) -> float | None:
        """Get a percentile of the durations kept, by nearest rank.

        Args:
            percent: 0-100.

        Returns:
            Milliseconds, or None without durations.
        """
        ordered = sorted(self._kept)
        if not ordered:
            return None
        rank = round(percent / 100 * (len(ordered) - 1))
        return ordered[rank] * 1000
