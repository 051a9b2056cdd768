"""Events: what a run tells about itself while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol

__all__ = ["Event", "Outbox", "Severity"]

Severity = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling about a run.

    Args:
        kind: Stable dotted name, such as ``source.ended`` or ``step.failed``.
        severity: How bad it is.
        message: One line for people, free of credentials.
        stream: ``video_identifier`` it is about, or None.
        step: Step it is about, or None.
        frame_number: 0-based frame it is about, or None.
        error: The exception behind it, or None.
        fields: Further values, by name.
        at: When it happened, aware, UTC.
    """

    kind: str
    severity: Severity
    message: str
    stream: str | None = None
    step: str | None = None
    frame_number: int | None = None
    error: BaseException | None = None
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Outbox(Protocol):
    """Takes events. Callable from any thread; never blocks, never raises."""

    def __call__(self, event: Event, /) -> None:
        """Take one event."""
        ...
