"""Scripts written for the known interactive predictor run once their imports are changed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trackwire import SAM3InteractiveImagePredictor, build_tracker

pytestmark = pytest.mark.filterwarnings("ignore:Segment Anything runs on the CPU")
TREE = Path(__file__).parents[3] / "examples" / "tree.jpg"


@pytest.fixture(scope="module")
def folder(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small random weights of SAM 3's tracker."""
    made = tmp_path_factory.mktemp("predictor") / "sam3"
    lab.calm_module("sam3trackervideo").save_pretrained(made)
    return made


@pytest.fixture
def predictor(
    no_weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> SAM3InteractiveImagePredictor:
    """As every example begins: the default weights, with and without the documented argument."""
    repository = no_weights / "models--facebook--sam3"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / "abc").symlink_to(folder)
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
    sam_model = build_tracker(apply_temporal_disambiguation=False)
    assert build_tracker().wrapped.__class__ is sam_model.wrapped.__class__
    return SAM3InteractiveImagePredictor(sam_model)


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """The tree beside the examples, RGB."""
    with Image.open(TREE) as opened:
        return np.array(opened.convert("RGB"))


def test_defaults_are_those_of_the_page(predictor: SAM3InteractiveImagePredictor) -> None:
    """Threshold 0, holes of up to 256 pixels filled, no specks cleared."""
    assert predictor.mask_threshold == 0.0
    assert predictor.max_hole_area == 256.0
    assert predictor.max_sprinkle_area == 0.0


def test_click_and_take_the_best(predictor: SAM3InteractiveImagePredictor) -> None:
    """A PIL image, one point, three masks at the size of the picture."""
    with Image.open(TREE) as image:
        predictor.set_image(image)
        width, height = image.size
    masks, iou_predictions, low_res_masks = predictor.predict(
        point_coords=np.array([[300, 200]]),
        point_labels=np.array([1]),
        multimask_output=True,
    )
    best = masks[np.argmax(iou_predictions)]
    assert masks.shape == (3, height, width)
    assert set(np.unique(best)) <= {0.0, 1.0}
    assert iou_predictions.shape == (3,)
    side = predictor.model.low_res_hw[0]
    assert low_res_masks.shape == (3, side, side)


def test_points_on_and_off_a_box_and_both(
    predictor: SAM3InteractiveImagePredictor, picture: NDArray[np.uint8]
) -> None:
    """Each documented prompt gives another mask of the same picture, which is encoded once."""
    predictor.set_image(picture)
    points, labels = np.array([[300, 200], [305, 380]]), np.array([1, 0])
    box = np.array([100, 20, 520, 320])
    prompts: list[dict[str, Any]] = [
        {"point_coords": points, "point_labels": labels},
        {"box": box},
        {"point_coords": points[1:], "point_labels": labels[1:], "box": box},
    ]
    found = [
        predictor.predict(**prompt, multimask_output=False, return_logits=True)[0]
        for prompt in prompts
    ]
    assert {mask.shape for mask in found} == {(1, *picture.shape[:2])}
    assert abs(found[0] - found[1]).max() > 1e-3
    assert abs(found[1] - found[2]).max() > 1e-3


def test_refine_step_by_step(
    predictor: SAM3InteractiveImagePredictor, picture: NDArray[np.uint8]
) -> None:
    """The logits of one call go into the next as a slice or with a new axis."""
    predictor.set_image(picture)
    point, label = np.array([[300, 200]]), np.array([1])
    _, scores, logits = predictor.predict(point_coords=point, point_labels=label)
    best = int(np.argmax(scores))
    more: dict[str, Any] = {
        "point_coords": np.array([[300, 200], [305, 380]]),
        "point_labels": np.array([1, 0]),
        "multimask_output": False,
        "return_logits": True,
    }
    sliced, _, _ = predictor.predict(**more, mask_input=logits[best : best + 1])
    added, _, _ = predictor.predict(**more, mask_input=logits[best, :, :][None, :, :])
    fresh, _, _ = predictor.predict(**more)
    np.testing.assert_array_equal(sliced, added)
    assert abs(sliced - fresh).max() > 1e-3


def test_several_pictures_at_once(
    predictor: SAM3InteractiveImagePredictor, picture: NDArray[np.uint8]
) -> None:
    """A list of arrays, lists of prompts, and lists of masks, each at the size of its picture."""
    pictures = [picture, picture[:200, :300]]
    predictor.set_image_batch(pictures)
    masks, scores, logits = predictor.predict_batch(
        point_coords_batch=[np.array([[300, 200]]), np.array([[100, 50]])],
        point_labels_batch=[np.array([1]), np.array([1])],
        multimask_output=True,
    )
    assert [mask.shape for mask in masks] == [(3, *each.shape[:2]) for each in pictures]
    assert [score.shape for score in scores] == [(3,)] * 2
    assert [each.shape for each in logits] == [(3, *predictor.model.low_res_hw)] * 2


def test_look_at_the_embedding_and_start_over(
    predictor: SAM3InteractiveImagePredictor, picture: NDArray[np.uint8]
) -> None:
    """It has one row for the picture, and is gone after a reset."""
    predictor.set_image(picture)
    embedding = predictor.get_image_embedding()
    assert embedding.shape[0] == 1
    assert embedding.ndim == 4
    predictor.reset_predictor()
    with pytest.raises(RuntimeError, match=r"\.set_image\(\.\.\.\)"):
        predictor.get_image_embedding()
