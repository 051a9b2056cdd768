"""The image segmentation blocks in workflows: what they mask, and for whom."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import (
    Frame,
    build_detections,
    empty_detections,
    in_frame_coordinates,
    load_video_model,
)
from trackwire.pipeline.engine import Engine, FrameResult
from trackwire.specs import BlockError, ModelError, Resources, SpecificationError, compile_workflow

MakeFrame = Callable[..., Frame]
OURS = "trackwire/image_segmentation@v1"
KNOWN = "roboflow_core/segment_anything@v1"
BOXES = ((28.0, 20.0, 68.0, 52.0), (4.0, 4.0, 40.0, 30.0))


class Bench:
    """Opens workflows on a folder of random weights, and counts the pictures encoded.

    Args:
        folder: The weights.
        monkeypatch: Puts the counter in.
        lab: Makes frames.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, lab: ModuleType) -> None:
        from trackwire.blocks.models.sam_video.image_network import ImageNetwork

        self.folder, self.lab = folder, lab
        self.encoded: list[int] = []
        encode = ImageNetwork.encode

        def counting(network: Any, pictures: Any) -> Any:
            self.encoded.append(len(pictures))
            return encode(network, pictures)

        monkeypatch.setattr(ImageNetwork, "encode", counting)

    def engine(self, *steps: dict[str, Any], threads: int = 1, **options: Any) -> Engine:
        """Open a workflow whose outputs are the predictions of its steps, by their names."""
        inputs: list[dict[str, Any]] = [
            {"type": "WorkflowImage", "name": "image"},
            {"type": "WorkflowParameter", "name": "points", "default_value": [[48, 36]]},
            *(
                {"type": "WorkflowBatchInput", "name": name, "kind": [kind]}
                for name, kind in (
                    ("boxes", "object_detection_prediction"),
                    ("score", "float"),
                    ("several", "boolean"),
                    ("clicks", "labeled_points"),
                )
            ),
        ]
        outputs = [
            {
                "type": "JsonField",
                "name": step["name"],
                "selector": f"$steps.{step['name']}.{step.pop('out', 'predictions')}",
                "coordinates_system": "own",
            }
            for step in steps
        ]
        used = str(steps)
        document = {
            "version": "1.0",
            "inputs": [each for each in inputs if f"$inputs.{each['name']}'" in used],
            "steps": list(steps),
            "outputs": outputs,
        }
        return Engine(
            compile_workflow(document), Resources(device="cpu", **options), threads=threads
        )

    def step(self, **properties: Any) -> dict[str, Any]:
        """A step of ours on the weights."""
        given = {"images": "$inputs.image", "model_id": str(self.folder), **properties}
        return {"type": OURS, "name": "masks", **given}

    def frame(self, number: int = 0, seed: int = 0, size_wh: tuple[int, int] = (96, 72)) -> Frame:
        """Frame ``number`` of ``stream-SEED``."""
        made: Frame = self.lab.frame(number, size_wh, seed)
        return made


@pytest.fixture
def bench(weights: Path, monkeypatch: pytest.MonkeyPatch, lab: ModuleType) -> Bench:
    """Workflows on the small random weights, in full precision."""
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
    return Bench(weights, monkeypatch, lab)


def boxes_on(
    frame: Frame, boxes: Sequence[Sequence[float]] = BOXES, **columns: Any
) -> sv.Detections:
    """Detections as a detector makes them."""
    columns = {"class_name": "thing", "producer": "detector", **columns}
    return build_detections(frame, boxes, **columns)


def run(engine: Engine, *frames: Frame, **inputs: Sequence[Any]) -> list[Any]:
    """What the step ``masks`` puts out for each frame."""
    results: Sequence[FrameResult] = engine.tick(list(frames), inputs)
    for result in results:
        assert not result.failures, result.failures
    return [result.outputs["masks"] for result in results]


