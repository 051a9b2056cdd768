"""What the tracker block puts out and takes in, on a scene that is known exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks.track.video_tracker import Sam2VideoTracker, VideoTracker
from trackwire.specs import Batch, BlockError, Missing, ModelError, Resources


def test_predictions_have_every_field(rig: Any) -> None:
    """Boxes are the tight half-open boxes of the masks, and every standard field is there."""
    found = rig(rig.still).step(0)
    assert rig.places(found) == {1: list(rig.LEFT), 2: list(rig.RIGHT)}
    assert isinstance(found.mask, sv.CompactMask)
    assert found.mask.area.tolist() == [30 * 60, 30 * 60]
    assert found.data["class_name"].tolist() == ["person", "person"]
    assert found.data["parent_id"].tolist() == ["a/0", "a/0"]
    assert found.data["detection_id"].tolist() == ["a/0/tracker/0", "a/0/tracker/1"]
    assert found.data["prompt_detection_id"].tolist() == ["a/0/boxes/0", "a/0/boxes/1"]
    assert found.data["prediction_type"].tolist() == ["instance-segmentation"] * 2
    assert found.data["image_dimensions"].tolist() == [[120, 160]] * 2
    assert found.data["mask_score"] == pytest.approx([0.9, 0.9])


def test_an_empty_result_has_the_same_fields(rig: Any) -> None:
    """Nothing found is a value: readers of ids and masks need no special case."""
    empty, full = rig(rig.still).step(0, rig.boxes([])), rig(rig.still).step(0)
    assert len(empty) == 0
    assert empty.tracker_id is not None
    assert empty.tracker_id.dtype == np.int64
    assert empty.mask is not None
    assert empty.mask.shape == (0, 120, 160)
    assert empty.data.keys() == full.data.keys()


def test_class_and_confidence_are_those_of_the_latest_detection(rig: Any) -> None:
    """A track does not keep the first opinion of a detector, and names its detection."""
    tracker = rig(rig.still, prompt_mode="every_n_frames", prompt_interval=2, class_agnostic=True)
    tracker.step(0, rig.boxes([rig.LEFT], names=["car"], confidence=[0.9]))
    found = tracker.step(1)
    assert found.data["class_name"].tolist() == ["car"]
    found = tracker.step(2, rig.boxes([rig.LEFT], names=["motorbike"], confidence=[0.4]))
    assert found.data["class_name"].tolist() == ["motorbike"]
    assert found.confidence == pytest.approx([0.4])
    assert found.data["prompt_detection_id"].tolist() == ["a/2/boxes/0"]
    assert found.tracker_id.tolist() == [1]


def test_detections_without_class_and_confidence_are_tolerated(rig: Any) -> None:
    """Bare boxes are as good as any; they keep the class that is known."""
    tracker = rig(rig.still, prompt_mode="every_frame")
    found = tracker.step(0, rig.boxes([rig.LEFT, rig.RIGHT]))
    assert found.data["class_name"].tolist() == ["object", "object"]
    assert found.confidence.tolist() == [1.0, 1.0]
    tracker.step(1, rig.boxes([rig.LEFT, rig.RIGHT], names=["cat", "dog"]))
    found = tracker.step(2, rig.boxes([rig.LEFT, rig.RIGHT]))
    assert found.data["class_name"].tolist() == ["cat", "dog"]
    assert found.tracker_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    "box",
    [(50, 50, 50, 90), (200, 10, 300, 40), (-20, -20, -1, -1)],
)
def test_boxes_that_hold_no_pixel_are_left_out(rig: Any, box: Any) -> None:
    """An empty box, or one outside, is no detection, and stops nothing else."""
    assert len(rig(rig.still).step(0, rig.boxes([box]))) == 0
    assert len(rig(rig.still).step(0, rig.boxes([box, rig.LEFT]))) == 1


def test_unwired_boxes_are_fine(rig: Any) -> None:
    """Without detections nothing is ever tracked, and the model is not bothered."""
    tracker = rig(rig.still)
    for number in range(3):
        outcome = tracker.tracker.run(
            Batch(["a"], {"images": [tracker.frame(number)], "boxes": [Missing("not_wired")]})
        )
        assert len(outcome[0]["predictions"]) == 0
    assert tracker.model.calls == []


def test_both_ids_have_their_own_default_model() -> None:
    """Existing documents mean SAM 2.1, ours the embedded tracker."""
    assert VideoTracker.manifest.type_ids() == ("trackwire/video_tracker@v1",)
    assert Sam2VideoTracker.manifest.type_ids() == ("roboflow_core/segment_anything_2_video@v1",)
    assert VideoTracker.manifest.model_fields["model_id"].default == "lite"
    assert Sam2VideoTracker.manifest.model_fields["model_id"].default == "sam2video/small"


def test_existing_id_without_its_default_model_fails_clearly(rig: Any, no_weights: Path) -> None:
    """Packages or weights lack: no other model is taken in its place, the error says what to do."""
    step = Sam2VideoTracker.manifest.model_validate(
        {"type": Sam2VideoTracker.manifest.type_ids()[0], "name": "t", "images": "$inputs.image"}
    )
    with pytest.raises(ModelError, match="set model_id to 'lite'"):
        Sam2VideoTracker.open(step, Resources())
    assert rig(rig.still, block=Sam2VideoTracker).step(0).tracker_id.tolist() == [1, 2]


def test_an_option_that_changes_from_frame_to_frame_is_refused(rig: Any) -> None:
    """Options hold for a run; the error names the property and what it is wired to."""
    with pytest.raises(BlockError, match=r"threshold of step 'tracker' .* \$steps\.x\.y"):
        rig(rig.still, threshold="$steps.x.y")
