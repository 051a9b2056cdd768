"""The embedded model finds masks in single pictures from boxes, points and rough masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trackwire.blocks import ImagePrompts, LiteModel, load_image_model, load_video_model
from trackwire.blocks.models.lite.hypotheses import guesses
from trackwire.blocks.models.lite.outline import Hints
from trackwire.specs import Resources

SIZE_WH = (200, 150)
RED = np.array([40, 30, 90, 100])
BLUE = np.array([110, 50, 170, 90])
NONE = np.zeros((0, 2), np.float32)


def scene() -> Any:
    """A red and a blue thing on green, RGB."""
    noise = np.random.default_rng(0).integers(0, 30, (SIZE_WH[1], SIZE_WH[0], 3))
    picture = np.full(noise.shape, (60, 120, 60)) + noise
    for box, colour in ((RED, (190, 40, 40)), (BLUE, (40, 60, 190))):
        x1, y1, x2, y2 = box
        picture[y1:y2, x1:x2] = np.array(colour) + noise[y1:y2, x1:x2]
    return picture.astype(np.uint8)


def overlap(logits: Any, box: Any) -> float:
    """IoU of the mask with a thing."""
    truth = np.zeros(logits.shape, bool)
    truth[box[1] : box[3], box[0] : box[2]] = True
    return float((truth & (logits > 0)).sum() / (truth | (logits > 0)).sum())


def answer(prompts: ImagePrompts, *, multimask: bool = False) -> tuple[Any, Any]:
    """What the model says of the scene: the answer and its masks at full size."""
    model = load_image_model("lite", Resources())
    (found,) = model.segment(model.encode([scene()]), [prompts], [SIZE_WH], multimask)
    return found, model.upscale(found)


def clicked(on: Any, off: Any = (), **more: Any) -> ImagePrompts:
    """Points of one prompt."""
    points = np.array([[*on, *off]], np.float32)
    labels = np.array([[1] * len(on) + [0] * len(off)], np.int32)
    return ImagePrompts(points, labels, **more)


def test_each_box_gives_its_own_thing() -> None:
    """Several boxes of one picture are answered in their order."""
    boxes = np.array([RED + np.array([-5, -5, 5, 5]), BLUE + np.array([-4, -4, 4, 4])], np.float32)
    found, masks = answer(ImagePrompts(boxes=boxes))
    assert overlap(masks[0, 0], RED) > 0.85
    assert overlap(masks[1, 0], BLUE) > 0.85
    assert found.low_res.shape == (2, 1, 256, 256)


def test_a_click_gives_the_thing_it_is_on() -> None:
    """One point is enough; the mask holds it."""
    _, masks = answer(clicked([(140, 70)]))
    assert overlap(masks[0, 0], BLUE) > 0.8
    assert masks[0, 0, 70, 140] > 0


def test_points_on_two_things_give_both() -> None:
    """Every point on the object is part of it."""
    _, masks = answer(clicked([(60, 60), (140, 70)]))
    both = masks[0, 0] > 0
    assert both[60, 60]
    assert both[70, 140]


def test_a_point_off_the_object_takes_its_place_out() -> None:
    """A box around both things with a point off one of them gives the other."""
    box = np.array([[35, 25, 175, 105]], np.float32)
    _, masks = answer(clicked([(60, 60)], [(140, 70)], boxes=box))
    assert masks[0, 0, 70, 140] < 0
    assert overlap(masks[0, 0], RED) > 0.8


def test_a_rough_mask_is_refined() -> None:
    """A shifted mask moves on to the object, also with a point."""
    rough = np.full((1, 1, 64, 64), -6.0, np.float32)
    rough[0, 0, 16:44, 16:32] = 6.0  # the red thing, a few pixels off
    start = np.zeros((SIZE_WH[1], SIZE_WH[0]), np.float32) - 1
    start[37:103, 50:100] = 1
    for prompts in (ImagePrompts(mask_logits=rough), clicked([(45, 60)], mask_logits=rough)):
        _, masks = answer(prompts)
        assert overlap(masks[0, 0], RED) > overlap(start, RED)


def test_without_a_prompt_something_is_found() -> None:
    """What stands out of the picture as a whole."""
    found, masks = answer(ImagePrompts())
    assert (masks[0, 0] > 0).any()
    assert found.iou[0, 0] < 0.6  # it does not claim to know what was meant


def test_three_masks_come_most_trusted_first() -> None:
    """Scores fall, lie in 0-1, and the first is the one that is given alone."""
    prompts = clicked([(60, 60)])
    found, masks = answer(prompts, multimask=True)
    alone, mask = answer(prompts)
    assert (np.diff(found.iou[0]) <= 0).all()
    assert ((found.iou >= 0) & (found.iou <= 1)).all()
    np.testing.assert_array_equal(masks[:, :1], mask)
    np.testing.assert_array_equal(found.best().iou, alone.iou)


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (10, 10, 10, 10), (300, 10, 400, 90)])
def test_a_box_beside_the_picture_gives_nothing(box: Any) -> None:
    """An empty mask with score 0, not an error: detectors do give such boxes."""
    found, masks = answer(ImagePrompts(boxes=np.array([box], np.float32)), multimask=True)
    assert (masks < 0).all()
    assert (found.low_res < 0).all()
    assert (found.iou == 0).all()


def test_corners_of_a_box_come_in_any_order() -> None:
    """A box drawn from below right is the same box."""
    x1, y1, x2, y2 = (float(side) for side in RED)
    given = [np.array([box], np.float32) for box in ((x1, y1, x2, y2), (x2, y2, x1, y1))]
    first, second = (answer(ImagePrompts(boxes=boxes))[1] for boxes in given)
    np.testing.assert_array_equal(first, second)


def test_the_same_prompt_gives_the_same_mask() -> None:
    """GrabCut's random start is fixed."""
    first, second = (answer(clicked([(60, 60)]))[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_low_resolution_logits_show_the_same_mask() -> None:
    """They are those of the whole picture, square."""
    found, masks = answer(ImagePrompts(boxes=RED[None].astype(np.float32)))
    scaled = RED * np.array([256 / 200, 256 / 150] * 2)
    small = np.round(scaled).astype(int)
    assert abs(overlap(found.low_res[0, 0], small) - overlap(masks[0, 0], RED)) < 0.05


def test_holes_are_filled_at_full_size() -> None:
    """An area means the same part of the picture as for a model that works at 256 pixels."""
    model = LiteModel().image_model()
    (found,) = model.segment(
        model.encode([scene()]),
        [ImagePrompts(boxes=RED[None].astype(np.float32))],
        [SIZE_WH],
        multimask=False,
    )
    assert found.details is not None
    found.details[0][0].outline.logits[118:138, 118:138] = -10.0
    hole = int((model.upscale(found)[0, 0, 40:90, 50:80] < 0).sum())
    assert hole > 0
    share = SIZE_WH[0] * SIZE_WH[1] / 256**2
    filled = model.upscale(found, hole_area=(hole + 1) / share)
    assert (filled[0, 0, 40:90, 50:80] > 0).all()


def test_a_tracker_and_its_image_model_share_features() -> None:
    """What either encodes, the other takes."""
    from trackwire.blocks.models.lite.pictures import picture_features

    tracker = load_video_model("lite", Resources())
    model = load_image_model("lite", Resources())
    assert model.video is tracker
    (ours,) = model.encode([scene()])
    theirs = picture_features(np.ascontiguousarray(scene()[..., ::-1]))
    np.testing.assert_array_equal(ours.image, theirs.image)
    assert model.nbytes(ours) == sum(
        each.nbytes for each in (theirs.image, theirs.gray, theirs.colours)
    )


def test_a_picture_of_one_colour_is_no_reason_to_fail() -> None:
    """Nothing stands out, and that is answered."""
    flat = np.full((40, 50, 3), 90, np.uint8)
    for box, hints in (
        ((5.0, 5.0, 30.0, 30.0), Hints(NONE, NONE)),
        (None, Hints(np.array([[20, 20]], np.float32), NONE)),
        (None, Hints(NONE, NONE)),
        (None, Hints(NONE, np.array([[20, 20]], np.float32))),
        (None, Hints(NONE, NONE, np.full((8, 8), -5, np.float32))),
    ):
        found = guesses(flat, box, hints, 1)
        assert len(found) == 3


def test_where_all_has_one_colour_the_box_is_the_mask() -> None:
    """No graph is cut that has no edge, which may take seconds."""
    from trackwire.blocks.models.lite.outline import SIZE, grab_cut

    inside = np.zeros((SIZE, SIZE), bool)
    inside[48:208, 48:208] = True
    likely = np.random.default_rng(1).random((SIZE, SIZE)) > 0.5
    mask = grab_cut(np.full((SIZE, SIZE, 3), 90, np.uint8), inside, likely)
    np.testing.assert_array_equal(mask, inside)


def test_the_tracker_hears_points_off_the_object() -> None:
    """A prompt of the tracker with a box and a point off the object is no prompt of the box."""
    from trackwire.blocks.models.lite.seed import seed_mask
    from trackwire.blocks.models.seam import Prompt

    image = np.ascontiguousarray(scene()[..., ::-1])
    points = np.array([[60, 60], [140, 70]], np.float32)
    labels = np.array([1, 0], np.int32)
    prompt = Prompt(1, (35.0, 25.0, 175.0, 105.0), points, labels)
    seeded = seed_mask(image, prompt, 1)
    assert seeded is not None
    mask, (x, y) = seeded
    assert mask[60 - y, 60 - x]
    assert not mask[70 - y, 140 - x]
    off = Prompt(1, points=points, labels=np.zeros(2, np.int32))
    assert seed_mask(image, off, 1) is None


def test_a_hole_that_was_asked_for_stays_open() -> None:
    """Small holes are filled, but not the one around a point off the object."""
    thing = np.array([30, 30, 120, 110], np.float32)
    model = load_image_model("lite", Resources(device="cpu"))
    picture = np.full((150, 160, 3), (40, 120, 40), np.uint8)
    picture[30:110, 30:120] = (200, 40, 40)
    off = ImagePrompts(
        points=np.array([[[70, 70]]], np.float32),
        labels=np.zeros((1, 1), np.int32),
        boxes=thing[None],
    )
    (answer,) = model.segment(model.encode([picture]), [off], [(160, 150)], multimask=False)
    assert model.upscale(answer)[0, 0, 70, 70] < 0
    filled = model.upscale(answer, hole_area=1e5)[0, 0]
    assert filled[70, 70] < 0
    assert filled[40, 40] > 0


def test_a_click_on_a_second_part_keeps_the_first() -> None:
    """A point beside a rough mask adds to it, also where nothing connects the two."""
    picture = np.full((150, 200, 3), (40, 120, 40), np.uint8)
    picture[40:110, 20:80] = (200, 40, 40)
    picture[40:110, 120:180] = (200, 40, 40)
    rough = np.full((1, 1, 150, 200), -8, np.float32)
    rough[..., 40:110, 20:80] = 8
    prompts = ImagePrompts(
        points=np.array([[[150, 75]]], np.float32),
        labels=np.ones((1, 1), np.int32),
        boxes=np.array([[15, 35, 185, 115]], np.float32),
        mask_logits=rough,
    )
    model = load_image_model("lite", Resources(device="cpu"))
    (answer,) = model.segment(model.encode([picture]), [prompts], [(200, 150)], multimask=False)
    mask = model.upscale(answer)[0, 0] > 0
    assert mask[75, 150]
    assert mask[75, 50]
    assert not mask[75, 100]
