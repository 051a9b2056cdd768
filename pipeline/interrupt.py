"""Ctrl-C and SIGTERM end a run properly; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interruption", "stopping_on_signals"]


class Interruption:
    """Whether a signal asked the run to stop."""

    def __init__(self) -> None:
        self.happened = False


@contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[Interruption]:
    """While inside, let SIGINT and SIGTERM call ``stop``.

    Must be entered on the main thread.

    Args:
        stop: Asks the run to end; called on a thread of its own, since a signal handler runs in
            the middle of anything and may not wait for a lock.

    Yields:
        Whether it happened.

    Raises:
        KeyboardInterrupt: At a second signal.
    """
    interruption = Interruption()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if interruption.happened:
            raise KeyboardInterrupt
        interruption.happened = True
        threading.Thread(target=stop, name="trackwire-stop", daemon=True).start()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield interruption
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
