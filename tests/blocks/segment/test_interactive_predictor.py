"""The interactive predictor behaves as its interface is documented, on every model behind it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from trackwire import SAM3InteractiveImagePredictor, build_tracker
from trackwire.blocks import ImagePrompts
from trackwire.specs import ModelError, TrackwireError

SIZES = ((96, 72), (130, 50), (64, 120))
POINTS = np.array([[30.0, 20.0], [60.0, 44.0]])
LABELS = np.array([1, 0])
BOX = np.array([10.0, 8.0, 70.0, 50.0])
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def lite() -> SAM3InteractiveImagePredictor:
    """A predictor that needs no download, shared by tests that set their own picture."""
    return SAM3InteractiveImagePredictor(build_tracker("lite"))


def scene(size_wh: tuple[int, int] = (120, 90), shift: int = 0) -> Any:
    """A red thing before green, RGB."""
    width, height = size_wh
    noise = np.random.default_rng(shift).integers(0, 30, (height, width, 3))
    picture = np.full((height, width, 3), (60, 120, 60)) + noise
    picture[25:60, 30 + shift : 80 + shift] = (200, 40, 40)
    return picture.astype(np.uint8)


THING = np.array([30, 25, 80, 60])


def overlap(mask: Any, box: Any = THING) -> float:
    """IoU of a mask with the red thing."""
    truth = np.zeros(mask.shape, bool)
    truth[box[1] : box[3], box[0] : box[2]] = True
    return float((truth & (mask > 0)).sum() / (truth | (mask > 0)).sum())


# What the library's image models give


@pytest.fixture(params=["sam2video", "sam3trackervideo"])
def name(request: Any) -> str:
    """SAM 2.1 and SAM 3."""
    return str(request.param)


def predictor_of(lab: Any, name: str, **options: Any) -> SAM3InteractiveImagePredictor:
    """A predictor on a copy of the library's image model with random weights."""
    from trackwire.blocks.models.sam_image.model import SamImageModel
    from trackwire.blocks.models.sam_video.image_network import ImageNetwork

    network = ImageNetwork(deepcopy(lab.image_module(name)), lab.FAMILIES[name])
    return SAM3InteractiveImagePredictor(SamImageModel(network), **options)


def network_of(predictor: SAM3InteractiveImagePredictor) -> Any:
    """The network below a predictor."""
    return getattr(predictor.model.wrapped, "network", None)


def picture_of(lab: Any, number: int) -> Any:
    """A picture, RGB."""
    return lab.picture(number, SIZES[number])[..., ::-1]


def full_size(logits: Any, size_wh: tuple[int, int]) -> Any:
    """The library's way to the size of the picture."""
    import torch

    size = (size_wh[1], size_wh[0])
    return torch.nn.functional.interpolate(
        torch.from_numpy(logits), size, mode="bilinear", align_corners=False
    ).numpy()


REFINED = np.random.default_rng(5).normal(0, 8, (1, 256, 256)).astype(np.float32)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        {"point_coords": POINTS, "point_labels": LABELS},
        {"box": BOX},
        {"point_coords": POINTS, "point_labels": LABELS, "box": BOX},
        {"point_coords": POINTS, "point_labels": LABELS, "mask_input": REFINED},
        {"mask_input": REFINED},
        {},
    ],
    ids=["points", "box", "both", "refined", "mask", "nothing"],
)
def test_masks_are_those_of_the_library(
    lab: Any, name: str, given: dict[str, Any], multimask: bool
) -> None:
    """Masks, scores and low-resolution logits, with the same random weights."""
    predictor = predictor_of(lab, name, max_hole_area=0.0)
    picture = picture_of(lab, 0)
    predictor.set_image(picture)
    masks, scores, low_res = predictor.predict(
        **given, multimask_output=multimask, return_logits=True
    )
    prompts = ImagePrompts(
        *(
            None if (value := given.get(key)) is None else value[None].astype(dtype)
            for key, dtype in (
                ("point_coords", np.float32),
                ("point_labels", np.int32),
                ("box", np.float32),
                ("mask_input", np.float32),
            )
        )
    )
    logits, overlaps = lab.image_reference(name, picture, prompts, multimask=multimask)
    np.testing.assert_allclose(masks, full_size(logits, SIZES[0])[0], atol=TOLERANCE)
    np.testing.assert_allclose(scores, overlaps[0], atol=TOLERANCE)
    np.testing.assert_allclose(low_res, logits[0].clip(-32, 32), atol=TOLERANCE)


