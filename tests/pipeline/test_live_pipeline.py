"""The pipeline over live sources: it goes on, keeps them apart, and grows no older than it must."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire import Frame, InferencePipeline, SourceError
from trackwire.pipeline import LiveOptions
from trackwire.specs import Event, SourceNotFoundError

from .rtsp import free_port, moving_ball, serving

DEADLINE_S = 60
LIVE = LiveOptions(read_timeout_s=1.0)


class Until:
    """A sink and listener that ends the run when it has seen enough."""

    def __init__(self, enough: Callable[[Until], bool]) -> None:
        self.frames: list[Frame] = []
        self.events: list[Event] = []
        self.reached = threading.Event()
        self._enough = enough

    def __call__(self, predictions: Any, frame: Any) -> None:
        self.frames += [one for one in (frame if isinstance(frame, list) else [frame]) if one]
        if self._enough(self):
            self.reached.set()

    def listen(self, event: Event) -> None:
        self.events.append(event)

    def by_stream(self) -> dict[str, list[Frame]]:
        """Frames of each stream, in the order they came."""
        streams = defaultdict(list)
        for frame in list(self.frames):
            streams[frame.video.video_identifier].append(frame)
        return streams


def run_until(reference: Any, watcher: Until, logic: Any = None, **options: Any) -> Any:
    """Run until the watcher has seen enough; gives the pipeline, finished."""
    pipeline = InferencePipeline.init_with_custom_logic(
        reference,
        logic or (lambda frames: [{} for _ in frames]),
        watcher,
        status_update_handlers=[watcher.listen],
        live=LIVE,
        **options,
    )
    pipeline.start(use_main_thread=False)
    try:
        assert watcher.reached.wait(DEADLINE_S)
    finally:
        pipeline.terminate()
        pipeline.join(DEADLINE_S)
    return pipeline


def test_a_killed_server_does_not_end_the_run() -> None:
    """The run outlives its camera: the event says why, the epoch tells the tracker."""
    watcher = Until(lambda seen: seen.frames[-1].video.epoch == 1)
    with serving() as server:

        def listen(event: Event) -> None:
            watcher.events.append(event)
            if event.kind == "source.lost":
                server.start(moving_ball((320, 240), codec="jpeg"))

        watcher.listen = listen  # type: ignore[method-assign]
        begun = threading.Event()

        def logic(frames: list[Frame]) -> list[Any]:
            if not begun.is_set():
                begun.set()
                server.kill()
            return [{} for _ in frames]

        pipeline = run_until(server.url(), watcher, logic)
    status = pipeline.status().sources[0]
    assert status.reconnects == 1
    assert status.state == "stopped"
    numbers = [frame.video.frame_number for frame in watcher.frames]
    assert numbers == sorted(set(numbers))
    assert watcher.frames[-1].size_wh == (320, 240)


def test_a_slow_workflow_gets_fresh_frames() -> None:
    """With 25 frames a second in and 5 out, frames are dropped and counted, and none grows old."""
    pause = threading.Event()

    def slow(frames: list[Frame]) -> list[Any]:
        pause.wait(0.2)
        return [{} for _ in frames]

    watcher = Until(lambda seen: len(seen.frames) == 15)
    with serving() as server:
        pipeline = run_until(server.url(), watcher, slow)
    source, sink = pipeline.status().sources[0], pipeline.status().sinks[0]
    assert source.drops["overflow"] >= 30
    assert source.decoded == source.processed + sum(source.drops.values()) + source.buffered
    assert source.fps_in == pytest.approx(25, rel=0.5)
    assert sink.age_p50_ms is not None
    # Two frame times and the step make 280 ms; a queue of eight would make 520 ms.
    assert sink.age_p50_ms < 400


def test_eight_sources_stay_apart(make_clip: Callable[..., Path]) -> None:
    """Files and cameras at once, one of them failing: order is kept, and nothing is mixed up."""
    sizes = [(64 + 16 * n, 48) for n in range(8)]
    with ExitStack() as stack:
        cameras = [stack.enter_context(serving(moving_ball(size))) for size in sizes[:3]]
        clips = [make_clip(f"clip{n}.mp4", size_wh=sizes[n], frames=30) for n in range(3, 8)]
        references = [camera.url("/cam") for camera in cameras] + clips
        names = [f"s{n}" for n in range(8)]
        doomed = threading.Event()

        def logic(frames: list[Frame]) -> list[Any]:
            if not doomed.is_set():
                doomed.set()
                cameras[1].kill()
            return [{"size": frame.size_wh} for frame in frames]

        def enough(seen: Until) -> bool:
            streams = seen.by_stream()
            done = all(len(streams[name]) == 30 for name in names[3:])
            return done and min(len(streams[name]) for name in ("s0", "s2")) >= 20

        watcher = Until(enough)
        run_until(references, watcher, logic, video_identifiers=names)
    for number, name in enumerate(names):
        frames = watcher.by_stream()[name]
        assert {frame.size_wh for frame in frames} <= {sizes[number]}
        assert {frame.source_id for frame in frames} <= {number}
        assert all(a.video.frame_number < b.video.frame_number for a, b in pairwise(frames))
    lost = [event.stream for event in watcher.events if event.kind == "source.lost"]
    assert "s1" in lost


def test_sources_come_and_go(make_clip: Callable[..., Path]) -> None:
    """A source can join and leave; the others go on, and a bad one leaves the run alone."""
    with serving() as first, serving(moving_ball((320, 240))) as second:
        watcher = Until(lambda seen: len(seen.by_stream()["late"]) >= 3)
        pipeline = InferencePipeline.init_with_custom_logic(
            first.url(),
            lambda frames: [{} for _ in frames],
            watcher,
            status_update_handlers=[watcher.listen],
            live=LIVE,
            keep_running=True,
        )
        pipeline.start(use_main_thread=False)
        with pytest.raises(SourceError, match="nothing listens"):
            pipeline.add_source(f"rtsp://127.0.0.1:{free_port()}/x")
        with pytest.raises(SourceNotFoundError):
            pipeline.add_source("missing.mp4")
        added = pipeline.add_source(second.url(), video_identifier="late")
        assert watcher.reached.wait(DEADLINE_S)
        pipeline.remove_source(added)
        clip = pipeline.add_source(make_clip(frames=5))
        pipeline.remove_source(0)
        while pipeline.status().sources[clip].state != "ended":
            assert pipeline.status().state == "running"
            threading.Event().wait(0.01)
        assert pipeline.status().state == "running"
        pipeline.terminate()
        pipeline.join(DEADLINE_S)
    states = [source.state for source in pipeline.status().sources]
    assert states[0] == "removed"
    assert states[added] == "removed"
    assert {frame.size_wh for frame in watcher.by_stream()["late"]} == {(320, 240)}


def test_terminate_ends_a_first_connect() -> None:
    """A run that still waits for its camera can be stopped at once."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        # Two that nobody accepts fill the queue: the third is kept waiting by the kernel.
        fill = [socket.socket() for _ in range(2)]
        for one in fill:
            one.settimeout(0)
            one.connect_ex(silent.getsockname())
        pipeline = InferencePipeline.init_with_custom_logic(
            f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x",
            lambda frames: [{} for _ in frames],
            live=LiveOptions(open_timeout_s=DEADLINE_S),
        )
        threading.Timer(0.2, pipeline.terminate).start()
        with pytest.raises(SourceError, match="interrupted"):
            pipeline.start()
        for one in fill:
            one.close()