def dense(detections: Any) -> NDArray[np.bool_]:
    """The masks, full size."""
    return np.array([np.asarray(mask) for mask in detections.mask], bool)


def same(one: Any, other: Any) -> None:
    """Two results agree, but for rounding at the edges of masks."""
    assert one.data["class_name"].tolist() == other.data["class_name"].tolist()
    np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-5)
    assert (dense(one) != dense(other)).mean() < 1e-3


def test_each_box_gets_a_mask_and_keeps_its_class(bench: Bench) -> None:
    """Class, id and the detection's name come from the box, score and place from the mask."""
    frame = bench.frame()
    given = boxes_on(frame, class_name=["cat", "dog"], class_id=[3, 5], confidence=[0.4, 0.5])
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        (found,) = run(engine, frame, boxes=[given])
    assert isinstance(found.mask, sv.CompactMask)
    assert found.data["class_name"].tolist() == ["cat", "dog"]
    assert found.class_id.tolist() == [3, 5]
    assert found.data["prompt_detection_id"].tolist() == list(given.data["detection_id"])
    assert found.data["parent_id"].tolist() == ["stream-0/0"] * 2
    assert found.data["detection_id"].tolist() == ["stream-0/0/masks/0", "stream-0/0/masks/1"]
    assert set(found.data["prediction_type"]) == {"instance-segmentation"}
    assert found.tracker_id is None
    np.testing.assert_array_equal(found.confidence, found.data["mask_score"])
    assert ((found.confidence > 0) & (found.confidence <= 1)).all()
    expected = np.add(sv.mask_to_xyxy(dense(found)), [0, 0, 1, 1])
    np.testing.assert_array_equal(found.xyxy, expected)
    assert (dense(found)[0] != dense(found)[1]).any()


def test_masks_of_tracked_boxes_keep_their_ids(bench: Bench) -> None:
    """What a tracker of boxes has numbered stays numbered, also where a mask falls out."""
    frame = bench.frame()
    boxes = [(0.0, 0.0, 0.0, 9.0), *BOXES]
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        (found,) = run(engine, frame, boxes=[boxes_on(frame, boxes, tracker_id=[7, 8, 9])])
    assert found.tracker_id.tolist() == [8, 9]


def test_without_boxes_the_most_prominent_object_is_masked(bench: Bench) -> None:
    """It is the foreground, and its mask that of the model asked for nothing."""
    from trackwire.blocks import SegmentAnything2

    frame = bench.frame()
    with bench.engine(bench.step()) as engine:
        (found,) = run(engine, frame)
    assert found.data["class_name"].tolist() == ["foreground"]
    assert found.class_id.tolist() == [0]
    assert found.data["prompt_detection_id"].tolist() == [""]
    sam = SegmentAnything2(str(bench.folder), device="cpu")
    masks, _ = sam.segment_image(frame)
    np.testing.assert_array_equal(dense(found)[0], masks >= sam.predictor.mask_threshold)


def test_no_detections_no_masks(bench: Bench) -> None:
    """Where a detector looked and found nothing there is nothing to mask, nor to encode."""
    frame = bench.frame()
    outside = boxes_on(frame, [(200, 10, 230, 40), (-30, 1, 0, 9), (5, 5, 5, 9)])
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        for none in (empty_detections(frame, producer="d"), outside):
            (found,) = run(engine, frame, boxes=[none])
            assert len(found) == 0
            assert isinstance(found.mask, sv.CompactMask)
            assert found.tracker_id.tolist() == []
            assert found.metadata["image_dimensions"] == (72, 96)
    assert bench.encoded == []