@pytest.mark.parametrize("multimask", [True, False])
def test_a_batch_of_sizes_is_that_of_the_library(lab: Any, name: str, multimask: bool) -> None:
    """Three pictures of different sizes, one with a box, one with several, one with points."""
    predictor = predictor_of(lab, name, max_hole_area=0.0)
    pictures = [picture_of(lab, number) for number in range(3)]
    predictor.set_image_batch(pictures)
    boxes = [BOX, np.array([[5, 5, 40, 30], [50, 10, 120, 45.0]]), None]
    masks, scores, low_res = predictor.predict_batch(
        [None, None, POINTS],
        [None, None, LABELS],
        boxes,
        multimask_output=multimask,
        return_logits=True,
    )
    prompts = [
        ImagePrompts(boxes=BOX[None].astype(np.float32)),
        ImagePrompts(boxes=np.asarray(boxes[1], np.float32)),
        ImagePrompts(POINTS[None].astype(np.float32), LABELS[None].astype(np.int32)),
    ]
    for number in range(3):
        logits, overlaps = lab.image_reference(
            name, pictures[number], prompts[number], multimask=multimask
        )
        expected = full_size(logits, SIZES[number])
        one = 0 if number != 1 else slice(None)
        np.testing.assert_allclose(masks[number], expected[one], atol=TOLERANCE)
        np.testing.assert_allclose(scores[number], overlaps[one], atol=TOLERANCE)
        np.testing.assert_allclose(low_res[number], logits[one].clip(-32, 32), atol=TOLERANCE)


@pytest.mark.parametrize("multimask", [True, False])
def test_a_box_is_what_the_library_takes_for_a_box(lab: Any, name: str, multimask: bool) -> None:
    """The library's own argument for boxes gives the same as their corners as points."""
    import torch

    module, family, side = lab.image_module(name), lab.FAMILIES[name], lab.MICRO_SIZE[name]
    prepare = lab.Preprocessor(side, family.mean, family.std, torch.device("cpu"), torch.float32)
    boxes = np.array([BOX, [5, 5, 30, 40]], np.float32)
    scale = side / np.tile(np.array(SIZES[0], np.float32), 2)
    with torch.inference_mode():
        expected = module(
            pixel_values=prepare.prepare([picture_of(lab, 0)]),
            input_boxes=torch.from_numpy(boxes * scale)[None].float(),
            multimask_output=multimask,
        )
    predictor = predictor_of(lab, name)
    predictor.set_image(picture_of(lab, 0))
    _, scores, low_res = predictor.predict(box=boxes, multimask_output=multimask)
    np.testing.assert_allclose(low_res, expected.pred_masks[0].clip(-32, 32), atol=TOLERANCE)
    np.testing.assert_allclose(scores, expected.iou_scores[0], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("family_name", "cells", "side"), [("sam2video", 64, 256), ("sam3trackervideo", 72, 288)]
)
def test_at_the_trained_size_shapes_are_the_documented_ones(
    lab: Any, family_name: str, cells: int, side: int
) -> None:
    """1 x 256 x 64 x 64 and masks of 256 for SAM 2.1; 72 and 288 for SAM 3."""
    from trackwire.blocks.models.sam_image.model import SamImageModel
    from trackwire.blocks.models.sam_video.image_network import ImageNetwork

    network = ImageNetwork(lab.full_size_image_module(family_name), lab.FAMILIES[family_name])
    predictor = SAM3InteractiveImagePredictor(SamImageModel(network))
    predictor.set_image(scene())
    assert tuple(predictor.get_image_embedding().shape) == (1, 256, cells, cells)
    _, _, low_res = predictor.predict(box=BOX)
    assert low_res.shape == (3, side, side)
    masks, _, again = predictor.predict(box=BOX, mask_input=REFINED, multimask_output=False)
    assert masks.shape == (1, 90, 120)
    assert again.shape == (1, side, side)


