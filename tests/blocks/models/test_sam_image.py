"""Masks in single pictures are those of the library's image models with the same weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from trackwire.blocks.models.image_seam import ImagePrompts
from trackwire.specs import ModelError, Resources

FAMILIES = ("sam2video", "edgetam", "sam3trackervideo")
SIZES = ((96, 72), (130, 50), (64, 120))
TOLERANCE = 1e-4


@pytest.fixture(params=FAMILIES)
def name(request: Any) -> str:
    """Each family."""
    return str(request.param)


def pictures(lab: Any, sizes: Any = SIZES) -> list[Any]:
    """Pictures of the sizes, RGB."""
    return [lab.picture(number, size)[..., ::-1] for number, size in enumerate(sizes)]


def of_module(lab: Any, name: str) -> Any:
    """Our model on a copy of the library's image model."""
    from trackwire.blocks.models.sam_image.model import SamImageModel
    from trackwire.blocks.models.sam_video.families import FAMILIES as KNOWN
    from trackwire.blocks.models.sam_video.image_network import ImageNetwork

    return SamImageModel(ImageNetwork(deepcopy(lab.image_module(name)), KNOWN[name]))


def random_prompts(kind: str, count: int, size_wh: tuple[int, int]) -> ImagePrompts:
    """Prompts of one kind for a picture."""
    random = np.random.default_rng(len(kind) + count)
    size = np.array(size_wh, np.float32)
    points = labels = boxes = masks = None
    if "points" in kind:
        points = (random.random((count, 3, 2)) * size).astype(np.float32)
        labels = np.array([[1, 0, 1]] * count, np.int32)
    if "boxes" in kind:
        corners = np.sort(random.random((count, 2, 2)), axis=1) * size
        boxes = corners.reshape(count, 4).astype(np.float32)
    if "masks" in kind:
        masks = random.normal(0, 8, (count, 1, 32, 32)).astype(np.float32)
    return ImagePrompts(points, labels, boxes, masks)


@pytest.mark.parametrize("multimask", [False, True])
@pytest.mark.parametrize("kind", ["points", "boxes", "points boxes", "points masks", "masks", ""])
def test_each_kind_of_prompt_is_answered_as_by_the_library(
    lab: Any, name: str, kind: str, multimask: bool
) -> None:
    """Points, boxes, both, masks to refine, and nothing at all."""
    (picture,) = pictures(lab, SIZES[:1])
    prompts = random_prompts(kind, 2 if kind else 1, SIZES[0])
    model = of_module(lab, name)
    (answer,) = model.segment(model.encode([picture]), [prompts], SIZES[:1], multimask=multimask)
    logits, iou = lab.image_reference(name, picture, prompts, multimask=multimask)
    assert answer.logits.shape == (prompts.count, 3 if multimask else 1, *model.low_res_hw)
    np.testing.assert_allclose(answer.logits, logits, atol=TOLERANCE)
    np.testing.assert_allclose(answer.iou, iou, atol=TOLERANCE)
    assert answer.logits.std() > 0.01  # equal nothings would prove nothing


def test_sam_3_decodes_what_it_was_trained_on_whatever_its_neck_has(lab: Any) -> None:
    """The "no memory" encoding belongs to the map that is decoded, also beside an unused fourth.

    The library's image model adds it to the last map there is; its tracker, and the model as it
    was trained, to the third.
    """
    import torch

    from trackwire.blocks.models.sam_image.model import SamImageModel
    from trackwire.blocks.models.sam_video.image_network import ImageNetwork

    module = lab.image_module("sam3trackervideo", 4)
    model = SamImageModel(ImageNetwork(deepcopy(module), lab.FAMILIES["sam3trackervideo"]))
    (picture,) = pictures(lab, SIZES[:1])
    prompts = random_prompts("boxes", 1, SIZES[0])
    features = model.encode([picture])
    (answer,) = model.segment(features, [prompts], SIZES[:1], multimask=True)
    points, labels = (torch.from_numpy(each)[None] for each in prompts.as_points())
    points = points * (112 / torch.tensor(SIZES[0]))
    found = {}
    with torch.inference_mode():
        for added, top in (("yes", model.embedding(features[0])), ("no", features[0].top)):
            found[added] = (
                module(
                    image_embeddings=[*features[0].fine, top],
                    input_points=points,
                    input_labels=labels,
                )
                .pred_masks[0]
                .numpy()
            )
    np.testing.assert_allclose(answer.logits, found["yes"], atol=TOLERANCE)
    assert np.abs(found["yes"] - found["no"]).max() > 0.1


