"""Push frames of your own into a workflow: no pipeline, no thread, no file.

A robot's control loop has its camera frames in hand and wants an answer before it goes on. It
compiles the workflow once, keeps an engine, and calls ``tick`` with the newest frame of each
camera. Here a synthetic scene stands in for the camera, and an operator draws one box on the
first frame.

    python examples/robot_loop.py
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from trackwire import Engine, Frame, VideoMetadata, compile_workflow
from trackwire.blocks import build_detections
from trackwire.pipeline.scene import SceneRenderer, build_scene

WORKFLOW = {
    "version": "1.0",
    "inputs": [
        {"type": "InferenceImage", "name": "image"},
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
            "prompt_mode": "first_frame",
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"},
    ],
}


def camera_frame(image: NDArray[np.uint8], number: int) -> Frame:
    """Wrap a picture of one's own.

    Args:
        image: ``(H, W, 3)`` uint8 BGR; the frame makes it read-only.
        number: 0-based; must rise from frame to frame.

    Returns:
        The frame, of the stream ``gripper``.
    """
    return Frame(
        image,
        VideoMetadata(
            video_identifier="gripper",
            source_id=0,
            frame_number=number,
            epoch=0,
            media_time_s=None,
            frame_timestamp=datetime.now(UTC),
            received_s=time.monotonic(),
        ),
    )


def steering(tracks: sv.Detections, width: int) -> str:
    """Turn the first track into a command.

    Args:
        tracks: What the tracker sees.
        width: Width of the picture in pixels.

    Returns:
        ``search``, or ``turn`` with a rate within -1 to 1.
    """
    if len(tracks) == 0:
        return "search"
    left, _, right, _ = tracks.xyxy[0]
    return f"turn {(left + right) / width - 1:+.2f}"


def main() -> None:
    """Follow one object for forty frames and print a command for each."""
    scene = SceneRenderer(build_scene("crossing", size_wh=(320, 180), frame_count=150))
    with Engine(compile_workflow(WORKFLOW)) as engine:
        for number in range(40):
            frame = camera_frame(scene.image(number), number)
            drawn = scene.truth(0).xyxy[:1] if number == 0 else np.zeros((0, 4))
            boxes = build_detections(frame, drawn, producer="operator")
            started = time.perf_counter()
            (result,) = engine.tick([frame], batch_inputs={"boxes": [boxes]})
            took_ms = (time.perf_counter() - started) * 1000
            for failure in result.failures:
                raise failure
            tracks = result.outputs["tracks"]
            ids = [int(tracker_id) for tracker_id in tracks.tracker_id]
            print(f"{number:3d}  {steering(tracks, frame.size_wh[0]):12}  {ids}  {took_ms:.0f} ms")


if __name__ == "__main__":
    main()