def test_a_tracker_serves_as_the_model_of_a_predictor(lab: Any) -> None:
    """Its weights are used in place, and its embedding has the documented shape."""
    tracker = lab.wrap(lab.calm_module("sam2video"), "sam2video")
    predictor = SAM3InteractiveImagePredictor(tracker)
    assert network_of(predictor) is tracker.network
    predictor.set_image(picture_of(lab, 0))
    assert predictor.get_image_embedding().shape == (1, 128, 8, 8)
    assert str(predictor.device) == "cpu"
    predictor.set_image_batch([picture_of(lab, number) for number in range(2)])
    assert predictor.get_image_embedding().shape == (2, 128, 8, 8)


def test_holes_are_filled_at_low_resolution_before_upscaling(lab: Any) -> None:
    """A filled hole is at 10 over the threshold, a cleared speck at 10 below it."""
    predictor = predictor_of(lab, "sam2video", mask_threshold=1.0, max_hole_area=0.0)
    predictor.set_image(picture_of(lab, 0))
    found = {}
    found[0.0], _, low_res = predictor.predict(POINTS, LABELS, return_logits=True)
    predictor.max_hole_area = 1e6
    found[1e6], _, _ = predictor.predict(POINTS, LABELS, return_logits=True)
    holes = np.where(low_res > 1.0, low_res, 11.0)  # every piece of background is a hole of 1e6
    expected = full_size(holes[None], SIZES[0])[0]
    np.testing.assert_allclose(found[1e6], expected, atol=TOLERANCE)
    assert (found[0.0] != found[1e6]).any()


# Pictures


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[1, 2], [3, 4]],
        "picture.png",
        None,
    ],
    ids=["grey", "alpha", "floats", "empty", "lists", "path", "nothing"],
)
def test_what_is_no_picture_is_not_supported(
    lite: SAM3InteractiveImagePredictor, image: Any
) -> None:
    """It is refused with the documented text, and no earlier picture answers in its place."""
    lite.set_image(scene())
    with pytest.raises(NotImplementedError, match="Image format not supported") as caught:
        lite.set_image(image)
    assert isinstance(caught.value, TrackwireError)
    assert caught.value.code == "rgb_format"
    with pytest.raises(RuntimeError):
        lite.predict(box=THING)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_a_pil_image_of_any_mode_is_a_picture(
    lite: SAM3InteractiveImagePredictor, mode: str
) -> None:
    """It is taken as RGB, at its own size."""
    from PIL import Image

    lite.set_image(Image.fromarray(scene()).convert(mode))
    masks, _, _ = lite.predict(box=THING)
    assert masks.shape == (3, 90, 120)


def unreadable(kind: str) -> Any:
    """An image of Pillow that is no picture."""
    import io

    from PIL import Image

    if kind == "empty":
        return Image.new("RGB", (0, 4))
    if kind == "cut off":
        content = io.BytesIO()
        Image.fromarray(scene()).save(content, "PNG")
        return Image.open(io.BytesIO(content.getvalue()[:900]))
    return Image.new(kind, (4, 4))


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("empty", "without pixels, 0 x 4"),
        ("cut off", "cannot be read"),
        ("La", "cannot be read"),
        ("F", "no known range"),
        ("I", "no known range"),
    ],
)
def test_a_pil_image_that_is_no_picture_is_not_supported(
    lite: SAM3InteractiveImagePredictor, kind: str, found: str
) -> None:
    """It is refused as anything else that is none, with what is wrong about it."""
    with pytest.raises(NotImplementedError, match=f"Image format not supported: .*{found}"):
        lite.set_image(unreadable(kind))