def test_pictures_and_prompts_of_all_sizes_go_through_together(lab: Any, name: str) -> None:
    """Three pictures of different sizes, with different numbers and kinds of prompts."""
    model = of_module(lab, name)
    shown = pictures(lab)
    kinds = ("points", "boxes", "points boxes")
    prompts = [
        random_prompts(kind, count, size)
        for kind, count, size in zip(kinds, (3, 1, 2), SIZES, strict=True)
    ]
    answers = model.segment(model.encode(shown), prompts, SIZES, multimask=True)
    for answer, picture, given, size in zip(answers, shown, prompts, SIZES, strict=True):
        logits, iou = lab.image_reference(name, picture, given, multimask=True)
        assert answer.size_wh == size
        np.testing.assert_allclose(answer.logits, logits, atol=TOLERANCE)
        np.testing.assert_allclose(answer.iou, iou, atol=TOLERANCE)


def test_a_tracker_answers_with_the_network_it_has(lab: Any, name: str) -> None:
    """One checkpoint in memory serves video and pictures, and features fit both."""
    tracker = lab.wrap(lab.calm_module(name), name)
    model = tracker.image_model()
    assert model.network is tracker.network
    frame = lab.frame(3)
    prompts = random_prompts("boxes", 2, (96, 72))
    (answer,) = model.segment(tracker.encode([frame]), [prompts], [(96, 72)], multimask=False)
    logits, _ = lab.image_reference(name, frame.image[..., ::-1], prompts, multimask=False)
    np.testing.assert_allclose(answer.logits, logits, atol=TOLERANCE)


def test_one_pass_of_the_encoder_and_one_of_the_decoder_serve_all(lab: Any) -> None:
    """Batches are batched: nothing is run picture by picture or prompt by prompt."""
    model = of_module(lab, "sam2video")
    network = model.network
    encode, decode = network.encoder, network.module.mask_decoder.forward
    sizes: list[tuple[str, int]] = []

    def encoded(batch: Any) -> Any:
        sizes.append(("encoder", len(batch)))
        return encode(batch)

    def counted(**given: Any) -> Any:
        sizes.append(("decoder", len(given["image_embeddings"])))
        return decode(**given)

    network.encoder, network.module.mask_decoder.forward = encoded, counted
    prompts = [
        random_prompts("boxes", count, size) for count, size in zip((2, 1, 4), SIZES, strict=True)
    ]
    model.segment(model.encode(pictures(lab)), prompts, SIZES, multimask=False)
    assert sizes == [("encoder", 3), ("decoder", 7)]


def test_no_prompts_give_no_masks(lab: Any) -> None:
    """A picture without boxes is answered by nothing, and does not disturb its neighbours."""
    model = of_module(lab, "sam2video")
    prompts = [ImagePrompts(boxes=np.zeros((0, 4), np.float32)), random_prompts("boxes", 1, (9, 9))]
    answers = model.segment(model.encode(pictures(lab)[:2]), prompts, SIZES[:2], multimask=True)
    assert [len(answer) for answer in answers] == [0, 1]
    assert model.upscale(answers[0]).shape == (0, 3, 72, 96)


def test_masks_come_at_the_size_of_their_picture(lab: Any) -> None:
    """Upscaling is bilinear, from logits that are not cut off."""
    import torch

    model = of_module(lab, "sam2video")
    prompts = random_prompts("points", 2, SIZES[1])
    picture = pictures(lab)[1]
    (answer,) = model.segment(model.encode([picture]), [prompts], [SIZES[1]], multimask=True)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(answer.logits), (50, 130), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(model.upscale(answer), expected.numpy(), atol=1e-5)


def test_holes_are_filled_before_upscaling_in_proportion_to_the_input(lab: Any) -> None:
    """At an eighth of the trained side an area is a sixty-fourth."""
    model = of_module(lab, "sam2video")
    logits = np.full((1, 1, 32, 32), 5.0, np.float32)
    logits[0, 0, 4:6, 4:6] = -5.0  # 4 pixels here are 256 at the trained size
    logits[0, 0, 20:23, 20:22] = -5.0
    answer = model.segment(
        model.encode(pictures(lab)[:1]),
        [random_prompts("boxes", 1, SIZES[0])],
        SIZES[:1],
        multimask=False,
    )[0]
    answer.logits[:] = logits
    filled = model.upscale(answer, hole_area=256.0)
    assert (filled[0, 0] <= 0).any()
    whole = model.upscale(answer, hole_area=6 * 64.0)
    assert (whole > 0).all()
    assert whole.max() == 10.0


