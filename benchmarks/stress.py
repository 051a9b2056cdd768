"""Does an identity survive bad detections? The video tracker beside ByteTrack, on the same boxes.

The true boxes of people walking are spoilt in one way after the other: some dropped, all moved,
classes mixed up, a long time without any, confidence from almost nothing to one. Both trackers
get what is left on every frame. Identity switches are counted as in CLEAR MOT, at IoU 0.3.

    python benchmarks/stress.py
    python benchmarks/stress.py DIR --scenario dropped --seeds 5

where ``DIR/frames/*.jpg`` and ``DIR/gt.txt`` exist; the clip is not part of the project. ByteTrack
is that of the package ``trackers``, with its defaults. It takes no pictures and puts out the boxes
it is given; the video tracker puts out the boxes of its masks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from pedestrians import CLIP, MIN_IOU, Truth, read_frames, read_truth
from trackers import ByteTrackTracker

from trackwire.blocks import Frame, build_detections
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.evaluation import TrackingScore, TrackingTally
from trackwire.specs import Batch, Failure, Missing, Resources

MAX_SWITCHES = 2
BLIND = range(25, 45)
"""Frames without detections in the scenario ``blind``."""

Spoil = Callable[[sv.Detections, int, np.random.Generator], sv.Detections]


def dropped(found: sv.Detections, _number: int, random: np.random.Generator) -> sv.Detections:
    """Leave out three of ten, each on its own."""
    return _rows(found, random.random(len(found)) >= 0.3)


def jittered(found: sv.Detections, _number: int, random: np.random.Generator) -> sv.Detections:
    """Move every edge by a tenth of the side, as a standard deviation."""
    sides = np.tile(found.xyxy[:, 2:] - found.xyxy[:, :2], 2)
    moved = found.xyxy + random.normal(0.0, 0.1, found.xyxy.shape) * sides
    moved = np.hstack(
        [np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])]
    )
    return replace(found, xyxy=moved.astype(np.float32))


def flipped(found: sv.Detections, _number: int, random: np.random.Generator) -> sv.Detections:
    """Call three of ten something else."""
    wrong = random.random(len(found)) < 0.3
    names = np.where(wrong, "bicycle", "person")
    return replace(found, class_id=wrong.astype(int), data=found.data | {"class_name": names})


def blind(found: sv.Detections, number: int, _random: np.random.Generator) -> sv.Detections:
    """Find nothing for twenty frames."""
    return _rows(found, np.full(len(found), number not in BLIND))


def unsure(found: sv.Detections, _number: int, random: np.random.Generator) -> sv.Detections:
    """Draw every confidence from 0.05 to 1."""
    return replace(found, confidence=random.uniform(0.05, 1.0, len(found)).astype(np.float32))


def everything(found: sv.Detections, number: int, random: np.random.Generator) -> sv.Detections:
    """All of these at once."""
    for spoil in (unsure, flipped, jittered, dropped, blind):
        found = spoil(found, number, random)
    return found


SCENARIOS: dict[str, Spoil] = {
    "dropped": dropped,
    "jittered": jittered,
    "flipped": flipped,
    "blind": blind,
    "unsure": unsure,
    "everything": everything,
}


def main() -> int:
    """Run the scenarios and print a line for each; 1 if one falls short."""
    options = _options()
    if not (options.clip / "gt.txt").is_file():
        print(f"left out: {options.clip} holds no gt.txt; name a folder with frames/ and gt.txt")
        return 0
    truth, frames = read_truth(options.clip / "gt.txt"), list(read_frames(options.clip / "frames"))
    header = f"{'switches':>9}{'recall':>8}{'IDF1':>7}"
    print(f"{'':<12}{'seed':>5} | {'video tracker':^24} | {'ByteTrack':^24}")
    print(f"{'scenario':<12}{'':>5} | {header} | {header}")
    short = False
    for name in options.scenario or SCENARIOS:
        for seed in range(options.seeds):
            given = _given(frames, truth, SCENARIOS[name], seed)
            ours = _judge(truth, _video_tracker(options, frames, given))
            theirs = _judge(truth, _byte_track(given))
            print(f"{name:<12}{seed:>5} | {_cells(ours)} | {_cells(theirs)}", flush=True)
            short |= ours.identity_switches > MAX_SWITCHES
            short |= ours.identity_switches >= max(theirs.identity_switches, 1)
    print(
        f"goal: at most {MAX_SWITCHES} switches and fewer than ByteTrack, or none: "
        f"{'missed' if short else 'reached'}"
    )
    return int(short)


def _given(frames: Sequence[Frame], truth: Truth, spoil: Spoil, seed: int) -> list[sv.Detections]:
    random = np.random.default_rng(seed)
    result = []
    for frame in frames:
        number = frame.video.frame_number
        _, xyxy = truth.get(number, (None, np.empty((0, 4), np.float32)))
        whole = build_detections(frame, xyxy, class_name="person", producer="truth")
        result.append(spoil(whole, number, random))
    return result


def _video_tracker(
    options: argparse.Namespace, frames: Sequence[Frame], given: Sequence[sv.Detections]
) -> list[sv.Detections]:
    step = VideoTrackerManifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "model_id": options.model,
            "prompt_mode": "every_frame",
        }
    )
    tracker = VideoTracker.open(step, Resources())
    result: list[sv.Detections] = []
    for frame, boxes in zip(frames, given, strict=True):
        columns: dict[str, list[object]] = {"images": [frame]}
        wanted = tracker.demand(Batch(["pedestrians"], columns))["boxes"][0]
        columns["boxes"] = [boxes if wanted else Missing("not_computed")]
        outcome = tracker.run(Batch(["pedestrians"], columns))[0]
        if isinstance(outcome, Failure):
            raise outcome.error
        result.append(outcome["predictions"])  # type: ignore[call-overload, index]
    tracker.close()
    return result


def _byte_track(given: Sequence[sv.Detections]) -> list[sv.Detections]:
    tracker = ByteTrackTracker()
    found = [tracker.update(boxes) for boxes in given]
    return [_rows(each, np.asarray(each.tracker_id) >= 0) for each in found]


def _judge(truth: Truth, found: Sequence[sv.Detections]) -> TrackingScore:
    tally = TrackingTally(MIN_IOU)
    nobody = np.empty(0, np.int64), np.empty((0, 4), np.float32)
    for number, seen in enumerate(found):
        ids, xyxy = truth.get(number, nobody)
        tally.add(ids, np.asarray(seen.tracker_id, np.int64), sv.box_iou_batch(xyxy, seen.xyxy))
    return tally.score()


def _cells(score: TrackingScore) -> str:
    return f"{score.identity_switches:>9}{score.recall:>8.3f}{score.idf1:>7.3f}"


def _rows(found: sv.Detections, kept: NDArray[np.bool_]) -> sv.Detections:
    chosen = found[kept]
    if not isinstance(chosen, sv.Detections):
        raise TypeError(f"detections cut to rows became {type(chosen).__name__}")
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "clip", type=Path, nargs="?", default=CLIP, help="folder with frames/ and gt.txt"
    )
    parser.add_argument("--model", default="lite", help="model_id of the video tracker")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--seeds", type=int, default=1, help="random seeds for each scenario")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
