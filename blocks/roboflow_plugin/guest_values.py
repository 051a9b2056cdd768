"""Values of Roboflow's engine as ours, and back: pictures, frame numbers, detections."""

from __future__ import annotations

import hashlib
import math
import re
import time
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..detections import (
    CLASS_NAME,
    DETECTION_ID,
    IMAGE_DIMENSIONS,
    MASK_SCORE,
    PARENT_ID,
    PREDICTION_TYPE,
    PROMPT_DETECTION_ID,
)
from ..frame import Frame, VideoMetadata

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["FrameCount", "boxes_from_guest", "detections_to_guest", "frame_from_guest", "stream_of"]

RLE_MASK: Final = "rle_mask"
"""Where that engine keeps masks as run lengths: a data field of ``{"size", "counts"}``."""

_SLUG: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
_TEXTS: Final = (CLASS_NAME, DETECTION_ID, PARENT_ID, PREDICTION_TYPE, PROMPT_DETECTION_ID)
_LONGEST_FRAME_RATE: Final = 1001
"""Frame rates arrive as floats: 29.97002997 is 30000/1001."""


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Where a stream stands, in that engine's numbers and in ours.

    That engine counts from 1 and starts again when a source restarts, without saying so; pictures
    that come from no video are all number 0. Ours rise, and a restart raises the epoch.

    Args:
        given: The number that came with the last frame.
        at: Its timestamp.
        number: Our number of that frame, from 0.
        epoch: Rises when the given numbers run back.
    """

    given: int
    at: datetime
    number: int
    epoch: int = 0

    @classmethod
    def first(cls, metadata: Any) -> FrameCount:
        """Begin with the first frame of a stream."""
        given = int(metadata.frame_number or 0)
        return cls(given, metadata.frame_timestamp, max(given - 1, 0))

    def then(self, metadata: Any) -> FrameCount:
        """Count the next frame of the stream.

        A number that came before, with another timestamp, belongs to the next frame of a caller
        who does not count. With the same timestamp it is the same frame: the count stays, and a
        tracker refuses it.
        """
        given, at = int(metadata.frame_number or 0), metadata.frame_timestamp
        if given > self.given:
            return replace(self, given=given, at=at, number=self.number + given - self.given)
        if given == self.given:
            return replace(self, at=at, number=self.number + int(at != self.at))
        return FrameCount(given, at, max(given - 1, 0), self.epoch + 1)


def stream_of(metadata: Any) -> str:
    """Name the stream of a picture.

    Args:
        metadata: Its ``video_metadata``; the identifier there is free text, and may be a URL
            with a password in it.

    Returns:
        The identifier if it is a name, else a name made of its digest.
    """
    given = str(metadata.video_identifier)
    if _SLUG.fullmatch(given):
        return given
    return f"stream-{hashlib.sha256(given.encode()).hexdigest()[:12]}"


def frame_from_guest(picture: Any, count: FrameCount) -> Frame:
    """Make a frame of that engine's picture; pixels are shared, not copied.

    Args:
        picture: A ``WorkflowImageData``: its ``numpy_image`` is ``(H, W, 3)`` uint8 BGR, or
            ``(H, W)`` grey.
        count: The place in its stream.

    Raises:
        ValueError: The picture has another shape or type.
    """
    metadata = picture.video_metadata
    at = metadata.frame_timestamp
    video = VideoMetadata(
        video_identifier=stream_of(metadata),
        source_id=0,
        frame_number=count.number,
        epoch=count.epoch,
        media_time_s=None,
        frame_timestamp=at.astimezone(UTC),
        received_s=time.monotonic(),
        fps=_frame_rate(metadata.fps),
        measured_fps=metadata.measured_fps,
        comes_from_video_file=metadata.comes_from_video_file,
    )
    return Frame(_colour(picture.numpy_image), video)


def boxes_from_guest(boxes: Any) -> sv.Detections:
    """Make sure of that engine's detections as boxes to track.

    Args:
        boxes: Its detections; masks are dense, or run lengths in ``data["rle_mask"]``.

    Returns:
        The same, with dense masks where there were run lengths.

    Raises:
        TypeError: The value is no ``supervision.Detections``.
    """
    import supervision as sv

    if not isinstance(boxes, sv.Detections):
        raise TypeError(
            f"boxes must be supervision.Detections, found {type(boxes).__qualname__}; if the "
            "engine is set to represent data as tensors, switch that off for this workflow"
        )
    runs = boxes.data.get(RLE_MASK)
    if boxes.mask is not None or runs is None or len(boxes) == 0:
        return boxes
    masks = np.stack([_decoded(run) for run in runs])
    return replace(boxes, mask=masks)


def detections_to_guest(tracks: sv.Detections) -> sv.Detections:
    """Give tracks the form that blocks of that engine read.

    Args:
        tracks: What our tracker put out for one frame.

    Returns:
        New detections: masks are dense ``(N, H, W)`` bool, None without rows; texts are object
        columns; ``tracker_id`` is an integer array also without rows.
    """
    import supervision as sv

    data: dict[str, Any] = {
        name: np.asarray(tracks.data[name]).astype(object) for name in _TEXTS if name in tracks.data
    }
    data[IMAGE_DIMENSIONS] = np.asarray(tracks.data[IMAGE_DIMENSIONS], dtype=int).reshape(-1, 2)
    data[MASK_SCORE] = np.asarray(tracks.data[MASK_SCORE], dtype=np.float32)
    ids = () if tracks.tracker_id is None else tracks.tracker_id
    return sv.Detections(
        xyxy=np.asarray(tracks.xyxy, dtype=np.float32),
        mask=_dense(tracks.mask) if len(tracks) else None,
        confidence=tracks.confidence,
        class_id=tracks.class_id,
        tracker_id=np.asarray(ids, dtype=int),
        data=data,
        metadata={IMAGE_DIMENSIONS: list(tracks.metadata[IMAGE_DIMENSIONS])},
    )


def _colour(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim == 2:
        return np.repeat(image[:, :, np.newaxis], 3, axis=2)
    # A frame forbids writing to its array. This view is only the frame's: that engine's own
    # blocks go on drawing into the picture.
    return np.ascontiguousarray(image).view()


def _frame_rate(given: float | None) -> Fraction | None:
    if given is None or not math.isfinite(given) or given <= 0:
        return None
    return Fraction(given).limit_denominator(_LONGEST_FRAME_RATE)


def _decoded(run: Any) -> NDArray[np.bool_]:
    from pycocotools import mask as coco

    counts = run["counts"]
    counts = counts.encode() if isinstance(counts, str) else counts
    with warnings.catch_warnings():  # pycocotools 2.0 wraps its memory in a way NumPy 2 dislikes
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.asarray(coco.decode({"size": list(run["size"]), "counts": counts}) > 0)


def _dense(masks: Any) -> NDArray[np.bool_] | None:
    if masks is None or isinstance(masks, np.ndarray):
        return masks
    return np.asarray(masks.to_dense(), dtype=bool)