def test_an_embedding_is_that_of_the_library(lab: Any, name: str) -> None:
    """Its shape is 1, channels, rows, columns."""
    import torch

    module = lab.image_module(name)
    family, side = lab.FAMILIES[name], lab.MICRO_SIZE[name]
    prepare = lab.Preprocessor(side, family.mean, family.std, torch.device("cpu"), torch.float32)
    (picture,) = pictures(lab, SIZES[:1])
    model = of_module(lab, name)
    (feature,) = model.encode([picture])
    expected = module.get_image_embeddings(prepare.prepare([picture]))[-1]
    torch.testing.assert_close(model.embedding(feature), expected, atol=1e-5, rtol=1e-5)
    assert model.nbytes(feature) == sum(each.numel() * 4 for each in (*feature.fine, feature.top))


@pytest.fixture(scope="module")
def folders(lab: Any, tmp_path_factory: Any) -> Any:
    """A folder of an image model, and one of a tracker, of the same weights."""
    root = tmp_path_factory.mktemp("stills")
    for each in FAMILIES:
        lab.image_module(each).save_pretrained(root / f"{each}-image")
    lab.calm_module("sam2video").save_pretrained(root / "tracker")
    return root


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are loaded use float32."""
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")


def test_a_folder_of_an_image_model_loads(lab: Any, folders: Any, name: str, exact: None) -> None:
    """Checkpoints without any memory load, with every weight in its place."""
    from trackwire.blocks import load_image_model

    model = load_image_model(str(folders / f"{name}-image"), Resources(device="cpu"))
    assert model.video is None
    (picture,) = pictures(lab, SIZES[:1])
    prompts = random_prompts("boxes", 2, SIZES[0])
    (answer,) = model.segment(model.encode([picture]), [prompts], SIZES[:1], multimask=True)
    np.testing.assert_allclose(
        answer.logits,
        lab.image_reference(name, picture, prompts, multimask=True)[0],
        atol=TOLERANCE,
    )
    again = load_image_model(str(folders / f"{name}-image"), Resources(device="cpu"))
    assert again is model


def test_an_image_model_runs_at_another_size(folders: Any, exact: None) -> None:
    """``@SIZE`` works for image models as it does for trackers."""
    from trackwire.blocks import load_image_model

    for name, size, side in (("sam2video", 192, 48), ("sam3trackervideo", 140, 40)):
        model = load_image_model(f"{folders / name}-image@{size}", Resources(device="cpu"))
        assert model.low_res_hw == (side, side)
        (feature,) = model.encode([np.zeros((20, 30, 3), np.uint8)])
        (answer,) = model.segment([feature], [ImagePrompts()], [(30, 20)], multimask=False)
        assert answer.logits.shape == (1, 1, side, side)


def test_a_tracker_and_an_image_model_of_one_id_share_weights_and_lock(
    folders: Any, exact: None
) -> None:
    """They are one network in memory."""
    from trackwire.blocks import load_image_model, load_video_model

    resources = Resources(device="cpu")
    tracker = load_video_model(str(folders / "tracker"), resources)
    model = load_image_model(str(folders / "tracker"), resources)
    assert model.video is tracker
    assert model.wrapped.network is tracker.wrapped.network  # type: ignore[attr-defined]


def test_an_image_model_is_refused_as_a_tracker(folders: Any) -> None:
    """The message says what it is."""
    from trackwire.blocks import load_video_model

    with pytest.raises(ModelError, match="but finds masks in single pictures") as caught:
        load_video_model(str(folders / "sam2video-image"), Resources(device="cpu"))
    assert caught.value.code == "model_type"


def test_a_tracker_of_ones_own_that_knows_no_pictures_is_refused() -> None:
    """The message says which method it lacks."""
    from trackwire.blocks import load_image_model

    class Tracker:
        def propagate(self) -> None: ...

    model = Tracker()
    with pytest.raises(ModelError, match=r"Tracker has no method image_model\(\)") as caught:
        load_image_model("mine", Resources(model_loader=lambda _: model))
    assert caught.value.code == "model_no_images"


def test_batches_must_be_positive(lab: Any) -> None:
    """Zero is no batch."""
    from trackwire.blocks.models.sam_image.model import SamImageModel

    network = of_module(lab, "sam2video").network
    with pytest.raises(ModelError, match="found 0 and None"):
        SamImageModel(network, encoder_batch=0)
