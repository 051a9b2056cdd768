"""Live sources against real servers: every way to break off, and what is said about it."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from trackwire.pipeline.sources import (
    CameraSource,
    LiveOptions,
    LiveSource,
    SourceFrame,
    resolve_sources,
)
from trackwire.specs import (
    Event,
    SourceError,
    SourceFormatError,
    SourceNotFoundError,
    SourceTimeoutError,
)

from ..rtsp import free_port, moving_ball, serving


@contextmanager
def opened(url: str, **options: Any) -> Iterator[tuple[LiveSource, list[Event]]]:
    """An open source and the events it sends."""
    given: dict[str, Any] = {"read_timeout_s": 1.0} | options
    source = LiveSource(url, LiveOptions(**given))
    events: list[Event] = []
    source.listen(events.append)
    source.open()
    try:
        yield source, events
    finally:
        source.close()


def read(source: LiveSource) -> SourceFrame:
    """Read a frame that has to come."""
    frame = source.read()
    assert frame is not None
    return frame


def read_until_epoch(source: LiveSource, epoch: int) -> SourceFrame:
    """Read on until the epoch is reached."""
    while (frame := read(source)).epoch < epoch:
        pass
    assert frame.epoch == epoch
    return frame


def kinds(events: list[Event]) -> list[str]:
    """Kinds of the events, repeated attempts once."""
    names = [event.kind for event in events]
    return [b for a, b in pairwise(["", *names]) if a != b]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_plays(transport: Any) -> None:
    """Frames of a stream come in BGR with rising times, in one epoch, without an event."""
    with serving() as server, opened(server.url(), transport=transport) as (source, events):
        frames = [read(source) for _ in range(10)]
        assert source.comes_from_video_file is False
        assert frames[0].image.shape == (120, 160, 3)
        assert frames[0].image.dtype == np.uint8
        times = [frame.media_time_s for frame in frames if frame.media_time_s is not None]
        assert len(times) >= 9
        assert times == sorted(set(times))
        assert {frame.epoch for frame in frames} == {0}
        assert events == []


def test_killed_server_comes_back_in_another_codec_and_size() -> None:
    """A killed server is a drop; what it sends afterwards is a new epoch, whatever its format."""
    with serving() as server, opened(server.url()) as (source, events):
        read(source)
        server.kill()
        server.start(moving_ball((320, 240), codec="jpeg"))
        frame = read_until_epoch(source, 1)
        assert frame.image.shape == (240, 320, 3)
        told = [kind for kind in kinds(events) if kind != "source.reconnect_failed"]
        assert told == ["source.lost", "source.reconnected", "source.size_changed"]
        assert events[0].fields["reason"] == "the stream ended"


def test_frozen_server_is_noticed_and_rejoined() -> None:
    """Silence is told apart from an end, and costs no more than the read time-out."""
    with serving() as server, opened(server.url()) as (source, events):
        read(source)
        server.freeze()
        source.listen(lambda event: _act(event, events, server.thaw))
        while read(source).epoch == 0:
            pass
        assert "nothing came for 1." in events[0].message


def test_interrupt_ends_a_silent_read() -> None:
    """A read that waits for a frozen server ends long before its time-out."""
    with serving() as server, opened(server.url(), read_timeout_s=60.0) as (source, _):
        server.freeze()
        wake = threading.Timer(0.2, source.interrupt)
        wake.start()
        while source.read() is not None:
            pass  # frames that were on their way
        wake.join()
        server.thaw()


def test_interrupt_ends_a_back_off() -> None:
    """A source that waits for its next attempt ends at once."""
    with serving() as server, opened(server.url()) as (source, events):
        server.kill()
        source.listen(
            lambda event: _act(event, events, source.interrupt, on="source.reconnect_failed")
        )
        while source.read() is not None:
            pass
        assert events[0].kind == "source.lost"


def _act(
    event: Event, events: list[Event], action: Callable[[], None], on: str = "source.lost"
) -> None:
    events.append(event)
    if event.kind == on:
        action()


def test_attempts_are_limited() -> None:
    """When no attempt is left the source says so once, and then is over."""
    with serving() as server, opened(server.url(), reconnect_attempts=2) as (source, events):
        server.kill()
        with pytest.raises(SourceError, match="2 attempts") as caught:
            list(iter(source.read, None))
        assert caught.value.code == "source_lost"
        assert source.read() is None
        assert sum(event.kind == "source.reconnect_failed" for event in events) == 2


def test_wrong_password_and_wrong_path() -> None:
    """Both are told apart, and neither message nor its causes show the password."""
    with serving(credentials=("bob", "s3cret")) as server:
        with pytest.raises(SourceError) as caught:
            LiveSource(server.url(credentials=("bob", "wr0ng"))).open()
        assert caught.value.code == "source_unauthorized"
        _assert_silent(caught.value, "wr0ng")
        with opened(server.url(credentials=("bob", "s3cret"))) as (source, _):
            assert read(source).image.shape == (120, 160, 3)
    with serving() as server, pytest.raises(SourceNotFoundError, match="no such stream"):
        LiveSource(server.url("/nope")).open()


def _assert_silent(error: BaseException | None, secret: str) -> None:
    while error is not None:
        assert secret not in repr(error)
        assert secret not in str(error)
        error = error.__cause__ or error.__context__


def test_nobody_listens() -> None:
    """A closed port, a host without an address and a host that never answers read differently."""
    with pytest.raises(SourceError, match="nothing listens") as caught:
        LiveSource(f"rtsp://u:hidden@127.0.0.1:{free_port()}/x").open()
    assert caught.value.code == "source_refused"
    _assert_silent(caught.value, "hidden")
    with pytest.raises(SourceNotFoundError, match="has no address"):
        LiveSource("rtsp://camera.invalid/x").open()


def test_silent_server_times_out() -> None:
    """A server that accepts and says nothing is given up after the time-out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(SourceTimeoutError, match="open_timeout_s"):
            LiveSource(url, LiveOptions(open_timeout_s=0.4)).open()