def test_a_pil_image_and_its_array_give_the_same(lite: SAM3InteractiveImagePredictor) -> None:
    """Width and height are not mixed up, nor are colours."""
    from PIL import Image

    lite.set_image(scene())
    direct = lite.predict(box=THING)
    lite.set_image(Image.fromarray(scene()))
    for one, other in zip(lite.predict(box=THING), direct, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("images", [[], scene(), None])
def test_a_batch_must_be_a_list_of_pictures(
    lite: SAM3InteractiveImagePredictor, images: Any
) -> None:
    """A single array is not taken for a batch of its rows."""
    with pytest.raises(ValueError, match="set_image_batch takes a list"):
        lite.set_image_batch(images)


# The order of calls


def test_a_picture_must_be_set_first() -> None:
    """Masks and embeddings are refused with a RuntimeError that names the call."""
    predictor = SAM3InteractiveImagePredictor(build_tracker("lite"))
    for ask in (lambda: predictor.predict(box=THING), predictor.get_image_embedding):
        with pytest.raises(RuntimeError, match=r"\.set_image\(\.\.\.\)") as caught:
            ask()
        assert isinstance(caught.value, ModelError)
    with pytest.raises(RuntimeError, match=r"\.set_image_batch\(\.\.\.\)"):
        predictor.predict_batch(box_batch=[THING])


def test_batches_and_single_pictures_are_not_mixed_up(lite: SAM3InteractiveImagePredictor) -> None:
    """``predict_batch`` refuses a single picture before anything else, ``predict`` a batch."""
    lite.set_image(scene())
    with pytest.raises(RuntimeError, match="predict_batch needs pictures"):
        lite.predict_batch(point_coords_batch=[POINTS])  # not for its missing labels
    lite.set_image_batch([scene(), scene(shift=5)])
    with pytest.raises(RuntimeError, match="call predict_batch"):
        lite.predict(box=THING)
    lite.set_image(scene())
    assert lite.predict(box=THING)[0].shape == (3, 90, 120)


def test_reset_forgets_the_picture(lite: SAM3InteractiveImagePredictor) -> None:
    """Afterwards it is as if none had been set."""
    lite.set_image(scene())
    lite.reset_predictor()
    with pytest.raises(RuntimeError, match="set_image"):
        lite.predict(box=THING)
    lite.set_image_batch([scene()])
    lite.reset_predictor()
    with pytest.raises(RuntimeError, match="predict_batch needs"):
        lite.predict_batch(box_batch=[THING])


# Prompts and answers


def test_points_need_labels(lite: SAM3InteractiveImagePredictor) -> None:
    """The message says so; single and batched."""
    lite.set_image(scene())
    with pytest.raises(ValueError, match="without point_labels"):
        lite.predict(point_coords=POINTS)
    lite.set_image_batch([scene()])
    with pytest.raises(ValueError, match="without point_labels"):
        lite.predict_batch(point_coords_batch=[POINTS])


@pytest.mark.parametrize(
    "given",
    [
        {"point_coords": POINTS, "point_labels": [1]},
        {"point_coords": POINTS[:, :1], "point_labels": LABELS},
        {"point_labels": LABELS},
        {"box": [1, 2, 3]},
        {"box": [[1, 2, 3, 4], [1, 2, 3]]},
        {"box": "all of it"},
        {"mask_input": np.zeros(7)},
        {"box": [1, 2, 3, np.inf]},
        {"point_coords": POINTS, "point_labels": [1, 0.5]},
        {"point_coords": POINTS, "point_labels": [1, np.nan]},
        {"point_coords": POINTS, "point_labels": [1, 4]},
    ],
)
def test_prompts_that_cannot_be_read_are_refused(
    lite: SAM3InteractiveImagePredictor, given: dict[str, Any]
) -> None:
    """As a ValueError with a code."""
    lite.set_image(scene())
    with pytest.raises(ValueError, match=r".") as caught:
        lite.predict(**given)
    assert getattr(caught.value, "code", None) == "image_prompt"


def test_a_batch_needs_an_entry_for_each_picture(lite: SAM3InteractiveImagePredictor) -> None:
    """A list of another length is no list of prompts."""
    lite.set_image_batch([scene(), scene()])
    with pytest.raises(ValueError, match="box_batch must have one entry for each of the 2"):
        lite.predict_batch(box_batch=[THING])
    with pytest.raises(ValueError, match="box_batch must be a list with an entry for each"):
        lite.predict_batch(box_batch=3)  # type: ignore[arg-type]


def test_no_click_yet_asks_for_nothing_in_particular(lite: SAM3InteractiveImagePredictor) -> None:
    """Empty lists and arrays of points are no points; no boxes are no prompts."""
    lite.set_image(scene())
    expected = lite.predict()
    for points, labels in (([], []), (np.zeros((0, 2)), np.zeros(0))):
        for one, other in zip(lite.predict(points, labels), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    masks, scores, low_res = lite.predict(box=np.zeros((0, 4)))
    assert (masks.shape, scores.shape) == ((0, 3, 90, 120), (0, 3))
    assert low_res.shape == (0, 3, 256, 256)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 90), (90, 1), (2, 3)])
