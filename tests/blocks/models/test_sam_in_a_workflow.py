"""A document that names a Segment Anything tracker runs from the file to the tracks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame
from trackwire.pipeline import Engine
from trackwire.specs import Resources, compile_workflow, load_library

Box = tuple[float, float, float, float]

MODES = ("first_frame", "every_n_frames", "every_frame")
MOST: Box = (4, 4, 92, 68)
CORNER: Box = (4, 4, 40, 30)
INTERVAL = 4


@dataclass(frozen=True)
class Bench:
    """The ready-made document on a local folder of random weights, and boxes from a file."""

    lab: ModuleType
    folder: Path

    def engine(
        self, mode: str, boxes: Mapping[tuple[str, int], Box], model_id: str = "weights/micro"
    ) -> Engine:
        """Open the document; ``boxes`` are what is detected, by stream and frame."""
        document = load_library("detect-and-track")
        detector, tracker = document["steps"]
        detector.clear()
        detector |= {
            "type": "trackwire/replayed_detections@v1",
            "name": "detector",
            "images": "$inputs.image",
            "path": "boxes.jsonl",
        }
        assert tracker["type"] == "roboflow_core/segment_anything_2_video@v1"
        tracker |= {"model_id": model_id, "prompt_mode": mode, "prompt_interval": INTERVAL}
        tracker["on_gap"] = "reset"  # of objects kept over a gap, a prompt would not be needed
        lines = [_line(stream, number, box) for (stream, number), box in boxes.items()]
        (self.folder / "boxes.jsonl").write_text("".join(lines), encoding="utf-8")
        resources = Resources(base_directory=self.folder, device="cpu")
        return Engine(compile_workflow(document), resources)

    def frame(self, number: int, seed: int = 0, epoch: int = 0) -> Frame:
        """Frame ``number`` of ``stream-SEED``."""
        frame: Frame = self.lab.frame(number, seed=seed, epoch=epoch)
        return frame


def _line(stream: str, number: int, box: Box) -> str:
    x1, y1, x2, y2 = box
    found = {
        "x": (x1 + x2) / 2,
        "y": (y1 + y2) / 2,
        "width": x2 - x1,
        "height": y2 - y1,
        "confidence": 0.9,
        "class": "thing",
        "class_id": 0,
        "detection_id": f"{stream}-{number}",
    }
    predictions = {"image": {"width": 96, "height": 72}, "predictions": [found]}
    row = {
        "video_identifier": stream,
        "frame_number": number,
        "outputs": {"predictions": predictions},
    }
    return json.dumps(row) + "\n"


@pytest.fixture(scope="module")
def bench(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with random SAM 2.1 weights that see every object on every frame."""
    folder = tmp_path_factory.mktemp("workflow")
    lab.seeing_module("sam2video").save_pretrained(folder / "weights" / "micro")
    return Bench(lab, folder)


def run(engine: Engine, frames: Sequence[Frame]) -> Iterator[Any]:
    """The detections of the tracker on one frame after the other."""
    for frame in frames:
        (result,) = engine.tick([frame])
        assert not result.failures, result.failures
        yield result.outputs["predictions"]


@pytest.mark.parametrize("mode", MODES)
def test_the_document_runs_and_ids_are_stable(bench: Bench, mode: str) -> None:
    """Two streams, one object each: one id throughout, and a mask that is not empty."""
    streams = {"stream-0": MOST, "stream-1": (8.0, 2.0, 94.0, 70.0)}
    boxes = {(stream, number): box for stream, box in streams.items() for number in range(10)}
    covers = []
    with bench.engine(mode, boxes) as engine:
        for number in range(10):
            for result in engine.tick([bench.frame(number, 0), bench.frame(number, 1)]):
                assert not result.failures, result.failures
                found = result.outputs["predictions"]
                assert found.tracker_id.tolist() == [1]
                assert np.isfinite(found.data["mask_score"]).all()
                covers.append(float(np.asarray(found.mask[0]).mean()))
    assert min(covers) > 0.02, "masks must not be empty"
    assert max(covers) < 0.98, "nor fill the picture"
    assert np.std(covers) > 0.005, "nor stand still"


@pytest.mark.parametrize("mode", MODES)
def test_a_prompt_acts_on_its_own_frame(bench: Bench, mode: str) -> None:
    """Two boxes give two masks on the very frame, whichever it is, and after an epoch change."""
    first, again = 3, 6  # the first box comes late; the second one after the stream began anew
    frames = [bench.frame(number) for number in range(again)]
    frames += [bench.frame(again, epoch=1)]
    masks = []
    for box in (MOST, CORNER):
        boxes = {("stream-0", number): box for number in (first, again)}
        with bench.engine(mode, boxes) as engine:
            seen = list(run(engine, frames))
        assert [len(found) for found in seen[:first]] == [0] * first
        assert seen[first].tracker_id.tolist() == [1]
        assert seen[again].tracker_id.tolist() == [2], "the new epoch begins with a new track"
        masks.append([np.asarray(seen[number].mask[0]) for number in (first, again)])
    for one, other in zip(*masks, strict=True):
        assert one.any()
        assert other.any()
        assert (one != other).mean() > 0.01


def test_a_size_after_the_folder_is_the_size_of_the_input(bench: Bench) -> None:
    """A smaller picture is a speed tier for folders too, absolute or relative."""
    place = bench.folder / "weights" / "micro"
    with bench.engine("first_frame", {("stream-0", 0): MOST}, f"{place}@192") as engine:
        (found,) = run(engine, [bench.frame(0)])
        assert found.tracker_id.tolist() == [1]
        tracker: Any = engine._steps[1].block
        assert tracker._model.wrapped.network.image_size == 192


def test_short_lived_streams_leave_nothing_behind(bench: Bench, live_tensors: Any) -> None:
    """200 streams come and go: no session, no bytes and no tensor of theirs stays."""
    boxes = {(f"stream-{seed}", 0): MOST for seed in range(220)}
    with bench.engine("first_frame", boxes) as engine:
        tracker: Any = engine._steps[1].block

        def come_and_go(seeds: range) -> None:
            for number in range(2):
                for result in engine.tick([bench.frame(number, seed) for seed in seeds]):
                    assert not result.failures, result.failures
            assert len(tracker.sessions) == len(seeds)
            assert tracker.sessions.nbytes() > 0
            for seed in seeds:
                engine.end_stream(f"stream-{seed}")
            assert len(tracker.sessions) == 0
            assert tracker.sessions.nbytes() == 0

        come_and_go(range(20))
        before = live_tensors.count()
        for start in range(20, 220, 20):
            come_and_go(range(start, start + 20))
        assert live_tensors.count() == before
