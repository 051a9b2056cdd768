"""Each layout of an ONNX detector, decoded from a hand-made graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import Frame
from trackwire.blocks.detect.detector import DetectOptions
from trackwire.blocks.detect.onnx_detector import load_onnx_detector
from trackwire.specs import ModelError

MakeFrame: TypeAlias = Callable[..., Frame]
WriteGraph: TypeAlias = Callable[..., Path]
Array: TypeAlias = NDArray[np.float64]

SIDE = 64  # of the input of all graphs
BOX = (20.0, 10.0, 60.0, 50.0)  # in the frame
NAMES = "{0: 'cat', 1: 'dog', 2: 'cow'}"
SIZES = {"wide": (128, 64), "tall": (64, 128)}


def letterboxed(size_wh: tuple[int, int], margin: int = 0) -> Array:
    """Take the box to an input that keeps proportions: x1, y1, x2, y2."""
    scale = (SIDE - margin) / max(size_wh)
    content = np.round(np.array(size_wh) * scale)
    return np.asarray(np.array(BOX) * scale + np.tile((SIDE - content) // 2, 2), np.float64)


def stretched(size_wh: tuple[int, int]) -> Array:
    """Take the box to an input that does not."""
    return np.asarray(np.array(BOX) * np.tile(SIDE / np.array(size_wh), 2), np.float64)


def centred(box: Array) -> Array:
    """Centre and size of a box."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])


def logit(share: Array) -> Array:
    """The inverse of the sigmoid."""
    return np.asarray(np.log(share / (1 - share)), np.float64)


def scores(rows: int) -> Array:
    """Classes of all rows: the first is a dog, the second a dog on the same place, less sure."""
    table = np.full((rows, 3), 0.01)
    table[0, 1], table[1, 1] = 0.9, 0.8
    return table


