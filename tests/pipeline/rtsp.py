"""Starts, freezes and kills real RTSP servers for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_SCRIPT: Final = Path(__file__).parents[1] / "resources" / "servers" / "rtsp_server.py"
_PYTHON: Final = "/usr/bin/python3"
_PROBE: Final = (
    "import gi; gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import GstRtspServer, Gst; Gst.init(None);"
    "assert Gst.ElementFactory.find('openh264enc') and Gst.ElementFactory.find('jpegenc')"
)


def need_server() -> None:
    """Skip the test where the server's packages are not installed."""
    if (
        not Path(_PYTHON).exists()
        or subprocess.run([_PYTHON, "-c", _PROBE], check=False, capture_output=True).returncode
    ):
        pytest.skip("GStreamer's RTSP server is not installed; .ci/run lists its Debian packages")


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def moving_ball(size_wh: tuple[int, int] = (160, 120), fps: int = 25, codec: str = "h264") -> str:
    """An endless moving picture, as a GStreamer pipeline."""
    width, height = size_wh
    encode = {
        "h264": "openh264enc gop-size=5 ! rtph264pay name=pay0",
        "jpeg": "jpegenc ! rtpjpegpay name=pay0",
    }[codec]
    return (
        "videotestsrc is-live=true pattern=ball "
        f"! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! {encode}"
    )


class RtspServer:
    """One server process on a port of its own; the port stays the same over restarts."""

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        self.port = free_port()
        self.credentials = credentials
        self._process: subprocess.Popen[str] | None = None

    def url(self, path: str = "/cam", credentials: tuple[str, str] | None = None) -> str:
        """URL of the stream."""
        user = "" if credentials is None else "{}:{}@".format(*credentials)
        return f"rtsp://{user}127.0.0.1:{self.port}{path}"

    def start(self, launch: str | None = None, path: str = "/cam") -> None:
        """Start, and wait until clients can connect."""
        self._process = subprocess.Popen(
            [
                _PYTHON,
                str(_SCRIPT),
                str(self.port),
                path,
                launch or moving_ball(),
                *(self.credentials or ()),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def freeze(self) -> None:
        """Stop answering without closing anything."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End at once, as when the power goes."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def serving(
    launch: str | None = None, *, credentials: tuple[str, str] | None = None
) -> Iterator[RtspServer]:
    """A server that runs and is gone afterwards."""
    need_server()
    server = RtspServer(credentials)
    server.start(launch)
    try:
        yield server
    finally:
        server.kill()
