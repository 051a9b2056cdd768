"""Each drawing block gives, pixel by pixel, the picture of the annotator it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, build_detections, empty_detections
from trackwire.pipeline.engine import Engine, FrameResult
from trackwire.specs import (
    Batch,
    BlockError,
    Failure,
    Resources,
    compile_workflow,
    default_registry,
)

MakeFrame: TypeAlias = Callable[..., Frame]

BOXES = ((4, 6, 30, 28), (20, 15, 61, 44), (-9, -7, 5, 12), (40, 3, 40, 9))
"""Two that overlap, one half outside of the picture, one without an area."""


def noise(make_frame: MakeFrame, size_wh: tuple[int, int] = (63, 47)) -> Frame:
    """A picture of odd size in which every pixel differs from its neighbours."""
    generator = np.random.default_rng(5)
    return make_frame(image=generator.integers(0, 256, (*size_wh[::-1], 3), np.uint8))


def objects(frame: Frame, *, masks: bool = True) -> sv.Detections:
    """Objects of two classes at :data:`BOXES`; masks are the left upper halves of the boxes."""
    width, height = frame.size_wh
    dense = np.zeros((len(BOXES), height, width), bool)
    rows, columns = np.mgrid[:height, :width]
    for mask, (x1, y1, x2, y2) in zip(dense, BOXES, strict=True):
        mask[max(y1, 0) : y2, max(x1, 0) : x2] = True
        np.logical_and(mask, columns - x1 + rows - y1 < (x2 - x1 + y2 - y1) / 2, out=mask)
    edges = np.array(BOXES)
    compact = sv.CompactMask.from_dense(dense, edges - [0, 0, 1, 1], (height, width))
    return build_detections(
        frame,
        BOXES,
        class_id=[0, 1, 1, 0],
        tracker_id=[3, 4, 5, 6],
        mask=compact if masks else None,
        producer="t",
    )


def drawn(frame: Frame, detections: sv.Detections, name: str, **properties: Any) -> Any:
    """What a block makes of a picture: the picture, or the error."""
    block = next(block for block in default_registry().blocks if name in block.manifest.type_ids())
    step = block.manifest.model_validate(
        {"type": name, "name": "draw", "image": "$inputs.i", "predictions": "$steps.s.p"}
        | properties
    )
    opened = block.open(step, Resources())
    columns = {key: (getattr(step, key),) for key in type(step).model_fields}
    columns |= {"image": (frame,), "predictions": (detections,)}
    (outcome,) = opened.run(Batch(("cam",), columns))
    if isinstance(outcome, Failure):
        return outcome.error
    assert isinstance(outcome, dict)
    return outcome["image"].image


CASES: list[Any] = [
    pytest.param("polygon", {}, sv.PolygonAnnotator(), id="polygon"),
    pytest.param("polygon", {"thickness": 5}, sv.PolygonAnnotator(thickness=5), id="polygon-thick"),
    pytest.param("halo", {}, sv.HaloAnnotator(), id="halo"),
    pytest.param(
        "halo",
        {"opacity": 0.4, "kernel_size": 9},
        sv.HaloAnnotator(opacity=0.4, kernel_size=9),
        id="halo-small",
    ),
    pytest.param("dot", {}, sv.DotAnnotator(), id="dot"),
    pytest.param(
        "dot",
        {"position": "BOTTOM_RIGHT", "radius": 9, "outline_thickness": 2},
        sv.DotAnnotator(radius=9, position=sv.Position.BOTTOM_RIGHT, outline_thickness=2),
        id="dot-outlined",
    ),
    pytest.param(
        "dot",
        {"position": "CENTER_OF_MASS"},
        sv.DotAnnotator(position=sv.Position.CENTER_OF_MASS),
        id="dot-mass",
    ),
    pytest.param("color", {}, sv.ColorAnnotator(), id="color"),
    pytest.param("color", {"opacity": 1.0}, sv.ColorAnnotator(opacity=1.0), id="color-full"),
    pytest.param("blur", {}, sv.BlurAnnotator(kernel_size=15), id="blur"),
    pytest.param("blur", {"kernel_size": 4}, sv.BlurAnnotator(kernel_size=4), id="blur-even"),
    pytest.param("pixelate", {}, sv.PixelateAnnotator(pixel_size=20), id="pixelate"),
    pytest.param(
        "pixelate", {"pixel_size": 3}, sv.PixelateAnnotator(pixel_size=3), id="pixelate-fine"
    ),
    pytest.param("mask", {"opacity": 0.7}, sv.MaskAnnotator(opacity=0.7), id="mask"),
    pytest.param("bounding_box", {}, sv.BoxAnnotator(), id="box"),
]


@pytest.mark.parametrize(("name", "properties", "annotator"), CASES)
def test_a_block_draws_like_its_annotator(
    make_frame: MakeFrame, name: str, properties: dict[str, Any], annotator: Any
) -> None:
    """Defaults and options give the annotator's picture, also over edges and for empty boxes."""
    frame = noise(make_frame)
    detections = objects(frame)
    expected = annotator.annotate(frame.image.copy(), detections)
    found = drawn(frame, detections, f"roboflow_core/{name}_visualization@v1", **properties)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(expected, frame.image)


