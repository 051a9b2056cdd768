"""Frames made by hand, for tests of sinks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from trackwire import Frame, VideoMetadata
from trackwire.blocks import build_detections

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
FPS = Fraction(25)


def make_frame(
    number: int = 0,
    name: str = "clip",
    *,
    size_wh: tuple[int, int] = (64, 48),
    epoch: int = 0,
    live: bool = False,
    at_s: float | None = None,
    grey: int = 0,
) -> Frame:
    """Make a frame of a clip or a camera of 25 fps that began at START."""
    offset_s = number / FPS if at_s is None else Fraction(at_s).limit_denominator(1000)
    image = np.full((size_wh[1], size_wh[0], 3), grey, np.uint8)
    metadata = VideoMetadata(
        video_identifier=name,
        source_id=0,
        frame_number=number,
        epoch=epoch,
        media_time_s=offset_s,
        frame_timestamp=START + timedelta(seconds=float(offset_s)),
        received_s=0.0,
        fps=FPS,
        comes_from_video_file=not live,
    )
    return Frame(image, metadata)


def make_detections(frame: Frame, count: int = 2, *, tracked: bool = True) -> Any:
    """Make that many boxes, one beside the other."""
    return build_detections(
        frame,
        [(10.25 * i, 5, 10.25 * i + 8.5, 20) for i in range(count)],
        confidence=[0.5 + i / 8 for i in range(count)],
        class_id=list(range(count)),
        class_name=["cat", 'dog, "big"', "cow"][:count],
        tracker_id=[7 + i for i in range(count)] if tracked else None,
        producer="test",
    )


def count_frames(video: Path) -> int:
    """Decode a video and count its frames."""
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))
