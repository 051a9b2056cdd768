"""Masks reach full size exactly and are tidied as SAM 2 and SAM 3 tidy them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

from trackwire.blocks.models.sam_video.masks import (  # noqa: E402 - after the skip above
    compact,
    enlarge,
    fill_small_areas,
    keep_apart,
    tight_boxes,
)

sizes = st.tuples(st.integers(5, 130), st.integers(5, 130))


def blobs(seed: Any, count: Any = 3, side: Any = 16) -> Any:
    """Smooth random logits, some of them empty."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn((count, 1, 5, 5), generator=random)
    shift = torch.tensor([0.0, -0.8, -9.0])[:count, None, None, None]
    return torch.nn.functional.interpolate(coarse + shift, (side, side), mode="bicubic")[:, 0]


def whole(logits: Any, size_wh: Any) -> Any:
    """The library's way to full size: all logits at once."""
    return torch.nn.functional.interpolate(
        logits[:, None], (size_wh[1], size_wh[0]), mode="bilinear", align_corners=False
    )[:, 0]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), size_wh=sizes)
def test_part_of_a_resize_equals_the_part_of_the_whole(seed: Any, size_wh: Any) -> None:
    """Part of a resize equals the part of the whole."""
    logits = blobs(seed)
    expected = whole(logits, size_wh)
    box = (size_wh[0] // 4, size_wh[1] // 3, size_wh[0] - 1, size_wh[1])
    for logit, full in zip(logits, expected, strict=True):
        part = enlarge(logit, size_wh, box)
        torch.testing.assert_close(
            part, full[box[1] : box[3], box[0] : box[2]], atol=1e-4, rtol=1e-4
        )


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), size_wh=sizes)
def test_boxes_and_masks_are_those_of_the_whole_picture(seed: Any, size_wh: Any) -> None:
    """Boxes and masks are those of the whole picture."""
    logits = blobs(seed)
    expected = whole(logits, size_wh)
    boxes = tight_boxes(logits, size_wh)
    masks = compact(logits, boxes, size_wh).to_dense()
    assert masks.shape == (3, size_wh[1], size_wh[0])
    for mask, box, full in zip(masks, boxes, expected.numpy(), strict=True):
        sure = np.abs(full) > 1e-4  # at the threshold itself rounding may decide
        np.testing.assert_array_equal(mask[sure], full[sure] > 0)
        rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
        tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else [0] * 4
        assert box.tolist() == tight


def test_no_masks_at_all_keep_the_frame_size() -> None:
    """No masks at all keep the frame size."""
    masks = compact(torch.zeros(0, 8, 8), np.zeros((0, 4), np.int32), (40, 30))
    assert masks.shape == (0, 30, 40)


def test_small_holes_are_filled_and_large_ones_kept() -> None:
    """Small holes are filled and large ones kept."""
    logits = torch.full((1, 12, 12), 5.0)
    logits[0, 2, 2:4] = -3.0  # 2 pixels
    logits[0, 6:10, 6:10] = -3.0  # 16 pixels
    filled = fill_small_areas(logits, hole_area=8, sprinkle_area=0)
    assert (filled[0, 2, 2:4] == 0.1).all()
    assert (filled[0, 6:10, 6:10] == -3.0).all()


def test_sprinkles_go_but_a_small_object_stays() -> None:
    """Sprinkles go but a small object stays."""
    logits = torch.full((2, 12, 12), -5.0)
    logits[0, 1:7, 1:7] = 4.0
    logits[0, 10, 10] = 4.0
    logits[1, 3:5, 3:5] = 4.0  # all there is of this object
    tidy = fill_small_areas(logits, hole_area=0, sprinkle_area=16)
    assert tidy[0, 10, 10] == pytest.approx(-0.1)
    assert (tidy[0, 1:7, 1:7] == 4.0).all()
    assert (tidy[1] == logits[1]).all()


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), area=st.integers(1, 40))
def test_masks_are_tidied_as_the_library_does(seed: Any, area: Any) -> None:
    """Its own rule, for which its kernel, a download, is replaced by components of OpenCV."""
    import cv2

    library: Any = import_module("transformers.models.sam3_video.modeling_sam3_video")

    def components(masks: Any) -> tuple[Any, Any]:
        areas = torch.zeros(masks.shape, dtype=torch.int32)
        for mask, sizes_at in zip(masks[:, 0].numpy(), areas[:, 0], strict=True):
            _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
            sizes_at.copy_(torch.from_numpy(stats[:, cv2.CC_STAT_AREA][labels]))
        return areas, areas

    noise = torch.randn((3, 16, 16), generator=torch.Generator().manual_seed(seed))
    logits = blobs(seed) + 0.5 * noise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "_get_connected_components_with_padding", components)
        expected = library.fill_holes_in_mask_scores(logits[:, None], area)[:, 0]
    torch.testing.assert_close(fill_small_areas(logits, area, area), expected, atol=0, rtol=0)


def test_an_empty_mask_is_not_turned_into_a_full_one() -> None:
    """An empty mask is not turned into a full one."""
    logits = torch.full((1, 2, 2), -1024.0)
    assert (fill_small_areas(logits, hole_area=8, sprinkle_area=8) == logits).all()


def test_each_pixel_belongs_to_the_surest_object() -> None:
    """Each pixel belongs to the surest object."""
    logits = torch.tensor([[[3.0, 1.0, -2.0]], [[2.0, 4.0, -1.0]]])
    apart = keep_apart(logits)
    assert (apart > 0).sum(0).max() == 1
    assert (apart[:, 0] > 0).tolist() == [[True, False, False], [False, True, False]]
