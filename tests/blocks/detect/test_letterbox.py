"""Pictures become inputs as each family of detectors was trained on them."""

from __future__ import annotations

import numpy as np
import pytest

from trackwire.blocks.detect.detector import Candidates
from trackwire.blocks.detect.found import cut_to_frame
from trackwire.blocks.detect.letterbox import Placement, Preparation, prepare

ORANGE = (10, 120, 250)  # blue, green, red


def picture(width: int, height: int) -> np.ndarray:
    """A plain picture."""
    return np.full((height, width, 3), ORANGE, np.uint8)


@pytest.mark.parametrize(
    ("size_wh", "fit", "margin", "content", "offset"),
    [
        ((128, 64), "center", 0, (64, 32), (0, 16)),
        ((64, 128), "center", 0, (32, 64), (16, 0)),
        ((100, 37), "center", 0, (64, 24), (0, 20)),
        ((100, 40), "center", 0, (64, 26), (0, 19)),
        ((100, 39), "center", 0, (64, 25), (0, 19)),
        ((128, 64), "corner", 0, (64, 32), (0, 0)),
        ((128, 64), "center", 4, (60, 30), (2, 17)),
        ((128, 64), "stretch", 0, (64, 64), (0, 0)),
        ((16, 8), "center", 0, (64, 32), (0, 16)),
    ],
)
def test_where_a_picture_lies(
    size_wh: tuple[int, int],
    fit: Placement,
    margin: int,
    content: tuple[int, int],
    offset: tuple[int, int],
) -> None:
    """An odd pixel of padding goes right and below; small pictures are enlarged."""
    how = Preparation((64, 64), fit=fit, margin=margin)
    blob, (place,) = prepare([picture(*size_wh)], how)
    assert (place.content_wh, place.offset_xy) == (content, offset)
    inside = np.zeros((64, 64), bool)
    inside[offset[1] : offset[1] + content[1], offset[0] : offset[0] + content[0]] = True
    red = np.where(inside, 250, 114) / 255
    np.testing.assert_allclose(blob[0, 0], red, atol=1e-6)


def test_boxes_come_back_and_stay_inside() -> None:
    """What a network sees in the padding is cut off, and what is no box is left out."""
    place = Preparation((64, 64)).place((128, 64))
    boxes = np.array([[5, 21, 15, 31], [-8, 0, 80, 64], [5, 2, 9, 16], [np.nan] * 4], np.float32)
    assert place.to_frame(boxes[:2]).tolist() == [[10, 10, 30, 30], [-16, -32, 160, 96]]
    count = np.arange(len(boxes))
    found = Candidates(place.to_frame(boxes), count.astype(np.float32), count.astype(np.int64))
    kept = cut_to_frame(found, (128, 64))
    assert kept.xyxy.tolist() == [[10, 10, 30, 30], [0, 0, 128, 64]]
    assert kept.class_id.tolist() == [0, 1]


def test_values_are_those_the_network_was_trained_on() -> None:
    """Order, factor, mean and deviation hold for each channel."""
    plain, _ = prepare([picture(8, 8)], Preparation((8, 8), color="bgr", scale=1.0))
    assert plain[0, :, 3, 3].tolist() == list(ORANGE)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    norm, _ = prepare([picture(8, 8)], Preparation((8, 8), mean=mean, std=std))
    expected = (np.array(ORANGE[::-1]) / 255 - mean) / std
    np.testing.assert_allclose(norm[0, :, 3, 3], expected, atol=1e-5)


def test_pictures_of_different_sizes_share_a_batch() -> None:
    """Each keeps its own geometry."""
    blob, places = prepare([picture(128, 64), picture(64, 128)], Preparation((64, 64)))
    assert blob.shape == (2, 3, 64, 64)
    assert [each.offset_xy for each in places] == [(0, 16), (16, 0)]
