"""How live sources are opened and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["LiveOptions", "Transport"]

Transport: TypeAlias = Literal["tcp", "udp"]
"""How RTSP carries pictures: inside its own connection, or in datagrams beside it."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How live sources are opened and kept.

    Args:
        transport: For RTSP. ``tcp`` passes firewalls and loses nothing; ``udp`` has the lower
            delay on a clean network.
        low_latency: Open with little probing and decode without queues, at the price of
            smoothness. HTTP, which may be a file, is read in full either way.
        open_timeout_s: Longest wait for a connection, in seconds.
        read_timeout_s: Longest silence before the stream counts as lost, in seconds.
        reconnect_attempts: Attempts in a row to connect again; None for ever, 0 for none.
        hardware: Decoder device, such as ``cuda`` or ``vaapi``; ``auto`` takes one that is there
            and else the processor; None decodes on the processor.

    Raises:
        ValueError: A value is out of range.
    """

    transport: Transport = "tcp"
    low_latency: bool = True
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    reconnect_attempts: int | None = None
    hardware: str | None = None

    def __post_init__(self) -> None:
        if self.transport not in {"tcp", "udp"}:
            raise ValueError(f"transport must be 'tcp' or 'udp', found {self.transport!r}")
        for name in ("open_timeout_s", "read_timeout_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        if self.reconnect_attempts is not None and self.reconnect_attempts < 0:
            raise ValueError(
                f"reconnect_attempts must be None or at least 0, found {self.reconnect_attempts}"
            )
