"""Predictions over the network, one datagram per frame."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal

from trackwire.specs import SinkError

from .delivery import Delivery, Frames, Predictions, deliveries
from .json_line import encode_line, line_entry

__all__ = ["UDPSink"]

_MOST_BYTES: Final = 65_507
_LEAST_BYTES: Final = 512
_MASK_KEYS: Final = frozenset({"rle", "points"})


class UDPSink:
    """Sends each frame's outputs as one datagram of JSON: the line that JSON Lines would hold.

    Never waits for the network: what it does not take at once is dropped and counted in
    :attr:`dropped`, and an address that nobody listens at is no error. Datagrams may be lost,
    doubled or come out of order; ``video_identifier`` and ``frame_number`` tell. Nothing is
    encrypted.

    A line longer than ``max_bytes`` is reduced, unless told otherwise: first without masks, then
    with ``outputs`` null. It then has a further key ``reduced``: ``masks`` or ``outputs``.

    Args:
        host: Name or address to send to; looked up once, now.
        port: Port to send to.
        max_bytes: Most bytes of a datagram. Above about 1,400 networks cut datagrams into
            pieces, of which none may get lost.
        too_large: What to do with a longer line: ``reduce`` or ``drop`` it.

    Raises:
        ValueError: ``port``, ``max_bytes`` or ``too_large`` is not allowed.
        SinkError: The host is not known.

    Example:
        >>> pipeline = InferencePipeline.init_with_workflow(
        ...     "rtsp://camera/stream", document, on_prediction=UDPSink("127.0.0.1", 9090)
        ... )
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        max_bytes: int = _MOST_BYTES,
        too_large: Literal["reduce", "drop"] = "reduce",
    ) -> None:
        if not 0 < port < 65_536:
            raise ValueError(f"port must be from 1 to 65535, found {port}")
        if not _LEAST_BYTES <= max_bytes <= _MOST_BYTES:
            raise ValueError(
                f"max_bytes must be from {_LEAST_BYTES} to {_MOST_BYTES}, found {max_bytes}"
            )
        if too_large not in {"reduce", "drop"}:
            raise ValueError(f"too_large must be 'reduce' or 'drop', found {too_large!r}")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            self._address: tuple[Any, ...] = address
            self._socket = socket.socket(family, kind, protocol)
        except OSError as error:
            raise SinkError(
                f"cannot send to {host}:{port}: {error.strerror or error}; give a host name or "
                "address that this machine can look up"
            ) from error
        self._socket.settimeout(0)
        self._max_bytes = max_bytes
        self._reduces = too_large == "reduce"
        self._sent = 0
        self._reduced: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def sent(self) -> int:
        """Datagrams handed to the network."""
        return self._sent

    @property
    def reduced(self) -> Mapping[str, int]:
        """How many of these were sent without ``masks``, or without ``outputs``."""
        return dict(self._reduced)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames not sent, by cause: ``too_large``, ``queue_full``, ``unreachable``."""
        return dict(self._dropped)

    def __call__(self, predictions: Predictions, frame: Frames) -> None:
        """Send the result of a frame, or of several sources' frames.

        Raises:
            SinkError: An output is of a type that JSON has no form for, or the sink is closed.
        """
        with self._lock:
            if self._socket.fileno() < 0:
                raise SinkError("the UDP sink is closed; make a new one")
            for delivery in deliveries(predictions, frame):
                self._send(delivery)

    def close(self) -> None:
        """Close the socket; again does nothing."""
        with self._lock:
            self._socket.close()

    def _send(self, delivery: Delivery) -> None:
        entry = line_entry(delivery)
        datagram, reduced = encode_line(entry), None
        if len(datagram) > self._max_bytes and self._reduces:
            datagram, reduced = self._shorter(entry)
        if len(datagram) > self._max_bytes:
            self._dropped["too_large"] += 1
            return
        try:
            self._socket.sendto(datagram, self._address)
        except BlockingIOError:
            self._dropped["queue_full"] += 1
        except OSError:
            # A network that is away for a while must not end a run; the count tells.
            self._dropped["unreachable"] += 1
        else:
            self._sent += 1
            if reduced is not None:
                self._reduced[reduced] += 1

    def _shorter(self, entry: dict[str, Any]) -> tuple[bytes, str]:
        without_masks = {**entry, "outputs": _without_masks(entry["outputs"]), "reduced": "masks"}
        datagram = encode_line(without_masks)
        if len(datagram) <= self._max_bytes:
            return datagram, "masks"
        return encode_line({**entry, "outputs": None, "reduced": "outputs"}), "outputs"


def _without_masks(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_masks(each) for key, each in value.items() if key not in _MASK_KEYS}
    return [_without_masks(each) for each in value] if isinstance(value, list) else value
