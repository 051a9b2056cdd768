"""Track whatever moves in a video, with a script in the style of other inference pipelines.

python examples/track_video.py                 # a synthetic clip, nothing to download
python examples/track_video.py street.mp4      # a file, an RTSP URL, a camera number
"""

from __future__ import annotations

import sys
from typing import Any

from trackwire import Frame, InferencePipeline

WORKFLOW = {
    "version": "1.0",
    "inputs": [{"type": "InferenceImage", "name": "image"}],
    "steps": [
        {
            "type": "trackwire/motion_detection@v1",
            "name": "detector",
            "images": "$inputs.image",
        },
        {
            "type": "roboflow_core/segment_anything_2_video@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "boxes": "$steps.detector.predictions",
            "model_id": "lite",
            "prompt_mode": "every_n_frames",
            "prompt_interval": 10,
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "tracks", "selector": "$steps.tracker.predictions"},
    ],
}


def on_prediction(predictions: dict[str, Any], frame: Frame) -> None:
    """Say who is seen on a frame, and where.

    Args:
        predictions: Outputs of the workflow by name; ``tracks`` are ``supervision.Detections``.
        frame: The picture they belong to.
    """
    tracks = predictions["tracks"]
    seen = ", ".join(
        f"#{tracker_id} at {x1:.0f},{y1:.0f} ({mask.sum()} px)"
        for tracker_id, (x1, y1, _, _), mask in zip(
            tracks.tracker_id, tracks.xyxy, tracks.mask, strict=True
        )
    )
    print(f"frame {frame.frame_id}: {seen or 'nothing moves'}")


def main() -> None:
    """Run the pipeline until the video ends or Ctrl-C is pressed."""
    reference = sys.argv[1] if len(sys.argv) > 1 else "synthetic:pillar?frames=60&size=320x180"
    pipeline = InferencePipeline.init_with_workflow(
        video_reference=int(reference) if reference.isdigit() else reference,
        workflow_specification=WORKFLOW,
        on_prediction=on_prediction,
    )
    pipeline.start()
    pipeline.join()


if __name__ == "__main__":
    main()
