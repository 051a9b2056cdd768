"""The pipeline as a whole: order, policies, and a clean end in every state."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from trackwire import BlockError, Frame, InferencePipeline, SourceError
from trackwire.pipeline.run import PipelineStateError
from trackwire.sinks import JsonLinesSink, VideoFileSink
from trackwire.specs import Event, SinkError

DEADLINE_S = 30


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Whatever a test does to a pipeline, no thread of it is left."""
    before = set(threading.enumerate())
    yield
    assert {t for t in threading.enumerate() if t not in before and t.is_alive()} == set()


def number_of(frames: list[Frame]) -> Any:
    """Custom logic that answers with the frame number."""
    return [{"number": frame.video.frame_number} for frame in frames]


def fail_on(*bad: int) -> Any:
    """Custom logic that raises on some frames."""

    def logic(frames: list[Frame]) -> Any:
        if any(frame.video.frame_number in bad for frame in frames):
            raise RuntimeError("no idea")
        return number_of(frames)

    return logic


class Collector:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any]] = []
        self.closed = 0

    def __call__(self, predictions: dict[str, Any], frame: Frame) -> None:
        self.calls.append((predictions, frame))

    def close(self) -> None:
        self.closed += 1

    @property
    def numbers(self) -> Any:
        return [frame.video.frame_number for _, frame in self.calls]


def pipeline_over(reference: Any, sink: Any, logic: Any = number_of, **options: Any) -> Any:
    """Make a pipeline with custom logic."""
    return InferencePipeline.init_with_custom_logic(reference, logic, sink, **options)


@pytest.mark.parametrize("main", [True, False])
def test_every_frame_comes_once_in_order(make_clip: Callable[..., Path], main: bool) -> None:
    """A file's frames reach the sink once each, in order, with the documented names."""
    sink = Collector()
    pipeline = pipeline_over(make_clip(frames=40, fps=Fraction(30000, 1001)), sink)
    pipeline.start(use_main_thread=main)
    pipeline.join(DEADLINE_S)
    assert sink.numbers == list(range(40))
    assert sink.closed == 1
    predictions, frame = sink.calls[7]
    assert predictions == {"number": 7}
    assert (frame.frame_id, frame.source_id, frame.fps) == (8, 0, 30000 / 1001)
    assert frame.frame_timestamp.tzinfo is not None
    assert not frame.image.flags.writeable
    status = pipeline.status()
    assert (status.state, status.processed, status.error) == ("finished", 40, None)
    assert status.sources[0].state == "ended"


def test_sources_of_different_length_come_as_lists(make_clip: Callable[..., Path]) -> None:
    """Several sources give lists with None where one has ended; names are unique."""
    sink = Collector()
    clips = [make_clip("a/x.mp4".replace("/", "-"), frames=5), make_clip("y.mp4", frames=9)]
    pipeline = pipeline_over([clips[0], clips[1], clips[1]], sink)
    pipeline.start()
    pipeline.join()
    assert pipeline.video_identifiers == ("a-x", "y", "y-2")
    assert len(sink.calls) == 9
    assert all(frames[0] is None for _, frames in sink.calls[5:])
    assert all(predictions[0] is None for predictions, _ in sink.calls[5:])
    assert [frames[2].video.frame_number for _, frames in sink.calls] == list(range(9))


def test_step_failure_stops_with_all_that_was_before(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """Under stop, frames before the failure are written, files close, and join() raises it."""
    events: list[Event] = []
    sinks = [JsonLinesSink(tmp_path / "out"), VideoFileSink(tmp_path / "out")]
    pipeline = pipeline_over(
        make_clip(frames=80), sinks, fail_on(50), status_update_handlers=[events.append]
    )
    pipeline.start()
    for _ in range(2):
        with pytest.raises(BlockError, match="frame 50"):
            pipeline.join()
    lines = (tmp_path / "out/clip/predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame_number"] for line in lines] == list(range(50))
    assert [event.kind for event in events if event.severity == "error"] == [
        "step.failed",
        "pipeline.failed",
    ]


def test_step_failure_under_skip_costs_its_frame(make_clip: Callable[..., Path]) -> None:
    """Under skip the sink is not called for the failed frame, and it is counted."""
    sink = Collector()
    events: list[Event] = []
    pipeline = pipeline_over(
        make_clip(frames=80),
        sink,
        fail_on(50, 60),
        on_step_error="skip",
        status_update_handlers=[events.append],
    )
    pipeline.start()
    pipeline.join()
    assert sink.numbers == [n for n in range(80) if n not in {50, 60}]
    assert pipeline.status().sources[0].failed == 2
    assert [e.frame_number for e in events if e.kind == "step.failed"] == [50, 60]


