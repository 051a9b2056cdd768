"""A plug-in for the engine with one block: boxes from a MOTChallenge file, as a detector's."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import supervision as sv
from inference.core.workflows.execution_engine.entities.base import Batch, OutputDefinition
from inference.core.workflows.execution_engine.entities.types import (
    IMAGE_KIND,
    OBJECT_DETECTION_PREDICTION_KIND,
    Selector,
)
from inference.core.workflows.prototypes.block import WorkflowBlock, WorkflowBlockManifest


class ReplayedBoxesManifest(WorkflowBlockManifest):
    type: Literal["tests/replayed_boxes@v1"]
    images: Selector(kind=[IMAGE_KIND])  # type: ignore[valid-type]
    path: str
    every: int = 1
    first: int = 1

    @classmethod
    def describe_outputs(cls) -> list[OutputDefinition]:
        return [OutputDefinition(name="predictions", kind=[OBJECT_DETECTION_PREDICTION_KIND])]

    @classmethod
    def get_parameters_accepting_batches(cls) -> list[str]:
        return ["images"]


class ReplayedBoxes(WorkflowBlock):
    """On each ``every``-th frame from ``first`` the true boxes, on the others none."""

    @classmethod
    def get_manifest(cls) -> type[ReplayedBoxesManifest]:
        return ReplayedBoxesManifest

    def run(self, images: Batch, path: str, every: int, first: int) -> Any:
        return [{"predictions": self._boxes(image, path, every, first)} for image in images]

    def _boxes(self, image: Any, path: str, every: int, first: int) -> sv.Detections:
        number = image.video_metadata.frame_number
        height, width = image.numpy_image.shape[:2]
        due = number >= first and (number - first) % every == 0
        xyxy = read_truth(path).get(number, (None, np.empty((0, 4), np.float32)))[1]
        xyxy = xyxy if due else xyxy[:0]
        count = len(xyxy)
        return sv.Detections(
            xyxy=xyxy.copy(),
            confidence=np.full(count, 0.9, np.float32),
            class_id=np.zeros(count, int),
            data={
                "class_name": np.full(count, "person", object),
                "detection_id": np.array([f"{number}/{row}" for row in range(count)], object),
                "parent_id": np.full(count, image.parent_metadata.parent_id, object),
                "image_dimensions": np.tile(np.array([[height, width]]), (count, 1)),
                "prediction_type": np.full(count, "object-detection", object),
            },
        )


@cache
def read_truth(path: str) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Read identities and half-open boxes by 1-based frame number."""
    rows: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    for line in Path(path).read_text().splitlines():
        number, track, left, top, width, height = map(float, line.split(",")[:6])
        rows[int(number)].append((int(track), [left, top, left + width, top + height]))
    return {
        number: (
            np.array([track for track, _ in found], np.int64),
            np.array([box for _, box in found], np.float32),
        )
        for number, found in rows.items()
    }


def load_blocks() -> list[type[WorkflowBlock]]:
    """List the block, as the engine asks for it."""
    return [ReplayedBoxes]
