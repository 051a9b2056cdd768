"""The demo's two halves: honest prompts, and an honest judge."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, VideoMetadata, detections_from_json
from trackwire.pipeline.demonstration import Judge, Prompts, write_prompts
from trackwire.pipeline.scene import SceneDetector, build_scene
from trackwire.pipeline.sources.synthetic import SyntheticSource


@pytest.fixture(scope="module")
def source() -> SyntheticSource:
    """A short crossing, small enough to be quick."""
    return SyntheticSource(build_scene(size_wh=(320, 180), frame_count=60))


def _frame(source: SyntheticSource, number: int) -> Frame:
    width, height = source.scene.size_wh
    video = VideoMetadata("crossing", 0, number, 0, None, datetime.now(UTC), time.monotonic())
    return Frame(np.zeros((height, width, 3), np.uint8), video)


def _tracks(source: SyntheticSource, number: int, *, id_offset: int = 100) -> sv.Detections:
    """What a perfect tracker would say."""
    truth = source.truth(number)
    seen = truth.visible
    return sv.Detections(
        xyxy=truth.xyxy[seen],
        mask=sv.CompactMask.from_dense(truth.masks[seen], truth.xyxy[seen], truth.masks.shape[1:]),
        tracker_id=truth.ids[seen] + id_offset,
    )


def test_the_detector_errs_reproducibly(source: SyntheticSource) -> None:
    """One seed, one set of boxes, in whatever order frames are asked for."""
    first, second = SceneDetector(5), SceneDetector(5)
    second.detect(source.truth(3))
    one, other = first.detect(source.truth(9)), second.detect(source.truth(9))
    np.testing.assert_array_equal(one.xyxy, other.xyxy)
    assert not np.array_equal(one.xyxy, SceneDetector(6).detect(source.truth(9)).xyxy)


def test_the_detector_is_near_the_truth_but_not_on_it(source: SyntheticSource) -> None:
    """Its boxes are what a good detector gives: overlapping well, never exact."""
    truth = source.truth(0)
    found = SceneDetector(1, dropout=0).detect(truth)
    rows = [truth.ids.tolist().index(one) for one in found.truth_ids.tolist()]
    overlaps = np.diag(sv.box_iou_batch(truth.xyxy[rows], found.xyxy))
    assert (overlaps > 0.75).all()
    assert (overlaps < 1).all()


def test_the_detector_drops_out_and_does_not_see_the_hidden(source: SyntheticSource) -> None:
    """Objects are missed by chance, and always when little of them is seen."""
    assert len(SceneDetector(1, dropout=1).detect(source.truth(0)).xyxy) == 0
    for number in range(60):
        truth = source.truth(number)
        found = set(SceneDetector(1, dropout=0).detect(truth).truth_ids.tolist())
        assert found == set(truth.ids[truth.visible_fraction >= 0.4].tolist())


def test_prompts_stand_on_every_nth_frame_and_carry_no_identity(
    source: SyntheticSource, tmp_path: Path
) -> None:
    """The tracker is given boxes, classes and confidences, and nothing else."""
    prompts = write_prompts(source, tmp_path / "boxes.jsonl", every=15, seed=1)
    lines = [json.loads(line) for line in prompts.path.read_text().splitlines()]
    assert [line["frame_number"] for line in lines] == [0, 15, 30, 45]
    given = [each for line in lines for each in line["outputs"]["predictions"]["predictions"]]
    assert len(given) == prompts.boxes
    assert {key for each in given for key in each} == {
        *("x", "y", "width", "height", "confidence", "class")
    }
    read = detections_from_json(lines[0]["outputs"]["predictions"], _frame(source, 0))
    assert read.tracker_id is None


def test_first_shown_is_the_first_frame_with_the_object(
    source: SyntheticSource, tmp_path: Path
) -> None:
    """An object that enters later is judged later."""
    prompts = write_prompts(source, tmp_path / "boxes.jsonl", every=5, seed=1)
    assert prompts.first_shown[1] == 0
    assert prompts.first_shown[5] > 15


def test_a_perfect_tracker_is_judged_perfect(source: SyntheticSource, tmp_path: Path) -> None:
    """The judge finds no fault where there is none, under any track ids."""
    prompts = write_prompts(source, tmp_path / "boxes.jsonl", every=5, seed=1)
    judge = Judge(source, prompts)
    for number in range(60):
        judge({"predictions": _tracks(source, number)}, _frame(source, number))
    score = judge.score()
    assert score.mean_iou == pytest.approx(1)
    assert (score.identity_switches, score.missed, score.false_tracks) == (0, 0, ())


def test_ids_that_change_are_switches(source: SyntheticSource, tmp_path: Path) -> None:
    """A tracker that numbers its objects anew is found out."""
    judge = Judge(source, write_prompts(source, tmp_path / "b.jsonl", every=5, seed=1))
    for number in range(20):
        offset = 100 if number < 10 else 200
        tracks = _tracks(source, number, id_offset=offset)
        judge({"predictions": tracks}, _frame(source, number))
    assert judge.score().identity_switches == len(source.truth(10).ids)


def test_an_object_never_shown_is_not_asked_for(source: SyntheticSource, tmp_path: Path) -> None:
    """Nobody can follow what nobody pointed at."""
    judge = Judge(source, Prompts(tmp_path, {}, 0, 0))
    judge({"predictions": _tracks(source, 0)[:0]}, _frame(source, 0))
    assert judge.score().iou_by_object == {}