def test_custom_logic_must_return_one_result_per_frame(make_clip: Callable[..., Path]) -> None:
    """A result list of the wrong length is an error, not a shift of results."""
    pipeline = pipeline_over(make_clip(), Collector(), lambda _frames: [])
    pipeline.start()
    with pytest.raises(BlockError, match="one result per frame") as told:
        pipeline.join()
    assert told.value.code == "outcome_count"


def test_custom_logic_that_raises_is_named(make_clip: Callable[..., Path]) -> None:
    """The error says which frame, keeps the cause, and has the code of a step that raised."""

    def fails(_frames: list[Frame]) -> list[Any]:
        raise LookupError("nothing here")

    pipeline = pipeline_over(make_clip(), Collector(), fails)
    pipeline.start()
    with pytest.raises(BlockError, match="on_video_frame failed on frame 0") as told:
        pipeline.join()
    assert told.value.code == "step_raised"
    assert isinstance(told.value.__cause__, LookupError)


def test_sink_error_stops_or_is_skipped(make_clip: Callable[..., Path]) -> None:
    """One sink that raises ends the run under stop; under skip the others get everything."""

    def broken(predictions: dict[str, Any], frame: Frame) -> None:
        if frame.video.frame_number == 3:
            raise OSError("disk full")

    for policy, main in [("stop", True), ("stop", False), ("skip", True), ("skip", False)]:
        other = Collector()
        pipeline = pipeline_over(make_clip(frames=30), [broken, other], on_sink_error=policy)
        pipeline.start(use_main_thread=main)
        if policy == "stop":
            with pytest.raises(OSError, match="disk full"):
                pipeline.join(DEADLINE_S)
        else:
            pipeline.join(DEADLINE_S)
            assert other.numbers == list(range(30))
        assert pipeline.status().sinks[0].failed == 1
        assert other.closed == 1


def test_source_that_cannot_be_opened_fails_the_start(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """start() raises under stop; under skip the other sources run."""
    (tmp_path / "empty.mp4").touch()
    references = [make_clip(frames=4), tmp_path / "empty.mp4"]
    sink = Collector()
    pipeline = pipeline_over(references, sink)
    with pytest.raises(SourceError, match="0 bytes"):
        pipeline.start()
    with pytest.raises(SourceError, match="0 bytes"):
        pipeline.join()
    assert sink.closed == 1
    sink = Collector()
    pipeline = pipeline_over(references, sink, on_source_error="skip")
    pipeline.start()
    pipeline.join()
    assert len(sink.calls) == 4
    assert [source.state for source in pipeline.status().sources] == ["ended", "failed"]


def test_bad_image_stops_or_is_skipped(tmp_path: Path) -> None:
    """A source error ends the run after what was read before it, or costs its frame."""
    import cv2
    import numpy as np

    for number in range(20):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "12.png").write_bytes(b"broken")
    for policy, expected in [("stop", 12), ("skip", 19)]:
        sink = Collector()
        pipeline = pipeline_over(tmp_path, sink, on_source_error=policy)
        pipeline.start()
        if policy == "stop":
            with pytest.raises(SourceError, match=r"12\.png"):
                pipeline.join()
        else:
            pipeline.join()
        assert len(sink.calls) == expected


def test_terminate_in_every_state(make_clip: Callable[..., Path]) -> None:
    """terminate() before, during and after a run, also from a sink, ends it cleanly."""
    clip = make_clip(frames=60)
    never_started = pipeline_over(clip, Collector())
    never_started.terminate()
    never_started.join()
    assert never_started.status().state == "finished"
    with pytest.raises(PipelineStateError, match="cannot be started"):
        never_started.start()
    for main in (True, False):
        sink = Collector()
        made: list[InferencePipeline] = []

        def stop(
            _predictions: dict[str, Any], frame: Frame, made: list[InferencePipeline] = made
        ) -> None:
            if frame.frame_id == 5:
                made[0].terminate()

        running = pipeline_over(clip, [sink, stop])
        made.append(running)
        running.start(use_main_thread=main)
        running.join(DEADLINE_S)
        running.terminate()
        running.join()
        source = running.status().sources[0]
        assert source.decoded == source.processed + sum(source.drops.values())
        assert sink.numbers == list(range(source.processed))
        assert sink.closed == 1
        with pytest.raises(PipelineStateError, match="runs once"):
            running.start()


