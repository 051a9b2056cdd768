"""Live runs for long: a hundred reconnects leave nothing behind, and ids outlive a gap."""

from __future__ import annotations

import gc
import threading
from typing import Any

import psutil
import pytest

from trackwire import Frame, InferencePipeline
from trackwire.pipeline import LiveOptions, LiveSource
from trackwire.pipeline.sources import Backoff
from trackwire.specs import Event

from .rtsp import moving_ball, serving

DEADLINE_S = 1500


@pytest.mark.soak
@pytest.mark.timeout(DEADLINE_S)
def test_a_hundred_reconnects_leave_nothing() -> None:
    """Files, threads and memory after a hundred reconnects are those after ten."""
    process = psutil.Process()
    held: dict[int, tuple[int, int, int]] = {}
    done = threading.Event()
    with serving() as server:

        def listen(event: Event) -> None:
            if event.kind == "source.lost":
                server.start()

        def logic(frames: list[Frame]) -> list[Any]:
            epoch = frames[0].video.epoch
            if epoch not in held:
                gc.collect()
                held[epoch] = (
                    process.num_fds(),
                    process.num_threads(),
                    process.memory_info().rss,
                )
                if epoch < 100:
                    server.kill()
                else:
                    done.set()
            return [{} for _ in frames]

        pipeline = InferencePipeline.init_with_custom_logic(
            LiveSource(
                server.url(),
                LiveOptions(read_timeout_s=5.0),
                backoff=Backoff(first_s=0.05, steady_s=0.0),
            ),
            logic,
            status_update_handlers=[listen],
        )
        pipeline.start(use_main_thread=False)
        assert done.wait(DEADLINE_S)
        pipeline.terminate()
        pipeline.join(60)
    files, threads, memory = held[100]
    assert files <= held[10][0] + 2
    assert threads <= held[10][1] + 2
    assert memory - held[10][2] < 8 * 2**20, f"{memory - held[10][2]} bytes in 90 reconnects"
    assert pipeline.status().sources[0].reconnects == 100


def _document(on_gap: str) -> dict[str, Any]:
    motion = {
        "type": "trackwire/motion_detection@v1",
        "name": "motion",
        "images": "$inputs.image",
    }
    tracker = {
        "type": "trackwire/video_tracker@v1",
        "name": "tracker",
        "images": "$inputs.image",
        "boxes": "$steps.motion.predictions",
        "model_id": "lite@192",
        "prompt_mode": "every_n_frames",
        "prompt_interval": 5,
        "on_gap": on_gap,
    }
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [motion, tracker],
        "outputs": [
            {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"}
        ],
    }


@pytest.mark.parametrize("on_gap", ["associate", "reset"])
def test_ids_follow_on_gap(on_gap: str) -> None:
    """After a lost connection ids are kept or begin anew, as the tracker was told; never both."""
    ids: dict[int, set[int]] = {0: set(), 1: set()}
    killed, done = threading.Event(), threading.Event()
    with serving(moving_ball((320, 240))) as server:

        def listen(event: Event) -> None:
            if event.kind == "source.lost":
                server.start(moving_ball((320, 240)))

        def sink(predictions: Any, frame: Frame) -> None:
            seen = ids.setdefault(frame.video.epoch, set())
            seen.update(map(int, predictions["tracks"].tracker_id))
            if ids[0] and frame.video.epoch == 0 and not killed.is_set():
                killed.set()
                server.kill()
            if ids[1]:
                done.set()

        pipeline = InferencePipeline.init_with_workflow(
            server.url(),
            _document(on_gap),
            sink,
            status_update_handlers=[listen],
            live=LiveOptions(read_timeout_s=2.0),
        )
        pipeline.start(use_main_thread=False)
        assert done.wait(60)
        pipeline.terminate()
        pipeline.join(60)
    if on_gap == "reset":
        assert not ids[0] & ids[1]
    else:
        assert ids[0] & ids[1]