def test_streams_share_a_pass_and_nothing_else(bench: Bench) -> None:
    """Pictures of several sizes are encoded together and get what they get alone."""
    frames = [
        bench.frame(seed=0),
        bench.frame(seed=1, size_wh=(64, 80)),
        bench.frame(2, seed=2, size_wh=(120, 40)),
    ]
    boxes = [
        boxes_on(frames[0]),
        boxes_on(frames[1], [BOXES[1]]),
        boxes_on(frames[2], [(1, 1, 30, 30), (50, 3, 90, 38), (0, 0, 120, 40)]),
    ]
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        together = run(engine, *frames, boxes=boxes)
        assert bench.encoded == [3]
        for frame, given, found in zip(frames, boxes, together, strict=True):
            assert len(found) == len(given)
            assert found.mask.shape[1:] == frame.image.shape[:2]
            (alone,) = run(engine, frame, boxes=[given])
            same(found, alone)


def test_the_least_score_may_differ_from_stream_to_stream(bench: Bench) -> None:
    """It may be wired; a mask that scores lower is left out."""
    frames = [bench.frame(seed=seed) for seed in range(2)]
    boxes = [boxes_on(frame) for frame in frames]
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        free = run(engine, *frames, boxes=boxes)
    least = float(free[1].confidence.mean())
    with bench.engine(bench.step(boxes="$inputs.boxes", threshold="$inputs.score")) as engine:
        found = run(engine, *frames, boxes=boxes, score=[0.0, least])
    same(found[0], free[0])
    assert found[1].confidence.tolist() == [each for each in free[1].confidence if each >= least]
    assert len(found[1]) == 1


def test_points_ask_for_objects_of_their_own(bench: Bench) -> None:
    """A list of points is an object, a list of lists several, beside those in boxes."""
    frame = bench.frame()
    on = {"x": 48, "y": 36, "positive": True}
    off = {"x": 5, "y": 5, "positive": False}
    with bench.engine(bench.step(points=[on, off])) as engine:
        (one,) = run(engine, frame)
    with bench.engine(bench.step(points=[[on, off], [[20, 20]]])) as engine:
        (two,) = run(engine, frame)
    with bench.engine(bench.step(points="$inputs.clicks", boxes="$inputs.boxes")) as engine:
        (mixed,) = run(engine, frame, clicks=[[on, [5, 5, False]]], boxes=[boxes_on(frame)])
        (boxed,) = run(engine, frame, clicks=[[]], boxes=[boxes_on(frame)])
    assert one.data["class_name"].tolist() == ["foreground"]
    assert len(two) == 2
    np.testing.assert_array_equal(dense(two)[0], dense(one)[0])
    assert mixed.data["class_name"].tolist() == ["thing", "thing", "foreground"]
    np.testing.assert_array_equal(dense(mixed)[2], dense(one)[0])
    np.testing.assert_array_equal(dense(mixed)[:2], dense(boxed))


def test_points_may_be_a_parameter(bench: Bench) -> None:
    """A caller sets the points of a run; the document has others by default."""
    frame = bench.frame()
    with bench.engine(bench.step(points="$inputs.points")) as engine:
        (default,) = run(engine, frame)
    with bench.engine(bench.step(points=[{"x": 48, "y": 36}])) as engine:
        (written,) = run(engine, frame)
    np.testing.assert_array_equal(dense(default), dense(written))


def test_the_model_may_be_a_parameter(bench: Bench) -> None:
    """It is settled when the run begins; what changes from frame to frame is no model."""
    document = {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {"type": "WorkflowParameter", "name": "model"},
            {"type": "WorkflowBatchInput", "name": "names", "kind": ["string"]},
        ],
        "steps": [
            {
                "type": KNOWN,
                "name": "masks",
                "images": "$inputs.image",
                "version": "$inputs.model",
            }
        ],
        "outputs": [{"type": "JsonField", "name": "masks", "selector": "$steps.masks.predictions"}],
    }
    workflow = compile_workflow(document, parameters={"model": str(bench.folder)})
    with Engine(workflow, Resources(device="cpu")) as engine:
        (found,) = run(engine, bench.frame(), names=["micro"])
        assert len(found) == 1
    changing = json.loads(json.dumps(document).replace("$inputs.model", "$inputs.names"))
    with pytest.raises(BlockError, match="version of step 'masks' is wired") as caught:
        Engine(compile_workflow(changing, parameters={"model": "lite"}), Resources())
    assert caught.value.code == "option_changes"


