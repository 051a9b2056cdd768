"""A condition: steps that run only where a statement is true."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import FLOAT, BlockManifest, Selector, StreamKey

from ..query.language import StatementGroup, evaluate
from .gate import Gate, GateManifest, seconds_of

__all__ = ["ContinueIf", "ContinueIfManifest"]


class ContinueIfManifest(GateManifest):
    """Properties of the condition."""

    type: Literal["roboflow_core/continue_if@v1", "ContinueIf"]
    condition_statement: StatementGroup = Field(
        description="Statements in the query language, of which one or all must be true."
    )
    evaluation_parameters: dict[str, Any] = Field(
        default={}, description="Values that the statements read by name, wired or written out."
    )
    stop_delay: Annotated[float, Field(ge=0.0)] | Annotated[str, Selector(FLOAT)] = Field(
        default=0.0,
        description="Seconds for which the steps go on after the condition was last true; of the "
        "video's time where evaluation_parameters hold an image, else of the clock.",
    )


class ContinueIf(Gate):
    """Lets steps run where a statement in the query language is true."""

    manifest: ClassVar[type[BlockManifest]] = ContinueIfManifest

    def __init__(self, step: BlockManifest, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(step, clock=clock)
        self._held_at: dict[StreamKey, float] = {}

    def passes(self, stream: StreamKey, values: Mapping[str, Any]) -> bool:
        """Tell whether the statement is true, or was a short while ago."""
        parameters = values["evaluation_parameters"]
        holds = evaluate(self.step.condition_statement, parameters)
        delay = float(values["stop_delay"])
        if not delay:
            return holds
        now = seconds_of(parameters, self.clock)
        if holds:
            self._held_at[stream] = now
        held_at = self._held_at.get(stream)
        return held_at is not None and 0 <= now - held_at <= delay

    def end_stream(self, stream: StreamKey) -> None:
        """Forget when the statement was last true of the stream."""
        self._held_at.pop(stream, None)

    def close(self) -> None:
        """Forget all streams."""
        self._held_at.clear()
