"""Detections: all standard fields, and JSON without loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackwire.blocks import (
    DetectionsFormatError,
    Frame,
    build_detections,
    detections_from_json,
    detections_to_json,
    empty_detections,
)

MakeFrame: TypeAlias = Callable[..., Frame]


def compact(masks: np.ndarray) -> sv.CompactMask:
    """Compact masks with tight crops, as trackers make them."""
    count, height, width = masks.shape
    boxes = np.zeros((count, 4))
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.nonzero(mask)
        if len(rows):
            box[:] = columns.min(), rows.min(), columns.max(), rows.max()
    return sv.CompactMask.from_dense(masks, boxes, (height, width))


def test_standard_fields(make_frame: MakeFrame) -> None:
    """Every detections value has all fields, with their types and names."""
    detections = build_detections(
        make_frame("cam", 7), [[1, 2, 3, 4], [5, 6, 7, 8]], class_name=["a", "bb"], producer="d"
    )
    assert detections.xyxy.dtype == np.float32
    assert detections.confidence is not None
    assert detections.confidence.tolist() == [1.0, 1.0]
    assert detections.class_id is not None
    assert detections.class_id.tolist() == [0, 0]
    assert detections.tracker_id is None
    assert np.asarray(detections.data["class_name"]).tolist() == ["a", "bb"]
    assert np.asarray(detections.data["detection_id"]).tolist() == ["cam/7/d/0", "cam/7/d/1"]
    assert np.asarray(detections.data["parent_id"]).tolist() == ["cam/7", "cam/7"]
    assert np.asarray(detections.data["image_dimensions"]).tolist() == [[48, 64], [48, 64]]
    assert np.asarray(detections.data["prediction_type"]).tolist() == ["object-detection"] * 2


@pytest.mark.parametrize("kind", ["object-detection", "instance-segmentation"])
def test_empty_detections_have_every_field(make_frame: MakeFrame, kind: str) -> None:
    """An empty result has integer tracker ids, every data field and the picture's size."""
    empty = empty_detections(make_frame(), producer="d", prediction_type=kind)
    full = build_detections(make_frame(), [[1, 2, 3, 4]], producer="d")
    assert empty.tracker_id is not None
    assert empty.tracker_id.dtype == np.int64
    assert empty.data.keys() == full.data.keys()
    assert (empty.mask is None) == (kind == "object-detection")
    assert detections_to_json(empty) == {"image": {"width": 64, "height": 48}, "predictions": []}


def test_masks_of_another_size_are_refused(make_frame: MakeFrame) -> None:
    """Masks must have the size of the frame."""
    with pytest.raises(ValueError, match="64x48"):
        build_detections(
            make_frame(), [[0, 0, 1, 1]], mask=compact(np.ones((1, 5, 5), bool)), producer="d"
        )


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_json_round_trip(make_frame: MakeFrame, data: st.DataObject) -> None:
    """What is written is read back: boxes and confidences to the bit, masks to the pixel."""
    count = data.draw(st.integers(0, 3))
    width, height = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    frame = make_frame(size_wh=(width, height))
    corner = st.integers(-50_000, 50_000).map(lambda value: np.float32(value / 1000))
    side = st.integers(0, 50_000).map(lambda value: np.float32(value / 1000))
    edges = [
        [x, y, np.float32(x + w), np.float32(y + h)]
        for x, y, w, h in data.draw(
            st.lists(st.tuples(corner, corner, side, side), min_size=count, max_size=count)
        )
    ]
    masks = None
    if count and data.draw(st.booleans()):
        masks = data.draw(hnp.arrays(bool, (count, height, width)))
    detections = build_detections(
        frame,
        edges,
        confidence=data.draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32))),
        class_id=data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, 2**40))),
        class_name=[f"class {index}" for index in range(count)],
        tracker_id=range(count) if data.draw(st.booleans()) else None,
        mask=None if masks is None else compact(masks),
        prediction_type="object-detection" if masks is None else "instance-segmentation",
        producer="p",
        data={
            "mask_score": np.linspace(0, 1, count, dtype=np.float32),
            "prompt_detection_id": np.array([f"x/{index}" for index in range(count)], str),
        },
    )
    written = json.loads(json.dumps(detections_to_json(detections)))
    read = detections_from_json(written, frame)
    for name in ("xyxy", "confidence", "class_id", "tracker_id"):
        np.testing.assert_array_equal(getattr(read, name), getattr(detections, name))
    if masks is not None:
        assert isinstance(read.mask, sv.CompactMask)
        np.testing.assert_array_equal(read.mask.to_dense(), masks)
    if count:
        assert read.data.keys() == detections.data.keys()
        for name, column in detections.data.items():
            np.testing.assert_array_equal(read.data[name], column)
        assert np.asarray(read.data["mask_score"]).dtype == np.float32
    assert detections_to_json(read) == written


