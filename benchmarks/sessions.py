"""What streams leave behind: many video identifiers, a few at a time, through the engine.

Each stream shows a bright square on noise for a few frames, is tracked, and ends. Printed are the
most sessions and bytes held at a time, what is held at the end, and the resident memory of the
process after a fifth of the streams and after all.

    python benchmarks/sessions.py
    python benchmarks/sessions.py --streams 10000 --model lite@256
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.pipeline import Engine
from trackwire.specs import compile_workflow

SQUARE = (20, 12, 44, 36)
SIZE_WH = (64, 48)


def main() -> int:
    """Run and print; 1 if anything is held at the end."""
    options = _options()
    process, samples = psutil.Process(), list[int]()
    started = time.perf_counter()
    with Engine(compile_workflow(_document(options.model))) as engine:
        tracker = engine.tracker()
        for first in range(0, options.streams, options.together):
            names = [f"camera-{first + place}" for place in range(options.together)]
            for number in range(options.frames):
                frames = [_frame(name, number) for name in names]
                boxes = [build_detections(frame, [SQUARE], producer="truth") for frame in frames]
                engine.tick(frames, {"boxes": boxes})
            for name in names:
                engine.end_stream(name)
            if first + options.together in {options.streams // 5, options.streams}:
                gc.collect()
                samples.append(process.memory_info().rss)
        status = tracker.status()
    tally = status.tally
    print(f"{options.streams} streams of {options.frames} frames, {options.together} at a time")
    print(f"most at a time: {status.peak_sessions} sessions, {status.peak_nbytes} bytes")
    print(f"at the end: {len(status.sessions)} sessions, {status.nbytes} bytes")
    print(f"tracks born {tally.born}, ended {tally.ended}")
    streams = options.streams - options.streams // 5
    print(f"process: {(samples[-1] - samples[0]) / streams:.0f} bytes a stream")
    print(f"{time.perf_counter() - started:.1f} s")
    return int(bool(status.sessions) or status.nbytes > 0 or tally.born != tally.ended)


def _frame(stream: str, number: int) -> Frame:
    noise = np.random.default_rng(number)
    image = noise.integers(0, 60, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    x1, y1, x2, y2 = SQUARE
    image[y1:y2, x1:x2] += 180
    return Frame(
        image,
        VideoMetadata(
            video_identifier=stream,
            source_id=0,
            frame_number=number,
            epoch=0,
            media_time_s=None,
            frame_timestamp=datetime.now(UTC),
            received_s=time.monotonic(),
        ),
    )


def _document(model_id: str) -> dict[str, Any]:
    return {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {
                "type": "WorkflowBatchInput",
                "name": "boxes",
                "kind": ["object_detection_prediction"],
            },
        ],
        "steps": [
            {
                "type": "trackwire/video_tracker@v1",
                "name": "tracker",
                "images": "$inputs.image",
                "boxes": "$inputs.boxes",
                "model_id": model_id,
            }
        ],
        "outputs": [],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--together", type=int, default=10)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--model", default="lite@192")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
