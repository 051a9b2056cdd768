"""Values of the other engine become ours and go back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from trackwire.blocks import Frame, build_detections, empty_detections
from trackwire.blocks.detections import INSTANCE_SEGMENTATION
from trackwire.blocks.roboflow_plugin.guest_values import (
    FrameCount,
    boxes_from_guest,
    detections_to_guest,
    frame_from_guest,
    stream_of,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def _metadata(number: int, second: float = 0.0) -> Any:
    return SimpleNamespace(frame_number=number, frame_timestamp=START + timedelta(seconds=second))


def _dense(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    masks = np.zeros((len(boxes), 48, 64), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def _column(detections: sv.Detections, name: str) -> np.ndarray:
    return np.asarray(detections.data[name])


def test_a_frame_is_a_view_that_leaves_the_picture_writeable(picture: Callable[..., Any]) -> None:
    """Blocks of that engine draw into the picture afterwards, and pixels are not copied."""
    given_picture = picture("cam", 5, fps=30000 / 1001)
    frame = frame_from_guest(given_picture, FrameCount.first(given_picture.video_metadata))
    assert np.shares_memory(frame.image, given_picture.numpy_image)
    assert given_picture.numpy_image.flags.writeable
    assert not frame.image.flags.writeable
    assert frame.video.video_identifier == "cam"
    assert frame.video.frame_number == 4  # counted from 0 here, from 1 there
    assert frame.video.fps == Fraction(30000, 1001)
    assert frame.video.frame_timestamp.tzinfo is not None


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1)], ids=["plane", "one channel"])
def test_grey_pictures_become_three_channels(
    picture: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    """That engine passes thresholded and grey pictures with one channel."""
    grey = picture()
    grey.numpy_image = np.arange(48 * 64, dtype=np.uint8).reshape(shape)
    frame = frame_from_guest(grey, FrameCount.first(grey.video_metadata))
    assert frame.image.shape == (48, 64, 3)
    assert (frame.image[..., 0] == frame.image[..., 2]).all()


@pytest.mark.parametrize("fps", [None, 0.0, float("nan"), float("inf"), -1.0])
def test_a_frame_rate_that_is_none_is_none(picture: Callable[..., Any], fps: float | None) -> None:
    """That engine writes 0 where the frame rate is not known."""
    odd = picture(fps=fps)
    assert frame_from_guest(odd, FrameCount.first(odd.video_metadata)).video.fps is None


@pytest.mark.parametrize(
    ("identifier", "is_kept"),
    [("0", True), ("camera-1.left", True), (".hidden", False), ("image.[0]", False), ("", False)],
)
def test_identifiers_that_are_names_stay(identifier: str, is_kept: bool) -> None:
    """Other identifiers get a name of their own, the same each time."""
    name = stream_of(SimpleNamespace(video_identifier=identifier))
    assert (name == identifier) is is_kept
    assert name == stream_of(SimpleNamespace(video_identifier=identifier))
    assert name != stream_of(SimpleNamespace(video_identifier=identifier + "x"))


def test_a_password_in_an_identifier_goes_nowhere() -> None:
    """A URL is a possible identifier there; ours stand in logs and results."""
    name = stream_of(SimpleNamespace(video_identifier="rtsp://admin:secret@host/live"))
    assert "secret" not in name
    assert "admin" not in name


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_our_numbers_rise_within_an_epoch(numbers: list[int]) -> None:
    """Whatever is sent, each frame is later than the one before, by epoch or by number."""
    count = FrameCount.first(_metadata(numbers[0]))
    for second, number in enumerate(numbers[1:], 1):
        before, count = count, count.then(_metadata(number, second))
        assert (count.epoch, count.number) > (before.epoch, before.number)
        assert (count.epoch > before.epoch) is (number < before.given)


def test_the_same_number_at_the_same_time_is_the_same_frame() -> None:
    """Two crops of one frame are not two frames; two pictures without a number are."""
    count = FrameCount.first(_metadata(3))
    assert count.then(_metadata(3)).number == count.number
    assert count.then(_metadata(3, second=1)).number == count.number + 1
    assert count.then(_metadata(7, second=1)).number == count.number + 4


def test_boxes_pass_and_run_lengths_become_masks() -> None:
    """Boxes with masks as run lengths, text or bytes, prompt with those masks."""
    plain = sv.Detections(xyxy=np.array([[1.0, 2, 9, 8]]))
    assert boxes_from_guest(plain) is plain
    masks = _dense((4, 6, 20, 30), (30, 10, 60, 40))
    runs: list[Any] = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks]
    runs[1]["counts"] = runs[1]["counts"].decode()
    coded = sv.Detections(
        xyxy=np.array([[4.0, 6, 20, 30], [30, 10, 60, 40]]),
        data={"rle_mask": np.array(runs, dtype=object)},
    )
    assert (np.asarray(boxes_from_guest(coded).mask) == masks).all()
    assert coded.mask is None


def test_boxes_of_another_type_are_refused() -> None:
    """That engine can be set to pass tensors; the error says what to do."""
    with pytest.raises(TypeError, match=r"supervision\.Detections, found dict.*tensors"):
        boxes_from_guest({"xyxy": []})


def test_tracks_go_back_with_dense_masks(make_frame: Callable[..., Frame]) -> None:
    """Blocks of that engine index masks as arrays and texts as objects."""
    frame = make_frame()
    dense = _dense((4, 6, 20, 30), (30, 10, 60, 40))
    boxes = np.array([[4, 6, 20, 30], [30, 10, 60, 40]], np.float32)
    tracks = build_detections(
        frame,
        boxes,
        class_name=["cat", "dog"],
        tracker_id=[3, 8],
        mask=sv.CompactMask.from_dense(dense, boxes - [0, 0, 1, 1], (48, 64)),
        prediction_type=INSTANCE_SEGMENTATION,
        producer="tracker",
        data={"mask_score": [0.5, 0.75], "prompt_detection_id": ["a", "b"]},
    )
    back = detections_to_guest(tracks)
    assert isinstance(back.mask, np.ndarray)
    assert np.array_equal(back.mask, dense)
    assert back.tracker_id is not None
    assert back.tracker_id.tolist() == [3, 8]
    assert _column(back, "class_name").tolist() == ["cat", "dog"]
    assert _column(back, "class_name").dtype == object
    assert _column(back, "image_dimensions").tolist() == [[48, 64]] * 2
    assert _column(back, "mask_score").tolist() == [0.5, 0.75]


def test_no_tracks_keep_their_fields(make_frame: Callable[..., Frame]) -> None:
    """Analytics of that engine read ids and classes of empty results as of any other."""
    nothing = empty_detections(make_frame(), producer="t", prediction_type=INSTANCE_SEGMENTATION)
    nothing.data["mask_score"] = np.empty(0, np.float32)
    back = detections_to_guest(nothing)
    assert len(back) == 0
    assert back.tracker_id is not None
    assert back.tracker_id.dtype.kind == "i"
    assert back.mask is None
    assert _column(back, "class_name").shape == (0,)
    assert back.metadata["image_dimensions"] == [48, 64]
