"""Small real clips, made for each test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest


def _clip(
    path: Path,
    *,
    size_wh: tuple[int, int] = (64, 48),
    frames: int = 12,
    fps: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    rotate: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
    gop: int = 5,
) -> Path:
    """Write a clip whose frame ``i`` has brightness ``16 * i % 240``, and a red top-left corner."""
    yuv = "yuv420p" if size_wh[0] % 2 == 0 and size_wh[1] % 2 == 0 else "yuv444p"
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=fps, options={"bf": "0"})
        stream.width, stream.height = size_wh
        stream.pix_fmt, stream.gop_size = yuv, gop
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "qp": "10", "bf": "0"}
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if rotate is not None:
            stream.set_display_rotation(rotate[0], hflip=rotate[1], vflip=rotate[2])
        for number in range(frames):
            image = np.full((size_wh[1], size_wh[0], 3), 16 * number % 240, np.uint8)
            image[: size_wh[1] // 2, : size_wh[0] // 2] = (0, 0, 255)
            picture = av.VideoFrame.from_ndarray(image, "bgr24")
            picture.pts = number if pts is None else pts[number]
            picture.time_base = time_base or 1 / Fraction(fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Make a clip below the test's folder by name; the options are those of ``_clip``."""
    return lambda name="clip.mp4", **options: _clip(tmp_path / name, **options)