def test_the_smallest_pictures_have_masks(
    lab: Any, lite: SAM3InteractiveImagePredictor, size_hw: tuple[int, int]
) -> None:
    """A picture of one pixel, of one row and of one column, for every kind of prompt."""
    for predictor in (lite, predictor_of(lab, "sam2video")):
        predictor.set_image(np.full((*size_hw, 3), 90, np.uint8))
        prompts: tuple[dict[str, Any], ...] = (
            {"box": [0, 0, size_hw[1], size_hw[0]]},
            {"point_coords": [[0, 0]], "point_labels": [1]},
            {"mask_input": REFINED},
            {},
        )
        for prompt in prompts:
            masks, _, _ = predictor.predict(**prompt)
            assert masks.shape == (3, *size_hw)
            assert set(np.unique(masks)) <= {0.0, 1.0}


def test_one_prompt_has_no_batch_dimension_and_several_do(
    lite: SAM3InteractiveImagePredictor,
) -> None:
    """C x H x W for one, B x C x H x W for several boxes; everything is float32."""
    lite.set_image(scene())
    for box, lead in ((THING, ()), (THING[None], ()), (np.stack([THING, BOX]), (2,))):
        for multimask, count in ((True, 3), (False, 1)):
            masks, scores, low_res = lite.predict(box=box, multimask_output=multimask)
            assert masks.shape == (*lead, count, 90, 120)
            assert scores.shape == (*lead, count)
            assert low_res.shape == (*lead, count, 256, 256)
            assert {masks.dtype, scores.dtype, low_res.dtype} == {np.dtype(np.float32)}


def test_masks_are_what_lies_strictly_above_the_threshold(lab: Any) -> None:
    """A logit on the threshold is background; ``return_logits`` skips the threshold."""
    predictor = predictor_of(lab, "sam2video", max_hole_area=0.0)
    predictor.set_image(picture_of(lab, 0))
    logits, _, low_res = predictor.predict(POINTS, LABELS, return_logits=True)
    predictor.mask_threshold = float(logits.flat[100])
    masks, _, _ = predictor.predict(POINTS, LABELS)
    assert set(np.unique(masks)) == {0.0, 1.0}
    np.testing.assert_array_equal(masks, (logits > predictor.mask_threshold).astype(np.float32))
    assert masks.flat[100] == 0.0
    assert np.abs(low_res).max() <= 32.0