def test_terminate_releases_a_paused_pipeline(make_clip: Callable[..., Path]) -> None:
    """A paused source holds nothing up for ever: terminate ends it, resume lets it go on."""
    sink = Collector()
    pipeline = pipeline_over(make_clip(frames=30), sink)
    pipeline.pause_stream(0)
    pipeline.start(use_main_thread=False)
    with pytest.raises(TimeoutError):
        pipeline.join(0.05)
    assert pipeline.status().sources[0].state == "paused"
    assert sink.calls == []
    pipeline.terminate()
    pipeline.join(DEADLINE_S)
    pipeline = pipeline_over(make_clip(frames=30), sink)
    pipeline.pause_stream(0)
    pipeline.start(use_main_thread=False)
    pipeline.resume_stream(0)
    pipeline.join(DEADLINE_S)
    assert sink.numbers == list(range(30))


def test_muted_frames_are_counted(make_clip: Callable[..., Path]) -> None:
    """A muted source runs on, and each frame thrown away is counted."""
    sink = Collector()
    pipeline = pipeline_over(make_clip(frames=30), sink)
    pipeline.mute_stream(0)
    pipeline.start()
    pipeline.join()
    assert sink.calls == []
    assert pipeline.status().sources[0].drops == {"muted": 30}
    with pytest.raises(ValueError, match="there is no source 1"):
        pipeline.mute_stream(1)


def test_slow_sink_holds_the_source_back(make_clip: Callable[..., Path]) -> None:
    """A file waits for a slow sink: queues stay bounded and nothing is dropped."""
    release, seen = threading.Event(), []

    def slow(predictions: dict[str, Any], frame: Frame) -> None:
        assert release.wait(DEADLINE_S)
        seen.append(frame.video.frame_number)

    pipeline = pipeline_over(make_clip(frames=120), slow)
    pipeline.start(use_main_thread=False)
    with pytest.raises(TimeoutError):
        pipeline.join(0.2)
    status = pipeline.status()
    assert status.sinks[0].queued <= 16
    assert status.sources[0].decoded < 60
    release.set()
    pipeline.join(DEADLINE_S)
    assert seen == list(range(120))


def test_ctrl_c_closes_the_sinks_and_goes_on_up(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """KeyboardInterrupt in start() finishes the files and is raised again."""
    video = VideoFileSink(tmp_path / "out.mp4")

    def interrupt(predictions: dict[str, Any], frame: Frame) -> None:
        if frame.frame_id == 10:
            raise KeyboardInterrupt

    pipeline = pipeline_over(make_clip(frames=200), [video, interrupt])
    with pytest.raises(KeyboardInterrupt):
        pipeline.start()
    import av

    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].frames >= 10


def test_join_inside_the_run_is_refused(make_clip: Callable[..., Path]) -> None:
    """A sink that joins its own pipeline would wait for ever; it is told so."""
    pipeline: InferencePipeline = pipeline_over(make_clip(), lambda _p, _f: pipeline.join())
    pipeline.start()
    with pytest.raises(PipelineStateError, match="terminate"):
        pipeline.join()


def test_options_are_checked(make_clip: Callable[..., Path]) -> None:
    """Unknown policies, bad sinks and misfitting names are refused when the pipeline is made."""
    clip = make_clip()
    with pytest.raises(ValueError, match="on_step_error must be one of stop, skip"):
        pipeline_over(clip, None, on_step_error="ignore")
    with pytest.raises(ValueError, match="one name per source"):
        pipeline_over(clip, None, video_identifiers=["a", "b"])
    with pytest.raises(SinkError, match="callable"):
        pipeline_over(clip, [3])


def test_script_with_changed_import_lines_runs(
    make_clip: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A script for the known pipeline runs with two import lines changed."""
    from trackwire.sinks import render_boxes

    seen = []

    def on_prediction(predictions: dict[str, Any], frame: Frame) -> None:
        render_boxes(predictions, frame)
        seen.append((frame.frame_id, len(predictions["boxes"])))

    document = {
        "version": "1.0",
        "inputs": [{"type": "InferenceImage", "name": "image"}],
        "steps": [
            {
                "type": "trackwire/motion_detection@v1",
                "name": "motion",
                "images": "$inputs.image",
            }
        ],
        "outputs": [
            {"type": "JsonField", "name": "boxes", "selector": "$steps.motion.predictions"}
        ],
    }
    pipeline = InferencePipeline.init_with_workflow(
        api_key="secret",
        workflow_specification=document,
        video_reference=str(make_clip(frames=6)),
        on_prediction=on_prediction,
    )
    pipeline.start()
    pipeline.join()
    assert [frame_id for frame_id, _ in seen] == [1, 2, 3, 4, 5, 6]
    report = pipeline.engine_report()
    assert report is not None
    assert report.frames == 6
    assert "secret" not in caplog.text
