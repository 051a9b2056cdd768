"""Results kept in memory."""

from __future__ import annotations

import threading
from collections import deque

from .delivery import Frames, Predictions

__all__ = ["InMemoryBufferSink"]


class InMemoryBufferSink:
    """Keeps the latest results, for tests, notebooks and polling.

    Bounded: the oldest result makes room and is counted in :attr:`dropped`. Callable and readable
    from any thread.

    Args:
        buffer_size: Most results kept. Each holds its frame's pixels.

    Raises:
        ValueError: ``buffer_size`` is not positive.

    Example:
        >>> sink = InMemoryBufferSink(buffer_size=100)
        >>> pipeline = InferencePipeline.init_with_workflow("clip.mp4", document, sink)
        >>> pipeline.start()
        >>> predictions, frame = sink.consume()[-1]
    """

    def __init__(self, buffer_size: int = 64) -> None:
        if buffer_size < 1:
            raise ValueError(f"buffer_size must be at least 1, found {buffer_size}")
        self._results: deque[tuple[Predictions, Frames]] = deque(maxlen=buffer_size)
        self._dropped = 0
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        """Results that made room for newer ones."""
        return self._dropped

    def __len__(self) -> int:
        return len(self._results)

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Keep a result."""
        with self._lock:
            self._dropped += len(self._results) == self._results.maxlen
            self._results.append((predictions, frame))

    def consume(self) -> list[tuple[Predictions, Frames]]:
        """Take out all results.

        Returns:
            Pairs of predictions and frame, the oldest first.
        """
        with self._lock:
            results = list(self._results)
            self._results.clear()
            return results