def test_low_resolution_logits_are_within_32(lab: Any) -> None:
    """They are cut off, while masks are not made from what was cut off."""
    predictor = predictor_of(lab, "sam2video", max_hole_area=0.0)
    for mlp in network_of(predictor).module.mask_decoder.output_hypernetworks_mlps:
        mlp.proj_out.weight.data.mul_(100.0)
    predictor.set_image(picture_of(lab, 0))
    logits, _, low_res = predictor.predict(box=BOX, return_logits=True)
    assert np.abs(low_res).max() == 32.0
    assert np.abs(logits).max() > 40.0


def test_coordinates_are_pixels_or_parts_of_the_picture(
    lite: SAM3InteractiveImagePredictor,
) -> None:
    """``normalize_coords=False`` takes numbers from 0 to 1."""
    lite.set_image(scene())
    size = np.array([120.0, 90.0])
    pixels = lite.predict(POINTS, LABELS, THING)
    parts = lite.predict(POINTS / size, LABELS, THING / np.tile(size, 2), normalize_coords=False)
    for one, other in zip(pixels, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_mask_is_refined_at_any_side_and_comes_back_at_the_models_own(lab: Any) -> None:
    """SAM 3's own side is returned, the documented 256 is taken as well."""
    predictor = predictor_of(lab, "sam3trackervideo")
    predictor.set_image(picture_of(lab, 0))
    own = predictor.model.low_res_hw
    _, scores, low_res = predictor.predict(POINTS, LABELS)
    assert low_res.shape == (3, *own)
    best = low_res[scores.argmax()]
    for mask in (best, best[None], best[None, None], REFINED):
        _, _, again = predictor.predict(POINTS, LABELS, mask_input=mask, multimask_output=False)
        assert again.shape == (1, *own)
        assert np.abs(again - best).max() > 1e-3  # it does not just come back


def test_tensors_are_taken_as_prompts(lab: Any, lite: SAM3InteractiveImagePredictor) -> None:
    """Scripts that hold their boxes on a device need not convert them."""
    import torch

    lite.set_image(scene())
    expected = lite.predict(box=THING)
    # Half precision is what a network under autocast gives, and has no counterpart in NumPy.
    for dtype in (torch.int64, torch.float32, torch.bfloat16):
        given = lite.predict(
            box=torch.from_numpy(THING).to(dtype).requires_grad_(dtype.is_floating_point)
        )
        for one, other in zip(given, expected, strict=True):
            np.testing.assert_array_equal(one, other)


# How a predictor is made


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sam_model": "lite"}, r"found 'lite'; pass build_tracker\('lite'\)"),
        ({"sam_model": None}, "found a NoneType; pass build_tracker"),
        ({"mask_threshold": float("nan")}, "mask_threshold must be a finite logit"),
        ({"max_hole_area": -1.0}, "max_hole_area must be 0, for none"),
        ({"max_sprinkle_area": float("nan")}, "max_sprinkle_area must be 0, for none"),
    ],
)
def test_a_predictor_that_cannot_work_is_not_made(given: dict[str, Any], says: str) -> None:
    """The message says which option is wrong and what to pass."""
    with pytest.raises(ModelError, match=says) as caught:
        SAM3InteractiveImagePredictor(**{"sam_model": build_tracker("lite"), **given})
    assert caught.value.code == "model_option"


def test_the_known_first_argument_is_not_taken_for_a_model() -> None:
    """Elsewhere ``build_tracker(False)`` switches the disambiguation off; here that has a name."""
    with pytest.raises(ModelError, match="found False; apply_temporal_disambiguation is given"):
        build_tracker(False)  # type: ignore[arg-type]  # noqa: FBT003


