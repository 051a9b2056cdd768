"""A rate limit: steps that run no more often than every so many seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trackwire.specs import FLOAT, IMAGE, INTEGER, WILDCARD, BlockManifest, Selector, StreamKey

from ..frame import Frame
from .gate import Gate, GateManifest, seconds_of

__all__ = ["RateLimiter", "RateLimiterManifest"]


class RateLimiterManifest(GateManifest):
    """Properties of the rate limit."""

    type: Literal["roboflow_core/rate_limiter@v1"]
    cooldown_seconds: Annotated[float, Field(ge=0.0)] | Annotated[str, Selector(FLOAT, INTEGER)] = (
        Field(default=1.0, description="Seconds that must pass before the steps run again.")
    )
    depends_on: Annotated[str, Selector(WILDCARD)] = Field(
        description="Something of the step before; without it there is nothing to let pass."
    )
    video_reference_image: Annotated[str, Selector(IMAGE)] | None = Field(
        default=None,
        description="Image whose time in the video is counted. Without it, and if depends_on is "
        "no image either, the clock's is.",
    )


class RateLimiter(Gate):
    """Lets steps run at most once every so many seconds, for each stream on its own."""

    manifest: ClassVar[type[BlockManifest]] = RateLimiterManifest

    def __init__(self, step: BlockManifest, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(step, clock=clock)
        self._passed_at: dict[StreamKey, float] = {}

    def passes(self, stream: StreamKey, values: Mapping[str, Any]) -> bool:
        """Tell whether enough time has passed since something last did."""
        reference = values["video_reference_image"]
        frame = reference if isinstance(reference, Frame) else values["depends_on"]
        now = seconds_of(frame, self.clock)
        passed_at = self._passed_at.get(stream)
        # A time that runs back belongs to another epoch, in which nothing has passed yet.
        if passed_at is not None and 0 <= now - passed_at < float(values["cooldown_seconds"]):
            return False
        self._passed_at[stream] = now
        return True

    def end_stream(self, stream: StreamKey) -> None:
        """Forget when something of the stream last passed."""
        self._passed_at.pop(stream, None)

    def close(self) -> None:
        """Forget all streams."""
        self._passed_at.clear()
