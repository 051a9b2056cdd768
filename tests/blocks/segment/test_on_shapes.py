"""Masks of drawn shapes, whose true masks are known: with no weights, and with a model that learnt.

The embedded model cuts textured things out of a textured ground. A small SAM 2.1 that has learnt
to follow shapes finds those of a scene that no lesson showed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import Frame, SegmentAnything2, build_detections
from trackwire.pipeline.engine import Engine
from trackwire.specs import Resources, compile_workflow, load_library

Mask = NDArray[np.bool_]


def texture(seed: int, colour: tuple[int, int, int]) -> NDArray[np.float32]:
    """``(240, 320, 3)`` blotches around one colour, BGR."""
    noise = np.random.default_rng(seed).normal(0, 1, (240, 320, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(np.array(colour) + 30 * smooth / smooth.std(), np.float32)


def things() -> tuple[NDArray[np.uint8], list[Mask]]:
    """A red disc, a blue bar and a yellow ball on a green ground; the true masks."""
    y, x = np.mgrid[:240, :320].astype(np.float32)
    masks = [
        np.hypot(x - 80, y - 90) < 45,
        np.abs((x - 220) * 0.9 + (y - 60) * 0.45) + 2.2 * np.abs((y - 60) * 0.9) < 60,
        np.hypot(x - 230, y - 165) < 50,
    ]
    image = texture(0, (80, 130, 80))
    for seed, mask, colour in zip(
        (1, 2, 3), masks, ((40, 40, 210), (210, 80, 40), (40, 200, 220)), strict=True
    ):
        image[mask] = texture(seed, colour)[mask]
    return np.clip(image, 0, 255).astype(np.uint8), masks


def overlap(one: Any, other: Mask) -> float:
    """IoU of two masks."""
    mask = np.asarray(one, bool)
    return float((mask & other).sum() / max((mask | other).sum(), 1))


def box_of(mask: Mask) -> tuple[float, float, float, float]:
    """Tight box of a mask, half-open."""
    x1, y1, x2, y2 = sv.mask_to_xyxy(mask[None])[0]
    return float(x1), float(y1), float(x2) + 1, float(y2) + 1


def masked(step: dict[str, Any], frame: Frame, boxes: sv.Detections | None = None) -> Any:
    """What a step puts out for a frame."""
    given = [
        {"type": "WorkflowBatchInput", "name": "boxes", "kind": ["object_detection_prediction"]}
    ]
    document = {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}, *(given if boxes else [])],
        "steps": [
            {
                "type": "trackwire/image_segmentation@v1",
                "name": "masks",
                "images": "$inputs.image",
                **({"boxes": "$inputs.boxes"} if boxes else {}),
                **step,
            }
        ],
        "outputs": [{"type": "JsonField", "name": "out", "selector": "$steps.masks.predictions"}],
    }
    with Engine(compile_workflow(document), Resources(device="cpu")) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes]} if boxes else {})
    assert not result.failures, result.failures
    return result.outputs["out"]


def test_boxes_become_masks_without_a_download(make_frame: Callable[..., Frame]) -> None:
    """The embedded model is the default; each box gets the thing in it."""
    image, truth = things()
    frame = make_frame(image=image)
    boxes = build_detections(
        frame, [box_of(mask) for mask in truth], class_name=["disc", "bar", "ball"], producer="d"
    )
    found = masked({}, frame, boxes)
    assert found.data["class_name"].tolist() == ["disc", "bar", "ball"]
    for mask, true in zip(found.mask, truth, strict=True):
        assert overlap(mask, true) > 0.85


def test_points_become_masks_without_a_download(make_frame: Callable[..., Frame]) -> None:
    """A point on a thing, with one on the ground beside it, gives the thing."""
    image, truth = things()
    points = [
        [{"x": 80, "y": 90}, {"x": 150, "y": 120, "positive": False}],
        [{"x": 230, "y": 165}, {"x": 150, "y": 200, "positive": False}],
    ]
    found = masked({"points": points}, make_frame(image=image))
    assert len(found) == 2
    for mask, true in zip(found.mask, (truth[0], truth[2]), strict=True):
        assert overlap(mask, true) > 0.8


def test_a_script_gets_the_same_masks(make_frame: Callable[..., Frame]) -> None:
    """Block and class ask the model in the same way, in whatever colour order a picture comes."""
    image, truth = things()
    x1, y1, x2, y2 = box_of(truth[0])
    box = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1}
    sam = SegmentAnything2(model_id="lite")
    scored = sam.segment_with_scores(image, prompts={"box": box})
    frame = make_frame(image=image)
    found = masked({}, frame, build_detections(frame, [box_of(truth[0])], producer="d"))
    np.testing.assert_array_equal(np.asarray(found.mask[0]), scored.masks[0] >= 0)
    assert found.confidence == pytest.approx(scores := scored.scores)
    assert scores[0] > 0.5
    assert tuple(sam.embed_image(image).embedding.shape[:1]) == (1,)


def test_an_empty_picture_is_no_trouble(make_frame: Callable[..., Frame]) -> None:
    """One colour, one pixel, one row: some mask or none, but no failure."""
    for size_wh in ((64, 48), (1, 1), (200, 1)):
        found = masked({}, make_frame(size_wh=size_wh))
        assert len(found) <= 1
        assert found.mask.shape[1:] == size_wh[::-1]


@pytest.fixture(scope="module")
def taught(lab: Any, training: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small SAM 2.1 that has learnt to follow shapes."""
    import transformers

    module: Any = transformers.Sam2VideoModel(lab.micro_config("sam2video"))
    folder = tmp_path_factory.mktemp("taught") / "micro"
    training.learn_shapes(lab, module.eval(), "sam2video").save_pretrained(folder)
    return folder


def test_a_model_that_has_learnt_masks_what_it_never_saw(
    taught: Path, training: Any, make_frame: Callable[..., Frame]
) -> None:
    """A detector's boxes of four shapes go in, four masks near the true ones come out."""
    image, truth = training.Scene(4711).render(0)
    frame = make_frame(image=np.ascontiguousarray(image))
    boxes = build_detections(frame, [training.box_of(mask) for mask in truth], producer="d")
    found = masked({"model_id": str(taught)}, frame, boxes)
    assert len(found) == len(truth)
    scores = [overlap(mask, true) for mask, true in zip(found.mask, truth, strict=True)]
    assert np.mean(scores) > 0.7


def test_the_ready_made_workflow_is_wired_to_segment() -> None:
    """Boxes of the detector go to the model, and what is put out are its masks."""
    document = load_library("detect-and-segment")
    detector, segmentation = document["steps"][:2]
    assert segmentation["boxes"] == f"$steps.{detector['name']}.predictions"
    assert document["outputs"][0]["selector"] == f"$steps.{segmentation['name']}.predictions"
