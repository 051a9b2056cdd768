"""How well a detector finds people: an ONNX file through the object detection block.

Judged against the boxes of a MOTChallenge file at IoU 0.5: recall is the share of its boxes that
were found, precision the share of what was found that is one of them.

    python benchmarks/detector.py
    python benchmarks/detector.py DIR --model MODEL.onnx --names NAMES --confidence 0.3

where ``DIR/frames/*.jpg`` and ``DIR/gt.txt`` exist; neither the clip nor the model is part of the
project.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import supervision as sv
from pedestrians import CLIP, ROOT, read_frames, read_truth

from trackwire.blocks import Frame
from trackwire.blocks.detect.object_detection import ObjectDetection, ObjectDetectionManifest
from trackwire.pipeline.evaluation import TrackingTally
from trackwire.specs import Batch, Event, Failure, Resources

MODELS = ROOT.parent / "shared" / "data" / "models"
MIN_IOU, MIN_RECALL = 0.5, 0.6
CONFIDENCE = 0.65
"""What FastestDet's own programs take."""


def main() -> int:
    """Look at all frames and print what was found; 1 if too little."""
    options = read_options(
        detector_options((__doc__ or "").partition("\n")[0], confidence=CONFIDENCE)
    )
    for needed in (options.clip / "gt.txt", options.model):
        if not needed.is_file():
            print(f"left out: there is no {needed}; name a clip with gt.txt and a model")
            return 0
    truth = read_truth(options.clip / "gt.txt")
    block, columns = open_detector(options)
    tally = TrackingTally(MIN_IOU)
    for frame in read_frames(options.clip / "frames"):
        found = look(block, columns, frame)
        ids, xyxy = truth.get(
            frame.video.frame_number, (np.empty(0, np.int64), np.empty((0, 4), np.float32))
        )
        # A detector knows no identities: each box is somebody new.
        tally.add(ids, np.arange(len(found)), sv.box_iou_batch(xyxy, found.xyxy))
    score = tally.score()
    reached = score.recall >= MIN_RECALL
    print(
        f"{options.model.name} at confidence {options.confidence}: recall {score.recall:.3f}, "
        f"precision {score.precision:.3f} at IoU {MIN_IOU}; goal of {MIN_RECALL} recall "
        f"{'reached' if reached else 'missed'}"
    )
    return int(not reached)


def open_detector(options: argparse.Namespace) -> tuple[ObjectDetection, dict[str, object]]:
    """Open the detector that the options name, with its properties as columns of a batch."""
    step = ObjectDetectionManifest(
        name="detector",
        images="$inputs.image",
        model_id=f"onnx:{options.model.absolute()}",
        names_file=str(options.names.absolute()) if options.names else None,
        class_filter=[options.object],
        confidence=options.confidence,
        iou_threshold=options.overlap,
    )

    def tell(event: Event) -> None:
        print(event.message)

    return ObjectDetection.open(step, Resources(outbox=tell)), step.model_dump()


def look(block: ObjectDetection, columns: dict[str, object], frame: Frame) -> sv.Detections:
    """Return what the detector finds on a frame."""
    row = {name: [value] for name, value in columns.items()} | {"images": [frame]}
    outcome = block.run(Batch(["clip"], row))[0]
    if isinstance(outcome, Failure):
        raise outcome.error
    found: sv.Detections = outcome["predictions"]  # type: ignore[call-overload, index]
    return found


def detector_options(description: str, *, confidence: float) -> argparse.ArgumentParser:
    """Make a parser of the options that name a clip and a detector."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "clip", type=Path, nargs="?", default=CLIP, help="folder with frames/ and gt.txt"
    )
    parser.add_argument("--model", type=Path, default=MODELS / "FastestDet.onnx")
    parser.add_argument("--names", type=Path, help="file with the name of a class in each line")
    parser.add_argument("--object", default="person", help="the class that is judged")
    parser.add_argument("--confidence", type=float, default=confidence)
    parser.add_argument("--overlap", type=float, default=0.45, help="iou_threshold of the block")
    return parser


def read_options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read them; the detector that is looked for by default has its names beside it."""
    options = parser.parse_args()
    if options.names is None and options.model == MODELS / "FastestDet.onnx":
        options.names = MODELS / "coco.names"
    return options


if __name__ == "__main__":
    sys.exit(main())
