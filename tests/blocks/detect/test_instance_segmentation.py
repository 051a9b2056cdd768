"""The instance segmentation blocks: their detectors, options and outputs, and a tracker behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import Frame
from trackwire.blocks.detect.hosted_segmentation import (
    HostedSegmentationV1,
    HostedSegmentationV2,
    HostedSegmentationV3,
)
from trackwire.blocks.detect.instance_segmentation import InstanceSegmentation
from trackwire.pipeline import Engine
from trackwire.specs import (
    Batch,
    BlockError,
    Failure,
    ModelError,
    Resources,
    SpecificationError,
    compile_workflow,
)

MakeFrame: TypeAlias = Callable[..., Frame]
WriteGraph: TypeAlias = Callable[..., Path]

SIZE_WH = (160, 128)
CORNERS = (
    np.array([[30, 24], [110, 24], [30, 104]], np.int32),
    np.array([[114, 28], [114, 108], [34, 108]], np.int32),
)
"""Two triangles that share most of their boxes and not a pixel."""
COLORS = ((60, 60, 220), (210, 120, 40))
NAMES = {"names": "['thing']"}


def triangles() -> NDArray[np.bool_]:
    """Masks of both, ``(2, H, W)``."""
    blank = np.zeros((SIZE_WH[1], SIZE_WH[0]), np.uint8)
    return np.stack([cv2.fillPoly(blank.copy(), [each], 1) > 0 for each in CORNERS])


@pytest.fixture
def network(write_graph: WriteGraph) -> Path:
    """An RF-DETR with masks that sees both triangles, the second as surely as the first."""
    boxes = np.tile([0.5, 0.5, 0.01, 0.01], (10, 1))
    maps = np.full((10, 32, 40), -4.0)
    for row, (corners, mask) in enumerate(zip(CORNERS, triangles(), strict=True)):
        low, high = corners.min(0) / SIZE_WH, (corners.max(0) + 1) / SIZE_WH
        boxes[row] = [*(low + high) / 2, *(high - low)]
        shares = cv2.resize(mask.astype(np.float32), (40, 32), interpolation=cv2.INTER_AREA)
        maps[row] = shares - 0.5
    labels = np.full((10, 1), -6.0)
    labels[:2] = [[2.0], [2.001]]
    outputs = {"dets": boxes, "labels": labels, "masks": maps}
    return write_graph(outputs, metadata=NAMES, shape=("batch", 3, 64, 64))


def document(path: Path, **options: Any) -> dict[str, Any]:
    """A detector with masks, and a tracker that takes them."""
    return {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
        ],
        "steps": [
            {
                "type": "trackwire/instance_segmentation@v1",
                "name": "detector",
                "images": "$inputs.image",
                "model_id": f"onnx:{path}",
                **options,
            },
            {
                "type": "trackwire/video_tracker@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$steps.detector.predictions",
                "model_id": "lite@192",
                "prompt_mode": "every_frame",
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": name, "selector": f"$steps.{name}.predictions"}
            for name in ("detector", "tracker")
        ],
    }


def test_a_tracker_takes_and_matches_masks(network: Path, make_frame: MakeFrame) -> None:
    """Objects with nearly the same boxes are told apart by their pixels, and keep their ids."""
    masks = triangles()
    noise = np.random.default_rng(3)
    with Engine(compile_workflow(document(network)), Resources()) as engine:
        for number in range(6):
            image = noise.integers(90, 120, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
            for mask, color in zip(masks, COLORS, strict=True):
                image[mask] = color
            (result,) = engine.tick([make_frame(number=number, image=image)])
            found, tracks = result.outputs["detector"], result.outputs["tracker"]
            assert isinstance(found.mask, sv.CompactMask)
            assert sorted(tracks.tracker_id.tolist()) == [1, 2]
            # The surer one, which is the second triangle, was born first.
            order = np.argsort(-tracks.tracker_id)
            overlap = sv.mask_iou_batch(masks, tracks.mask.to_dense()[order])
            assert overlap.diagonal() == pytest.approx([1.0, 1.0], abs=0.15)
            assert overlap[0, 1] < 0.1
            assert overlap[1, 0] < 0.1


def test_a_detector_without_masks_is_refused(write_graph: WriteGraph) -> None:
    """The error says what does go."""
    boxes = np.zeros((5, 84))
    path = write_graph({"o": boxes}, metadata=NAMES)
    with pytest.raises(ModelError, match=r"onnx:.*trackwire/object_detection@v1") as caught:
        Engine(compile_workflow(document(path)), Resources())
    assert caught.value.code == "detector_masks"


def test_wrong_options_do_not_compile(network: Path) -> None:
    """A share lies between 0 and 1."""
    with pytest.raises(SpecificationError, match="mask_detail"):
        compile_workflow(document(network, mask_detail=1.5))


def look(block: Any, frames: list[Frame], **columns: list[Any]) -> list[Any]:
    """Ask a block for the detections of frames; columns that are left out hold defaults."""
    fields = block.manifest.model_fields
    batch: dict[str, list[Any]] = {
        name: [field.default] * len(frames) for name, field in fields.items()
    }
    batch |= {"images": frames, "model_id": ["onnx:x"] * len(frames), **columns}
    outcomes = block.run(Batch([each.video.video_identifier for each in frames], batch))
    return [each.error if isinstance(each, Failure) else each for each in outcomes]


@pytest.mark.parametrize(
    "block", [HostedSegmentationV1, HostedSegmentationV2, HostedSegmentationV3]
)
def test_documents_of_hosted_platforms_run(
    block: type[Any], network: Path, make_frame: MakeFrame
) -> None:
    """With onnx: as the model id, and with the outputs of their version."""
    step = block.manifest(
        name="d",
        type=block.manifest.type_ids()[0],
        images="$inputs.image",
        model_id=f"onnx:{network}",
    )
    (result,) = look(block.open(step, Resources()), [make_frame(size_wh=SIZE_WH)])
    assert set(result) == {output.name for output in block.manifest.outputs}
    assert result["inference_id"] == "cam/0/d"
    overlap = sv.mask_iou_batch(triangles()[::-1], result["predictions"].mask.to_dense())
    assert overlap.diagonal() == pytest.approx([1.0, 1.0], abs=0.08)


def test_modes_of_drawing(network: Path, make_frame: MakeFrame) -> None:
    """Fast is the tradeoff of 0, accurate that of 1; an unknown mode fails for its stream only."""
    block: type[Any] = HostedSegmentationV3
    step = block.manifest(
        name="d",
        type=block.manifest.type_ids()[0],
        images="$inputs.image",
        model_id=f"onnx:{network}",
    )
    frames = [make_frame(stream, size_wh=SIZE_WH) for stream in "abcde"]
    results = look(
        block.open(step, Resources()),
        frames,
        mask_decode_mode=["accurate", "tradeoff", "tradeoff", "fast", "quick"],
        tradeoff_factor=[0.0, 1.0, 0.0, 0.7, 0.0],
    )
    accurate, fine, coarse, fast = (each["predictions"].mask.to_dense() for each in results[:4])
    assert (accurate == fine).all()
    assert (coarse == fast).all()
    assert (accurate != fast).any()
    assert isinstance(results[4], BlockError)
    assert results[4].code == "option_value"


def test_one_network_serves_both_kinds_of_block(network: Path, make_frame: MakeFrame) -> None:
    """The object detection block puts out its boxes, without masks."""
    options = document(network)
    options["steps"][0]["type"] = "trackwire/object_detection@v1"
    with Engine(compile_workflow(options), Resources()) as engine:
        (result,) = engine.tick([make_frame(size_wh=SIZE_WH)])
        assert len(result.outputs["detector"]) == 2
        assert result.outputs["detector"].mask is None
    assert InstanceSegmentation.manifest.type_ids() == ("trackwire/instance_segmentation@v1",)
