"""Pictures reach the model as its own processor would bring them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

from trackwire.blocks.models.sam_video.preprocess import Preprocessor  # noqa: E402

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def grey_levels(pixels: Any) -> Any:
    """Undo the normalisation: 0-255."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (pixels * std + mean) * 255


def prepare(lab: Any, frames: Any, size: int = 64) -> Any:
    """Prepare frames at a small size."""
    return Preprocessor(size, MEAN, STD, torch.device("cpu"), torch.float32)(frames)


def test_channels_are_rgb(lab: Any) -> None:
    """Channels are RGB."""
    frame = lab.frame(0, (40, 30))
    blue = type(frame)(np.full((30, 40, 3), (250, 10, 20), np.uint8), frame.video)
    levels = grey_levels(prepare(lab, [blue])[0])
    assert levels.mean((1, 2)).tolist() == pytest.approx([20, 10, 250], abs=0.01)


def test_frames_of_several_sizes_share_a_batch(lab: Any) -> None:
    """Frames of several sizes share a batch."""
    pixels = prepare(lab, [lab.frame(0, (96, 72)), lab.frame(1, (200, 30))])
    assert pixels.shape == (2, 3, 64, 64)
    assert pixels.dtype == torch.float32


@pytest.mark.parametrize("size_wh", [(200, 150), (64, 64), (40, 30), (333, 65)])
def test_the_result_is_that_of_pillow(lab: Any, size_wh: tuple[int, int]) -> None:
    """Another implementation of the antialiased bilinear resize differs by a grey level at most."""
    frame = lab.frame(3, size_wh)
    rgb = np.ascontiguousarray(frame.image[..., ::-1])
    resized = Image.fromarray(rgb).resize((64, 64), Image.Resampling.BILINEAR)
    expected = torch.from_numpy(np.array(resized)).permute(2, 0, 1).float()
    difference = (grey_levels(prepare(lab, [frame])[0]) - expected).abs()
    assert difference.max() <= 1.01
    assert difference.mean() < 0.3


def test_the_result_is_that_of_the_library(lab: Any) -> None:
    """The result is that of the library."""
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    from transformers import Sam2ImageProcessor

    frame = lab.frame(3, (200, 150))
    expected = Sam2ImageProcessor(size={"height": 64, "width": 64})(
        frame.image[..., ::-1].copy(), return_tensors="pt"
    )["pixel_values"][0]
    assert (grey_levels(prepare(lab, [frame])[0]) - grey_levels(expected)).abs().max() <= 1.01
