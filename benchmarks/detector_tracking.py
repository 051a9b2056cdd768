"""What a tracker makes of a real detector's boxes, on some frames or on all.

A small detector (FastestDet) looks at every tenth, fifth, second or at each frame of people who
walk past one another. The same boxes, from the same frames, go to

    lite       the video tracker with its embedded model, which looks at all pictures
    ByteTrack  ByteTrackTracker of the package trackers; it is told the time of each frame, and
               where the detector does not look, its prediction counts as its answer

Both run with their defaults, begin a track at a box of 0.7, which is ByteTrack's, and follow it by
boxes of 0.5. People are counted at IoU 0.3, where a mask of what is seen of a person still fits a
box around all of them, and at IoU 0.5. ByteTrack is meant to be fed every frame: see its last row.

    python benchmarks/detector_tracking.py
    python benchmarks/detector_tracking.py DIR --model MODEL.onnx --names NAMES
    python benchmarks/detector_tracking.py --picture out/identities.png
    python benchmarks/detector_tracking.py --starts 10

Which frames are every tenth is chance, and seven looks are few: ``--starts`` begins at one frame
after the other and adds up.

where ``DIR/frames/*.jpg`` and ``DIR/gt.txt`` exist; neither the clip nor the model is part of the
project.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import supervision as sv
from detector import detector_options, look, open_detector, read_options
from numpy.typing import NDArray
from pedestrians import Truth, read_frames, read_truth

from trackwire.blocks import Frame
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.evaluation import TrackingScore, TrackingTally
from trackwire.specs import Batch, Failure, Missing, Resources

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INTERVALS = (10, 5, 2, 1)
JUDGED = 10
"""The interval at which lite must have fewer switches and a higher recall."""
CONFIDENCE, BIRTH = 0.5, 0.7
FRAME_RATE = 10.0
COLORS = [f"tab:{name}" for name in ("blue", "orange", "green", "red", "purple", "brown", "pink")]
LENIENT, STRICT = 0.3, 0.5
NOBODY = (np.empty(0, np.int64), np.empty((0, 4), np.float32))


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip, where people are in it, and what the detector makes of it.

    Args:
        frames: The pictures.
        truth: Ids and boxes by frame number.
        found: Boxes of the detector, aligned with ``frames``.
    """

    frames: Sequence[Frame]
    truth: Truth
    found: Sequence[sv.Detections]


def main() -> int:
    """Print a line for each tracker and interval; 1 if lite is behind where it must lead."""
    options = _options()
    for needed in (options.clip / "gt.txt", options.model):
        if not needed.is_file():
            print(f"left out: there is no {needed}; name a clip with gt.txt and a model")
            return 0
    clip = _look_at(options)
    print(
        f"{'detector runs':<16}{'tracker':<11}{'IoU 0.3: switches':>17}{'recall':>8}"
        f"{'precision':>11}{'IDF1':>7}   {'IoU 0.5: switches':>17}{'recall':>8}{'IDF1':>7}"
    )
    scores: dict[tuple[int, str], TrackingScore] = {}
    answers: dict[tuple[int, str], Sequence[sv.Detections]] = {}
    for interval in INTERVALS:
        mine, looked = track_with_lite(clip, interval)
        answers[interval, "lite"] = mine
        answers[interval, "ByteTrack"] = track_with_bytetrack(clip, looked)
        for name in ("lite", "ByteTrack"):
            lenient, strict = (
                _judge(clip, answers[interval, name], least)[0] for least in (LENIENT, STRICT)
            )
            scores[interval, name] = lenient
            times = f"{sum(looked)} of {len(looked)}"
            print(
                f"{times if name == 'lite' else '':<16}{name:<11}{lenient.identity_switches:>17}"
                f"{lenient.recall:>8.3f}{lenient.precision:>11.3f}{lenient.idf1:>7.3f}   "
                f"{strict.identity_switches:>17}{strict.recall:>8.3f}{strict.idf1:>7.3f}",
                flush=True,
            )
    if options.picture:
        draw_identities(
            {
                f"lite, a detector's boxes on every {JUDGED}th frame": answers[JUDGED, "lite"],
                f"ByteTrack, the same boxes on every {JUDGED}th frame": answers[
                    JUDGED, "ByteTrack"
                ],
                "ByteTrack, a detector's boxes on every frame": answers[1, "ByteTrack"],
            },
            clip,
            options.picture,
        )
    if options.starts > 1:
        first = {name: scores[JUDGED, name] for name in ("lite", "ByteTrack")}
        _print_starts(clip, options.starts, first)
    return _verdict(scores[JUDGED, "lite"], scores[JUDGED, "ByteTrack"])


def _print_starts(clip: Clip, starts: int, first: Mapping[str, TrackingScore]) -> None:
    """Track from one first frame after the other, and print what comes of it together."""
    scores = {name: [score] for name, score in first.items()}
    for start in range(1, starts):
        rest = Clip(clip.frames[start:], clip.truth, clip.found[start:])
        mine, looked = track_with_lite(rest, JUDGED)
        scores["lite"].append(_judge(rest, mine, LENIENT)[0])
        scores["ByteTrack"].append(_judge(rest, track_with_bytetrack(rest, looked), LENIENT)[0])
    print(f"every {JUDGED}th frame, begun at each of the first {starts}, at IoU {LENIENT}:")
    for name, several in scores.items():
        each = [score.identity_switches for score in several]
        print(
            f"  {name:<10} switches {sum(each)} ({', '.join(map(str, each))}), "
            f"mean recall {np.mean([score.recall for score in several]):.3f}, "
            f"precision {np.mean([score.precision for score in several]):.3f}, "
            f"IDF1 {np.mean([score.idf1 for score in several]):.3f}"
        )


