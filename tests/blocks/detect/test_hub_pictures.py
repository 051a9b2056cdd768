"""Pictures are prepared as the library's processors prepare them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire.blocks.detect.hub.recipe import read_recipe
from trackwire.specs import ModelError

SIZES = [(70, 90), (90, 70), (80, 200), (200, 80), (33, 17), (300, 300), (64, 64), (80, 80)]
EDGES = {"shortest_edge": 80, "longest_edge": 133}
PROCESSORS = [
    ("detr", {"size": EDGES}),
    ("detr", {"size": EDGES, "pad_size": {"height": 140, "width": 140}}),
    ("detr", {"size": {"max_height": 70, "max_width": 90}}),
    ("detr", {"size": {"height": 50, "width": 70}, "resample": 3, "do_normalize": False}),
    ("detr", {"do_resize": False}),
    ("yolos", {"size": EDGES}),
    ("rt_detr", {"size": {"height": 96, "width": 64}}),
    ("rt_detr", {"size": {"height": 96, "width": 64}, "do_normalize": True}),
    ("owlvit", {"size": {"height": 64, "width": 64}}),
    ("owlv2", {"size": {"height": 64, "width": 64}}),
    ("grounding-dino", {"size": EDGES}),
]


def write(folder: Path, **settings: Any) -> Path:
    """A folder with the settings of an image processor."""
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize(("kind", "settings"), PROCESSORS)
def test_pictures_are_those_of_the_library(
    lab: Any, tmp_path: Path, kind: str, settings: dict[str, Any]
) -> None:
    """All sizes, wide and high, smaller and larger than the input."""
    import torch

    from trackwire.blocks.detect.hub.pictures import batches

    processor = lab._PROCESSORS[kind](**settings)
    processor.save_pretrained(tmp_path)
    recipe = read_recipe(tmp_path, "model")
    for width, height in SIZES:
        image = lab.frame(width, height).image
        (batch,) = batches([image], recipe, torch.device("cpu"))
        rgb = np.ascontiguousarray(image[..., ::-1])
        expected = processor(rgb, return_tensors="pt", input_data_format="channels_last")
        assert batch.values.shape == expected["pixel_values"].shape
        assert (batch.values - expected["pixel_values"]).abs().max() < 1e-5
        if batch.mask is not None:
            assert torch.equal(batch.mask, expected["pixel_mask"])
        assert batch.indices == (0,)


def test_rf_detr_resizes_floats_without_smoothing(lab: Any, tmp_path: Path) -> None:
    """A checkerboard halved by two neighbours each is grey, worked out by hand."""
    import torch

    from trackwire.blocks.detect.hub.pictures import batches

    write(
        tmp_path,
        image_processor_type="RfDetrImageProcessor",
        size={"height": 2, "width": 2},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.25, 1.0],
    )
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 2::4] = 255  # columns 1 and 2 are the two that the first output pixel lies between
    (batch,) = batches([image], read_recipe(tmp_path, "model"), torch.device("cpu"))
    assert batch.values[0, :, 0, 0].tolist() == pytest.approx([0.0, 0.0, 0.0])
    image[:] = 255
    (batch,) = batches([image], read_recipe(tmp_path, "model"), torch.device("cpu"))
    assert batch.values[0, :, 1, 1].tolist() == pytest.approx([1.0, 2.0, 0.5])


def test_batches_hold_pictures_of_one_size_and_have_a_bound(tmp_path: Path) -> None:
    """No picture is padded to another, and memory does not grow with the streams."""
    torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'hub')")
    from trackwire.blocks.detect.hub.pictures import batches

    write(tmp_path, image_processor_type="DetrImageProcessor", size=EDGES)
    images = [np.zeros((80, 80 + 20 * (index % 2), 3), np.uint8) for index in range(37)]
    made = list(batches(images, read_recipe(tmp_path, "model"), torch.device("cpu")))
    assert sorted(index for each in made for index in each.indices) == list(range(37))
    assert [tuple(each.values.shape[2:]) for each in made] == [(80, 80)] * 2 + [(80, 100)] * 2
    assert max(len(each.indices) for each in made) == 16
    write(tmp_path, image_processor_type="DetrImageProcessor", do_resize=False)
    large = [np.zeros((2000, 3000, 3), np.uint8)] * 2
    made = list(batches(large, read_recipe(tmp_path, "model"), torch.device("cpu")))
    assert [each.indices for each in made] == [(0,), (1,)]


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"feature_extractor_type": "DetrFeatureExtractor", "size": 80, "max_size": 133}, EDGES),
        ({"image_processor_type": "YolosImageProcessorFast", "size": 80, "max_size": 133}, EDGES),
        (
            {"feature_extractor_type": "OwlViTFeatureExtractor", "size": 768},
            {"height": 768, "width": 768},
        ),
        (
            {"feature_extractor_type": "OwlViTFeatureExtractor", "size": [700, 768]},
            {"height": 700, "width": 768},
        ),
    ],
)
def test_older_files_are_read(
    tmp_path: Path, settings: dict[str, Any], size: dict[str, int]
) -> None:
    """Names and forms of earlier versions of the library."""
    assert read_recipe(write(tmp_path, **settings), "model").size == size


def test_a_processor_of_pictures_and_words_holds_that_of_pictures(tmp_path: Path) -> None:
    """Newer files keep both in one."""
    inside = {"image_processor_type": "Owlv2ImageProcessor", "size": {"height": 8, "width": 8}}
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": inside}))
    assert read_recipe(tmp_path, "model").square


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"image_processor_type": "SamImageProcessor"}, "SamImageProcessor"),
        ({"image_processor_type": "OwlViTImageProcessor", "do_center_crop": True}, "crop"),
        ({"image_processor_type": "DetrImageProcessor", "do_rescale": False}, "rescale"),
        ({"image_processor_type": "DetrImageProcessor", "resample": 9}, "resample"),
        ({"image_processor_type": "DetrImageProcessor", "size": {"width": 9}}, "size"),
    ],
)
def test_what_cannot_be_done_is_refused(
    tmp_path: Path, settings: dict[str, Any], word: str
) -> None:
    """The error names what the file asks for and what is allowed."""
    with pytest.raises(ModelError, match=word) as caught:
        read_recipe(write(tmp_path, **settings), "owner/model")
    assert caught.value.code == "detector_description"
    assert "owner/model" in str(caught.value)
