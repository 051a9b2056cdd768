"""The embedded tracker on a real clip: it stays on the object, and does not call it lost."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from trackwire.blocks.frame import Frame, VideoMetadata
from trackwire.blocks.models.lite import LiteModel
from trackwire.blocks.models.seam import MemoryPlan, Prompt

CLIP = Path(__file__).resolve().parents[4] / "shared" / "data" / "davis_dog"


@pytest.mark.skipif(not CLIP.is_dir(), reason=f"evaluation data absent: {CLIP.name}")
def test_a_dog_is_followed_from_its_box() -> None:
    """Twenty frames from one box: mean IoU with the ground truth above 0.7, never lost."""
    cv2 = pytest.importorskip("cv2")
    frames = sorted((CLIP / "frames").glob("*.jpg"))[:20]
    truths = sorted((CLIP / "masks").glob("*.png"))[:20]
    model = LiteModel()
    plan = MemoryPlan(write=frozenset([1]))
    state = model.open((854, 480))
    overlaps = []
    for number, (path, truth_path) in enumerate(zip(frames, truths, strict=True)):
        truth = cv2.imread(str(truth_path), cv2.IMREAD_GRAYSCALE) > 0
        video = VideoMetadata("dog", 0, number, 0, None, datetime.now(UTC), time.monotonic())
        frame = Frame(cv2.imread(str(path)), video)
        features = model.encode([frame])
        accepted = [*model.propagate([state], features)]
        if number == 0:
            rows, columns = np.nonzero(truth)
            x1, y1 = float(columns.min()), float(rows.min())
            x2, y2 = float(columns.max() + 1), float(rows.max() + 1)
            prompt = Prompt(1, xyxy=(x1, y1, x2, y2))
            accepted += model.prompt([state], features, [[prompt]], accepted)
        model.remember([state], features, [accepted], [plan])
        assert accepted[-1].visible.all()
        found = accepted[-1].masks([1]).to_dense()[0]
        overlaps.append((found & truth).sum() / (found | truth).sum())
    assert np.mean(overlaps) > 0.7
