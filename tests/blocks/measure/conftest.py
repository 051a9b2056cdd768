"""A clip whose truth is known: what moves where, on which frame of which stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, VideoMetadata, build_detections
from trackwire.pipeline import Engine, FrameResult
from trackwire.specs import compile_workflow


def make_frame(
    number: int,
    *,
    stream: str = "clip",
    epoch: int = 0,
    fps: Fraction = Fraction(10),
    file: bool | None = True,
    media_time_s: Fraction | None = None,
) -> Frame:
    """A grey frame of a clip."""
    at_s = number / fps if media_time_s is None else media_time_s
    video = VideoMetadata(
        video_identifier=stream,
        source_id=0,
        frame_number=number,
        epoch=epoch,
        media_time_s=at_s,
        frame_timestamp=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=float(number)),
        received_s=0.0,
        fps=fps,
        comes_from_video_file=file,
    )
    return Frame(np.full((240, 320, 3), 90, np.uint8), video)


def report(
    frame: Frame, tracks: Mapping[int, tuple[float, float]], size: int = 20
) -> sv.Detections:
    """Detections of square boxes around centres, by track."""
    centers = np.array(list(tracks.values()), float).reshape(-1, 2)
    boxes = np.concatenate([centers - size / 2, centers + size / 2], axis=1)
    return build_detections(frame, boxes, tracker_id=list(tracks), producer="truth")


class Measured:
    """Runs one step on tracks, frame by frame."""

    def __init__(self, step: Mapping[str, Any], *outputs: str) -> None:
        wires = {
            "image": "$inputs.image",
            "metadata": "$inputs.video",
            "detections": "$inputs.tracks",
        }
        document = {
            "version": "1.0",
            "inputs": [
                {"type": "WorkflowImage", "name": "image"},
                {"type": "WorkflowVideoMetadata", "name": "video"},
                {
                    "type": "WorkflowBatchInput",
                    "name": "tracks",
                    "kind": ["object_detection_prediction"],
                },
            ],
            "steps": [{"name": "measure", **wires, **step}],
            "outputs": [
                {"type": "JsonField", "name": name, "selector": f"$steps.measure.{name}"}
                for name in outputs
            ],
        }
        self.engine = Engine(compile_workflow(document))

    def results(
        self, frames: Sequence[Frame], detections: Sequence[sv.Detections]
    ) -> Sequence[FrameResult]:
        """Run one tick."""
        return self.engine.tick(frames, {"tracks": detections})

    def __call__(
        self, frame: Frame, tracks: Mapping[int, tuple[float, float]]
    ) -> Mapping[str, Any]:
        """Measure one frame; its outputs."""
        (result,) = self.results([frame], [report(frame, tracks)])
        assert not result.failures, result.failures
        return result.outputs


@pytest.fixture(scope="session")
def measured() -> Callable[..., Measured]:
    """Make a workflow of one measuring step: ``measured({"type": ..., ...}, "output", ...)``."""
    return Measured


@pytest.fixture(scope="session")
def at() -> Callable[..., Frame]:
    """Make a frame: ``at(number, stream="clip", epoch=0, fps=Fraction(10), file=True)``."""
    return make_frame


@pytest.fixture(scope="session")
def reported() -> Callable[..., sv.Detections]:
    """Make detections: ``reported(frame, {track: (x, y)}, size=20)``."""
    return report
