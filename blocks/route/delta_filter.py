"""Changes: steps that run only where a value is another than before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from trackwire.specs import IMAGE, WILDCARD, BlockManifest, Selector, StreamKey, Traits

from ..frame import Frame
from .gate import Gate, GateManifest

__all__ = ["DeltaFilter", "DeltaFilterManifest"]

_NOTHING_YET: Final = object()


class DeltaFilterManifest(GateManifest):
    """Properties of the block that lets changes pass."""

    # Which value of a frame's parts came before which is not told: it stands before a crop.
    traits: ClassVar[Traits] = Traits(pure=False)

    type: Literal["roboflow_core/delta_filter@v1"]
    image: Annotated[str, Selector(IMAGE)] = Field(description="Frame the value belongs to.")
    value: Annotated[str, Selector(WILDCARD)] = Field(description="Value to watch.")


class DeltaFilter(Gate):
    """Lets steps run on frames on which a value is another than on the last frame of the stream."""

    manifest: ClassVar[type[BlockManifest]] = DeltaFilterManifest

    def __init__(self, step: BlockManifest, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(step, clock=clock)
        self._last: dict[StreamKey, Any] = {}

    def passes(self, stream: StreamKey, values: Mapping[str, Any]) -> bool:
        """Tell whether the value has changed; the first one has."""
        value = values["value"]
        last = self._last.get(stream, _NOTHING_YET)
        self._last[stream] = value
        return not _equal(last, value)

    def end_stream(self, stream: StreamKey) -> None:
        """Forget the last value of the stream."""
        self._last.pop(stream, None)

    def close(self) -> None:
        """Forget all values."""
        self._last.clear()


def _equal(one: Any, other: Any) -> bool:
    left, right = (each.image if isinstance(each, Frame) else each for each in (one, other))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return bool(np.array_equal(left, right))
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return False
    return bool(left == right)