def test_wrong_points_are_told_before_a_frame_is_read(bench: Bench) -> None:
    """A document that writes points in another form does not compile."""
    with pytest.raises(SpecificationError, match=r"points\[0\]\.y: Field required"):
        bench.engine(bench.step(points=[{"x": 48}]))


def test_wrong_points_fail_for_their_picture_only(bench: Bench) -> None:
    """Points that come with the frames are checked one by one."""
    frames = [bench.frame(seed=seed) for seed in range(2)]
    with bench.engine(bench.step(points="$inputs.clicks")) as engine:
        bad, good = engine.tick(frames, {"clicks": [[{"y": 3}], [[48, 36]]]})
    (failure,) = bad.failures
    assert failure.code == "points_format"
    assert len(good.outputs["masks"]) == 1


def test_masks_of_crops_lie_where_the_crop_was(bench: Bench) -> None:
    """A crop and its box are segmented in the crop; in the full frame the mask is moved there."""
    frame = bench.frame()
    boxes = [(20, 10, 70, 60), (0, 30, 50, 72)]
    crop = {
        "type": "roboflow_core/dynamic_crop@v1",
        "name": "crop",
        "images": "$inputs.image",
        "predictions": "$inputs.boxes",
        "out": "crops",
    }
    step = bench.step(images="$steps.crop.crops", boxes="$steps.crop.predictions")
    with bench.engine(crop, step) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes_on(frame, boxes)]})
        assert not result.failures, result.failures
        crops, found = result.outputs["crop"], result.outputs["masks"]
    assert bench.encoded == [2], "parts of a frame go through the model together"
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        for (x1, y1, x2, y2), piece, masked in zip(boxes, crops, found, strict=True):
            alone = Frame(piece.image, frame.video)
            (expected,) = run(engine, alone, boxes=[boxes_on(alone, [(0, 0, x2 - x1, y2 - y1)])])
            assert (dense(masked) != dense(expected)).mean() < 1e-3
            assert masked.data["parent_id"].tolist() == [piece.image_id]
            moved: Any = in_frame_coordinates(masked)
            whole = np.zeros((1, 72, 96), bool)
            whole[:, y1:y2, x1:x2] = dense(masked)
            np.testing.assert_array_equal(dense(moved), whole)


def test_many_crops_do_not_pile_up(bench: Bench) -> None:
    """Features of crops are worked off sixteen at a time, and none of them is kept."""
    frame = bench.frame()
    boxes = [(x, y, x + 20, y + 20) for x in range(0, 70, 10) for y in range(0, 50, 10)]
    crop = {
        "type": "roboflow_core/dynamic_crop@v1",
        "name": "crop",
        "images": "$inputs.image",
        "predictions": "$inputs.boxes",
        "out": "crops",
    }
    step = bench.step(images="$steps.crop.crops", boxes="$steps.crop.predictions")
    with bench.engine(crop, step) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes_on(frame, boxes)]})
        assert not result.failures, result.failures
        assert len(result.outputs["masks"]) == len(boxes) == 35
        model: Any = load_video_model(str(bench.folder), Resources(device="cpu"))
        assert len(model._recent) == 0
    assert sum(bench.encoded) == 35
    assert max(bench.encoded) <= 16


