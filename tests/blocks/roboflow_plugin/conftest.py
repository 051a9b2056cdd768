"""Stand-ins for what the plug-in touches of Roboflow's engine, for where it is not installed.

The real engine is in ``tests/roboflow``; here are only the attributes that are read of its values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import BaseModel

from trackwire.blocks.roboflow_plugin.guest_block import GuestTracker, make_tracker_block
from trackwire.blocks.roboflow_plugin.known_engine import KnownEngine
from trackwire.specs import KINDS

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class GuestMetadata:
    video_identifier: str = "cam"
    frame_number: int = 1
    frame_timestamp: datetime = START
    fps: float | None = 10.0
    measured_fps: float | None = None
    comes_from_video_file: bool | None = None


@dataclass
class GuestPicture:
    numpy_image: np.ndarray
    video_metadata: GuestMetadata = field(default_factory=GuestMetadata)


class _Block:
    """Base class of blocks."""


class _Manifest(BaseModel):
    type: str
    name: str


def _attach(detections: Any, picture: Any) -> Any:
    detections.data["parent_id"] = np.full(len(detections), "image", object)
    return detections


@pytest.fixture
def stand_in() -> KnownEngine:
    """An engine that has base classes, kinds and lineage, and runs nothing."""
    return KnownEngine(
        block=_Block,
        manifest=_Manifest,
        output=lambda name, kind: SimpleNamespace(name=name, kind=kind),
        selector=lambda kind: Annotated[str, tuple(kind)],
        kinds={name: name for name in KINDS},
        attach_lineage=_attach,
    )


@pytest.fixture
def tracker(stand_in: KnownEngine) -> GuestTracker:
    """The block class, made on the stand-in."""
    made: GuestTracker = make_tracker_block(stand_in)("cpu")
    return made


@pytest.fixture
def picture() -> Callable[..., GuestPicture]:
    """Make pictures of a noisy square that moves 3 pixels a frame: ``picture("cam", 4)``."""
    noise = np.random.default_rng(7)
    ground = noise.integers(90, 130, (120, 200, 3), dtype=np.uint8)
    square = noise.integers(0, 60, (40, 40, 3), dtype=np.uint8)
    square[..., 2] += 180

    def make(stream: str = "cam", number: int = 1, **metadata: Any) -> GuestPicture:
        image = ground.copy()
        left = 40 + 3 * number
        image[40:80, left : left + 40] = square
        at = START + timedelta(seconds=number)
        return GuestPicture(
            image,
            GuestMetadata(stream, number, **{"frame_timestamp": at, **metadata}),
        )

    return make