def test_dense_masks_are_written_too(make_frame: MakeFrame) -> None:
    """Foreign detections with dense masks and no data fields are written as well."""
    mask = np.zeros((1, 48, 64), bool)
    mask[0, 10:20, 5:9] = True
    foreign = sv.Detections(np.array([[5.0, 10, 9, 20]]), mask=mask)
    payload = detections_to_json(foreign)
    assert payload["image"] == {"width": 64, "height": 48}
    read = detections_from_json(payload, make_frame())
    assert read.mask is not None
    np.testing.assert_array_equal(np.asarray(read.mask), mask)


def test_rle_is_that_of_pycocotools(make_frame: MakeFrame) -> None:
    """Masks are written as pycocotools encodes them, so that other tools read them."""
    from pycocotools import mask as coco

    masks = np.random.default_rng(0).random((3, 48, 64)) > 0.6
    masks[1, :, 10:30] = True  # runs that go on from column to column
    detections = build_detections(make_frame(), np.ones((3, 4)), mask=compact(masks), producer="p")
    for mask, prediction in zip(masks, detections_to_json(detections)["predictions"], strict=True):
        expected: Any = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert prediction["rle"]["counts"] == expected["counts"].decode()


def test_polygons_and_run_lengths_are_read(make_frame: MakeFrame) -> None:
    """Masks of other writers: polygons under points, and counts as a list."""
    square = [{"x": x, "y": y} for x, y in ((10, 10), (20, 10), (20, 30), (10, 30))]
    box = {"x": 15, "y": 20, "width": 10, "height": 20}
    read = detections_from_json({"predictions": [{**box, "points": square}]}, make_frame())
    assert read.mask is not None
    assert 180 <= np.asarray(read.mask).sum() <= 231
    counts = {"size": [48, 64], "counts": [0, 48, 48 * 63]}
    read = detections_from_json({"predictions": [{**box, "rle": counts}]}, make_frame())
    assert read.mask is not None
    assert np.asarray(read.mask)[0, :, 0].all()


BOX = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
SIZE = [48, 64]


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ([], r"\$"),  # no object
        ({"predictions": {}}, "predictions"),  # no list
        ({"predictions": [3]}, r"predictions\[0\]"),  # no object inside
        ({"predictions": [{**BOX, "x": None}]}, r"predictions\[0\].x"),  # no number
        ({"predictions": [BOX, {**BOX, "y": True}]}, r"predictions\[1\].y"),  # a flag is no number
        ({"predictions": [{**BOX, "width": -1}]}, r"\.width"),  # negative
        ({"predictions": [{**BOX, "x": float("nan")}]}, r"\.x"),  # not finite
        ({"predictions": [{**BOX, "class_id": 1.5}]}, "class_id"),  # not whole
        ({"predictions": [{**BOX, "class": 3}]}, r"\.class"),  # not a string
        ({"predictions": [{**BOX, "tracker_id": 1}, BOX]}, "tracker_id"),  # only some have it
        ({"image": {"width": 9, "height": 48}, "predictions": []}, "image.width"),  # other size
        ({"image": 5, "predictions": []}, "image"),  # no object
        ({"predictions": [{**BOX, "rle": "x"}]}, "rle"),  # no object
        ({"predictions": [{**BOX, "rle": {"size": [1, 1], "counts": "0"}}]}, "size"),  # other size
        ({"predictions": [{**BOX, "rle": {"size": 5, "counts": "0"}}]}, "size"),  # no pair
        ({"predictions": [{**BOX, "rle": {"size": SIZE, "counts": "11"}}]}, "rle"),  # too short
        ({"predictions": [{**BOX, "rle": {"size": SIZE, "counts": [1, 2]}}]}, "counts"),  # too few
        ({"predictions": [{**BOX, "rle": {"size": SIZE, "counts": ["a"]}}]}, "counts"),  # no number
        ({"predictions": [{**BOX, "rle": {"size": SIZE, "counts": "é"}}]}, "counts"),  # no ASCII
        ({"predictions": [{**BOX, "points": [{"x": 1, "y": 1}]}]}, "points"),  # no area
        ({"predictions": [{**BOX, "points": [{"x": 1}] * 3}]}, r"points\[0\].y"),  # no y
    ],
)
def test_wrong_json_is_refused(make_frame: MakeFrame, payload: Any, place: str) -> None:
    """A value of another form is refused with the place in it."""
    with pytest.raises(DetectionsFormatError, match=place):
        detections_from_json(payload, make_frame())
