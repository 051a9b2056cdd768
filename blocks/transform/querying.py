"""What the blocks that run operations of the query language have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from trackwire.specs import (
    Batch,
    BlockManifest,
    Failure,
    Outcome,
    Resources,
    StreamKey,
    TrackwireError,
)

from ..query.language import AnyOperation, run_operations

__all__ = ["Querying"]


class Querying:
    """A block that runs the operations of its property ``operations`` on one other property.

    A subclass names its ``manifest``, the property that it works on, and its output.
    """

    manifest: ClassVar[type[BlockManifest]]
    subject: ClassVar[str]
    output: ClassVar[str]

    def __init__(self, operations: Sequence[AnyOperation]) -> None:
        self._operations = operations

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Take the operations, which were parsed when the document was compiled."""
        operations: Sequence[AnyOperation] = getattr(step, "operations")  # noqa: B009 - by subclass
        return cls(operations)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Run the operations on each element."""
        parameters = batch.columns.get("operations_parameters", ({},) * len(batch))
        outcomes: list[Outcome] = []
        for value, given in zip(batch[self.subject], parameters, strict=True):
            try:
                outcomes.append({self.output: run_operations(self._operations, value, given)})
            except TrackwireError as error:
                outcomes.append(Failure(error))
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:
        """Keep everything: a stream leaves no trace."""

    def close(self) -> None:
        """Nothing is open."""