def test_boxes_may_be_told_in_another_picture_of_the_frame(bench: Bench) -> None:
    """Boxes of the full frame find their objects in a crop of it, those of a crop in the frame."""
    frame = bench.frame()
    cut = {
        "type": "roboflow_core/absolute_static_crop@v1",
        "name": "cut",
        "images": "$inputs.image",
        "x_center": 56,
        "y_center": 40,
        "width": 60,
        "height": 50,
        "out": "crops",
    }
    step = bench.step(images="$steps.cut.crops", boxes="$inputs.boxes")
    with bench.engine(cut, step) as engine:
        (result,) = engine.tick([frame], {"boxes": [boxes_on(frame, [BOXES[0]])]})
        assert not result.failures, result.failures
        piece, found = result.outputs["cut"], result.outputs["masks"]
        left, top = piece.origin.offset_xy
        inside = [tuple(np.subtract(BOXES[0], (left, top, left, top)).tolist())]
        (again,) = engine.tick([frame], {"boxes": [boxes_on(piece, inside)]})
        same(again.outputs["masks"], found)
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        (whole,) = run(engine, frame, boxes=[boxes_on(piece, inside)])
        (plain,) = run(engine, frame, boxes=[boxes_on(frame, [BOXES[0]])])
    same(whole, plain)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_tracker_and_masks_of_the_same_frame_share_the_encoder(
    bench: Bench, threads: int
) -> None:
    """Two streams, three steps with one model: each frame is encoded once, masks are the same."""
    tracker = {
        "type": "trackwire/video_tracker@v1",
        "name": "tracks",
        "images": "$inputs.image",
        "boxes": "$inputs.boxes",
        "model_id": str(bench.folder),
    }
    steps = [bench.step(boxes="$inputs.boxes"), {**bench.step(points=[[20, 20]]), "name": "point"}]
    shared = []
    with bench.engine(tracker, *steps, threads=threads) as engine:
        for number in range(4):
            frames = [bench.frame(number, seed) for seed in range(2)]
            results = engine.tick(frames, {"boxes": list(map(boxes_on, frames))})
            assert not any(result.failures for result in results)
            shared.append([result.outputs for result in results])
    assert sum(bench.encoded) == 2 * 4
    with bench.engine(bench.step(boxes="$inputs.boxes")) as engine:
        for number, outputs in enumerate(shared):
            frames = [bench.frame(number, seed) for seed in range(2)]
            alone = run(engine, *frames, boxes=list(map(boxes_on, frames)))
            for mine, other in zip(outputs, alone, strict=True):
                same(mine["masks"], other)
                assert mine["tracks"].tracker_id.tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:Segment Anything runs on the CPU")
def test_known_names_of_a_model_share_the_encoder_too(bench: Bench, no_weights: Path) -> None:
    """``hiera_tiny`` of the known block is ``sam2video/tiny`` of the known tracker."""
    repository = no_weights / "models--facebook--sam2.1-hiera-tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / "abc").symlink_to(bench.folder)
    images = {"images": "$inputs.image", "boxes": "$inputs.boxes"}
    tracker = {
        "type": "roboflow_core/segment_anything_2_video@v1",
        "name": "tracks",
        "model_id": "sam2video/tiny",
        **images,
    }
    masks = {"type": KNOWN, "name": "masks", "version": "hiera_tiny", **images}
    with bench.engine(tracker, masks) as engine:
        for number in range(3):
            frame = bench.frame(number)
            run(engine, frame, boxes=[boxes_on(frame)])
    assert bench.encoded == [1, 1, 1]


def test_features_are_freed_with_the_frame(bench: Bench) -> None:
    """Between frames nothing is kept of them, and nothing at all without a second reader."""
    model: Any = load_video_model(str(bench.folder), Resources(device="cpu"))
    gc.collect()  # readers of earlier tests
    frame = bench.frame()
    model.encode([frame])
    assert len(model._recent) == 0, "nobody else asks for them"
    with bench.engine(bench.step()) as engine:
        run(engine, frame)
        assert len(model._recent) == 1
        del frame
        assert len(model._recent) == 0
        run(engine, *[bench.frame(seed=seed) for seed in range(5)])
        assert len(model._recent) == 0
        held = [bench.frame(number) for number in range(30)]
        for frame in held:
            run(engine, frame)
        assert len(model._recent) == 8
    del engine
    gc.collect()
    model.encode(held[-1:])
    assert len(model._recent) == 0, "the other reader is gone"


