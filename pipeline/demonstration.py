"""The demo's two halves: what the tracker is given, and how it is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .evaluation import TrackingScore, TrackingTally, mask_iou_matrix
from .scene import SceneDetector

if TYPE_CHECKING:
    from trackwire.blocks import Frame

    from .sources.synthetic import SyntheticSource

__all__ = ["Judge", "Prompts", "write_prompts"]

_MIN_VISIBLE: Final = 0.25
"""Below this visible fraction an object need not be found: there is little left to find."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the tracker was given.

    Args:
        path: The file of detections.
        first_shown: For each object the first frame it was detected on.
        boxes: How many boxes there are in all.
        frames: How many frames have any.
    """

    path: Path
    first_shown: Mapping[int, int]
    boxes: int
    frames: int


def write_prompts(source: SyntheticSource, path: Path, *, every: int, seed: int) -> Prompts:
    """Write the detections of an imperfect detector that runs on every N-th frame only.

    The boxes carry class names and confidences and nothing that tells one object from another.

    Args:
        source: The clip.
        path: The file, in the form of ``predictions.jsonl``.
        every: Detections stand on frames 0, N, 2N; the frames between have none.
        seed: Seed of the detector's errors.

    Returns:
        What was written.
    """
    detector = SceneDetector(seed)
    width, height = source.scene.size_wh
    first_shown: dict[int, int] = {}
    boxes = frames = 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(0, source.scene.frame_count, every):
            found = detector.detect(source.truth(number))
            for object_id in found.truth_ids.tolist():
                first_shown.setdefault(object_id, number)
            predictions = [
                _prediction(box, confidence, name)
                for box, confidence, name in zip(
                    found.xyxy.tolist(), found.confidence.tolist(), found.class_names, strict=True
                )
            ]
            boxes += len(predictions)
            frames += bool(predictions)
            image = {"width": width, "height": height}
            line = {
                "frame_number": number,
                "outputs": {"predictions": {"image": image, "predictions": predictions}},
            }
            file.write(json.dumps(line) + "\n")
    return Prompts(path, first_shown, boxes, frames)


class Judge:
    """A sink that holds the tracks of each frame against the truth.

    An object counts from the first frame it was shown to the tracker on, while at least a
    quarter of it is seen.

    Args:
        source: The clip, which knows the truth.
        prompts: What the tracker was given.
        output: The workflow's output that holds the tracks.
    """

    def __init__(
        self, source: SyntheticSource, prompts: Prompts, *, output: str = "predictions"
    ) -> None:
        self._source = source
        self._first_shown = prompts.first_shown
        self._output = output
        self._tally = TrackingTally()

    def __call__(self, predictions: dict[str, Any], frame: Frame) -> None:
        """Judge one frame."""
        number = frame.video.frame_number
        truth = self._source.truth(number)
        tracks = predictions[self._output]
        masks = np.zeros((0, *truth.masks.shape[1:]), np.bool_)
        if len(tracks):
            masks = tracks.mask.to_dense()
        never = self._source.scene.frame_count
        shown = [self._first_shown.get(one, never) <= number for one in truth.ids.tolist()]
        is_hidden = truth.visible_fraction < _MIN_VISIBLE
        self._tally.add(
            truth.ids,
            tracks.tracker_id,
            mask_iou_matrix(truth.masks, masks),
            ignored=is_hidden | ~np.array(shown, np.bool_),
        )

    def score(self) -> TrackingScore:
        """The verdict so far."""
        return self._tally.score()


def _prediction(box: list[float], confidence: float, name: str) -> dict[str, Any]:
    left, top, right, bottom = box
    return {
        "x": (left + right) / 2,
        "y": (top + bottom) / 2,
        "width": right - left,
        "height": bottom - top,
        "confidence": confidence,
        "class": name,
    }