def test_no_credential_is_in_any_output(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """User and password of a URL reach no log, event, status or error, whatever goes wrong."""
    caplog.set_level(0)
    secret = ("visitor", "hunter2xyz")
    watcher = Until(lambda seen: seen.frames[-1].video.epoch == 1)
    with serving(credentials=secret) as server:

        def logic(frames: list[Frame]) -> list[Any]:
            if frames[0].video.frame_number == 0:
                server.kill()
                threading.Timer(0.5, server.start).start()
            return [{} for _ in frames]

        pipeline = run_until(server.url(credentials=secret), watcher, logic)
        with pytest.raises(SourceError) as caught:
            run_until(server.url(credentials=("visitor", "wr0ngwr0ng")), watcher)
    told = [repr(event) + str(event.fields) + repr(event.error) for event in watcher.events]
    output = "".join([*told, repr(pipeline.status()), caplog.text, *capfd.readouterr()])
    output += repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert "127.0.0.1" in output
    for word in (*secret, "wr0ngwr0ng"):
        assert word not in output


def test_a_stride_reads_every_frame_and_processes_few(make_clip: Callable[..., Path]) -> None:
    """Fewer frames per second of video are asked for: the same ones in each run, numbers kept."""
    clip = make_clip(frames=50, fps=25)
    runs = []
    for _ in range(2):
        watcher = Until(lambda _: False)
        pipeline = InferencePipeline.init_with_custom_logic(
            clip, lambda frames: [{} for _ in frames], watcher, desired_fps=5
        )
        pipeline.start()
        runs.append([frame.video.frame_number for frame in watcher.frames])
        assert pipeline.status().sources[0].drops == {"stride": 40}
    assert runs[0] == runs[1] == list(range(0, 50, 5))


def test_a_limit_holds_a_file_back(make_clip: Callable[..., Path]) -> None:
    """A file is not processed faster than asked for, and loses nothing."""
    watcher = Until(lambda _: False)
    pipeline = InferencePipeline.init_with_custom_logic(
        make_clip(frames=12), lambda frames: [{} for _ in frames], watcher, max_fps=40
    )
    pipeline.start()
    received = np.array([frame.video.received_s for frame in watcher.frames])
    assert len(received) == 12
    assert pipeline.status().elapsed_s > 9 / 40
