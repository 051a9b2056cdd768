"""``trackwire detect``: what a detector finds on one picture."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

from trackwire.blocks import (
    DetectOptions,
    Frame,
    VideoMetadata,
    detections_to_json,
    load_detector,
)
from trackwire.sinks import draw_detections
from trackwire.specs import Resources, SinkError, SourceError, TrackwireError

from ..sources.images import ImageSource
from .console import UsageError, err, out

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["DetectRequest", "detect"]

_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_WRONG_CALLS: Final = {
    "detector_class",
    "detector_class_names",
    "detector_unavailable",
    "model_device",
    "model_folder",
    "model_not_found",
}
"""Codes of errors that another call would have avoided."""


@dataclass(frozen=True, slots=True)
class DetectRequest:
    """What the command line asks for; see ``trackwire detect --help``."""

    image: Path
    model: str
    output: Path | None
    confidence: float
    class_names: str | None
    names_file: Path | None
    as_json: bool
    overwrite: bool
    device: str


def detect(request: DetectRequest) -> None:
    """Find objects on a picture; print them, and draw them on a copy of it.

    Args:
        request: Where to look, with what, and where the copy goes.

    Raises:
        UsageError: The picture or the detector is not there, the detector does not know a class,
            or the output exists or is no picture. Nothing was written.
        ModelError: The detector cannot be loaded or run.
        SinkError: The output cannot be written.
    """
    _check_output(request)
    frame = _read(request.image)
    try:
        found, provider = _look(request, frame)
    except TrackwireError as error:
        if error.code in _WRONG_CALLS:
            raise UsageError(str(error), code=error.code) from error
        raise
    if request.as_json:
        out.print_json(json.dumps({"model_id": request.model, **detections_to_json(found)}))
    else:
        _print_table(found)
        err.print(f"{escape(request.model)} on {provider}: {_count(found)}")
    if request.output is not None:
        _write(request.output, draw_detections(frame.image, {"found": found}))
        err.print(f"drawn on {escape(str(request.output))}")


def _check_output(request: DetectRequest) -> None:
    path = request.output
    if path is None:
        return
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            f"--output {path} is no name of a picture; it must end in {', '.join(_SUFFIXES)}"
        )
    if path.is_dir() or (path.exists() and not request.overwrite):
        raise UsageError(
            f"{path} exists already. Give another name" + (", or --overwrite" * path.is_file())
        )


def _read(path: Path) -> Frame:
    if not path.is_file():
        raise UsageError(f"there is no picture {path}; give the path of an image file")
    source = ImageSource([path], name=path.stem)
    source.open()
    try:
        read = source.read()
    except SourceError as error:
        raise UsageError(
            f"{path} cannot be read as a picture: {error.__cause__ or 'unknown format'}; "
            "give a PNG, JPEG, WebP, BMP or TIFF file",
            code=error.code,
        ) from error
    if read is None:
        raise UsageError(f"{path} holds no picture")
    video = VideoMetadata(
        video_identifier=path.stem,
        source_id=0,
        frame_number=0,
        epoch=0,
        media_time_s=None,
        frame_timestamp=datetime.now(UTC),
        received_s=time.monotonic(),
        comes_from_video_file=False,
    )
    return Frame(read.image, video)


def _look(request: DetectRequest, frame: Frame) -> tuple[sv.Detections, str]:
    # Paths on a command line start where it was called.
    resources = Resources(base_directory=Path.cwd(), device=request.device)
    names_file = None if request.names_file is None else str(request.names_file)
    wanted = [each.strip() for each in (request.class_names or "").split(",") if each.strip()]
    detector = load_detector(
        request.model, resources, names_file=names_file, class_names=wanted or None
    )
    options = DetectOptions(
        confidence=request.confidence, iou_threshold=0.5, masks=detector.makes_masks
    )
    (found,) = detector.detect([frame], [options], "detect")
    return found, detector.provider


def _print_table(found: sv.Detections) -> None:
    has_masks = found.mask is not None
    table = Table(box=None, pad_edge=False)
    table.add_column("CLASS")
    for heading in ("CONFIDENCE", "X1", "Y1", "X2", "Y2", *(["PIXELS"] * has_masks)):
        table.add_column(heading, justify="right")
    for index in range(len(found)):
        sure = 1.0 if found.confidence is None else found.confidence[index]
        numbers = [f"{sure:.3f}", *(f"{each:.1f}" for each in found.xyxy[index])]
        # The area of a detection is that of its mask if it has one.
        pixels = [str(int(found.area[index]))] * has_masks
        table.add_row(escape(str(found.data["class_name"][index])), *numbers, *pixels)
    if len(found):
        out.print(table)


def _count(found: sv.Detections) -> str:
    return f"{len(found)} object{'' if len(found) == 1 else 's'}"


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    import cv2

    coded, data = cv2.imencode(path.suffix, image)
    if not coded:
        raise SinkError(f"{path} cannot be written: OpenCV has no encoder for {path.suffix}")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data.tobytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SinkError(f"{path} cannot be written: {error}", path=str(path)) from error
