"""Our tracker inside Roboflow's engine, beside that engine's own, on people who walk.

Everything here runs in that engine's ``InferencePipeline``; only the tracker step differs. A block
of the tests gives true boxes as a detector would, and what comes out is judged against the same
file: identity switches as in CLEAR MOT, recall at IoU 0.3.

    make test-roboflow
    build/roboflow-venv/bin/python benchmarks/roboflow_plugin.py

The engine's Segment Anything tracker needs weights that are downloaded and is not run. What it
does at a prompt, as its code says, is to start a session anew and number the objects from 0; the
row ``restart`` is our tracker doing the same with ids that are not used again. The last row is our
tracker driven by hand, in the same environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT.parent / "shared" / "data" / "pedestrians"
MIN_IOU = 0.3
OURS = "trackwire/video_tracker@v1"
THEIRS = "roboflow_core/byte_tracker@v3"
REPROMPT = {"prompt_mode": "every_n_frames", "prompt_interval": 10}
ROWS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("ours, prompted every 10", {"type": OURS, **REPROMPT}, 1),
    ("the same, restart", {"type": OURS, "on_reprompt": "restart", **REPROMPT}, 1),
    ("ours, prompted on each", {"type": OURS, "prompt_mode": "every_frame"}, 1),
    ("byte_tracker, boxes every 10", {"type": THEIRS}, 10),
    ("byte_tracker, boxes on each", {"type": THEIRS}, 1),
)
"""What a row is called, its tracker step, and on which frames the detector finds anything."""


def main() -> int:
    """Print a line for each tracker."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP, help="frames/ and gt.txt")
    clip = parser.parse_args().clip
    if not (clip / "gt.txt").is_file():
        print(f"left out: {clip} holds no gt.txt; name a folder with frames/ and gt.txt")
        return 0
    if find_spec("inference") is None:
        print("left out: Roboflow's engine is not installed here; see the head of this file")
        return 0
    pipeline = _engine()
    with tempfile.TemporaryDirectory() as folder:
        video = _video(clip, Path(folder))
        _play(pipeline, _document(clip, *ROWS[0][1:]), video)  # what loads once, loads now
        print(f"{'tracker':<30}{'switches':>9}{'ids':>5}{'recall':>8}{'IDF1':>7}{'ms/frame':>10}")
        for title, tracker, every in ROWS:
            results, milliseconds = _play(pipeline, _document(clip, tracker, every), video)
            score, ids = _judge(results, clip)
            _print(title, score, str(ids), milliseconds)
        _print("ours, without that engine", *_without_engine(clip))
    return 0


def _print(title: str, score: Any, ids: str, milliseconds: float) -> None:
    print(
        f"{title:<30}{score.identity_switches:>9}{ids:>5}{score.recall:>8.3f}"
        f"{score.idf1:>7.3f}{milliseconds:>10.1f}",
        flush=True,
    )


def _without_engine(clip: Path) -> tuple[Any, str, float]:
    """Drive the tracker of the first row by hand, with the same libraries."""
    import pedestrians

    options = argparse.Namespace(clip=clip, model="lite", reprompt="needed", pictures=None)
    truth = pedestrians.read_truth(clip / "gt.txt")
    score, milliseconds = pedestrians._track(options, "every_n_frames", truth)  # noqa: SLF001
    return score, "", milliseconds


def _engine() -> Any:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "roboflow")]
    os.environ["WORKFLOWS_PLUGINS"] = "trackwire.blocks.roboflow_plugin,guest_boxes"
    os.environ.setdefault("TELEMETRY_OPT_OUT", "True")
    from torchvision_shim import make_torchvision_importable

    make_torchvision_importable()
    from inference import InferencePipeline

    return InferencePipeline


def _video(clip: Path, folder: Path) -> str:
    """Make one lossless file of the pictures: the engine takes a folder for a live stream."""
    import cv2

    pictures: list[Any] = [cv2.imread(str(path)) for path in sorted(clip.glob("frames/*.jpg"))]
    height, width = pictures[0].shape[:2]
    path = str(folder / "walk.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"FFV1"), 10, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def _document(clip: Path, tracker: dict[str, Any], every: int) -> dict[str, Any]:
    ours = tracker["type"] == OURS
    wires = {"images" if ours else "image": "$inputs.image"}
    wires["boxes" if ours else "detections"] = "$steps.detector.predictions"
    output = "predictions" if ours else "tracked_detections"
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "tests/replayed_boxes@v1",
                "name": "detector",
                "images": "$inputs.image",
                "path": str(clip / "gt.txt"),
                "every": every,
            },
            {"name": "tracker", **wires, **tracker},
        ],
        "outputs": [
            {"type": "JsonField", "name": "tracks", "selector": f"$steps.tracker.{output}"}
        ],
    }


def _play(pipeline: Any, document: dict[str, Any], video: str) -> tuple[list[Any], float]:
    results: list[Any] = []
    times_s: list[float] = []

    def keep(prediction: Any, frame: Any) -> None:
        results.append((frame.frame_id, prediction["tracks"]))
        times_s.append(time.perf_counter())

    running = pipeline.init_with_workflow(
        video_reference=video, workflow_specification=document, on_prediction=keep
    )
    running.start(use_main_thread=False)
    running.join()
    return results, 1000 * (times_s[-1] - times_s[0]) / (len(times_s) - 1)


def _judge(results: list[Any], clip: Path) -> tuple[Any, int]:
    import numpy as np
    import supervision as sv
    from guest_boxes import read_truth

    from trackwire.pipeline.evaluation import TrackingTally

    tally, seen = TrackingTally(MIN_IOU), set()
    truth = read_truth(str(clip / "gt.txt"))
    for number, tracks in results:
        true_ids, xyxy = truth[number]
        found = () if tracks.tracker_id is None else tracks.tracker_id
        ids = np.asarray(found, dtype=np.int64)
        seen.update(ids.tolist())
        tally.add(true_ids, ids, sv.box_iou_batch(xyxy, tracks.xyxy[: len(ids)]))
    return tally.score(), len(seen)


if __name__ == "__main__":
    sys.exit(main())
