"""One connection to a live source: opened, read picture by picture, and closed."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Final

from trackwire.specs import (
    SourceError,
    SourceFormatError,
    SourceNotFoundError,
    SourceTimeoutError,
)

if TYPE_CHECKING:
    from fractions import Fraction

    from av.codec.hwaccel import HWAccel
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from .address import Address

__all__ = ["Connection", "Dropped", "Interrupted"]

_SLICE_S: Final = 0.5
"""How long a stop may have to wait for a read, where reads can be cut into slices."""


class Interrupted(Exception):  # noqa: N818 - the wish of the user, not an error
    """Somebody asked the source to stop."""


class Dropped(Exception):  # noqa: N818 - what a live stream does, not an error of the program
    """The stream broke off; the text says why."""


class Connection:
    """An open live source.

    Args:
        address: What to open.
        open_timeout_s: Longest time until the first packet can be asked for.
        read_timeout_s: Longest silence.
        hardware: Decoder device, such as ``cuda`` or ``vaapi``; ``auto`` takes one that is there
            and else the processor; None decodes on the processor.
        interrupt: Set by another thread to make every wait end.
        on_corrupt: Called with a reason for each packet that cannot be decoded.

    Raises:
        SourceError: It cannot be opened; the kind of error says why. No message and no cause
            holds credentials.
        Interrupted: ``interrupt`` was set.
    """

    def __init__(
        self,
        address: Address,
        *,
        open_timeout_s: float,
        read_timeout_s: float,
        hardware: str | None,
        interrupt: threading.Event,
        on_corrupt: Callable[[str], None],
    ) -> None:
        self._address = address
        self._read_timeout_s = read_timeout_s
        self._slice_s = min(_SLICE_S, read_timeout_s) if address.resumable else read_timeout_s
        self._interrupt = interrupt
        self._on_corrupt = on_corrupt
        self._frames: list[VideoFrame] = []
        started_s = monotonic()
        if address.probe_host is not None:
            _probe(address, open_timeout_s, interrupt)
        left_s = max(open_timeout_s - (monotonic() - started_s), 0.1)
        self._container = _open(address, left_s, self._slice_s, hardware)
        try:
            self._stream = _video_stream(self._container, address)
        except BaseException:
            self._container.close()
            raise
        self._packets: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)

    @property
    def fps(self) -> Fraction | None:
        """Nominal frames per second, or None."""
        return self._stream.average_rate or self._stream.guessed_rate or None

    @property
    def description(self) -> str:
        """Codec and container, for messages."""
        return f"{self._stream.codec_context.name} over {self._container.format.name}"

    @property
    def duration_s(self) -> float | None:
        """Announced length in seconds, or None where the stream has no end."""
        duration = self._container.duration
        return None if not duration or duration < 0 else duration / 1_000_000

    def read(self) -> VideoFrame:
        """Get the next picture.

        Raises:
            Dropped: The stream ended, broke, or was silent for too long.
            Interrupted: The interrupt was set.
        """
        silent_since_s = monotonic()
        while not self._frames:
            if self._interrupt.is_set():
                raise Interrupted
            packet = self._next_packet(silent_since_s)
            if packet is not None:
                self._frames = self._decode(packet)
                self._frames.reverse()
        return self._frames.pop()

    def close(self) -> None:
        """Close the connection and its decoder."""
        self._frames.clear()
        self._container.close()

    def _next_packet(self, silent_since_s: float) -> Packet[VideoStream] | None:
        """Wait for a packet; None after a slice of waiting in which none came."""
        import av

        try:
            packet = next(self._packets, None)
        except av.error.ExitError:
            silence_s = monotonic() - silent_since_s
            if silence_s >= self._read_timeout_s or not self._address.resumable:
                raise Dropped(f"nothing came for {silence_s:.1f} s") from None
            self._packets = self._container.demux(self._stream)
            return None
        except av.FFmpegError as error:
            raise Dropped(f"the connection broke: {error.strerror}") from None
        if packet is None:  # the empty packet before it has drained the decoder
            raise Dropped("the stream ended")
        return packet

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        import av

        try:
            return list(packet.decode())
        except av.FFmpegError as error:
            self._on_corrupt(f"a packet cannot be decoded and is left out: {error.strerror}")
            return []


def _open(
    address: Address, open_timeout_s: float, read_timeout_s: float, hardware: str | None
) -> InputContainer:
    import av

    accelerator = _accelerator(hardware)
    started_s = monotonic()
    problem: SourceError
    try:
        return av.open(
            address.target,
            format=address.format,
            options=dict(address.options),
            timeout=(open_timeout_s, read_timeout_s),
            metadata_errors="replace",
            hwaccel=accelerator,
        )
    except (av.FFmpegError, ValueError, OSError) as error:
        late = monotonic() - started_s >= open_timeout_s
        problem = _timeout(address, open_timeout_s) if late else _open_error(address, error)
    # Raised out here: the caught error holds the URL, credentials and all, and an error raised
    # while it is handled would carry it along as its context.
    raise problem


def _accelerator(hardware: str | None) -> HWAccel | None:
    if hardware is None:
        return None
    from av.codec.hwaccel import HWAccel, hwdevices_available

    available = hwdevices_available()
    if hardware == "auto":
        return HWAccel(available[0], allow_software_fallback=True) if available else None
    if hardware not in available:
        raise SourceError(
            f"hardware decoding with {hardware!r} is not possible: this build of FFmpeg knows "
            f"{', '.join(available) or 'none'}; choose one of these, 'auto' or None"
        )
    return HWAccel(hardware, allow_software_fallback=False)


def _timeout(address: Address, timeout_s: float) -> SourceTimeoutError:
    return SourceTimeoutError(
        f"{address.label} did not answer within {timeout_s:.1f} s; check that it streams and can "
        "be reached from here, or give it more time with open_timeout_s",
        path=address.label,
    )


def _open_error(address: Address, error: Exception) -> SourceError:
    """Say in the user's terms why a source does not open."""
    import av

    label = address.label
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return SourceError(
            f"{label} refuses the user name or password ({error.strerror}); write them into the "
            "URL as scheme://user:password@host, special characters percent-encoded",
            code="source_unauthorized",
            path=label,
        )
    if isinstance(error, av.error.HTTPNotFoundError | FileNotFoundError):
        hint = "there is no such device" if address.format else "the server has no such stream"
        return SourceNotFoundError(f"{label}: {hint}; check the path", path=label)
    if isinstance(error, ConnectionError):
        return _refused(address)
    if isinstance(error, av.error.InvalidDataError):
        return SourceFormatError(
            f"{label} answers, but with nothing that can be decoded as video", path=label
        )
    what = getattr(error, "strerror", None) or type(error).__name__
    return SourceError(f"{label} cannot be opened: {what}", path=label)