class _Web(http.server.BaseHTTPRequestHandler):
    """``/mjpeg`` streams five pictures and hangs up; ``/clip.mp4`` is a file; ``/text`` is none."""

    clip = b""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Be quiet."""

    def do_GET(self) -> None:
        if self.path.startswith("/mjpeg"):
            self._mjpeg()
            return
        body = self.clip if self.path == "/clip.mp4" else b"hello\n" * 40
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _mjpeg(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        picture = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        for _ in range(5):
            self.wfile.write(head.encode() + picture + b"\r\n")


@pytest.fixture
def web(make_clip: Callable[..., Path]) -> Iterator[str]:
    """Base URL of a web server with a clip of 12 frames."""
    handler = type("Web", (_Web,), {"clip": make_clip().read_bytes()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_mjpeg_is_live(web: str) -> None:
    """Motion JPEG over HTTP has no end: where it stops it is connected again."""
    with opened(f"{web}/mjpeg?token=abc") as (source, events):
        assert source.comes_from_video_file is False
        frame = read_until_epoch(source, 1)
        assert frame.image.shape == (48, 64, 3)
        assert kinds(events) == ["source.lost", "source.reconnected"]
        assert "abc" not in "".join(map(str, events))


def test_a_file_over_http_ends(web: str) -> None:
    """A container that announces its length is a file, wherever it comes from."""
    with opened(f"{web}/clip.mp4") as (source, events):
        assert source.comes_from_video_file is True
        assert len(list(iter(source.read, None))) == 12
        assert events == []


@pytest.mark.parametrize("finished", [True, False])
def test_hls_ends_where_its_list_says_so(tmp_path: Path, finished: bool) -> None:
    """A list with an end is a file; one without is live, and more of it is waited for."""
    _write_hls(tmp_path, finished=finished)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _quiet(tmp_path))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with opened(f"http://127.0.0.1:{server.server_port}/list.m3u8") as (source, _):
            assert source.comes_from_video_file is finished
            if finished:
                assert len(list(iter(source.read, None))) == 50
            else:
                assert [read(source).epoch for _ in range(20)] == [0] * 20
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _quiet(folder: Path) -> Any:
    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Be quiet."""

    return Files


def _write_hls(folder: Path, *, finished: bool) -> None:
    path = folder / "list.m3u8"
    with av.open(str(path), "w", format="hls", options={"hls_time": "1"}) as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 25
        for number in range(50):
            image = np.full((48, 64, 3), 4 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(image, "bgr24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    if not finished:
        path.write_text(path.read_text().replace("#EXT-X-ENDLIST", ""))


def test_a_page_is_no_video(web: str) -> None:
    """Whoever names a web page is told that it is no video."""
    with pytest.raises(SourceFormatError, match="nothing that can be decoded"):
        LiveSource(f"{web}/text").open()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://h/x", "allowed are http, https"),
        ("file:///etc/passwd", "found scheme 'file'"),
        ("rtsp:///x", "names no host"),
        ("rtsp://h:port/x", "check its host and port"),
    ],
)
def test_urls_that_cannot_be_read(url: str, message: str) -> None:
    """A URL that makes no sense is refused before anything is opened."""
    with pytest.raises(SourceError, match=message):
        LiveSource(url)


def test_names_come_without_credentials() -> None:
    """Label, name and representation of a source show host and path alone."""
    source = LiveSource("rtsp://user:hidden@10.0.0.7:554/gate?key=hidden")
    assert source.label == "rtsp://10.0.0.7:554/gate"
    assert "hidden" not in repr(source._address)


def test_references_resolve() -> None:
    """Numbers and device paths are cameras, URLs are streams."""
    found = resolve_sources([0, "/dev/video3", "rtsp://10.0.0.7/gate"])
    assert [type(source) for source in found] == [CameraSource, CameraSource, LiveSource]
    assert [source.name for source in found[:2]] == ["camera-0", "camera-video3"]


def test_a_missing_camera_is_said() -> None:
    """A camera that is not there is an error that names the device."""
    with pytest.raises(SourceNotFoundError, match=r"/dev/video97.*no such device"):
        CameraSource(97, size_wh=(640, 480), fps=30, pixel_format="mjpeg").open()
    with pytest.raises(SourceError, match="fps must be positive"):
        CameraSource(0, fps=0)
