"""Several sinks as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["multi_sink"]


class _MultiSink:
    def __init__(self, sinks: tuple[Callable[[Any, Any], object], ...]) -> None:
        self._sinks = sinks

    def __call__(self, predictions: Any, frame: Any) -> None:
        _each([partial(sink, predictions, frame) for sink in self._sinks])

    def close(self) -> None:
        closes = [getattr(sink, "close", None) for sink in self._sinks]
        _each([close for close in closes if callable(close)])


def multi_sink(*sinks: Callable[[Any, Any], object]) -> _MultiSink:
    """Make one sink of several, called in order on one thread, sharing one queue.

    A list as ``on_prediction`` gives each sink a queue of its own instead, so that a slow one
    does not hold up the others. Here each sink gets every result, also when one before it
    raises. If one raises, its error is raised once all were called; if several do, an
    ``ExceptionGroup`` of their errors.

    Args:
        *sinks: Callables that take ``(predictions, frame)``; those with ``close()`` are closed.

    Returns:
        The sink.

    Raises:
        TypeError: One of them is no callable.
    """
    for sink in sinks:
        if not callable(sink):
            raise TypeError(f"a sink is a callable (predictions, frame), found {sink!r}")
    return _MultiSink(sinks)


def _each(calls: list[Callable[[], object]]) -> None:
    errors: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - raised below, once all were called
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup(f"{len(errors)} sinks failed", errors)
