"""How well several objects at once are followed: overlap of each with the truth, and switches.

Follows the three objects of a clip with truth, prompted with their true boxes on the first frame
only, and again every 10 frames. Overlap is that of masks; a switch is counted as in CLEAR MOT.

    python benchmarks/several_objects.py
    python benchmarks/several_objects.py DIR --model lite@256

where ``DIR/frames/*.jpg`` and ``DIR/masks/*.png`` exist, the masks with the number of an object
at each pixel, 0 for none, or its colour in the palette of PASCAL VOC. The clip is not part of the
project.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from pedestrians import ROOT, read_frames

from trackwire.blocks import Frame, build_detections
from trackwire.blocks.track.manifest import VideoTrackerManifest
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.pipeline.evaluation import TrackingScore, TrackingTally, mask_iou_matrix
from trackwire.specs import Batch, Failure, Missing, Resources

CLIP = ROOT.parent / "shared" / "data" / "davis_dogs-jump"
MODES = {"first_frame": 1, "every_n_frames": 10}


def main() -> int:
    """Run both modes and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--model", default="lite", help="model_id of the tracker")
    options = parser.parse_args()
    if not (options.clip / "masks").is_dir():
        print(f"left out: {options.clip} holds no masks; name a folder with frames/ and masks/")
        return 0
    frames = list(read_frames(options.clip / "frames"))
    labels = [_labels(path) for path in sorted((options.clip / "masks").glob("*.png"))]
    objects = np.unique(labels[0][labels[0] > 0])
    names = "".join(f"{f'object {number}':>10}" for number in objects)
    print(f"{'prompted':<16}{names}{'mean':>8}{'switches':>10}")
    for mode, interval in MODES.items():
        score = _track(options.model, mode, interval, frames, labels)
        overlaps = "".join(f"{score.iou_by_object[int(number)]:>10.3f}" for number in objects)
        print(
            f"{mode:<16}{overlaps}{score.mean_iou:>8.3f}{score.identity_switches:>10}", flush=True
        )
    return 0


def _track(
    model: str,
    mode: str,
    interval: int,
    frames: Sequence[Frame],
    labels: Sequence[NDArray[np.uint8]],
) -> TrackingScore:
    step = VideoTrackerManifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "model_id": model,
            "prompt_mode": mode,
            "prompt_interval": interval,
        }
    )
    tracker, tally = VideoTracker.open(step, Resources()), TrackingTally(0.1)
    for frame, label in zip(frames, labels, strict=True):
        ids = np.unique(label[label > 0])
        masks = np.array([label == number for number in ids]).reshape(-1, *label.shape)
        boxes = sv.mask_to_xyxy(masks) + np.array([0, 0, 1, 1])
        given = build_detections(
            frame, np.asarray(boxes, np.float32), class_name="object", producer="truth"
        )
        columns: dict[str, list[object]] = {"images": [frame]}
        wanted = tracker.demand(Batch(["clip"], columns))["boxes"][0]
        columns["boxes"] = [given if wanted else Missing("not_computed")]
        outcome = tracker.run(Batch(["clip"], columns))[0]
        if isinstance(outcome, Failure):
            raise outcome.error
        seen: sv.Detections = outcome["predictions"]  # type: ignore[index, call-overload]
        shown = np.asarray(seen.mask, np.bool_).reshape(-1, *label.shape)
        tally.add(
            np.asarray(ids, np.int64),
            np.asarray(seen.tracker_id, np.int64),
            mask_iou_matrix(masks, shown),
        )
    tracker.close()
    return tally.score()


def _labels(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise SystemExit(f"{path} cannot be read as a picture")
    if picture.ndim == 2:
        return np.asarray(picture, np.uint8)
    # The palette of PASCAL VOC: red is bit 0, green bit 1, blue bit 2 of the number.
    return np.asarray((picture > 0) @ np.array([4, 2, 1]), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
