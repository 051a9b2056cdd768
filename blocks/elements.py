"""Work on one element of a batch after the other, so that a bad one fails alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackwire.specs import Batch, Failure, Outcome, StreamKey

__all__ = ["run_each"]


def run_each(batch: Batch, work: Callable[[StreamKey, dict[str, Any]], Outcome]) -> list[Outcome]:
    """Call a function for each element of a batch.

    Args:
        batch: What a block was given.
        work: Takes the stream of an element and its properties by name; gives the outcome. What
            it raises becomes the element's ``Failure``.

    Returns:
        One outcome per element, in order.
    """
    outcomes: list[Outcome] = []
    for index, stream in enumerate(batch.streams):
        values = {name: column[index] for name, column in batch.columns.items()}
        try:
            outcomes.append(work(stream, values))
        except Exception as error:  # noqa: BLE001 - one bad element must not fail the others
            outcomes.append(Failure(error))
    return outcomes