@pytest.mark.parametrize("name", ["blur", "pixelate"])
def test_hidden_objects_leave_the_rest_alone(make_frame: MakeFrame, name: str) -> None:
    """What is outside of all boxes stays as it was, and the frame given is not written to."""
    frame = noise(make_frame)
    before = frame.image.copy()
    detections = objects(frame)
    found = drawn(frame, detections, f"roboflow_core/{name}_visualization@v1")
    np.testing.assert_array_equal(frame.image, before)
    outside = np.ones(frame.image.shape[:2], bool)
    for x1, y1, x2, y2 in BOXES:
        outside[max(y1, 0) : y2, max(x1, 0) : x2] = False
    np.testing.assert_array_equal(found[outside], before[outside])
    assert (found[~outside] != before[~outside]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("name", ["blur", "pixelate", "polygon", "halo", "dot", "color"])
@pytest.mark.parametrize("size_wh", [(1, 1), (2, 7), (33, 17)])
def test_small_pictures(make_frame: MakeFrame, name: str, size_wh: tuple[int, int]) -> None:
    """Pictures smaller than brushes and kernels are drawn on as well."""
    frame = noise(make_frame, size_wh)
    detections = objects(frame)
    found = drawn(frame, detections, f"roboflow_core/{name}_visualization@v1")
    assert found.shape == frame.image.shape


@pytest.mark.parametrize("name", ["blur", "pixelate"])
def test_nothing_to_hide_gives_the_frame_back(make_frame: MakeFrame, name: str) -> None:
    """Empty detections cost no copy."""
    frame = noise(make_frame)
    empty = empty_detections(frame, producer="t")
    found = drawn(frame, empty, f"roboflow_core/{name}_visualization@v1")
    assert found is frame.image


def test_outlines_without_masks_are_boxes(make_frame: MakeFrame) -> None:
    """Predictions of a box tracker get their boxes drawn where outlines were asked for."""
    frame = noise(make_frame)
    detections = objects(frame, masks=False)
    found = drawn(frame, detections, "PolygonVisualization", thickness=3)
    expected = sv.BoxAnnotator(thickness=3).annotate(frame.image.copy(), detections)
    np.testing.assert_array_equal(found, expected)


def test_halos_without_masks_surround_boxes(make_frame: MakeFrame) -> None:
    """A box without a mask gets the halo that a mask of its pixels would get."""
    frame = noise(make_frame)
    detections = objects(frame, masks=False)
    found = drawn(frame, detections, "HaloVisualization")
    dense = np.zeros((len(BOXES), *frame.image.shape[:2]), bool)
    for mask, (x1, y1, x2, y2) in zip(dense, BOXES, strict=True):
        mask[max(y1, 0) : y2, max(x1, 0) : x2] = True
    detections.mask = dense
    expected = sv.HaloAnnotator().annotate(frame.image.copy(), detections)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("DotVisualization", {"position": "CENTER_OF_MASS"}),
        ("LabelVisualization", {"text_position": "CENTER_OF_MASS"}),
        ("TraceVisualization", {"position": "CENTER_OF_MASS"}),
    ],
)
def test_centres_of_mass_need_masks(
    make_frame: MakeFrame, name: str, properties: dict[str, str]
) -> None:
    """An anchor that masks are needed for says so where there are none."""
    frame = noise(make_frame)
    error = drawn(frame, objects(frame, masks=False), name, **properties)
    assert isinstance(error, BlockError)
    assert error.code == "masks_missing"


def test_several_streams_in_one_tick(make_frame: MakeFrame) -> None:
    """Pictures of different sizes in one batch, one of them without objects, stay apart."""
    document = {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {
                "type": "WorkflowBatchInput",
                "name": "boxes",
                "kind": ["object_detection_prediction"],
            },
        ],
        "steps": [
            {
                "type": "BlurVisualization",
                "name": "blur",
                "image": "$inputs.image",
                "predictions": "$inputs.boxes",
            }
        ],
        "outputs": [{"type": "JsonField", "name": "image", "selector": "$steps.blur.image"}],
    }
    frames = [make_frame("a", size_wh=(31, 20)), make_frame("b", size_wh=(64, 48))]
    busy = objects(frames[0])
    with Engine(compile_workflow(document)) as engine:
        results: list[FrameResult] = list(
            engine.tick(frames, {"boxes": [busy, empty_detections(frames[1], producer="t")]})
        )
    assert [result.failures for result in results] == [(), ()]
    assert results[0].outputs["image"].image.shape == (20, 31, 3)
    assert results[1].outputs["image"] is frames[1]
