"""The motion detector: what moves is found, per stream, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest

from trackwire.blocks import Frame
from trackwire.blocks.detect.foreground import ForegroundDetector, ForegroundOptions, merge_near
from trackwire.blocks.detect.motion import MotionDetection, MotionDetectionManifest
from trackwire.specs import Batch, BlockError, Resources

MakeFrame: TypeAlias = Callable[..., Frame]


def scene(step: int | None, *, size_wh: tuple[int, int] = (320, 240), shift: int = 0) -> np.ndarray:
    """Textured still background, with a bright box that moves to the right."""
    width, height = size_wh
    background = np.random.default_rng(5).integers(60, 120, (height, width, 3), np.uint8)
    image = np.roll(cv2.GaussianBlur(background, (0, 0), 3), shift, axis=1)
    if step is not None:
        left = 20 + 8 * (step - 3)
        image[80:160, left : left + 40] = (40, 200, 230)
    return image


def open_block(**properties: Any) -> MotionDetection:
    """Open a motion detector with properties."""
    step = MotionDetectionManifest(name="motion", images="$inputs.image", **properties)
    return MotionDetection.open(step, Resources())


def look(block: MotionDetection, frame: Any) -> Any:
    """Show a frame of one stream to a block."""
    batch = Batch((frame.video.video_identifier,), {"images": (frame,)})
    (outcome,) = block.run(batch)
    assert isinstance(outcome, dict)
    return outcome["predictions"]


def warm_up(
    block: MotionDetection, make_frame: MakeFrame, stream: str = "cam", **video: Any
) -> None:
    """Show the empty scene for the frames of the warm-up."""
    for number in range(10):
        assert len(look(block, make_frame(stream, number, image=scene(None), **video))) == 0


def test_moving_object_is_one_tight_box(make_frame: MakeFrame) -> None:
    """After the warm-up a moving object gets one box that fits, with all standard fields."""
    block = open_block(class_name="thing")
    warm_up(block, make_frame)
    found: Any = None
    for number in range(10, 30):
        found = look(block, make_frame("cam", number, image=scene(number)))
        assert len(found) == 1
        left = 20 + 8 * (number - 3)
        np.testing.assert_allclose(found.xyxy[0], [left, 80, left + 40, 160], atol=4)
    assert found.confidence[0] > 0.6
    assert found.data["class_name"].tolist() == ["thing"]
    assert found.data["detection_id"].tolist() == ["cam/29/motion/0"]


def test_still_scene_gives_empty_detections(make_frame: MakeFrame) -> None:
    """Nothing moves: empty detections, with integer tracker ids."""
    block = open_block()
    warm_up(block, make_frame)
    found = look(block, make_frame("cam", 10, image=scene(None)))
    assert len(found) == 0
    assert found.tracker_id.dtype == np.int64


def test_light_on_a_wall_is_no_object(make_frame: MakeFrame) -> None:
    """Part of the picture brightens softly: nothing is found, but what walks there is."""
    ramp = np.clip((np.arange(320) - 200) / 60, 0, 1)[None, :, None] * 45
    lit, dark = open_block(), open_block(min_edge_change=0)
    for block in (lit, dark):
        warm_up(block, make_frame)
    for number in range(10, 16):
        image = np.clip(scene(None) + ramp, 0, 255).astype(np.uint8)
        frame = make_frame("cam", number, image=image)
        assert len(look(lit, frame)) == 0
        assert len(look(dark, frame)) >= 1  # without the rule the light is an object
    image = np.clip(scene(25) + ramp, 0, 255).astype(np.uint8)
    found = look(lit, make_frame("cam", 16, image=image))
    assert len(found) == 1
    np.testing.assert_allclose(found.xyxy[0], [196, 80, 236, 160], atol=10)


def test_streams_are_apart_and_freed(make_frame: MakeFrame) -> None:
    """Each stream has its own background, and a stream that ended begins with a warm-up."""
    block = open_block()
    warm_up(block, make_frame, "a")
    assert len(look(block, make_frame("b", 10, image=scene(3)))) == 0
    assert len(look(block, make_frame("a", 10, image=scene(3)))) == 1
    block.end_stream("a")
    assert block._streams.keys() == {"b"}
    assert len(look(block, make_frame("a", 11, image=scene(8)))) == 0


def test_new_epoch_and_new_size_begin_anew(make_frame: MakeFrame) -> None:
    """A gap in the stream or another size of frame starts a new background."""
    block = open_block()
    warm_up(block, make_frame)
    assert len(look(block, make_frame("cam", 10, epoch=1, image=scene(3)))) == 0
    warm_up(block, make_frame, "other")
    small = scene(3, size_wh=(200, 180))
    assert len(look(block, make_frame("other", 11, image=small))) == 0


def test_moved_camera_is_no_detection(make_frame: MakeFrame) -> None:
    """When everything changes nothing is found, and the new view is learnt."""
    block = open_block(max_foreground=0.2)
    warm_up(block, make_frame)
    cut = 255 - scene(None)
    assert len(look(block, make_frame("cam", 10, image=cut))) == 0
    for number in range(11, 20):
        assert len(look(block, make_frame("cam", number, image=cut))) == 0
    moved = cut.copy()
    moved[80:160, 100:140] = 0
    assert len(look(block, make_frame("cam", 21, image=moved))) == 1


@pytest.mark.parametrize("size_wh", [(1, 1), (16, 16), (17, 33), (641, 3)])
def test_odd_and_tiny_sizes(make_frame: MakeFrame, size_wh: tuple[int, int]) -> None:
    """Frames of any size are looked at without an error."""
    block = open_block(warm_up_frames=1)
    for number in range(4):
        image = np.full((size_wh[1], size_wh[0], 3), 60 * number, np.uint8)
        look(block, make_frame("cam", number, image=image))


def test_options_hold_for_a_whole_run() -> None:
    """An option wired to another step is refused when the block opens."""
    with pytest.raises(BlockError, match="history"):
        open_block(history="$steps.other.value")


def test_fragments_join_and_neighbours_stay() -> None:
    """Parts above one another and small bits belong to an object, equals side by side do not."""
    boxes = np.array([[0, 0, 10, 10], [1, 11, 9, 30], [12, 0, 22, 30], [23, 5, 25, 8]], float)
    areas = np.array([100, 150, 250, 5], float)
    joined, sums = merge_near(boxes, areas, 2)
    assert joined.tolist() == [[0, 0, 10, 30], [12, 0, 25, 30]]
    assert sums.tolist() == [250, 255]


def test_people_on_a_street(shared_data: Path) -> None:
    """On a real street most people have a box of their own, and few boxes are anything else."""
    detector = ForegroundDetector(ForegroundOptions())
    folder = shared_data / "pedestrians"
    truth: dict[int, list[list[float]]] = {}
    for line in (folder / "gt.txt").read_text().splitlines():
        frame, _, left, top, width, height = map(float, line.split(",")[:6])
        truth.setdefault(int(frame), []).append([left, top, left + width, top + height])
    hits = found = expected = 0
    for number in range(1, 70):
        image = cv2.imread(str(folder / "frames" / f"{number:06d}.jpg"))
        assert image is not None
        boxes, _ = detector.detect(np.asarray(image, np.uint8))
        if number <= 10:
            continue
        people = np.array(truth[number])
        low = np.maximum(people[:, None, :2], boxes[None, :, :2])
        high = np.minimum(people[:, None, 2:], boxes[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2)
        union = (
            (people[:, 2:] - people[:, :2]).prod(axis=1)[:, None]
            + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[None]
            - shared
        )
        hits += int(((shared / union).max(axis=0, initial=0) > 0.4).sum())
        found += len(boxes)
        expected += len(people)
    assert hits / found > 0.8
    assert hits / expected > 0.5
