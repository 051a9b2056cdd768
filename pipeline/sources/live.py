"""Live sources: network streams and cameras, connected again when they break off."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal

from trackwire.specs import Event, Outbox, SourceError

from .address import Address, camera_address, url_address
from .backoff import Backoff
from .connection import Connection, Dropped, Interrupted
from .heap import keep_picture_memory
from .live_options import LiveOptions
from .picture import PictureConverter
from .source import SourceFrame

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["CameraSource", "LiveSource", "ReconnectingSource"]

_JITTER_S: Final = 1
"""Time that runs back by less is jitter of the sender; by more, its clock was set."""

_QUIET_S: Final = 10.0
"""Events about bad packets come at most this often; a lossy link makes hundreds a second."""


class ReconnectingSource:
    """Reads a live source, and connects again whenever it breaks off.

    The end of a live stream is a drop. Each drop is an event (``source.lost``, with the reason),
    and so are a new connection (``source.reconnected``) and an attempt that failed
    (``source.reconnect_failed``). Every new connection raises the epoch, as do a change of the
    picture size and a clock that is set back. A stream over HTTP whose container announces its
    length ends like a file, and waits for a slow workflow like one.

    Args:
        address: What to open.
        options: How to open and keep it.
        backoff: Waits between attempts to connect again; None for the default ones.
    """

    def __init__(
        self, address: Address, options: LiveOptions, *, backoff: Backoff | None = None
    ) -> None:
        self.name = address.name
        self.label = address.label
        self.fps: Fraction | None = None
        self.frame_count: int | None = None
        self.comes_from_video_file: bool | None = False if address.endless else None
        self._address = address
        self._options = options
        self._backoff = backoff or Backoff(attempts=options.reconnect_attempts)
        self._interrupt = threading.Event()
        self._outbox: Outbox | None = None
        self._connection: Connection | None = None
        self._connected_s = 0.0
        self._convert = PictureConverter()
        self._epoch = 0
        self._frames = 0
        self._last: Fraction | None = None
        self._size_wh: tuple[int, int] | None = None
        self._rejoined = False
        self._pending: SourceFrame | None = None
        self._over = False
        self._corrupt = 0
        self._told_corrupt_s: float | None = None

    def listen(self, outbox: Outbox) -> None:
        """Send events to ``outbox`` from now on."""
        self._outbox = outbox

    def interrupt(self) -> None:
        """Make a waiting ``open`` or ``read`` return soon, from any thread; final."""
        self._interrupt.set()

    def open(self) -> None:
        """Connect and decode the first picture. A first connect that fails is not tried again.

        Raises:
            SourceNotFoundError: There is no such host, stream or device.
            SourceTimeoutError: It does not answer, or sends no picture.
            SourceFormatError: It sends no video.
            SourceError: It refuses the connection or the credentials, or it was interrupted.
        """
        self.close()
        keep_picture_memory()
        self._over = False
        try:
            self._connect()
            self._pending = self._next()
        except Interrupted:
            self.close()
            raise SourceError(f"{self.label}: opening was interrupted", path=self.label) from None
        except Dropped as drop:
            self.close()
            raise SourceError(
                f"{self.label} was opened but gave no picture: {drop}", path=self.label
            ) from None

    def read(self) -> SourceFrame | None:
        """Get the next frame, however many connections it takes.

        Returns:
            The frame, its image ``(H, W, 3)`` uint8 BGR; None when a stream of known length has
            ended, or after :meth:`interrupt`.

        Raises:
            SourceError: It was lost and no attempt to connect is left; the next call gives None.
        """
        frame, self._pending = self._pending, None
        if frame is not None:
            return frame
        while not (self._over or self._interrupt.is_set()):
            try:
                if self._connection is None:
                    self._reconnect()
                return self._next()
            except Interrupted:
                break
            except Dropped as drop:
                self._lose(str(drop))
        return None

    def close(self) -> None:
        """Hang up."""
        self._pending = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> None:
        if self._interrupt.is_set():
            raise Interrupted
        self._connection = connection = Connection(
            self._address,
            open_timeout_s=self._options.open_timeout_s,
            read_timeout_s=self._options.read_timeout_s,
            hardware=self._options.hardware,
            interrupt=self._interrupt,
            on_corrupt=self._note_corrupt,
        )
        self._connected_s = monotonic()
        self.fps = connection.fps
        if self._address.endless is None:
            self.comes_from_video_file = connection.duration_s is not None

    def _next(self) -> SourceFrame:
        connection = self._connection
        if connection is None:
            raise SourceError(f"{self.label} was read before open()", path=self.label)
        return self._frame(connection.read())

    def _lose(self, reason: str) -> None:
        """Hang up after a drop; a stream that reached its announced end is over instead."""
        connection = self._connection
        held_s = monotonic() - self._connected_s
        duration_s = None if connection is None else connection.duration_s
        self.close()
        if self.comes_from_video_file and duration_s is not None:
            self._over = True
            reached_s = float(self._last or 0)
            if duration_s - reached_s > _JITTER_S:
                self._tell(
                    "source.truncated",
                    "warning",
                    f"ends after {reached_s:.1f} s of the {duration_s:.1f} s announced: {reason}",
                )
            return
        self._backoff.connected_for(held_s)
        self._tell("source.lost", "warning", f"lost after {held_s:.1f} s: {reason}", reason=reason)

    def _reconnect(self) -> None:
        """Wait and connect until it works.

        Raises:
            SourceError: No attempt is left.
            Interrupted: It was asked to stop.
        """
        while True:
            wait_s = self._backoff.next_wait_s()
            if wait_s is None:
                self._over = True
                raise SourceError(
                    f"{self.label} was lost and did not come back in {self._backoff.made} "
                    "attempts; allow more with reconnect_attempts, or None for ever",
                    code="source_lost",
                    path=self.label,
                )
            if self._interrupt.wait(wait_s):
                raise Interrupted
            try:
                self._connect()
            except SourceError as error:
                self._tell(
                    "source.reconnect_failed",
                    "warning",
                    f"attempt {self._backoff.made}: {error}",
                    attempt=self._backoff.made,
                )
                continue
            self._epoch += 1
            self._last = None
            self._rejoined = True
            self._tell(
                "source.reconnected",
                "info",
                f"connected again at attempt {self._backoff.made}, epoch {self._epoch}",
                attempt=self._backoff.made,
                epoch=self._epoch,
            )
            return

    def _frame(self, decoded: VideoFrame) -> SourceFrame:
        image = self._convert(decoded)
        size_wh = (image.shape[1], image.shape[0])
        if self._size_wh is not None and size_wh != self._size_wh:
            self._epoch += not self._rejoined  # coming back has raised it already
            old, new = ("x".join(map(str, size)) for size in (self._size_wh, size_wh))
            self._tell("source.size_changed", "warning", f"pictures change from {old} to {new}")
        self._size_wh, self._rejoined = size_wh, False
        time = self._media_time(decoded)
        self._frames += 1
        return SourceFrame(image, time, self._epoch)

    def _media_time(self, decoded: VideoFrame) -> Fraction | None:
        """Time of a picture; None where the sender gives none, or one that jitters backwards."""
        if decoded.pts is None or decoded.time_base is None:
            return None
        time: Fraction = decoded.pts * decoded.time_base
        if self._last is not None and time < self._last:
            if self._last - time < _JITTER_S:
                return None
            self._epoch += 1
            self._tell(
                "source.time_reversed",
                "warning",
                f"time runs backwards from {float(self._last):.3f} s to {float(time):.3f} s",
            )
        self._last = time
        return time

    def _note_corrupt(self, reason: str) -> None:
        self._corrupt += 1
        now_s = monotonic()
        if self._told_corrupt_s is None or now_s - self._told_corrupt_s >= _QUIET_S:
            self._told_corrupt_s = now_s
            self._tell(
                "source.packet_corrupt",
                "warning",
                f"{reason} ({self._corrupt} so far)",
                count=self._corrupt,
            )

    def _tell(
        self, kind: str, severity: Literal["info", "warning"], what: str, **fields: Any
    ) -> None:
        if self._outbox is not None:
            message = f"{self.label}, frame {self._frames}: {what}"
            self._outbox(Event(kind, severity, message, frame_number=self._frames, fields=fields))


class LiveSource(ReconnectingSource):
    """A network stream: RTSP, RTSPS, RTMP, HTTP (MJPEG, HLS, files), UDP, RTP, SRT.

    Args:
        url: Where it is, with user and password if it wants them; they appear nowhere else.
        options: How to open and keep it; None for the defaults.
        name: Wished ``video_identifier``; None for host and path.
        backoff: Waits between attempts to connect again; None for the default ones.

    Raises:
        SourceError: The URL cannot be read by any means here.

    Example:
        >>> LiveSource("rtsp://user:secret@10.0.0.7/gate", LiveOptions(transport="udp")).label
        'rtsp://10.0.0.7/gate'
    """

    def __init__(
        self,
        url: str,
        options: LiveOptions | None = None,
        *,
        name: str | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        options = options or LiveOptions()
        address = url_address(url, transport=options.transport, low_latency=options.low_latency)
        super().__init__(replace(address, name=name or address.name), options, backoff=backoff)


class CameraSource(ReconnectingSource):
    """A camera of this machine, by Video4Linux.

    Args:
        device: Number or path of the device.
        options: How to open and keep it; None for the defaults.
        name: Wished ``video_identifier``; None for ``camera-0`` and the like.
        size_wh: Picture size to ask for, or None for what is set.
        fps: Frames per second to ask for, or None.
        pixel_format: Format of the pictures on the wire, such as ``mjpeg``, or None.

    Raises:
        SourceError: A value makes no sense.

    Example:
        >>> CameraSource(0, size_wh=(1280, 720), fps=30).name
        'camera-0'
    """

    def __init__(
        self,
        device: int | str | Path = 0,
        options: LiveOptions | None = None,
        *,
        name: str | None = None,
        size_wh: tuple[int, int] | None = None,
        fps: float | None = None,
        pixel_format: str | None = None,
    ) -> None:
        address = camera_address(device, size_wh=size_wh, fps=fps, pixel_format=pixel_format)
        super().__init__(replace(address, name=name or address.name), options or LiveOptions())