def test_predictors_of_one_model_do_not_disturb_one_another(lab: Any) -> None:
    """Several threads, each with a predictor and a picture of its own, get what they get alone."""
    from concurrent.futures import ThreadPoolExecutor

    from trackwire.blocks.models.shared import SharedImageModel

    model: SharedImageModel[Any] = predictor_of(lab, "sam2video").model

    def work(number: int) -> list[Any]:
        predictor = SAM3InteractiveImagePredictor(model)
        found = []
        for _ in range(5):
            predictor.set_image(picture_of(lab, number))
            found.append(predictor.predict(box=BOX, return_logits=True))
        return found

    alone = [work(number)[0] for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(work, range(3)))
    for expected, rounds in zip(alone, together, strict=True):
        for found in rounds:
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_the_default_model_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Without its weights there is one error with the ways on, and no other model in its place."""
    pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="'lite'") as caught:
        build_tracker(apply_temporal_disambiguation=False)
    assert caught.value.code in {"model_not_downloaded", "model_gated"}


# The examples of the documentation, with a picture of our own


def test_example_points(lite: SAM3InteractiveImagePredictor) -> None:
    """Set a picture, click on a thing, take the best mask."""
    lite.set_image(scene())
    masks, scores, _ = lite.predict(
        point_coords=np.array([[55, 42]]), point_labels=np.array([1]), multimask_output=True
    )
    assert overlap(masks[scores.argmax()]) > 0.8
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_example_box(lite: SAM3InteractiveImagePredictor) -> None:
    """One mask for a box."""
    lite.set_image(scene())
    masks, _, _ = lite.predict(box=THING + np.array([-4, -4, 4, 4]), multimask_output=False)
    assert overlap(masks[0]) > 0.9


def test_example_refinement(lite: SAM3InteractiveImagePredictor) -> None:
    """A second call with a point off the object, on top of the first call's logits."""
    lite.set_image(scene())
    masks, scores, low_res = lite.predict(np.array([[55, 42]]), np.array([1]))
    best = int(scores.argmax())
    again, _, _ = lite.predict(
        point_coords=np.array([[55, 42], [15, 15]]),
        point_labels=np.array([1, 0]),
        mask_input=low_res[best][None],
        multimask_output=False,
    )
    assert overlap(again[0]) >= overlap(masks[best]) - 0.02
    assert again[0, 15, 15] == 0


def test_example_points_and_box(lite: SAM3InteractiveImagePredictor) -> None:
    """A point off the object takes its surroundings out of a box that is too large."""
    lite.set_image(scene())
    masks, _, _ = lite.predict(
        point_coords=np.array([[100, 80]]),
        point_labels=np.array([0]),
        box=np.array([20, 15, 110, 85]),
        multimask_output=False,
    )
    assert overlap(masks[0]) > 0.8
    assert masks[0, 80, 100] == 0


def test_example_batch(lite: SAM3InteractiveImagePredictor) -> None:
    """Several pictures, boxes for each of them; as one after the other."""
    pictures = [scene(), scene((140, 100), shift=20)]
    boxes = [THING, np.stack([THING + np.array([20, 0, 20, 0]), np.array([5, 5, 20, 20])])]
    lite.set_image_batch(pictures)
    masks, scores, low_res = lite.predict_batch(box_batch=boxes, multimask_output=False)
    assert [mask.shape for mask in masks] == [(1, 90, 120), (2, 1, 100, 140)]
    assert overlap(masks[0][0]) > 0.9
    for number in range(2):
        lite.set_image(pictures[number])
        alone = lite.predict(box=boxes[number], multimask_output=False)
        for one, other in zip(alone, (masks, scores, low_res), strict=True):
            np.testing.assert_array_equal(one, other[number])


def test_example_embedding(lite: SAM3InteractiveImagePredictor) -> None:
    """The features of a picture, for other uses."""
    lite.set_image(scene())
    assert lite.get_image_embedding().shape == (1, 256, 64, 64)
    lite.set_image_batch([scene(), scene()])
    assert lite.get_image_embedding().shape == (2, 256, 64, 64)
    assert lite.device == "cpu"
