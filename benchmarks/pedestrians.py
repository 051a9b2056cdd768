"""How well identities last: people walking, true boxes as detections, masks by the tracker.

Feeds the boxes of a MOTChallenge file to the video tracker as a detector would, and judges its
boxes against the same file: identity switches as in CLEAR MOT, recall at IoU 0.3. What is judged
is the tracker alone: on prompt frames it is told where the people are, never who they are.

    python benchmarks/pedestrians.py
    python benchmarks/pedestrians.py DIR --pictures out/pedestrians

where ``DIR/frames/*.jpg`` and ``DIR/gt.txt`` exist; the clip is not part of the project.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.evaluation import TrackingScore, TrackingTally
from trackwire.specs import Batch, Failure, Missing, Resources

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT.parent / "shared" / "data" / "pedestrians"
MODES = {"every_n_frames": 10, "every_frame": 1, "first_frame": 1}
MIN_IOU = 0.3
MAX_SWITCHES, MIN_RECALL = 1, 0.8
"""What the first two modes must reach; the third has no chance to see who enters later."""

Truth = Mapping[int, tuple[NDArray[np.int64], NDArray[np.float32]]]


def main() -> int:
    """Run all modes and print a line for each; 1 if one falls short."""
    options = _options()
    if not (options.clip / "gt.txt").is_file():
        print(f"left out: {options.clip} holds no gt.txt; name a folder with frames/ and gt.txt")
        return 0
    truth = read_truth(options.clip / "gt.txt")
    print(f"{'mode':<16}{'switches':>9}{'recall':>8}{'precision':>10}{'IDF1':>7}{'ms/frame':>10}")
    short = False
    for mode in options.mode or MODES:
        score, milliseconds = _track(options, mode, truth)
        print(
            f"{mode:<16}{score.identity_switches:>9}{score.recall:>8.3f}{score.precision:>10.3f}"
            f"{score.idf1:>7.3f}{milliseconds:>10.1f}"
        )
        good = score.identity_switches <= MAX_SWITCHES and score.recall >= MIN_RECALL
        short |= mode != "first_frame" and not good
    print(
        f"goal in the first two: at most {MAX_SWITCHES} switch, recall of at least {MIN_RECALL} "
        f"at IoU {MIN_IOU}: {'missed' if short else 'reached'}"
    )
    return int(short)


def _track(options: argparse.Namespace, mode: str, truth: Truth) -> tuple[TrackingScore, float]:
    step = VideoTrackerManifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "model_id": options.model,
            "prompt_mode": mode,
            "prompt_interval": MODES[mode],
            "reprompt": options.reprompt,
        }
    )
    tracker = VideoTracker.open(step, Resources())
    tally = TrackingTally(MIN_IOU)
    spent_s = []
    for frame in read_frames(options.clip / "frames"):
        number = frame.video.frame_number
        ids, xyxy = truth.get(number, (np.empty(0, np.int64), np.empty((0, 4), np.float32)))
        given = build_detections(frame, xyxy, class_name="person", producer="truth")
        began_s = time.perf_counter()
        columns: dict[str, list[object]] = {"images": [frame]}
        wanted = tracker.demand(Batch(["pedestrians"], columns))["boxes"][0]
        columns["boxes"] = [given if wanted else Missing("not_computed")]
        outcome = tracker.run(Batch(["pedestrians"], columns))[0]
        spent_s.append(time.perf_counter() - began_s)
        if isinstance(outcome, Failure):
            raise outcome.error
        seen: sv.Detections = outcome["predictions"]  # type: ignore[call-overload, index]
        tally.add(ids, _ids(seen), sv.box_iou_batch(xyxy, seen.xyxy))
        if options.pictures:
            _draw(options.pictures / mode, frame, seen, ids, xyxy)
    tracker.close()
    return tally.score(), 1000 * float(np.mean(spent_s))


def read_frames(folder: Path) -> Iterator[Frame]:
    """Read the pictures of a folder in the order of their names, at ten a second."""
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        image = cv2.imread(str(path))
        if image is None:
            raise SystemExit(f"{path} cannot be read as a picture")
        video = VideoMetadata(
            video_identifier="pedestrians",
            source_id=0,
            frame_number=number,
            epoch=0,
            media_time_s=Fraction(number, 10),
            frame_timestamp=datetime.now(UTC),
            received_s=time.monotonic(),
            fps=Fraction(10),
            comes_from_video_file=True,
        )
        yield Frame(np.asarray(image, dtype=np.uint8), video)


def read_truth(path: Path) -> Truth:
    """Read ids and half-open boxes by 0-based frame; the file counts frames from 1."""
    rows: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        number, track, left, top, width, height = map(float, line.split(",")[:6])
        rows[int(number) - 1].append((int(track), [left, top, left + width, top + height]))
    return {
        number: (
            np.array([track for track, _ in found], dtype=np.int64),
            np.array([box for _, box in found], dtype=np.float32),
        )
        for number, found in rows.items()
    }


def _draw(
    folder: Path,
    frame: Frame,
    seen: sv.Detections,
    ids: NDArray[np.int64],
    xyxy: NDArray[np.float32],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    by_track = sv.ColorLookup.TRACK
    picture = sv.MaskAnnotator(color_lookup=by_track).annotate(frame.image.copy(), seen)
    labels = [
        f"{track} {score:.2f}"
        for track, score in zip(_ids(seen), seen.data["mask_score"], strict=True)
    ]
    picture = sv.LabelAnnotator(color_lookup=by_track, text_scale=0.35, text_padding=2).annotate(
        picture, seen, labels
    )
    for person, (x1, y1, x2, y2) in zip(ids, xyxy.astype(int), strict=True):
        cv2.rectangle(picture, (x1, y1), (x2, y2), (255, 255, 255), 1)
        cv2.putText(picture, str(person), (x1, y2 + 10), 0, 0.35, (255, 255, 255), 1)
    cv2.imwrite(str(folder / f"{frame.video.frame_number:06d}.png"), picture)


def _ids(tracks: sv.Detections) -> NDArray[np.int64]:
    """Identities of what a tracker put out, which always has them."""
    if tracks.tracker_id is None:
        raise ValueError("the tracker put out detections without tracker_id")
    return np.asarray(tracks.tracker_id, np.int64)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "clip", type=Path, nargs="?", default=CLIP, help="folder with frames/ and gt.txt"
    )
    parser.add_argument("--model", default="lite", help="model_id of the tracker")
    parser.add_argument("--mode", action="append", choices=MODES, help="may be repeated")
    parser.add_argument("--reprompt", default="needed", choices=("needed", "always"))
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each frame")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