def yolov5(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Rows with an objectness of 0.9."""
    rows = np.zeros((20, 8))
    rows[:, :4], rows[:, 4], rows[:, 5:] = centred(letterboxed(size_wh)), 0.9, 0.01
    rows[:2, 6] = 1.0, 0.8
    return {"output0": rows}


def yolov8(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Columns."""
    columns = np.zeros((7, 84))
    columns[:4] = centred(letterboxed(size_wh))[:, None]
    columns[4:] = scores(84).T
    return {"output0": columns}


def end_to_end(size_wh: tuple[int, int]) -> dict[str, Array]:
    """One row, and rows of nothing."""
    rows = np.zeros((30, 6))
    rows[0] = [*letterboxed(size_wh), 0.9, 1]
    return {"output0": rows}


def yolo_nas(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Boxes and scores of the 84 places of an input of 64 x 64."""
    boxes = np.tile(letterboxed(size_wh, 4), (84, 1))
    return {"904": boxes, "903": scores(84)}


def detr(size_wh: tuple[int, int]) -> tuple[Array, Array]:
    """Boxes as fractions, and logits; one query sees the dog."""
    boxes = np.tile(centred(stretched(size_wh)) / SIDE, (10, 1))
    classes = np.full((10, 3), 0.01)
    classes[0, 1] = 0.9
    return boxes, logit(classes)


def rtdetr(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Logits first."""
    boxes, classes = detr(size_wh)
    return {"logits": classes, "pred_boxes": boxes}


def rfdetr(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Boxes first."""
    boxes, classes = detr(size_wh)
    return {"dets": boxes, "labels": classes}


def fastestdet(size_wh: tuple[int, int]) -> dict[str, Array]:
    """A grid of 4 x 4; the cells to the left and right of a centre point at the same box."""
    cx, cy, width, height = centred(stretched(size_wh)) / SIDE
    column, row = int(cx * 4), int(cy * 4)
    grid = np.full((8, 4, 4), 0.01)
    for step, sure in ((0, 0.9), (1, 0.8)):
        here = (slice(None), row, column + step)
        x, y = np.arctanh([cx * 4 - column - step, cy * 4 - row])
        grid[here] = [sure, x, y, *logit(np.array([width, height])), 0.01, sure, 0.01]
    return {"758": grid}


EDGE = (-26.37, 1.0, -0.4)
"""The object's pixels are those of the box where -26.37 + x - 0.4 y is above 0, in the frame."""
CELLS = 16


def planes() -> Array:
    """Three maps of 16 x 16 cells: one, and the column and row of each cell's centre."""
    rows, columns = (np.mgrid[:CELLS, :CELLS] + 0.5) * SIDE / CELLS
    return np.stack([np.ones((CELLS, CELLS)), columns, rows])


def edge(origin: Array, scale: Array) -> Array:
    """Take the edge to an input: how much of each plane makes the object's logits."""
    base, across, down = EDGE
    weights = np.array([across, down]) / scale
    return np.array([base - weights @ origin, *weights])


def letterboxed_edge(size_wh: tuple[int, int]) -> Array:
    """The same for an input that keeps proportions."""
    scale = SIDE / max(size_wh)
    return edge((SIDE - np.array(size_wh) * scale) // 2, np.full(2, scale))


def yolov5_seg(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Rows that end with how the planes are mixed; what is not the dog mixes them otherwise."""
    rows = np.hstack([yolov5(size_wh)["output0"], np.full((20, 3), -7.0)])
    rows[0, -3:] = letterboxed_edge(size_wh)
    return {"output0": rows, "output1": planes()}


def yolov8_seg(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Columns that end so."""
    columns = np.vstack([yolov8(size_wh)["output0"], np.full((3, 84), -7.0)])
    columns[-3:, 0] = letterboxed_edge(size_wh)
    return {"output0": columns, "output1": planes()}


def end_to_end_seg(size_wh: tuple[int, int]) -> dict[str, Array]:
    """Rows of single objects that end so."""
    rows = np.hstack([end_to_end(size_wh)["output0"], np.full((30, 3), -7.0)])
    rows[0, -3:] = letterboxed_edge(size_wh)
    return {"output0": rows, "output1": planes()}


def rfdetr_seg(size_wh: tuple[int, int]) -> dict[str, Array]:
    """A map for each query."""
    maps = np.full((10, CELLS, CELLS), -7.0)
    weights = edge(np.zeros(2), SIDE / np.array(size_wh))
    maps[0] = np.tensordot(weights, planes(), 1)
    return {**rfdetr(size_wh), "masks": maps}


WITH_MASKS: dict[str, Callable[[tuple[int, int]], dict[str, Array]]] = {
    each.__name__: each for each in (yolov5_seg, yolov8_seg, end_to_end_seg, rfdetr_seg)
}
GRAPHS: dict[str, Callable[[tuple[int, int]], dict[str, Array]]] = {
    each.__name__: each
    for each in (yolov5, yolov8, end_to_end, yolo_nas, rtdetr, rfdetr, fastestdet)
} | WITH_MASKS


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("layout", GRAPHS)
def test_a_box_comes_back_to_the_pixel(
    layout: str, shape: str, write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Layout and geometry are recognised, and of boxes on one another the surest is kept."""
    size_wh = SIZES[shape]
    path = write_graph(GRAPHS[layout](size_wh), metadata={"names": NAMES})
    detector = load_onnx_detector(path)
    assert detector.layout == layout
    frame = make_frame(size_wh=size_wh)
    (found,) = detector.detect([frame], [DetectOptions()], "detector")
    np.testing.assert_allclose(found.xyxy, [BOX], atol=2e-4)
    assert found.confidence == pytest.approx([0.9], abs=1e-5)
    assert found.class_id is not None
    assert list(found.class_id) == [1]
    assert list(found.data["class_name"]) == ["dog"]
    assert list(found.data["detection_id"]) == ["cam/0/detector/0"]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("layout", WITH_MASKS)
def test_a_mask_comes_back_to_the_pixel(
    layout: str, shape: str, write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """A slanting edge stays where it is, pixel for pixel, and the mask ends at the box."""
    size_wh = SIZES[shape]
    detector = load_onnx_detector(
        write_graph(WITH_MASKS[layout](size_wh), metadata={"names": NAMES})
    )
    assert detector.makes_masks
    frame = make_frame(size_wh=size_wh)
    (found,) = detector.detect([frame], [DetectOptions(masks=True)], "detector")
    y, x = np.mgrid[: size_wh[1], : size_wh[0]] + 0.5
    box = (x > BOX[0]) & (x < BOX[2]) & (y > BOX[1]) & (y < BOX[3])
    expected = box & (EDGE[0] + EDGE[1] * x + EDGE[2] * y > 0)
    assert isinstance(found.mask, sv.CompactMask)
    np.testing.assert_array_equal(found.mask.to_dense(), expected[None])
    np.testing.assert_allclose(found.xyxy, [BOX], atol=2e-4)
    assert list(found.data["prediction_type"]) == ["instance-segmentation"]


def test_masks_are_made_for_those_who_ask(write_graph: WriteGraph, make_frame: MakeFrame) -> None:
    """Without the wish only boxes come; with it an empty result holds an empty mask."""
    detector = load_onnx_detector(write_graph(yolov8_seg(SIZES["wide"])))
    frame = make_frame(size_wh=SIZES["wide"])
    (boxes,) = detector.detect([frame], [DetectOptions()], "detector")
    assert boxes.mask is None
    assert list(boxes.data["prediction_type"]) == ["object-detection"]
    (nothing,) = detector.detect([frame], [DetectOptions(0.95, masks=True)], "detector")
    assert isinstance(nothing.mask, sv.CompactMask)
    assert nothing.mask.shape == (0, 64, 128)


def test_an_object_without_a_pixel_is_none(write_graph: WriteGraph, make_frame: MakeFrame) -> None:
    """Whoever takes masks may rely on each to cover something."""
    outputs = rfdetr_seg(SIZES["wide"])
    outputs["labels"][1] = outputs["labels"][0]
    detector = load_onnx_detector(write_graph(outputs))
    frame = make_frame(size_wh=SIZES["wide"])
    (boxes,) = detector.detect([frame], [DetectOptions()], "detector")
    (found,) = detector.detect([frame], [DetectOptions(masks=True)], "detector")
    assert (len(boxes), len(found)) == (2, 1)


@pytest.mark.parametrize("layout", ["rtdetr", "rfdetr", "end_to_end", "end_to_end_seg"])
def test_networks_that_count_objects_once_are_left_alone(
    layout: str, write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Two objects on the same place are two where the network itself says so."""
    outputs = GRAPHS[layout](SIZES["wide"])
    for array in outputs.values():
        array[1] = array[0]
    detector = load_onnx_detector(write_graph(outputs, metadata={"names": NAMES}))
    (found,) = detector.detect(
        [make_frame(size_wh=SIZES["wide"])], [DetectOptions(iou_threshold=0.1)], "detector"
    )
    assert len(found) == 2


@pytest.mark.parametrize(
    "outputs",
    [
        {"output0": np.zeros((20, 1000)), "output1": np.zeros((32, 16, 16))},
        {"output0": np.zeros((100, 38)), "output1": np.zeros((32, 16, 16))},
        {**rfdetr((64, 64)), "masks": np.zeros((9, 16, 16))},
        {"boxes": np.zeros((10, 4)), "scores": np.zeros((9, 3))},
        {"a": np.zeros((10, 4)), "b": np.zeros((10, 4))},
        {"output0": np.zeros((4, 4))},
        {"output0": np.zeros((100, 6))},
        {"output0": np.zeros((5, 4, 4))},
    ],
    ids=[
        "no room for boxes",
        "two layouts with masks",
        "masks of others",
        "lengths",
        "which are boxes",
        "small",
        "two layouts",
        "no classes",
    ],
)
def test_unknown_outputs_are_named(outputs: dict[str, Any], write_graph: WriteGraph) -> None:
    """The error says what the graph puts out and which layouts there are."""
    with pytest.raises(ModelError, match=r"found .*Known are yolov5") as caught:
        load_onnx_detector(write_graph(outputs))
    assert caught.value.code == "detector_layout"
    assert all(name in caught.value.message for name in outputs)


def test_a_description_decides_where_two_layouts_fit(
    write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Six columns are YOLOv5 with one class or YOLOv10 with any."""
    path = write_graph({"output0": end_to_end(SIZES["wide"])["output0"]})
    path.with_suffix(".json").write_text('{"layout": "end_to_end"}')
    (found,) = load_onnx_detector(path).detect(
        [make_frame(size_wh=SIZES["wide"])], [DetectOptions()], "detector"
    )
    np.testing.assert_allclose(found.xyxy, [BOX], atol=2e-4)
    assert list(found.data["class_name"]) == ["class_1"]
