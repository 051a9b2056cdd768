"""Maps of a network become masks of the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.blocks.detect.letterbox import Preparation
from trackwire.blocks.detect.masks import draw_masks

INPUT = (64, 64)


@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 90), st.integers(1, 90)))
@settings(max_examples=40, deadline=None)
def test_drawing_is_a_bilinear_resize_of_the_map(seed: int, size_wh: tuple[int, int]) -> None:
    """Where nothing is padded, OpenCV's resize of the whole map says the same of each pixel."""
    logits = np.random.default_rng(seed).normal(size=(2, 16, 16)).astype(np.float32)
    fit = Preparation(INPUT, fit="stretch").place(size_wh)
    boxes = np.array([[0, 0, *size_wh]] * 2, np.float32)
    drawn = draw_masks(logits, boxes, fit, INPUT).to_dense()
    for mask, each in zip(drawn, logits, strict=True):
        # In float64, where it interpolates without rounding weights.
        expected = cv2.resize(each.astype(np.float64), size_wh, interpolation=cv2.INTER_LINEAR)
        doubtful = np.abs(expected) < 1e-5
        assert ((mask == (expected > 0)) | doubtful).all()


@pytest.mark.parametrize("size_wh", [(128, 64), (64, 128), (100, 39), (640, 3)])
def test_padding_does_not_leak_in(size_wh: tuple[int, int]) -> None:
    """What a network says of the padding changes no pixel at the picture's edge."""
    fit = Preparation(INPUT).place(size_wh)
    (left, top), (wide, high) = fit.offset_xy, fit.content_wh
    centres = (np.arange(16) + 0.5) * 4
    inside = ((centres >= top) & (centres < top + high))[:, None] & (
        (centres >= left) & (centres < left + wide)
    )
    logits = np.where(inside, 1, -1000).astype(np.float32)[None]
    if not inside.any():
        logits[:] = 1
    boxes = np.array([[0, 0, *size_wh]], np.float32)
    assert draw_masks(logits, boxes, fit, INPUT).to_dense().all()


def test_coarse_masks_decide_by_the_cell() -> None:
    """Without detail all pixels of a cell get the answer of its centre."""
    logits = np.random.default_rng(1).normal(size=(1, 16, 16)).astype(np.float32)
    fit = Preparation(INPUT, fit="stretch").place((128, 96))
    boxes = np.array([[8, 6, 72, 66]], np.float32)
    drawn = draw_masks(logits, boxes, fit, INPUT, detail=0.0).to_dense()[0]
    cells = np.kron(logits[0] > 0, np.ones((6, 8), bool)).astype(bool)
    expected = np.zeros_like(cells)
    expected[6:66, 8:72] = cells[6:66, 8:72]
    np.testing.assert_array_equal(drawn, expected)


def test_a_box_holds_the_pixels_whose_centres_it_holds() -> None:
    """Boxes lie between pixels; one that holds no centre has an empty mask."""
    fit = Preparation(INPUT, fit="stretch").place((64, 64))
    logits = np.ones((3, 16, 16), np.float32)
    boxes = np.array(
        [[10.4, 10.6, 12.5, 12.51], [5.6, 5, 6.4, 9], [63.4, 63.4, 64, 64]], np.float32
    )
    drawn = draw_masks(logits, boxes, fit, INPUT)
    assert np.asarray(drawn.area).tolist() == [4, 0, 1]
    assert np.argwhere(drawn.to_dense()[0]).tolist() == [[11, 10], [11, 11], [12, 10], [12, 11]]
