"""How much boxes and masks cover one another, against values worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackwire.blocks.track.overlap import (
    box_intersection,
    box_iou,
    covered_fraction,
    inside_fraction,
    mask_iou,
    widened,
)


def compact(*boxes: tuple[int, int, int, int], size: int = 20) -> sv.CompactMask:
    """Make masks that are full rectangles."""
    dense = np.zeros((len(boxes), size, size), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(dense, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    tight = np.array(boxes, dtype=np.float32).reshape(-1, 4) - (0, 0, 1, 1)
    return sv.CompactMask.from_dense(dense, tight, (size, size))


def test_boxes_are_half_open() -> None:
    """Boxes that only touch have nothing in common; areas are products of the sides."""
    first = np.array([[0, 0, 10, 10], [10, 0, 20, 10]], dtype=np.float32)
    assert box_intersection(first, first).tolist() == [[100, 0], [0, 100]]
    second = np.array([[5, 0, 15, 10]], dtype=np.float32)
    assert box_iou(first, second) == pytest.approx(np.array([[50 / 150], [50 / 150]]))


def test_empty_boxes_overlap_nothing() -> None:
    """A track that is not seen has a box of zeros, which overlaps nothing, itself included."""
    zeros = np.zeros((1, 4), dtype=np.float32)
    assert box_iou(zeros, zeros).tolist() == [[0]]
    assert box_iou(zeros[:0], zeros).shape == (0, 1)


def test_inside_measures_the_inner_box() -> None:
    """A small box in a large one is inside whole, a large one in a small one in part."""
    small, large = np.array([[2, 2, 6, 6]], np.float32), np.array([[0, 0, 8, 8]], np.float32)
    assert inside_fraction(small, large) == 1.0
    assert inside_fraction(large, small) == 0.25
    assert inside_fraction(np.zeros((1, 4), np.float32), large) == 0.0


def test_boxes_widen_by_their_mean_side() -> None:
    """A narrow box grows to the sides as much as upwards: people walk, they do not fly."""
    box = np.array([[10, 10, 14, 26]], dtype=np.float32)
    assert widened(box, np.array([0.5])).tolist() == [[6, 6, 18, 30]]


def test_mask_overlap_sees_the_pixels() -> None:
    """Masks are compared by pixels, and none gives no row."""
    assert mask_iou(compact((0, 0, 4, 4)), compact((2, 0, 6, 4))) == pytest.approx(8 / 24)
    assert mask_iou(compact(), compact((0, 0, 1, 1))).shape == (0, 1)


def test_cover_counts_the_union_once() -> None:
    """Two masks on the same pixels cover them once; pixels outside the box do not count."""
    box = np.array([[4, 4, 8, 8], [12, 12, 16, 16]], dtype=np.float32)
    masks = compact((0, 0, 6, 8), (2, 2, 6, 20))
    assert covered_fraction(box, masks) == pytest.approx([0.5, 0.0])


def test_cover_of_a_box_without_pixels_is_whole() -> None:
    """A box that holds no pixel gives no reason for a birth."""
    assert covered_fraction(np.zeros((1, 4), dtype=np.float32), compact((0, 0, 1, 1))) == 1.0


boxes = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(10, 20), st.integers(10, 20))


@given(box=boxes, masks=st.lists(boxes, min_size=1, max_size=4))
def test_cover_equals_the_dense_count(box: Any, masks: Any) -> None:
    """The cover worked on crops is the mean of the dense union under the box."""
    x1, y1, x2, y2 = box
    union: NDArray[np.bool_] = np.logical_or.reduce(compact(*masks).to_dense(), axis=0)
    measured = covered_fraction(np.array([box], dtype=np.float32), compact(*masks))
    assert measured[0] == pytest.approx(union[y1:y2, x1:x2].mean())
