"""Crops: the right pixels, and detections that can be told in the full frame again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.blocks import (
    CropOrigin,
    Frame,
    build_detections,
    empty_detections,
    in_frame_coordinates,
)
from trackwire.blocks.transform.cutting import cut
from trackwire.pipeline.engine import Engine, FrameResult
from trackwire.specs import BlockError, compile_workflow, default_registry

MakeFrame: TypeAlias = Callable[..., Frame]


def numbered(
    make_frame: MakeFrame, stream: str = "cam", size_wh: tuple[int, int] = (21, 17)
) -> Any:
    """A picture whose pixels say where they are: column, row, 7."""
    width, height = size_wh
    image = np.full((height, width, 3), 7, np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return make_frame(stream, image=image)


def engine_of(*steps: dict[str, Any], output: str, system: str = "own") -> Engine:
    """An engine of steps that read ``$inputs.image`` and ``$inputs.boxes``."""
    return Engine(
        compile_workflow(
            {
                "version": "1.0",
                "inputs": [
                    {"type": "WorkflowImage", "name": "image"},
                    {
                        "type": "WorkflowBatchInput",
                        "name": "boxes",
                        "kind": ["instance_segmentation_prediction"],
                    },
                ],
                "steps": list(steps),
                "outputs": [
                    {
                        "type": "JsonField",
                        "name": "out",
                        "selector": output,
                        "coordinates_system": system,
                    }
                ],
            }
        )
    )


DYNAMIC: dict[str, Any] = {
    "type": "roboflow_core/dynamic_crop@v1",
    "name": "crop",
    "images": "$inputs.image",
    "predictions": "$inputs.boxes",
}


def crops_of(frame: Frame, detections: sv.Detections, output: str, **properties: Any) -> Any:
    """What the dynamic crop puts out for one picture."""
    with engine_of({**DYNAMIC, **properties}, output=f"$steps.crop.{output}") as engine:
        (result,) = engine.tick([frame], {"boxes": [detections]})
    assert not result.failures, result.failures
    return result.outputs["out"]


def test_a_crop_for_each_detection(make_frame: MakeFrame) -> None:
    """Edges are rounded to the nearest pixel, and each crop has the pixels of its box."""
    frame = numbered(make_frame)
    boxes = [(2.4, 3.6, 9.0, 8.0), (0.0, 0.0, 21.0, 17.0), (5.0, 5.0, 6.0, 6.0)]
    crops = crops_of(frame, build_detections(frame, boxes, producer="t"), "crops")
    np.testing.assert_array_equal(crops[0].image, frame.image[4:8, 2:9])
    np.testing.assert_array_equal(crops[1].image, frame.image)
    assert crops[2].image.tolist() == [[[5, 5, 7]]]
    assert crops[0].video is frame.video
    assert crops[0].origin == CropOrigin("cam/0", "cam/0", (2, 4), (21, 17))
    assert crops[0].image_id == "cam/0@2,4,7x4"
    assert crops[0].image.flags["C_CONTIGUOUS"]
    assert not np.shares_memory(crops[0].image, frame.image)


def test_boxes_at_and_beyond_the_edges(make_frame: MakeFrame) -> None:
    """What lies beyond is left away; without a pixel there is no crop, but its place stays."""
    frame = numbered(make_frame)
    boxes = [
        (-5.0, -5.0, 3.0, 2.0),
        (18.0, 15.0, 99.0, 99.0),
        (4.0, 4.0, 4.0, 9.0),
        (-9.0, 1.0, 0.0, 5.0),
        (21.0, 1.0, 30.0, 5.0),
        (6.0, 9.0, 4.0, 2.0),
        (3e38, 3e38, 3e38, 3e38),
    ]
    crops = crops_of(frame, build_detections(frame, boxes, producer="t"), "crops")
    assert [crop and crop.image.shape[:2] for crop in crops] == [(2, 3), (2, 3), *[None] * 5]
    assert crops[0].origin.offset_xy == (0, 0)


def test_no_detections_no_crops(make_frame: MakeFrame) -> None:
    """An empty frame has an empty list of crops."""
    frame = numbered(make_frame)
    assert crops_of(frame, empty_detections(frame, producer="t"), "crops") == []


def test_detections_move_into_their_crops(make_frame: MakeFrame) -> None:
    """Each crop has its one detection, with mask, ids and key points, in its own coordinates."""
    frame = numbered(make_frame)
    boxes = [(2, 3, 9, 8), (-2, 5, 6, 12)]
    dense = np.zeros((2, 17, 21), bool)
    dense[0, 3:6, 2:9] = dense[1, 5:12, 1:6] = True
    mask = sv.CompactMask.from_dense(dense, np.array([(2, 3, 8, 7), (0, 5, 5, 11)]), (17, 21))
    detections = build_detections(
        frame,
        boxes,
        class_name=["a", "b"],
        tracker_id=[4, 9],
        mask=mask,
        producer="t",
        data={"keypoints_xy": np.array([[[3, 4]], [[1, 6]]], np.float32)},
    )
    with engine_of(DYNAMIC, output="$steps.crop.predictions") as engine:
        (result,) = engine.tick([frame], {"boxes": [detections]})
    moved = result.outputs["out"]
    assert [each.xyxy.tolist() for each in moved] == [[[0, 0, 7, 5]], [[-2, 0, 6, 7]]]
    assert [each.tracker_id.tolist() for each in moved] == [[4], [9]]
    assert [each.data["class_name"].tolist() for each in moved] == [["a"], ["b"]]
    assert [each.data["keypoints_xy"].tolist() for each in moved] == [[[[1, 1]]], [[[1, 1]]]]
    assert [each.metadata["image_dimensions"] for each in moved] == [(5, 7), (7, 6)]
    assert moved[0].data["parent_id"].tolist() == ["cam/0@2,3,7x5"]
    assert isinstance(moved[1].mask, sv.CompactMask)
    np.testing.assert_array_equal(moved[0].mask[0], dense[0, 3:8, 2:9])
    np.testing.assert_array_equal(moved[1].mask[0], dense[1, 5:12, :6])
    back = in_frame_coordinates(moved)
    assert [each.xyxy.tolist() for each in back] == [[list(box)] for box in boxes]
    with engine_of(DYNAMIC, output="$steps.crop.predictions", system="parent") as engine:
        (result,) = engine.tick([frame], {"boxes": [detections]})
    assert [each.xyxy.tolist() for each in result.outputs["out"]] == [[list(box)] for box in boxes]
    for index, each in enumerate(back):
        np.testing.assert_array_equal(np.asarray(each.mask)[0], dense[index])
        assert each.data["parent_id"].tolist() == ["cam/0"]


def test_a_crop_of_a_crop(make_frame: MakeFrame) -> None:
    """Offsets add up, so that what is found in an inner crop can be told in the full frame."""
    frame = numbered(make_frame)
    inner = {
        "type": "RelativeStaticCrop",
        "name": "inner",
        "images": "$steps.crop.crops",
        "x_center": 0.5,
        "y_center": 0.5,
        "width": 0.5,
        "height": 0.5,
    }
    with engine_of(DYNAMIC, inner, output="$steps.inner.crops") as engine:
        boxes = build_detections(frame, [(4, 2, 12, 14), (0, 0, 2, 2)], producer="t")
        (result,) = engine.tick([frame], {"boxes": [boxes]})
    first, second = result.outputs["out"]
    np.testing.assert_array_equal(first.image, frame.image[5:11, 6:10])
    assert first.origin == CropOrigin("cam/0@4,2,8x12", "cam/0", (6, 5), (21, 17))
    found = build_detections(first, [(1, 1, 3, 2)], producer="t")
    assert in_frame_coordinates(found).xyxy.tolist() == [[7, 6, 9, 7]]
    np.testing.assert_array_equal(second.image, frame.image[0:1, 0:1])


@pytest.mark.parametrize(
    ("color", "bgr"),
    [
        ("#0a141e", [30, 20, 10]),
        ("(10, 20, 30)", [30, 20, 10]),
        ([10, 20, 30], [30, 20, 10]),
        ("WHITE", [255, 255, 255]),
        (None, [0, 0, 0]),
    ],
)
def test_the_background_is_hidden(make_frame: MakeFrame, color: Any, bgr: list[int]) -> None:
    """With full opacity what the mask leaves out has the colour, written as RGB."""
    frame = make_frame(image=np.full((10, 10, 3), 100, np.uint8))
    dense = np.zeros((1, 10, 10), bool)
    dense[0, 2:5, 2:8] = True
    mask = sv.CompactMask.from_dense(dense, np.array([(2, 2, 7, 7)]), (10, 10))
    detections = build_detections(frame, [(2, 2, 8, 8)], mask=mask, producer="t")
    given = {} if color is None else {"background_color": color}
    (crop,) = crops_of(frame, detections, "crops", mask_opacity=1.0, **given)
    assert (crop.image[:3] == 100).all()
    assert (crop.image[3:] == bgr).all()
    (half,) = crops_of(frame, detections, "crops", mask_opacity=0.5, background_color="#000000")
    assert (half.image[:3] == 100).all()
    assert (half.image[3:] == 50).all()
    assert half.origin == crop.origin
    (plain,) = crops_of(
        frame, build_detections(frame, [(2, 2, 8, 8)], producer="t"), "crops", mask_opacity=1.0
    )
    assert (plain.image == 100).all()


@pytest.mark.parametrize("color", ["#12", "(1, 2)", "rgb(1, 2, 300)", [1, 2], "maroonish"])
def test_a_background_that_is_no_colour(color: Any) -> None:
    """A colour that stands in the document is checked before the first frame."""
    with pytest.raises(BlockError) as caught:
        engine_of({**DYNAMIC, "background_color": color}, output="$steps.crop.crops")
    assert caught.value.code == "unknown_color"


@pytest.mark.parametrize("old", ["DynamicCrop", "Crop"])
def test_old_names_of_the_dynamic_crop(make_frame: MakeFrame, old: str) -> None:
    """Documents with the old ids, ``image`` and ``detections`` run."""
    frame = numbered(make_frame)
    step = {"type": old, "name": "c", "image": "$inputs.image", "detections": "$inputs.boxes"}
    with engine_of(step, output="$steps.c.crops") as engine:
        (result,) = engine.tick(
            [frame], {"boxes": [build_detections(frame, [(1, 1, 3, 4)], producer="t")]}
        )
    assert [crop.image.shape for crop in result.outputs["out"]] == [(3, 2, 3)]


def test_streams_do_not_mix(make_frame: MakeFrame) -> None:
    """Of several streams in one tick each gets its own crops; a bad one fails alone."""
    frames = [numbered(make_frame, name, size) for name, size in (("a", (21, 17)), ("b", (8, 9)))]
    boxes = [build_detections(frame, [(0, 0, 99, 99)] * 2, producer="t") for frame in frames]
    with engine_of(DYNAMIC, output="$steps.crop.crops") as engine:
        good: list[FrameResult] = list(engine.tick(frames, {"boxes": boxes}))
        bad = list(engine.tick(frames, {"boxes": [boxes[0], "no detections"]}))
    shapes = [[crop.image.shape[:2] for crop in result.outputs["out"]] for result in good]
    assert shapes == [[(17, 21)] * 2, [(9, 8)] * 2]
    assert [crop.video.video_identifier for crop in good[1].outputs["out"]] == ["b", "b"]
    assert not bad[0].failures
    assert bad[1].failures


STATIC = [
    ("roboflow_core/relative_static_crop@v1", (0.5, 0.5, 0.5, 0.5), (5, 4, 15, 12)),
    ("roboflow_core/relative_statoic_crop@v1", (0.0, 0.0, 0.2, 0.2), (0, 0, 2, 1)),
    ("RelativeStaticCrop", (1.0, 1.0, 0.4, 0.4), (17, 14, 21, 17)),
    ("RelativeStaticCrop", (0.5, 0.5, 1.0, 1.0), (0, 0, 21, 17)),
    ("roboflow_core/absolute_static_crop@v1", (10, 8, 4, 6), (8, 5, 12, 11)),
    ("AbsoluteStaticCrop", (1, 1, 8, 8), (0, 0, 5, 5)),
    ("AbsoluteStaticCrop", (20, 16, 9, 9), (16, 12, 21, 17)),
    ("AbsoluteStaticCrop", (400, 8, 4, 6), None),
    ("RelativeStaticCrop", (0.5, 0.5, 0.0, 0.5), None),
]


@pytest.mark.parametrize(("block", "place", "edges"), STATIC)
def test_static_crops(make_frame: MakeFrame, block: str, place: Any, edges: Any) -> None:
    """The part around the centre is cut out, cut off at the edges; without a pixel, nothing."""
    frame = numbered(make_frame)
    names = ("x_center", "y_center", "width", "height")
    step = {
        "type": block,
        "name": "crop",
        "images": "$inputs.image",
        **dict(zip(names, place, strict=True)),
    }
    with engine_of(step, output="$steps.crop.crops") as engine:
        (result,) = engine.tick([frame], {"boxes": [None]})
    assert not result.failures
    crop = result.outputs["out"]
    if edges is None:
        assert crop is None
        return
    left, top, right, bottom = edges
    np.testing.assert_array_equal(crop.image, frame.image[top:bottom, left:right])
    assert crop.origin.offset_xy == (left, top)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_cutting_twice_is_cutting_once(make_frame: MakeFrame, data: st.DataObject) -> None:
    """A crop of a crop has the pixels, and the place, of one cut from the full frame."""
    width, height = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    frame = numbered(make_frame, size_wh=(width, height))
    edge = st.integers(-3, 15)
    outer = cut(frame, *(data.draw(edge) for _ in range(4)))
    if outer is None:
        return
    assert outer.origin is not None
    left, top, right, bottom = (data.draw(edge) for _ in range(4))
    inner = cut(outer, left, top, right, bottom)
    x, y = outer.origin.offset_xy
    right, bottom = min(right, outer.size_wh[0]), min(bottom, outer.size_wh[1])
    once = cut(frame, x + max(left, 0), y + max(top, 0), x + right, y + bottom)
    if inner is None:
        assert once is None or left >= right or top >= bottom
        return
    assert once is not None
    np.testing.assert_array_equal(inner.image, once.image)
    assert inner.origin is not None
    assert once.origin is not None
    assert inner.origin.offset_xy == once.origin.offset_xy
    assert inner.image[0, 0, :2].tolist() == list(inner.origin.offset_xy)


def test_crops_are_registered_once() -> None:
    """The canonical ids come first, the ones documents have by a slip after them."""
    ids = {block.manifest.type_ids()[0]: block for block in default_registry().blocks}
    relative = ids["roboflow_core/relative_static_crop@v1"].manifest
    assert "roboflow_core/relative_statoic_crop@v1" in relative.type_ids()
