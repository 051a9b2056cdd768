"""The tracker block with the embedded model, on a picture that moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame
from trackwire.blocks.track.video_tracker import VideoTracker
from trackwire.specs import Batch, Resources


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A noisy grey ground and a noisy red square."""
    noise = np.random.default_rng(7)
    ground = noise.integers(90, 130, (120, 200, 3), dtype=np.uint8)
    square = noise.integers(0, 60, (40, 40, 3), dtype=np.uint8)
    square[..., 2] += 180
    return np.concatenate([ground, np.pad(square, ((0, 80), (0, 0), (0, 0)))], axis=1)


def test_an_object_keeps_its_id_and_its_memory_its_size(rig: Any, picture: Any) -> None:
    """Prompted every four frames, one square is one id, and the bytes held stay the same."""
    step = VideoTracker.manifest.model_validate(
        {
            "type": "trackwire/video_tracker@v1",
            "name": "tracker",
            "images": "$inputs.image",
            "model_id": "lite@192",
            "prompt_mode": "every_n_frames",
            "prompt_interval": 4,
        }
    )
    tracker = VideoTracker.open(step, Resources())
    helper, sizes = rig(lambda _stream, _number: {}), set()
    for number in range(10):
        image = picture[:, :200].copy()
        left = 40 + 3 * number
        image[40:80, left : left + 40] = picture[:40, 200:]
        frame = Frame(image, helper.frame(number, size_wh=(200, 120)).video)
        boxes = helper.boxes([(left, 40, left + 40, 80)])
        (outcome,) = tracker.run(Batch(["a"], {"images": [frame], "boxes": [boxes]}))
        assert isinstance(outcome, Mapping)
        found = outcome["predictions"]
        assert found.tracker_id.tolist() == [1]
        assert found.xyxy[0] == pytest.approx([left, 40, left + 40, 80], abs=8)
        sizes.add(tracker.sessions.nbytes())
    assert len(sizes) == 1
    tracker.close()
    assert tracker.sessions.nbytes() == 0
