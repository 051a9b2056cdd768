"""What all flow control has in common: the steps it names, and the clock it keeps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from trackwire.specs import (
    STEP,
    Batch,
    BlockManifest,
    Failure,
    Halt,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    TrackwireError,
    Traits,
)

from ..frame import Frame

__all__ = ["Gate", "GateManifest", "seconds_of"]


class GateManifest(BlockManifest):
    """Properties that all flow control shares."""

    traits: ClassVar[Traits] = Traits(pure=False, accepts_parts=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()

    next_steps: list[Annotated[str, Selector(STEP)]] = Field(
        description="Steps that run only where this one lets them, and what depends on those."
    )


class Gate(ABC):
    """A block that lets the steps it names run, or not, for each element."""

    manifest: ClassVar[type[BlockManifest]]

    def __init__(self, step: BlockManifest, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.step: Any = step
        self.clock = clock

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block; nothing has passed yet."""
        return cls(step)

    @abstractmethod
    def passes(self, stream: StreamKey, values: Mapping[str, Any]) -> bool:
        """Decide on one element.

        Args:
            stream: Its stream.
            values: All properties of the element.

        Returns:
            Whether the steps named run for it.
        """

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Decide on each element, in order."""
        outcomes: list[Outcome] = []
        for index, stream in enumerate(batch.streams):
            values = {name: column[index] for name, column in batch.columns.items()}
            try:
                passes = bool(values["next_steps"]) and self.passes(stream, values)
            except TrackwireError as error:
                outcomes.append(Failure(error))
                continue
            outcomes.append({} if passes else Halt(f"{self.step.name} holds it back"))
        return outcomes

    def end_stream(self, stream: StreamKey) -> None:  # noqa: B027 - some have nothing to forget
        """Forget a stream; does nothing where nothing is remembered."""

    def close(self) -> None:  # noqa: B027 - as above
        """Forget everything."""


def seconds_of(values: object, clock: Callable[[], float]) -> float:
    """Find the time of an element: that of a frame among its values, else the clock's.

    The time of a frame is the one within its video, so that a file that is read faster than it
    was recorded is treated as it would be live.

    Args:
        values: A value, or several in a list or dict.
        clock: Tells the time where no value is a frame.

    Returns:
        Seconds, from an origin that is the same for all frames of a stream.
    """
    if isinstance(values, Frame):
        return float(values.video.clock_s)
    parts: Sequence[object] = ()
    if isinstance(values, Mapping):
        parts = tuple(values.values())
    elif isinstance(values, list | tuple):
        parts = values
    frame = next((part for part in parts if isinstance(part, Frame)), None)
    return clock() if frame is None else float(frame.video.clock_s)
