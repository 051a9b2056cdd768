"""The tracker behind the engine and the pipeline: sessions, requests and events on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame
from trackwire.pipeline import Engine, InferencePipeline
from trackwire.pipeline.run import PipelineStateError
from trackwire.sinks import JsonLinesSink
from trackwire.specs import Resources, SessionError, compile_workflow

DEADLINE_S = 60


def document(**options: Any) -> dict[str, Any]:
    """A tracker whose boxes come with the frames."""
    return {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {
                "type": "WorkflowBatchInput",
                "name": "boxes",
                "kind": ["object_detection_prediction"],
            },
        ],
        "steps": [
            {
                "type": "trackwire/video_tracker@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$inputs.boxes",
                **options,
            }
        ],
        "outputs": [
            {"type": "JsonField", "name": name, "selector": f"$steps.tracker.{name}"}
            for name in ("predictions", "events")
        ],
    }


def pictures(helper: Any, streams: list[str], number: int, size_wh: tuple[int, int]) -> Any:
    """A noisy picture with a bright square for each stream."""
    noise = np.random.default_rng(number)
    frames = []
    for stream in streams:
        image = noise.integers(0, 60, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
        image[12:36, 20:44] += 180
        frames.append(Frame(image, helper.frame(number, stream=stream, size_wh=size_wh).video))
    return frames


def run_streams(engine: Engine, helper: Any, count: int, size_wh: tuple[int, int]) -> int:
    """Run ``count`` streams of two frames each, ten at a time; return the most bytes held."""
    most = 0
    for first in range(0, count, 10):
        streams = [f"s{number}" for number in range(first, first + 10)]
        for number in range(2):
            frames = pictures(helper, streams, number, size_wh)
            boxes = [helper.boxes([(20, 12, 44, 36)])] * 10
            results = engine.tick(frames, {"boxes": boxes})
            assert all(each.outputs["predictions"].tracker_id.tolist() == [1] for each in results)
            status = engine.tracker().status()
            assert [each.stream for each in status.sessions] == streams
            most = max(most, status.nbytes)
        for stream in streams:
            engine.end_stream(stream)
        status = engine.tracker().status()
        assert (status.sessions, status.tracks, status.nbytes) == ((), 0, 0)
    return most


@pytest.mark.parametrize(("model_id", "count"), [("scripted", 1000), ("lite@192", 40)])
def test_streams_that_end_leave_nothing_behind(rig: Any, model_id: str, count: int) -> None:
    """A thousand video identifiers, ten at a time: sessions and bytes return to zero."""
    helper = rig(lambda _stream, _number: {"square1": (20, 12, 44, 36)})
    loader = None if model_id != "scripted" else (lambda _id: helper.model)
    with Engine(
        compile_workflow(document(model_id="lite" if loader else model_id)),
        Resources(model_loader=loader),
    ) as engine:
        most = run_streams(engine, helper, count, (64, 48))
        status = engine.tracker().status()
    assert most == status.peak_nbytes > 0
    assert (status.peak_sessions, status.sessions_ended) == (10, count)
    assert (status.tally.born, status.tally.ended) == (count, count)
    assert helper.model.open_states == []


def test_streams_that_never_end_give_way_when_silent(rig: Any) -> None:
    """Nobody says that they ended: a time-out frees them, and their bytes."""
    helper = rig(rig.still)
    resources = Resources(model_loader=lambda _id: helper.model, clock=lambda: helper.now_s)
    with Engine(compile_workflow(document(session_timeout_s=30)), resources) as engine:
        for number in range(100):
            helper.now_s = number
            frame = helper.frame(0, stream=f"visitor-{number}")
            engine.tick([frame], {"boxes": [helper.truth(frame)]})
            assert len(engine.tracker().status().sessions) == min(number + 1, 30)
        assert engine.tracker().status().sessions_evicted == 70


def test_a_workflow_says_which_trackers_it_has(rig: Any) -> None:
    """The only one needs no name; a wrong name is answered with the right ones."""
    helper = rig(rig.still)
    two = document()
    two["steps"].append({**two["steps"][0], "name": "second"})
    resources = Resources(model_loader=lambda _id: helper.model)
    with Engine(compile_workflow(document()), resources) as one:
        assert one.tracker() is one.tracker("tracker") is one.trackers["tracker"]
        with pytest.raises(SessionError, match=r"there is no detector; .* are: 'tracker'"):
            one.tracker("detector")
    with Engine(compile_workflow(two), resources) as both:
        assert both.tracker("second") is not both.tracker("tracker")
        with pytest.raises(SessionError, match=r"one must be named; .*: 'tracker', 'second'"):
            both.tracker()


def test_events_are_on_the_wire_and_add_up(rig: Any) -> None:
    """Each frame lists what happened to tracks on it; over a stream that is all there was."""
    helper = rig(rig.crossing)
    resources = Resources(outbox=helper.take, model_loader=lambda _id: helper.model)
    told: list[Mapping[str, Any]] = []
    with Engine(compile_workflow(document(prompt_mode="every_frame")), resources) as engine:
        for number in range(25):
            frame = helper.frame(number)
            (result,) = engine.tick([frame], {"boxes": [helper.truth(frame)]})
            assert all(each["frame_number"] == number for each in result.outputs["events"])
            told += result.outputs["events"]
    assert [(e["event"], e["tracker_id"], e["reason"], e["frame_number"]) for e in told] == [
        ("started", 1, "detected", 0),
        ("started", 2, "detected", 0),
        ("lost", 2, "not_seen", 10),
        ("found", 2, "matched", 15),
        ("started", 3, "detected", 20),
    ]
    sent = [event.fields for event in helper.track_events]
    assert sent[:5] == told
    assert [(each["tracker_id"], each["reason"]) for each in sent[5:]] == [
        (1, "stream_ended"),
        (2, "stream_ended"),
        (3, "stream_ended"),
    ]


@pytest.fixture
def boxes_file(tmp_path: Path) -> Path:
    """One box on the first frame of any stream, as text."""
    path = tmp_path / "boxes.txt"
    path.write_text("1,-1,20,12,24,24,0.9,1\n")
    return path


def test_a_sink_steers_the_tracker_of_a_pipeline(
    rig: Any, boxes_file: Path, tmp_path: Path
) -> None:
    """What a sink asks for on one frame shows on a later one; the status counts the track."""
    helper = rig(rig.still)
    asked: list[Future[int]] = []
    seen: list[set[int]] = []
    replayed = document()
    replayed["inputs"].pop()
    replayed["steps"][0]["boxes"] = "$steps.replay.predictions"
    replayed["steps"].insert(
        0,
        {
            "type": "trackwire/replayed_detections@v1",
            "name": "replay",
            "images": "$inputs.image",
            "path": str(boxes_file),
        },
    )

    def steer(predictions: Mapping[str, Any], _frame: Frame) -> None:
        seen.append(set(predictions["predictions"].tracker_id.tolist()))
        if not asked:
            stream = pipeline.video_identifiers[0]
            asked.append(pipeline.tracker().prompt(stream, box=rig.RIGHT))
        elif asked[0].done():
            pipeline.terminate()

    pipeline = InferencePipeline.init_with_workflow(
        "synthetic:crossing?frames=5000&size=160x120",
        replayed,
        [steer, JsonLinesSink(tmp_path / "out.jsonl")],
        resources=Resources(model_loader=lambda _id: helper.model),
    )
    with pytest.raises(PipelineStateError, match="is created"):
        pipeline.tracker()
    pipeline.start(use_main_thread=False)
    pipeline.join(DEADLINE_S)
    assert asked[0].result(0) == 2
    assert seen[-1] == {1, 2}
    (status,) = pipeline.status().trackers
    assert (status.step, status.sessions, status.nbytes) == ("tracker", (), 0)
    assert (status.peak_nbytes, status.tally.born) == (2000, 2)
    assert '"event":"started","tracker_id":2' in (tmp_path / "out.jsonl").read_text()
