"""A step with its opened block: calls it, and keeps the record of its work."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trackwire.specs import Batch, Block, Failure, Outcome

from .answers import checked_outcomes
from .timings import StepReport, Timings

if TYPE_CHECKING:
    from .plan import StepPlan

__all__ = ["OpenStep"]


class OpenStep:
    """A step with its opened block and the record of its work.

    Calls of one step never overlap; those of different steps may, on different threads.
    """

    __slots__ = ("_literals", "block", "calls", "elements", "failed", "plan", "skipped", "timings")

    def __init__(self, plan: StepPlan, block: Block) -> None:
        self.plan = plan
        self.block = block
        self.calls = self.elements = self.skipped = self.failed = 0
        self.timings = Timings()
        self._literals: dict[int, dict[str, Sequence[Any]]] = {}

    def constant_columns(self, count: int) -> dict[str, Sequence[Any]]:
        """The properties that never change, as columns; the caller may add to the dict."""
        columns = self._literals.get(count)
        if columns is None:
            columns = {}
            for name, value in self.plan.constants.items():
                columns[name] = (value,) * count
            if len(self._literals) < _KEPT_LENGTHS:
                self._literals[count] = columns
        return columns.copy()

    def call(self, batch: Batch) -> tuple[Sequence[Outcome], float]:
        """Run the block on a batch.

        Returns:
            One outcome per element, held against what the manifest promises, and the seconds
            that the block took.
        """
        count = len(batch.streams)
        self.calls += 1
        self.elements += count
        started = perf_counter()
        try:
            outcomes = self.block.run(batch)
        except Exception as error:  # noqa: BLE001 - a block may raise anything; it fails its step
            outcomes = (Failure(error),) * count
        took_s = perf_counter() - started
        self.timings.add(took_s)
        return checked_outcomes(self.plan, outcomes, count), took_s

    def report(self) -> StepReport:
        """Sum up the work so far."""
        return StepReport(
            name=self.plan.name,
            type=self.plan.manifest.type,
            calls=self.calls,
            elements=self.elements,
            skipped=self.skipped,
            failed=self.failed,
            p50_ms=self.timings.percentile_ms(50),
            p95_ms=self.timings.percentile_ms(95),
        )


# The number of parts of a frame has no bound, the number of streams has.
_KEPT_LENGTHS = 256
