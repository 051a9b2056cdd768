"""Coordinates: what was found on a crop, told in the full frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import supervision as sv

from trackwire.blocks import CropOrigin, Frame, build_detections, in_frame_coordinates

MakeFrame: TypeAlias = Callable[..., Frame]


def crop_of(frame: Frame, left: int, top: int, width: int, height: int) -> Frame:
    """Cut a piece out of a frame."""
    origin = CropOrigin(frame.image_id, frame.image_id, (left, top), frame.size_wh)
    image = frame.image[top : top + height, left : left + width].copy()
    return Frame(image, frame.video, origin)


def test_boxes_masks_and_sizes_move(make_frame: MakeFrame) -> None:
    """A box at (1, 2) of a crop at (10, 5) is at (11, 7) of the frame, its mask too."""
    frame = make_frame("a", size_wh=(64, 48))
    crop = crop_of(frame, 10, 5, 20, 16)
    dense = np.zeros((1, 16, 20), dtype=np.bool_)
    dense[0, 2:6, 1:4] = True
    found = build_detections(
        crop,
        [(1, 2, 4, 6)],
        mask=sv.CompactMask.from_dense(dense, np.array([(1, 2, 4, 6)], np.float32), (16, 20)),
        tracker_id=[7],
        producer="test",
    )
    moved = in_frame_coordinates(found)
    assert moved.xyxy.tolist() == [[11, 7, 14, 11]]
    assert moved.metadata == {"image_dimensions": (48, 64)}
    assert np.asarray(moved.data["image_dimensions"]).tolist() == [[48, 64]]
    assert list(moved.data["parent_id"]) == [frame.image_id]
    assert list(moved.data["detection_id"]) == list(found.data["detection_id"])
    assert moved.tracker_id is not None
    assert moved.tracker_id.tolist() == [7]
    expected = np.zeros((1, 48, 64), dtype=np.bool_)
    expected[0, 7:11, 11:14] = True
    assert isinstance(moved.mask, sv.CompactMask)
    assert np.array_equal(moved.mask.to_dense(), expected)
    assert found.xyxy.tolist() == [[1, 2, 4, 6]]


def test_empty_detections_learn_the_size_of_the_frame(make_frame: MakeFrame) -> None:
    """Nothing found on a crop is nothing found in the frame."""
    crop = crop_of(make_frame("a", size_wh=(64, 48)), 10, 5, 20, 16)
    moved = in_frame_coordinates(build_detections(crop, (), producer="test"))
    assert len(moved) == 0
    assert moved.metadata["image_dimensions"] == (48, 64)


def test_lists_and_dicts_are_gone_through(make_frame: MakeFrame) -> None:
    """Outputs nest; everything that is no detections stays as it is."""
    frame = make_frame("a", size_wh=(64, 48))
    crop = crop_of(frame, 10, 5, 20, 16)
    inside = build_detections(crop, [(1, 2, 4, 6)], producer="test")
    whole = build_detections(frame, [(1, 2, 4, 6)], producer="test")
    nested: list[Any] = [{"a": inside, "n": 3}, None, whole]
    moved = in_frame_coordinates(nested)
    first = moved[0]
    assert first["a"].xyxy.tolist() == [[11, 7, 14, 11]]
    assert (first["n"], moved[1]) == (3, None)
    assert moved[2] is whole
