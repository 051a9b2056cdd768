"""What ``trackwire doctor`` looks at, one function a check."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trackwire.blocks import Frame

__all__ = ["CHECKS", "Finding"]

_OPENCV_WHEELS: Final = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
_GOOD_OVERLAP: Final = 0.5
"""Overlap of the tracker's first mask with the truth below which something is broken."""
_PACKAGES: Final = (
    "numpy",
    "pydantic",
    "av",
    "supervision",
    "scipy",
    "pycocotools",
    "onnxruntime",
    "typer",
    "rich",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        name: What was looked at.
        status: ``failed`` if no run is possible, ``warning`` if something will be missing.
        detail: What was found.
        fix: What would mend it, or None.
    """

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str
    fix: str | None = None


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    detail = f"{version} ({platform.python_implementation()}, {platform.platform()})"
    yield Finding("python", "ok", detail)


def _packages() -> Iterator[Finding]:
    from trackwire import __version__

    versions = [f"trackwire {__version__}"]
    missing = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding(
            "packages", "failed", f"missing: {', '.join(missing)}", "pip install trackwire"
        )
    yield Finding("versions", "ok", ", ".join(versions))


def _opencv() -> Iterator[Finding]:
    wheels = [name for name in _OPENCV_WHEELS if _is_installed(name)]
    if len(wheels) > 1:
        keep = "opencv-python-headless"
        yield Finding(
            "opencv wheels",
            "warning",
            f"{' and '.join(wheels)} write to one folder and damage each other",
            f"pip uninstall -y {' '.join(wheels)} && pip install {keep}",
        )
    import cv2

    build = re.search(r"GUI:\s*(\S+)", cv2.getBuildInformation())
    gui = "NONE" if build is None else build[1]
    has_gui = gui.upper() not in {"NONE", "NO"}
    yield Finding("opencv", "ok", f"{cv2.__version__}, windows: {gui if has_gui else 'none'}")
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    on_desktop = sys.platform in {"win32", "darwin"} or bool(display)
    if has_gui and on_desktop:
        yield Finding("display", "ok", display or sys.platform)
        return
    lacks = [
        *(() if has_gui else ("a build of OpenCV with windows",)),
        *(() if on_desktop else ("a display",)),
    ]
    yield Finding(
        "display",
        "ok",
        f"--show will show nothing, it lacks {' and '.join(lacks)}; everything else works",
    )


def _codecs() -> Iterator[Finding]:
    import av

    have = {name: name in av.codecs_available for name in ("libx264", "h264", "hevc", "mjpeg")}
    if not have["libx264"]:
        yield Finding(
            "codecs",
            "failed",
            "PyAV has no libx264, so no video can be written",
            "pip install --force-reinstall --only-binary :all: av",
        )
        return
    missing = [name for name, there in have.items() if not there]
    detail = f"PyAV {av.__version__} writes libx264, reads h264, hevc, mjpeg"
    if missing:
        yield Finding("codecs", "warning", f"{detail}, but lacks {', '.join(missing)}")
    else:
        yield Finding("codecs", "ok", detail)


def _tracker() -> Iterator[Finding]:
    from trackwire.blocks import LiteModel, MemoryPlan, Prompt

    from ..evaluation import mask_iou_matrix
    from ..scene import SceneRenderer, build_scene

    scene = SceneRenderer(build_scene(size_wh=(320, 180), frame_count=2))
    truth, frame = scene.truth(0), _frame(scene.image(0))
    started = time.perf_counter()
    model = LiteModel()
    state = model.open(frame.size_wh)
    features = model.encode([frame])
    seen = model.propagate([state], features)
    left, top, right, bottom = truth.xyxy[0].tolist()
    (answer,) = model.prompt([state], features, [[Prompt(1, (left, top, right, bottom))]], seen)
    model.remember([state], features, [[answer]], [MemoryPlan(frozenset({1}), frozenset({1}))])
    overlap = mask_iou_matrix(answer.masks([1]).to_dense(), truth.masks[:1])[0, 0]
    model.close(state)
    detail = (
        f"lite loads and masks a first object in {time.perf_counter() - started:.1f} s, "
        f"overlap with the truth {overlap:.2f}"
    )
    if overlap > _GOOD_OVERLAP:
        yield Finding("tracker", "ok", detail)
    else:
        yield Finding("tracker", "failed", detail, "pip install --force-reinstall onnxruntime")


def _frame(image: NDArray[np.uint8]) -> Frame:
    from trackwire.blocks import Frame, VideoMetadata

    video = VideoMetadata(
        video_identifier="doctor",
        source_id=0,
        frame_number=0,
        epoch=0,
        media_time_s=None,
        frame_timestamp=datetime.now(UTC),
        received_s=time.monotonic(),
    )
    return Frame(image, video)


def _torch() -> Iterator[Finding]:
    if not _is_installed("torch"):
        yield Finding(
            "torch", "ok", "not installed: the tracker 'lite' runs, SAM models need trackwire[sam]"
        )
        return
    import torch

    if torch.cuda.is_available():
        accelerator = f"CUDA {torch.version.cuda} on {torch.cuda.get_device_name(0)}"
    else:
        accelerator = "no CUDA device"
    yield Finding("torch", "ok", f"{torch.__version__}, {accelerator}")


def _threads() -> Iterator[Finding]:
    import cv2

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = [
        f"{name}={os.environ[name]}"
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        if name in os.environ
    ]
    detail = f"{usable} cores usable, OpenCV uses {cv2.getNumThreads()} threads"
    yield Finding("threads", "ok", ", ".join([detail, *limits]))


def _output() -> Iterator[Finding]:
    folder = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Finding(
            "output",
            "warning",
            f"the working directory cannot be written: {error.strerror or error}",
            "give 'trackwire run' an --output folder that can",
        )
    else:
        yield Finding("output", "ok", f"{folder} can be written")


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


CHECKS: Final[Mapping[str, Callable[[], Iterator[Finding]]]] = {
    "python": _python,
    "packages": _packages,
    "opencv": _opencv,
    "codecs": _codecs,
    "tracker": _tracker,
    "torch": _torch,
    "threads": _threads,
    "output": _output,
}
