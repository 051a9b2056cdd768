"""Box trackers: what the package ``trackers`` gives, for many streams, across gaps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import supervision as sv
from trackers import ByteTrackTracker, OCSORTTracker

from trackwire.blocks import Frame, build_detections
from trackwire.pipeline import Engine
from trackwire.specs import BlockError, compile_workflow

VERSIONS = [f"roboflow_core/byte_tracker@v{version}" for version in (1, 2, 3)]
FAMILIES = [*VERSIONS, "roboflow_core/trackers_bytetrack@v1", "roboflow_core/trackers_ocsort@v1"]


def engine_of(type_id: str, **options: Any) -> Engine:
    """A workflow of one box tracker."""
    first = type_id.endswith("byte_tracker@v1")
    wires = (
        {"metadata": "$inputs.video", "predictions": "$inputs.found"}
        if first
        else {"image": "$inputs.image", "detections": "$inputs.found"}
    )
    return Engine(
        compile_workflow(
            {
                "version": "1.0",
                "inputs": [
                    {"type": "WorkflowImage", "name": "image"},
                    {"type": "WorkflowVideoMetadata", "name": "video"},
                    {
                        "type": "WorkflowBatchInput",
                        "name": "found",
                        "kind": ["instance_segmentation_prediction"],
                    },
                ],
                "steps": [{"type": type_id, "name": "track", **wires, **options}],
                "outputs": [{"type": "JsonField", "name": "all", "selector": "$steps.track.*"}],
            }
        )
    )


def run(
    engine: Engine, frames: Sequence[Frame], found: Sequence[sv.Detections]
) -> list[Mapping[str, sv.Detections]]:
    """Run one tick; the outputs of the tracker for each frame."""
    results = engine.tick(frames, {"found": found})
    assert not any(result.failures for result in results), [each.failures for each in results]
    return [result.outputs["all"] for result in results]


def moving(frame: Frame, number: int, *, masks: bool = False) -> sv.Detections:
    """Three objects, of which the second is unsure and hidden for two frames."""
    places = [(4 + number, 4, 0.9), (24, 6 + number, 0.5), (44 - number, 30, 0.95)]
    if number in (5, 6):
        del places[1]
    boxes = np.array([(x, y, x + 12, y + 12) for x, y, _ in places], float)
    mask = None
    if masks:
        dense = np.zeros((len(boxes), 48, 64), bool)
        for index, (left, top, right, bottom) in enumerate(boxes.astype(int)):
            dense[index, top:bottom, left:right] = True
        mask = sv.CompactMask.from_dense(dense, boxes, (48, 64))
    confidence = [each for *_, each in places]
    return build_detections(frame, boxes, confidence=confidence, mask=mask, producer="test")


@pytest.mark.parametrize(
    ("type_id", "direct", "first_id"),
    [
        (FAMILIES[3], lambda: ByteTrackTracker(frame_rate=30.0), 0),
        (FAMILIES[4], lambda: OCSORTTracker(frame_rate=30.0), 0),
        (
            FAMILIES[1],
            lambda: ByteTrackTracker(
                frame_rate=30.0,
                high_conf_det_threshold=0.25,
                track_activation_threshold=0.35,
                minimum_iou_threshold=0.2,
                minimum_consecutive_frames=1,
            ),
            1,
        ),
    ],
)
def test_ids_are_those_of_the_package(
    type_id: str, direct: Callable[[], Any], first_id: int, make_frame: Callable[..., Frame]
) -> None:
    """A block gives the boxes and ids that the tracker gives when it is called directly."""
    tracker = direct()
    tracked_once = False
    with engine_of(type_id) as engine:
        for number in range(12):
            frame = make_frame(number=number)
            detections = moving(frame, number)
            (outputs,) = run(engine, [frame], [detections])
            answer = tracker.update(detections)
            answer = answer[answer.tracker_id >= 0]
            expected = {
                int(track) + first_id: box.tolist()
                for track, box in zip(answer.tracker_id, answer.xyxy, strict=True)
            }
            tracked = outputs["tracked_detections"]
            ids = [] if tracked.tracker_id is None else tracked.tracker_id.tolist()
            assert dict(zip(ids, tracked.xyxy.tolist(), strict=True)) == expected
            tracked_once |= bool(ids)
    assert tracked_once


@pytest.mark.parametrize("type_id", FAMILIES)
def test_masks_fields_and_order_are_kept(type_id: str, make_frame: Callable[..., Frame]) -> None:
    """What comes out are the detections that went in, in their order, with ids."""
    frames = [make_frame(number=number) for number in range(6)]
    found = [moving(frame, number, masks=True) for number, frame in enumerate(frames)]
    with engine_of(type_id, lost_track_buffer=30) as engine:
        outputs = [
            run(engine, [frame], [each])[0] for frame, each in zip(frames, found, strict=True)
        ]
    tracked = outputs[-1]["tracked_detections"]
    assert len(tracked) == 2
    assert isinstance(tracked.mask, sv.CompactMask)
    kept = list(tracked.data["detection_id"])
    assert kept == [each for each in found[-1].data["detection_id"] if each in kept]
    assert found[-1].tracker_id is None


@pytest.mark.parametrize("type_id", FAMILIES)
def test_empty_frames_come_out_empty(type_id: str, make_frame: Callable[..., Frame]) -> None:
    """A frame without objects, at the beginning too, has ids of length zero."""
    with engine_of(type_id) as engine:
        for number in range(3):
            frame = make_frame(number=number)
            (outputs,) = run(engine, [frame], [build_detections(frame, (), producer="test")])
            for found in outputs.values():
                assert len(found) == 0
                assert found.tracker_id is not None
                assert found.tracker_id.dtype == np.int64


@pytest.mark.parametrize("type_id", FAMILIES)
def test_ids_are_never_given_twice_in_a_stream(
    type_id: str, make_frame: Callable[..., Frame]
) -> None:
    """After a gap everything is new, under ids that no object had before."""
    seen: list[set[int]] = [set(), set()]
    with engine_of(type_id) as engine:
        for number in range(16):
            epoch = number // 8
            frame = make_frame(number=number, epoch=epoch)
            (outputs,) = run(engine, [frame], [moving(frame, number % 8)])
            ids = outputs["tracked_detections"].tracker_id
            seen[epoch].update(() if ids is None else ids.tolist())
    assert seen[0]
    assert seen[1]
    assert max(seen[0]) < min(seen[1])


@pytest.mark.parametrize("type_id", FAMILIES)
def test_streams_do_not_disturb_one_another(type_id: str, make_frame: Callable[..., Frame]) -> None:
    """Two streams in one run get what each gets alone; a stream that ends begins anew."""
    alone, both = [], []
    with engine_of(type_id) as engine:
        for number in range(8):
            frame = make_frame(number=number)
            alone.append(run(engine, [frame], [moving(frame, number)])[0])
    with engine_of(type_id) as engine:
        for number in range(8):
            one, two = (make_frame(stream=name, number=number) for name in ("cam", "other"))
            found = [moving(one, number), build_detections(two, [[1, 1, 9, 9]], producer="test")]
            both.append(run(engine, [one, two], found)[0])
        engine.end_stream("cam")
        again = make_frame(number=8)
        (outputs,) = run(engine, [again], [moving(again, 0)])
        assert len(outputs["tracked_detections"]) == 0
    for expected, found_there in zip(alone, both, strict=True):
        left, right = (each["tracked_detections"].tracker_id for each in (expected, found_there))
        assert left is not None
        assert right is not None
        assert left.tolist() == right.tolist()


@pytest.mark.parametrize("type_id", [each for each in FAMILIES if not each.endswith(("v1", "v2"))])
def test_every_track_is_new_once(type_id: str, make_frame: Callable[..., Frame]) -> None:
    """An object is among the new ones on its first frame and among those seen after it."""
    new: list[int] = []
    with engine_of(type_id) as engine:
        for number in range(8):
            frame = make_frame(number=number)
            (outputs,) = run(engine, [frame], [moving(frame, number)])
            ids = {name: set(map(int, found.tracker_id)) for name, found in outputs.items()}  # type: ignore[arg-type]
            assert ids["new_instances"] | ids["already_seen_instances"] == ids["tracked_detections"]
            assert not ids["new_instances"] & ids["already_seen_instances"]
            new += sorted(ids["new_instances"])
    assert len(new) == len(set(new)) > 0


def test_what_is_remembered_as_seen_is_bounded(make_frame: Callable[..., Frame]) -> None:
    """With room for one, the second object pushes the first out, which then counts as new."""
    with engine_of(FAMILIES[2], instances_cache_size=1) as engine:
        frames = [make_frame(number=number) for number in range(4)]
        outputs = [
            run(engine, [frame], [moving(frame, number)])[0] for number, frame in enumerate(frames)
        ]
    assert len(outputs[-1]["new_instances"]) == len(outputs[-1]["tracked_detections"]) == 3


def test_null_is_the_default(make_frame: Callable[..., Frame]) -> None:
    """Documents may write null for an option: it has the value it has when it is left out."""
    options = {"track_activation_threshold": None, "lost_track_buffer": None}
    with engine_of(FAMILIES[1], **options) as engine:
        frames = [make_frame(number=number) for number in range(3)]
        outputs = [
            run(engine, [frame], [moving(frame, number)])[0] for number, frame in enumerate(frames)
        ]
    assert len(outputs[-1]["tracked_detections"]) == 3


def test_without_the_package_the_step_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The package is optional: a document compiles without it, and opening it names the extra."""
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(BlockError, match=r"trackwire\[trackers\]") as caught:
        engine_of(FAMILIES[0])
    assert caught.value.code == "package_missing"
