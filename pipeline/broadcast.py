"""Events to everybody who listens, and to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from trackwire.specs import Event

from .redaction import redact

__all__ = ["Broadcast"]

_LOG: Final = logging.getLogger("trackwire.pipeline")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Broadcast:
    """An outbox that passes each event on to listeners, and writes it to the log.

    Callable from any thread. A listener that raises is logged and the others are still told: a
    bad listener must not stop a run. The logger is ``trackwire.pipeline``; without listeners
    warnings and errors so reach stderr, and no error goes unseen.

    Args:
        listeners: Called with each event, on the thread it comes from; they should be quick.
    """

    def __init__(self, listeners: Iterable[Callable[[Event], None]] = ()) -> None:
        self._listeners = tuple(listeners)

    def __call__(self, event: Event, /) -> None:
        """Pass one event on, free of credentials whoever made it."""
        message = redact(event.message)
        if message is not event.message:
            event = replace(event, message=message)
        # Who listens shows warnings in his own way, so they are not also printed on stderr.
        level = logging.DEBUG if self._listeners else _LEVELS[event.severity]
        where = "" if event.stream is None else f"{event.stream}: "
        _LOG.log(level, "%s: %s%s", event.kind, where, event.message)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - users' code may raise anything, and an outbox must not
                _LOG.exception("listener %r failed on event %s", listener, event.kind)
