"""Datagrams, received by a real socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import supervision as sv

from tests.sinks.frames import make_detections, make_frame
from trackwire.sinks import UDPSink
from trackwire.specs import SinkError


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A socket on loopback that takes datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 0))
        taker.settimeout(10)
        yield taker


def take(receiver: socket.socket) -> Any:
    """Take one datagram."""
    return json.loads(receiver.recv(65_536))


def masked(size: int = 400) -> Any:
    """One detection with a mask that is long when it is written."""
    mask = np.random.default_rng(1).random((1, size, size)) > 0.5
    return sv.Detections(xyxy=np.array([[0, 0, size, size]], np.float32), mask=mask)


def test_each_frame_is_one_datagram(receiver: socket.socket) -> None:
    """What arrives is the line that JSON Lines would hold; of a live source with its time."""
    sink = UDPSink("localhost", receiver.getsockname()[1])
    frames = [make_frame(4, "a", live=True), None, make_frame(5, "b")]
    sink([{"dets": make_detections(frames[0], 1)}, None, {"n": 2}], frames)  # type: ignore[arg-type]
    first, second = take(receiver), take(receiver)
    sink.close()
    assert first["schema"] == "trackwire.predictions/1"
    assert (first["video_identifier"], first["frame_number"]) == ("a", 4)
    assert first["frame_timestamp"] == "2030-01-02T03:04:05.160+00:00"
    assert first["outputs"]["dets"]["predictions"][0]["tracker_id"] == 7
    assert (second["video_identifier"], second["outputs"]) == ("b", {"n": 2})
    assert "frame_timestamp" not in second
    assert (sink.sent, sink.reduced, sink.dropped) == (2, {}, {})


def test_a_line_too_long_loses_its_masks_and_then_its_outputs(receiver: socket.socket) -> None:
    """No datagram is longer than allowed, and each says what it lacks."""
    sink = UDPSink("127.0.0.1", receiver.getsockname()[1], max_bytes=1400)
    sink({"dets": masked(), "n": 1}, make_frame(0))
    sink({"text": "x" * 2000}, make_frame(1))
    first, second = take(receiver), take(receiver)
    sink.close()
    assert first["reduced"] == "masks"
    assert first["outputs"]["n"] == 1
    assert "rle" not in first["outputs"]["dets"]["predictions"][0]
    assert (second["reduced"], second["outputs"], second["frame_number"]) == ("outputs", None, 1)
    assert sink.reduced == {"masks": 1, "outputs": 1}
    strict = UDPSink("127.0.0.1", receiver.getsockname()[1], max_bytes=1400, too_large="drop")
    strict({"text": "x" * 2000}, make_frame())
    strict.close()
    assert (strict.sent, strict.dropped) == (0, {"too_large": 1})


def test_nobody_listening_and_a_full_queue_never_wait() -> None:
    """Frames go on being taken, whatever becomes of them, and each is counted once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 0))
        port = taker.getsockname()[1]
    sink = UDPSink("127.0.0.1", port)
    for number in range(500):
        sink({"text": "x" * 30_000}, make_frame(number))
    sink.close()
    assert sink.sent + sum(sink.dropped.values()) == 500


def test_a_network_that_is_away_is_counted() -> None:
    """An address that cannot be reached ends no run."""
    sink = UDPSink("255.255.255.255", 9)  # broadcasting is not permitted, so that sending fails
    sink({}, make_frame())
    sink.close()
    assert sink.dropped == {"unreachable": 1}
    with pytest.raises(SinkError, match="closed"):
        sink({}, make_frame())


def test_wrong_options_are_refused() -> None:
    """Values that cannot work, and names that nobody knows."""
    with pytest.raises(ValueError, match="1 to 65535"):
        UDPSink("127.0.0.1", 0)
    with pytest.raises(ValueError, match="512 to 65507"):
        UDPSink("127.0.0.1", 9, max_bytes=100)
    with pytest.raises(ValueError, match="'reduce' or 'drop'"):
        UDPSink("127.0.0.1", 9, too_large="split")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(SinkError, match=r"nowhere\.invalid:9"):
        UDPSink("nowhere.invalid", 9)
