"""Masks for scripts: shapes, prompts, and what is kept under an image id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackwire.blocks import ImagePrompts, Sam2PromptSet, SegmentAnything2, masks2poly
from trackwire.blocks.segment.versions import HIERA_VERSIONS, catalog_id
from trackwire.specs import ModelError

Picture = NDArray[np.uint8]
ON: dict[str, Any] = {"points": [{"x": 48, "y": 36, "positive": True}]}
BOX: dict[str, Any] = {"box": {"x": 48, "y": 36, "width": 40, "height": 30}}
BOTH: dict[str, Any] = {
    **BOX,
    "points": [{"x": 50, "y": 30}, {"x": 10, "y": 10, "positive": False}],
}


@pytest.fixture(scope="module")
def make(weights: Path) -> Iterator[Callable[..., SegmentAnything2]]:
    """Make one on the small random weights, in full precision so that masks can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
        yield lambda **options: SegmentAnything2(model_id=str(weights), device="cpu", **options)


@pytest.fixture
def sam(make: Callable[..., SegmentAnything2]) -> SegmentAnything2:
    """One with caches of its own."""
    return make()


class Counted:
    """Stands around a model and counts the pictures it encodes."""

    def __init__(self, sam: SegmentAnything2, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pictures = 0
        encode = sam._model.encode

        def counting(pictures: Any) -> Any:
            self.pictures += len(pictures)
            return encode(pictures)

        monkeypatch.setattr(sam._model, "encode", counting)


def direct(sam: SegmentAnything2, picture: Picture, prompts: ImagePrompts, *, several: bool) -> Any:
    """What the model itself answers."""
    features = sam._model.encode([picture[..., ::-1]])
    size_wh = picture.shape[1], picture.shape[0]
    (found,) = sam._model.segment(features, [prompts], [size_wh], several)
    return found


def test_embedding_a_picture_gives_three_values(sam: SegmentAnything2, picture: Picture) -> None:
    """The features, height and width, and the name that the picture is kept under."""
    embedding, shape, image_id = sam.embed_image(picture)
    side = sam._model.low_res_hw[0] // 4
    assert tuple(embedding.shape) == (1, 128, side, side)
    assert shape == (72, 96)
    assert sam.embed_image(picture.copy()).image_id == image_id
    assert sam.embed_image(picture[::-1]).image_id != image_id
    assert sam.embed_image(picture, image_id="mine").image_id == "mine"


def test_without_prompts_there_is_one_mask(sam: SegmentAnything2, picture: Picture) -> None:
    """Two values without a leading axis: logits of the picture's size and low-resolution ones."""
    masks, low_res = sam.segment_image(picture)
    assert masks.shape == (72, 96)
    assert low_res.shape == sam._model.low_res_hw
    assert masks.dtype == low_res.dtype == np.float32
    assert abs(low_res).max() <= 32
    assert len(masks2poly(masks >= sam.predictor.mask_threshold)) == 1


def test_prompts_give_a_mask_each(sam: SegmentAnything2, picture: Picture) -> None:
    """With a set of N prompts there is a leading axis, also for N = 1."""
    for prompts in ([ON], [ON, BOX, BOTH]):
        masks, low_res = sam.segment_image(picture, prompts=Sam2PromptSet(prompts=prompts))
        assert masks.shape == (len(prompts), 72, 96)
        assert low_res.shape == (len(prompts), *sam._model.low_res_hw)
        assert len(masks2poly(masks >= sam.predictor.mask_threshold)) == len(prompts)


def test_no_prompt_asks_for_the_most_prominent_object(
    sam: SegmentAnything2, picture: Picture
) -> None:
    """It is a point at 0, 0 that says of itself to be none."""
    nowhere = ImagePrompts(
        points=np.zeros((1, 1, 2), np.float32), labels=np.full((1, 1), -1, np.int32)
    )
    expected = direct(sam, picture, nowhere, several=True).best()
    _, low_res = sam.segment_image(picture)
    np.testing.assert_allclose(low_res, expected.low_res[0, 0], atol=1e-5)
    nothing: tuple[Any, ...] = ({}, [], {"prompts": None}, Sam2PromptSet())
    for empty in nothing:
        again, _ = sam.segment_image(picture, prompts=empty)
        assert again.shape == (72, 96)


@pytest.mark.parametrize("several", [True, False])
def test_the_most_confident_mask_is_given(
    sam: SegmentAnything2, picture: Picture, several: bool
) -> None:
    """Of three proposals the one that the model scores highest, or the only one there is."""
    points = ImagePrompts(
        points=np.array([[[48, 36]]], np.float32), labels=np.ones((1, 1), np.int32)
    )
    found = direct(sam, picture, points, several=several)
    assert found.iou.shape == (1, 3 if several else 1)
    best = found.iou[0].argmax()
    given = sam.segment_with_scores(picture, prompts=ON, multimask_output=several)
    assert given.scores == pytest.approx([found.iou[0, best]], abs=1e-6)
    np.testing.assert_allclose(given.low_res_masks[0], found.low_res[0, best], atol=1e-5)
    np.testing.assert_allclose(given.masks, sam._model.upscale(found.best())[:, 0], atol=1e-5)


def test_prompts_do_not_change_one_another(sam: SegmentAnything2, picture: Picture) -> None:
    """Boxes, points, different numbers of points and nothing, together or one by one."""
    prompts = [ON, BOX, BOTH, {}, {"points": [[5, 6], [7, 8, False]]}, BOX, {}]
    together = sam.segment_with_scores(picture, prompts=prompts, load_logits_from_cache=False)
    for row, prompt in enumerate(prompts):
        alone = sam.segment_with_scores(picture, prompts=[prompt], load_logits_from_cache=False)
        np.testing.assert_allclose(together.masks[row], alone.masks[0], atol=1e-4)
        assert together.scores[row] == pytest.approx(alone.scores[0], abs=1e-5)


def test_a_path_and_an_array_are_the_same_picture(
    sam: SegmentAnything2, picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture is known by its pixels, so it is encoded once however it comes."""
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), picture)
    counted = Counted(sam, monkeypatch)
    _, _, image_id = sam.embed_image(str(path))
    sam.segment_image(picture)
    sam.segment_image(path, prompts=ON)
    sam.segment_image(image_id=image_id, prompts=BOX)
    assert counted.pictures == 1


def test_an_image_id_stands_for_its_picture(
    sam: SegmentAnything2, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was embedded under a name is found by it; a name that is not known is an error."""
    expected, _ = sam.segment_image(picture, prompts=BOX)
    sam.embed_image(picture, image_id="disc")
    counted = Counted(sam, monkeypatch)
    found, _ = sam.segment_image(image_id="disc", prompts=BOX)
    np.testing.assert_array_equal(found, expected)
    assert counted.pictures == 0
    with pytest.raises(ModelError, match=r"image_id 'ring'; kept are: .*'disc'") as caught:
        sam.segment_image(image_id="ring")
    assert caught.value.code == "image_id_unknown"
    with pytest.raises(ModelError, match="no picture was given, and no image_id"):
        sam.segment_image()


def test_an_unknown_image_id_is_not_answered_with_all_that_are_known(
    sam: SegmentAnything2, picture: Picture
) -> None:
    """With many pictures kept the message names the latest, and how many more there are."""
    for number in range(11):
        sam.embed_image(picture, image_id=f"door {number}")
    with pytest.raises(ModelError, match=r"kept are: 'door 10', .*'door 3' and 3 more\."):
        sam.embed_image(None, image_id="gate")


def test_threads_may_ask_at_the_same_time(make: Any, picture: Picture) -> None:
    """Each gets what it gets alone, while both caches are too small for all."""
    expected = make(embedding_cache_bytes=0, logits_cache_bytes=0)
    shifted = [np.roll(picture, 9 * number, axis=1) for number in range(4)]
    alone = [expected.segment_image(each, prompts=[ON, BOX])[0] for each in shifted]
    one = make()
    one.embed_image(picture)
    sam = make(embedding_cache_bytes=2 * one.embedding_cache.nbytes, logits_cache_bytes=20_000)
    numbers = [number for _ in range(4) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(
            lambda number: sam.segment_image(shifted[number], prompts=[ON, BOX]), numbers
        )
        for number, (masks, _) in zip(numbers, asked, strict=True):
            np.testing.assert_allclose(masks, alone[number], atol=1e-4)
    assert len(sam.embedding_cache) == 2


def test_a_set_that_adds_points_starts_from_its_mask(
    sam: SegmentAnything2, picture: Picture
) -> None:
    """The answer is that of the prompts with the earlier logits; it differs from a fresh one."""
    more = {"points": [*ON["points"], {"x": 20, "y": 20, "positive": False}]}
    fresh, _ = sam.segment_image(picture, prompts=more)
    _, kept = sam.segment_image(picture, prompts=ON)
    refined, _ = sam.segment_image(picture, prompts=more)
    explicit, _ = sam.segment_image(picture, prompts=more, mask_input=kept)
    np.testing.assert_array_equal(refined, explicit)
    assert abs(refined - fresh).max() > 1e-3
    without, _ = sam.segment_image(picture, prompts=more, load_logits_from_cache=False)
    np.testing.assert_array_equal(without, fresh)


def test_the_most_prominent_mask_is_refined_by_a_prompt(
    sam: SegmentAnything2, picture: Picture
) -> None:
    """A negative point takes something away from the mask that was found without prompts."""
    _, kept = sam.segment_image(picture)
    off = {"points": [{"x": 20, "y": 20, "positive": False}]}
    refined, _ = sam.segment_image(picture, prompts=off)
    explicit, _ = sam.segment_image(picture, prompts=off, mask_input=kept)
    np.testing.assert_array_equal(refined, explicit)


def test_the_fullest_set_is_started_from(sam: SegmentAnything2, picture: Picture) -> None:
    """Of several sets that were extended, the one that says most counts, not the last one."""
    two = {"points": [[48, 36], [30, 30]]}
    three = {"points": [[48, 36], [30, 30], [10, 60, False]]}
    _, of_two = sam.segment_image(picture, prompts=two)
    sam.segment_image(picture, prompts=ON)
    found, _ = sam.segment_image(picture, prompts=three)
    expected, _ = sam.segment_image(picture, prompts=three, mask_input=of_two)
    np.testing.assert_array_equal(found, expected)


def test_the_same_prompts_give_the_same_mask(sam: SegmentAnything2, picture: Picture) -> None:
    """Asking twice is no refinement, alone or beside a new prompt."""
    first, _ = sam.segment_image(picture, prompts=[ON])
    second, _ = sam.segment_image(picture, prompts=[ON])
    np.testing.assert_array_equal(first, second)
    beside, _ = sam.segment_image(picture, prompts=[BOX, ON])
    np.testing.assert_allclose(beside[1], first[0], atol=1e-4)


def test_masks_are_kept_by_picture(make: Any, picture: Picture) -> None:
    """Another picture under the same name is not refined from the first one's masks."""
    sam = make(embedding_cache_bytes=0)
    sam.segment_image(picture, image_id="now", prompts=ON)
    more = {"points": [*ON["points"], {"x": 20, "y": 20, "positive": False}]}
    other = np.ascontiguousarray(picture[:, ::-1])
    found, _ = sam.segment_image(other, image_id="now", prompts=more)
    fresh, _ = sam.segment_image(other, prompts=more, load_logits_from_cache=False)
    np.testing.assert_array_equal(found, fresh)


def test_nothing_is_saved_that_shall_not_be(sam: SegmentAnything2, picture: Picture) -> None:
    """``save_logits_to_cache=False`` leaves no mask behind."""
    sam.segment_image(picture, save_logits_to_cache=False)
    assert len(sam.logits_cache) == 0
    assert len(sam.embedding_cache) == 1


def test_what_does_not_fit_is_not_kept(
    make: Any, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no room each call encodes anew, with the same result."""
    sam = make(embedding_cache_bytes=100, logits_cache_bytes=100)
    counted = Counted(sam, monkeypatch)
    first, _ = sam.segment_image(picture, prompts=BOX)
    second, _ = sam.segment_image(picture, prompts=BOX)
    np.testing.assert_array_equal(first, second)
    assert counted.pictures == 2
    assert sam.embedding_cache.nbytes == sam.logits_cache.nbytes == 0


@settings(max_examples=10, deadline=None)
@given(calls=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=5, max_size=20))
def test_caches_are_bounded_by_bytes(
    make: Any, picture: Picture, calls: list[tuple[int, int]]
) -> None:
    """Whatever is asked of however many pictures, neither cache outgrows its bytes."""
    one = make()
    feature = one.embed_image(picture) and one.embedding_cache.nbytes
    mask = one.segment_image(picture, prompts=ON)[1].nbytes
    sam = make(embedding_cache_bytes=3 * feature, logits_cache_bytes=4 * mask)
    for number, points in calls:
        shifted = np.roll(picture, number, axis=1)
        prompts = [{"points": [[10 * each, 20]]} for each in range(points)]
        sam.segment_image(shifted, prompts=prompts)
        assert sam.embedding_cache.nbytes <= 3 * feature
        assert sam.logits_cache.nbytes <= 4 * mask
    assert len(sam.embedding_cache) == min(3, len({number for number, _ in calls}))


@pytest.fixture(scope="module")
def small_mask() -> NDArray[np.float32]:
    """Logits at a side that is not the model's."""
    made = np.full((1, 20, 20), -8, np.float32)
    made[0, 5:12, 6:14] = 8
    return made


def test_a_mask_to_start_from_may_have_any_size(
    sam: SegmentAnything2, picture: Picture, small_mask: NDArray[np.float32]
) -> None:
    """One for each prompt, with or without an axis of its own; anything else is refused."""
    (one, _), (flat, _), (deep, _) = (
        sam.segment_image(picture, prompts=ON, mask_input=mask)
        for mask in (small_mask, small_mask[0], small_mask[:, None])
    )
    np.testing.assert_array_equal(one, flat)
    np.testing.assert_array_equal(one, deep)
    wrongs: tuple[Any, ...] = (
        np.zeros((2, 8, 8)),
        np.zeros(8),
        np.zeros((1, 0, 0)),
        "x",
        [[1], []],
    )
    for wrong in wrongs:
        with pytest.raises(ModelError, match="mask_input must be") as caught:
            sam.segment_image(picture, prompts=ON, mask_input=wrong)
        assert caught.value.code == "mask_input"


@pytest.mark.parametrize(
    ("prompts", "place"),
    [
        ({"points": [{"x": 1}]}, "prompts.0.points.0.y: Field required"),
        ([{"text": "a dog"}], "prompts.0.text: Extra inputs"),
        ("a dog", "prompts: Input should be"),
    ],
)
def test_prompts_of_another_form_are_named(
    sam: SegmentAnything2, picture: Picture, prompts: Any, place: str
) -> None:
    """The message says where, what is allowed, and that a box is written by its centre."""
    with pytest.raises(ModelError, match=place) as caught:
        sam.segment_image(picture, prompts=prompts)
    assert caught.value.code == "prompts_format"
    assert "of its centre" in caught.value.message


def names() -> Iterator[tuple[str, str]]:
    """The names that scripts have for models, and what the catalog calls them."""
    for version, entry in HIERA_VERSIONS.items():
        yield f"sam2/{version}", entry
        yield version, entry
    yield from (("lite", "lite"), ("sam2/hiera_tiny@512", "sam2video/tiny@512"))
    yield from ((each, each) for each in ("./folder", "facebook/sam2.1-hiera-tiny"))


@pytest.mark.parametrize(("name", "entry"), list(names()))
def test_models_have_the_names_that_scripts_use(name: str, entry: str) -> None:
    """The documented names mean models of the catalog; all others are what they are."""
    assert catalog_id(name) == entry


def test_weights_that_are_not_there_are_one_clear_error(no_weights: Path) -> None:
    """The name of the script's model is understood, and the ways on are named."""
    with pytest.raises(ModelError, match="lite"):
        SegmentAnything2(model_id="sam2/hiera_large")
    with pytest.raises(ModelError, match="hiera_huge"):
        SegmentAnything2(model_id="sam2/hiera_huge")