def _verdict(mine: TrackingScore, other: TrackingScore) -> int:
    ahead = mine.identity_switches < other.identity_switches and mine.recall > other.recall
    print(
        f"goal: fewer switches and a higher recall than ByteTrack on the same boxes of every "
        f"{JUDGED}th frame, at IoU {LENIENT}: {'reached' if ahead else 'missed'}"
    )
    return int(not ahead)


def track_with_lite(clip: Clip, interval: int) -> tuple[list[sv.Detections], list[bool]]:
    """Run the video tracker; it says itself for which frames it wants boxes.

    Returns:
        The tracks on each frame, and whether the detector was asked.
    """
    step = VideoTrackerManifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "model_id": "lite",
            "prompt_mode": "every_n_frames",
            "prompt_interval": interval,
            "threshold": BIRTH,
        }
    )
    tracker = VideoTracker.open(step, Resources())
    answers: list[sv.Detections] = []
    looked: list[bool] = []
    for frame, found in zip(clip.frames, clip.found, strict=True):
        columns: dict[str, list[object]] = {"images": [frame]}
        looked.append(tracker.demand(Batch(["clip"], columns))["boxes"][0])
        columns["boxes"] = [found if looked[-1] else Missing("not_computed")]
        outcome = tracker.run(Batch(["clip"], columns))[0]
        if isinstance(outcome, Failure):
            raise outcome.error
        answers.append(outcome["predictions"])  # type: ignore[call-overload, index]
    tracker.close()
    return answers, looked


def track_with_bytetrack(clip: Clip, looked: Sequence[bool]) -> list[sv.Detections]:
    """Run ByteTrack on the boxes of the frames at which the detector looked.

    Between them a copy of it is asked what it predicts, so that it is not told "nobody is here"
    of a picture that nobody looked at.
    """
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(frame_rate=FRAME_RATE, track_activation_threshold=BIRTH)
    answers = []
    for frame, found, there in zip(clip.frames, clip.found, looked, strict=True):
        now_s = float(frame.video.media_time_s or 0)
        if there:
            seen = tracker.update(
                sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id),
                timestamp=now_s,
            )
            ids, xyxy = np.asarray(seen.tracker_id, np.int64), seen.xyxy
        else:
            ahead = copy.deepcopy(tracker)
            ahead.update(sv.Detections.empty(), timestamp=now_s)
            ids = np.array([each.tracker_id for each in ahead.tracks], np.int64)
            xyxy = np.array([each.get_state_bbox() for each in ahead.tracks]).reshape(-1, 4)
        known = ids >= 0
        answers.append(sv.Detections(xyxy[known], tracker_id=ids[known]))
    return answers


def draw_identities(
    answers: Mapping[str, Sequence[sv.Detections]], clip: Clip, picture: Path
) -> None:
    """Draw who followed whom: a line for each person, a colour for each id, a gap for nobody."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    people = sorted({int(person) for ids, _ in clip.truth.values() for person in ids})
    figure, axes = plt.subplots(len(answers), sharex=True, figsize=(9, 6), layout="constrained")
    for axis, (name, tracks) in zip(axes, answers.items(), strict=True):
        score, followers = _judge(clip, tracks, LENIENT)
        for line, person in enumerate(people):
            there = [number for number, (ids, _) in clip.truth.items() if person in ids]
            axis.barh(
                line, max(there) - min(there) + 1, 0.1, min(there), align="center", color="0.8"
            )
            _draw_person(axis, line, [found.get(person) for found in followers])
        axis.set_title(
            f"{name}: {score.identity_switches} switches, recall {score.recall:.2f}",
            loc="left",
            fontsize=10,
        )
        axis.set_yticks(range(len(people)), [f"person {index + 1}" for index in range(len(people))])
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel(
        "frame; a colour is one id of that tracker, a stroke another id than before"
    )
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def _draw_person(axis: Axes, line: int, followers: Sequence[int | None]) -> None:
    """Draw which track was on a person, and a stroke where it is another than the last one."""
    last = None
    for number, track in enumerate(followers):
        if track is None:
            continue
        axis.barh(line, 1, 0.7, left=number, align="center", color=COLORS[track % len(COLORS)])
        if last not in (None, track):
            axis.plot([number, number], [line - 0.5, line + 0.5], color="black", linewidth=2)
        last = track


def _judge(
    clip: Clip, tracks: Sequence[sv.Detections], least: float
) -> tuple[TrackingScore, list[dict[int, int]]]:
    """Score tracks, and say which of them was on each person, frame by frame."""
    tally = TrackingTally(least)
    followers = []
    for frame, seen in zip(clip.frames, tracks, strict=True):
        ids, xyxy = clip.truth.get(frame.video.frame_number, NOBODY)
        followers.append(tally.add(ids, _ids(seen), sv.box_iou_batch(xyxy, seen.xyxy)))
    return tally.score(), followers


def _look_at(options: argparse.Namespace) -> Clip:
    block, columns = open_detector(options)
    frames = list(read_frames(options.clip / "frames"))
    found = [look(block, columns, frame) for frame in frames]
    return Clip(frames, read_truth(options.clip / "gt.txt"), found)


def _ids(tracks: sv.Detections) -> NDArray[np.int64]:
    return np.asarray(tracks.tracker_id, np.int64)


def _options() -> argparse.Namespace:
    parser = detector_options((__doc__ or "").partition("\n")[0], confidence=CONFIDENCE)
    parser.add_argument("--picture", type=Path, help="PNG to draw of who followed whom")
    parser.add_argument("--starts", type=int, default=1, help="first frames to begin at in turn")
    return read_options(parser)


if __name__ == "__main__":
    sys.exit(main())