def _refused(address: Address) -> SourceError:
    return SourceError(
        f"{address.label} refuses the connection: nothing listens there; check that the source "
        "is on, and its port",
        code="source_refused",
        path=address.label,
    )


def _video_stream(container: InputContainer, address: Address) -> VideoStream:
    if not container.streams.video:
        kinds = ", ".join(stream.type for stream in container.streams) or "no streams"
        raise SourceFormatError(
            f"{address.label} holds no video: found {kinds}", path=address.label
        )
    stream = container.streams.video[0]
    # Decoding frames side by side holds back as many frames as there are threads.
    stream.thread_type = "AUTO" if container.duration else "SLICE"
    return stream


def _probe(address: Address, timeout_s: float, interrupt: threading.Event) -> None:
    """Connect and hang up, in slices: the decoder library waits for a dead host deaf to stops."""
    host, port = address.probe_host or ("", 0)
    deadline_s = monotonic() + timeout_s
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceNotFoundError(
            f"{address.label}: the host {host!r} has no address ({error.strerror}); check its "
            "name and the network",
            path=address.label,
        ) from None
    refused = False
    for family, kind, protocol, _, place in places:
        with socket.socket(family, kind, protocol) as attempt:
            attempt.settimeout(0)
            code = attempt.connect_ex(place)
            while code and monotonic() < deadline_s and not _settled(attempt):
                if interrupt.is_set():
                    raise Interrupted
            code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0 and _settled(attempt, 0.0):
                return
            refused = refused or code != 0
    if refused:
        raise _refused(address)
    raise _timeout(address, timeout_s)


def _settled(attempt: socket.socket, wait_s: float = 0.1) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(attempt, selectors.EVENT_WRITE)
        return bool(selector.select(wait_s))
