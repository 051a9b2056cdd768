"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from trackwire.blocks import Frame, VideoMetadata

# No test asks the network for weights. The hub's client reads this once, when it is imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., Frame]:
    """Make frames: ``make_frame(stream="a", number=3, epoch=0, size_wh=(64, 48), image=None)``."""

    def make(
        stream: str = "cam",
        number: int = 0,
        *,
        epoch: int = 0,
        size_wh: tuple[int, int] = (64, 48),
        image: np.ndarray | None = None,
    ) -> Frame:
        if image is None:
            image = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
        video = VideoMetadata(
            video_identifier=stream,
            source_id=0,
            frame_number=number,
            epoch=epoch,
            media_time_s=None,
            frame_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
            received_s=0.0,
        )
        return Frame(image, video)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real clips beside the repository; tests that need it skip where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the evaluation clips (../shared/data) are not on this machine")
    return _SHARED_DATA


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that is empty, whatever was downloaded on this machine; its folder."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))  # for programs that a test starts
    if find_spec("huggingface_hub") is not None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache
