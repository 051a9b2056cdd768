"""How much a stream without end costs: bytes of a session, and of the process, frame by frame.

Five textured objects circle over a textured ground; a hundred frames are rendered beforehand and
repeated, so that nothing but the engine and the tracker can grow. The objects are prompted every
``--interval`` frames with their true boxes. Printed are the bytes that the session reports at
both ends and the least-squares slope of the resident set between them, after a collection at
every sample.

    python benchmarks/memory.py
    python benchmarks/memory.py --frames 5001
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.scene import Actor, Keyframe, Scene, SceneRenderer
from trackwire.specs import Batch, Failure, Missing, Resources

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

OBJECTS = 5
LOOP = 100
GOAL_BYTES = 1024.0
_COLOURS = (
    ((30, 40, 150), (150, 210, 250)),
    ((40, 130, 40), (190, 240, 190)),
    ((150, 60, 30), (250, 220, 160)),
    ((20, 20, 20), (230, 230, 230)),
    ((120, 30, 120), (240, 180, 240)),
)


def main() -> int:
    """Run and print; 1 if the session or the process grows."""
    options = _options()
    pictures, truths = _render(options.size)
    tracker = VideoTracker.open(
        VideoTrackerManifest(
            type="trackwire/video_tracker@v1",
            name="tracker",
            images="$inputs.image",
            boxes="$steps.detector.predictions",
            model_id=options.model,
            prompt_mode="every_n_frames",
            prompt_interval=options.interval,
        ),
        Resources(),
    )
    process = psutil.Process()
    samples: list[tuple[int, int, int, int]] = []
    started = time.perf_counter()
    for number in range(options.frames):
        tracks = _step(tracker, number, pictures, truths, options.interval)
        if number >= options.warm_up and (
            number % options.every == 0 or number == options.frames - 1
        ):
            gc.collect()
            samples.append((number, process.memory_info().rss, tracker.sessions.nbytes(), tracks))
    _report(samples, (time.perf_counter() - started) / options.frames)
    slope = _slope(samples)
    steady = samples[0][2] == samples[-1][2] and samples[0][3] == samples[-1][3]
    print(
        f"goal: slope below {GOAL_BYTES:.0f} bytes a frame and equal session bytes: "
        f"{'reached' if slope < GOAL_BYTES and steady else 'missed'}"
    )
    return int(not (slope < GOAL_BYTES and steady))


def _step(
    tracker: VideoTracker,
    number: int,
    pictures: list[NDArray[np.uint8]],
    truths: list[NDArray[np.float32]],
    interval: int,
) -> int:
    video = VideoMetadata(
        video_identifier="endless",
        source_id=0,
        frame_number=number,
        epoch=0,
        media_time_s=Fraction(number, 25),
        frame_timestamp=datetime.now(UTC),
        received_s=time.monotonic(),
    )
    frame = Frame(pictures[number % LOOP], video)
    boxes: sv.Detections | Missing = Missing("not_computed")
    if number % interval == 0:
        boxes = build_detections(
            frame,
            truths[number % LOOP],
            confidence=np.ones(OBJECTS, dtype=np.float32),
            producer="detector",
        )
    columns: dict[str, list[Any]] = {"images": [frame], "boxes": [boxes]}
    (outcome,) = tracker.run(Batch(("endless",), columns))
    if isinstance(outcome, Failure):
        raise outcome.error
    return len(outcome["predictions"])  # type: ignore[call-overload, index]


def _render(size_wh: tuple[int, int]) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32]]]:
    actors = tuple(
        Actor(
            actor_id=index + 1,
            name="object",
            shape="disc",
            texture="marble",
            colours=_COLOURS[index],
            size=0.26,
            depth=index,
            keyframes=_circle(0.14 + 0.18 * index, 0.3 + 0.4 * (index % 2)),
        )
        for index in range(OBJECTS)
    )
    scene = Scene(
        name="circles", size_wh=size_wh, fps=Fraction(25), frame_count=LOOP, seed=1, actors=actors
    )
    renderer = SceneRenderer(scene)
    pictures = [renderer.image(number) for number in range(LOOP)]
    truths = [renderer.truth(number).xyxy for number in range(LOOP)]
    return pictures, truths


def _circle(x: float, y: float) -> tuple[Keyframe, ...]:
    steps = range(0, LOOP + 1, LOOP // 20)
    return tuple(
        Keyframe(
            step,
            (
                x + 0.03 * math.cos(2 * math.pi * step / LOOP),
                y + 0.05 * math.sin(2 * math.pi * step / LOOP),
            ),
        )
        for step in steps
    )


def _slope(samples: list[tuple[int, int, int, int]]) -> float:
    numbers = np.array([sample[0] for sample in samples], dtype=np.float64)
    resident = np.array([sample[1] for sample in samples], dtype=np.float64)
    return float(np.polyfit(numbers, resident, 1)[0])


def _report(samples: list[tuple[int, int, int, int]], seconds: float) -> None:
    print(f"{'frame':>8}{'resident MiB':>14}{'session bytes':>15}{'tracks':>8}")
    for number, resident, held, tracks in samples:
        print(f"{number:>8}{resident / 2**20:>14.1f}{held:>15}{tracks:>8}")
    slope = _slope(samples)
    print(f"{1000 * seconds:.0f} ms a frame; resident set grows by {slope:.0f} bytes a frame")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1001)
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--interval", type=int, default=30)
    parser.add_argument("--model", default="lite")
    parser.add_argument(
        "--size", type=lambda text: tuple(map(int, text.split("x"))), default=(640, 360)
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