class Fussy:
    """A model of single pictures that cannot stand narrow ones."""

    low_res_hw = (8, 8)

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def segment(self, features: Any, prompts: Any, sizes_wh: Any, multimask: bool) -> Any:
        """Refuse narrow pictures, and fill the others."""
        from trackwire.blocks import Segmented

        self.asked.append((len(sizes_wh), multimask))
        if any(width < 30 for width, _ in sizes_wh):
            raise RuntimeError("out of memory")
        return [
            Segmented(
                np.ones((each.count, 1, 8, 8), np.float32),
                np.ones((each.count, 1), np.float32),
                size,
            )
            for each, size in zip(prompts, sizes_wh, strict=True)
        ]

    def encode(self, pictures: Any) -> Any:
        """Keep the pictures."""
        return pictures

    def upscale(self, segmented: Any, *_: Any) -> Any:
        """Enlarge by the plainest means."""
        width, height = segmented.size_wh
        return np.ones((*segmented.iou.shape, height, width), np.float32)


def test_a_picture_that_fails_fails_alone(bench: Bench) -> None:
    """What the model raises is told with frame, stream and model; others get their masks."""
    frames = [bench.frame(seed=0), bench.frame(4, seed=1, size_wh=(20, 20)), bench.frame(seed=2)]
    fussy = Fussy()
    with bench.engine(bench.step(), model_loader=lambda _: fussy) as engine:
        results = engine.tick(frames)
    assert [len(result.failures) for result in results] == [0, 1, 0]
    (failure,) = results[1].failures
    assert failure.code == "segmentation_failed"
    assert "frame 4 of stream 'stream-1'" in str(failure.__cause__)
    assert "RuntimeError: out of memory" in str(failure.__cause__)
    assert dense(results[2].outputs["masks"]).all()


def test_the_number_of_proposals_may_differ_from_stream_to_stream(bench: Bench) -> None:
    """Pictures that want the same are asked for together."""
    fussy = Fussy()
    step = bench.step(multimask_output="$inputs.several")
    with bench.engine(step, model_loader=lambda _: fussy) as engine:
        frames = [bench.frame(seed=seed) for seed in range(3)]
        run(engine, *frames, several=[True, False, True])
    assert fussy.asked == [(2, True), (1, False)]


@pytest.fixture
def known(bench: Bench) -> Iterator[Engine]:
    """The block under the id of existing documents, with all its fields."""
    step = {
        "type": KNOWN,
        "name": "masks",
        "images": "$inputs.image",
        "boxes": "$inputs.boxes",
        "version": str(bench.folder),
        "threshold": 0.1,
        "multimask_output": True,
    }
    with bench.engine(step) as engine:
        yield engine


def test_existing_documents_run(bench: Bench, known: Engine) -> None:
    """Under the known id the block has the known fields and gives the same masks."""
    frame = bench.frame()
    (found,) = run(known, frame, boxes=[boxes_on(frame)])
    with bench.engine(bench.step(boxes="$inputs.boxes", threshold=0.1)) as engine:
        (ours,) = run(engine, frame, boxes=[boxes_on(frame)])
    same(found, ours)


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("version", [None, "hiera_large", "sam2/hiera_small"])
def test_a_version_names_its_weights(bench: Bench, version: str | None) -> None:
    """The versions are those of SAM 2.1; one that is not there is one clear error."""
    step = {"type": KNOWN, "name": "masks", "images": "$inputs.image"}
    if version is not None:
        step["version"] = version
    name = (version or "tiny").rpartition("_")[2]
    with pytest.raises(ModelError, match=f"facebook/sam2.1-hiera-{name}"):
        bench.engine(step)
