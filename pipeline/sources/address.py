"""Where a live source is and how FFmpeg's libraries are to open it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from trackwire.specs import SourceError

from ..identifiers import redact_url, video_identifier
from .live_options import Transport

__all__ = ["CAMERA_PREFIX", "LIVE_SCHEMES", "Address", "camera_address", "url_address"]

CAMERA_PREFIX: Final = "camera-"

_RTP: Final = "rtp,udp,tcp,tls,crypto"
_WHITELISTS: Final = {
    # What a server may make the client open. "file" is in none of them: a playlist or a session
    # description from the network must not reach the disk.
    "rtsp": f"rtsp,{_RTP},http,httpproxy",
    "rtsps": f"rtsps,rtsp,{_RTP},http,httpproxy",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "http": "http,https,httpproxy,tls,tcp,crypto,data",
    "https": "http,https,httpproxy,tls,tcp,crypto,data",
    "udp": "udp",
    "rtp": "rtp,udp",
    "tcp": "tcp",
    "srt": "srt",
}
_PORTS: Final = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443}

LIVE_SCHEMES: Final = tuple(sorted(_WHITELISTS))
"""Schemes of URLs that can be read."""

_SIZE: Final = re.compile(r"(\d+)x(\d+)")


@dataclass(frozen=True, slots=True)
class Address:
    """A live source, as it is opened and as it may be named.

    Args:
        target: What is opened; may hold credentials and is shown to nobody.
        label: What messages call it, free of credentials.
        name: Wished ``video_identifier``.
        format: Name of FFmpeg's input format, or None to find out.
        options: Options of that format and its protocol.
        probe_host: Host and port that must accept a TCP connection first, or None.
        resumable: Reading goes on after a read that was cut off for time.
        endless: The stream has no end: where it stops, it broke. None if only the container
            can tell.
    """

    target: str = field(repr=False)
    label: str
    name: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    probe_host: tuple[str, int] | None = None
    resumable: bool = False
    endless: bool | None = True


def url_address(url: str, *, transport: Transport = "tcp", low_latency: bool = True) -> Address:
    """Work out how to open a URL.

    Args:
        url: One of :data:`LIVE_SCHEMES`, credentials and all.
        transport: For RTSP.
        low_latency: Open with little probing, and decode without queues.

    Returns:
        The address.

    Raises:
        SourceError: The scheme is unknown, or the URL makes no sense.
    """
    label = redact_url(url)
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        raise SourceError(f"{label!r} is no URL: check its host and port", path=label) from None
    if scheme not in _WHITELISTS:
        raise SourceError(
            f"{label!r} cannot be read: found scheme {scheme!r}, allowed are "
            f"{', '.join(LIVE_SCHEMES)}",
            path=label,
        )
    if not host and scheme not in {"udp", "rtp", "tcp", "srt"}:
        raise SourceError(f"{label!r} names no host, as in {scheme}://10.0.0.7/path", path=label)
    options = {"protocol_whitelist": _WHITELISTS[scheme]}
    if scheme in {"rtsp", "rtsps"}:
        options["rtsp_transport"] = transport
    if low_latency and scheme not in {"http", "https"}:  # may be a file: it would lose its start
        options |= {"fflags": "nobuffer", "flags": "low_delay"}
        if scheme in {"rtsp", "rtsps"}:
            # The session description names the codec, so there is nothing to probe for.
            options |= {"probesize": "32", "analyzeduration": "0"}
    probe = (host, port or _PORTS[scheme]) if host and scheme in _PORTS else None
    return Address(
        target=url,
        label=label,
        name=video_identifier(url),
        options=MappingProxyType(options),
        probe_host=probe,
        resumable=scheme in {"rtsp", "rtsps"},
        endless=None if scheme in {"http", "https"} else True,
    )


def camera_address(
    device: int | str | Path,
    *,
    size_wh: tuple[int, int] | str | None = None,
    fps: float | None = None,
    pixel_format: str | None = None,
) -> Address:
    """Work out how to open a camera of this machine.

    Args:
        device: Number (0 is ``/dev/video0``) or path of a Video4Linux device.
        size_wh: Picture size to ask for, as ``(1280, 720)`` or ``"1280x720"``; None for what the
            camera has set.
        fps: Frames per second to ask for, or None.
        pixel_format: ``mjpeg``, ``yuyv422``, ``h264`` or another format of the camera; None for
            its first.

    Returns:
        The address.

    Raises:
        SourceError: A value makes no sense.
    """
    number = str(device)
    path = f"/dev/video{number}" if number.isdecimal() else number
    options: dict[str, str] = {}
    if size_wh is not None:
        text = size_wh if isinstance(size_wh, str) else "x".join(map(str, size_wh))
        if _SIZE.fullmatch(text) is None:
            raise SourceError(f"a camera's size_wh is WIDTHxHEIGHT in pixels, found {size_wh!r}")
        options["video_size"] = text
    if fps is not None:
        if fps <= 0:
            raise SourceError(f"a camera's fps must be positive, found {fps}")
        options["framerate"] = f"{fps:g}"
    if pixel_format is not None:
        options["input_format"] = pixel_format
    return Address(
        target=path,
        label=path,
        name=CAMERA_PREFIX + (number if number.isdecimal() else Path(path).name),
        format="v4l2",
        options=MappingProxyType(options),
    )
