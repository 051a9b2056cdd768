"""The detections on the wires: ``supervision.Detections`` with a fixed set of fields.

Every block that makes detections makes them here, so that whoever reads them may rely on:

- ``xyxy`` ``(N, 4)`` float32, pixels of the picture looked at, half-open
  (``x2 = max column + 1``);
- ``confidence`` ``(N,)`` float32 and ``class_id`` ``(N,)`` int64, never None;
- ``tracker_id`` ``(N,)`` int64 on everything a tracker puts out and on everything empty; None
  only on detections that no tracker has seen. There is no id for "not tracked yet";
- ``mask`` a ``supervision.CompactMask`` or None; on a wire masks are never dense;
- the ``data`` fields named by the constants of this module, aligned with ``xyxy``;
- ``metadata["image_dimensions"]``, the ``(height, width)`` of the picture, which also an empty
  result knows;
- ``metadata["crop_origin"]``, the :class:`CropOrigin` of the picture if it is a crop: coordinates
  are those of the crop, and this says where it lies in the full frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import ArrayLike, NDArray

    from .frame import Frame

__all__ = [
    "CLASS_NAME",
    "CROP_ORIGIN",
    "DEFAULT_CLASS_NAME",
    "DETECTION_ID",
    "DETECTION_SCORE",
    "IMAGE_DIMENSIONS",
    "INSTANCE_SEGMENTATION",
    "MASK_SCORE",
    "OBJECT_DETECTION",
    "PARENT_ID",
    "PREDICTION_TYPE",
    "PROMPT_DETECTION_ID",
    "add_fields",
    "build_detections",
    "empty_detections",
]

CLASS_NAME: Final = "class_name"
"""``(N,)`` str: the name of each object's class."""
DETECTION_ID: Final = "detection_id"
"""``(N,)`` str: deterministic name of each detection."""
PARENT_ID: Final = "parent_id"
"""``(N,)`` str: ``image_id`` of the picture the detection was made on."""
IMAGE_DIMENSIONS: Final = "image_dimensions"
"""``(N, 2)`` int64: height and width of that picture; also a pair in ``metadata``."""
CROP_ORIGIN: Final = "crop_origin"
"""In ``metadata``: the ``CropOrigin`` of that picture; only there if it is a crop."""
PREDICTION_TYPE: Final = "prediction_type"
"""``(N,)`` str: :data:`OBJECT_DETECTION` or :data:`INSTANCE_SEGMENTATION`."""
MASK_SCORE: Final = "mask_score"
"""``(N,)`` float32, 0-1: how sure the tracker is of the mask."""
DETECTION_SCORE: Final = "detection_score"
"""``(N,)`` float32, 0-1: score of the detection that a concept tracker's track was born of."""
PROMPT_DETECTION_ID: Final = "prompt_detection_id"
"""``(N,)`` str: the detection that the track was last matched with."""

OBJECT_DETECTION: Final = "object-detection"
INSTANCE_SEGMENTATION: Final = "instance-segmentation"

DEFAULT_CLASS_NAME: Final = "object"
"""Class name of what has none."""


def build_detections(
    frame: Frame,
    xyxy: ArrayLike,
    *,
    confidence: ArrayLike | None = None,
    class_id: ArrayLike | None = None,
    class_name: str | Sequence[str] | NDArray[Any] | None = None,
    tracker_id: ArrayLike | None = None,
    mask: sv.CompactMask | None = None,
    prediction_type: str = OBJECT_DETECTION,
    producer: str,
    data: Mapping[str, NDArray[Any] | Sequence[Any]] | None = None,
) -> sv.Detections:
    """Make detections with all standard fields.

    Args:
        frame: The picture they were made on.
        xyxy: ``(N, 4)`` boxes in pixels of the frame, half-open. ``()`` or ``[]`` for none.
        confidence: ``(N,)`` 0-1, or one value for all; None means 1.0.
        class_id: ``(N,)`` integers, or one for all; None means 0.
        class_name: ``(N,)`` names, or one for all; None means ``object``.
        tracker_id: ``(N,)`` integers; None where no tracker has seen the detections.
        mask: ``(N, H, W)`` masks of the frame's size, or None.
        prediction_type: Written to each detection.
        producer: Name of what made them, part of each ``detection_id``.
        data: Further fields, ``(N, ...)`` each; one that is named like a standard field
            replaces it.

    Returns:
        New detections; arrays of the right type are not copied.

    Raises:
        ValueError: Lengths differ, a box is not finite, or masks have another size than the
            frame.
    """
    import supervision as sv

    boxes = np.asarray(xyxy, dtype=np.float32)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    count = len(boxes)
    height, width = frame.image.shape[:2]
    if mask is not None and tuple(mask.shape[1:]) != (height, width):
        raise ValueError(
            f"masks from {producer} are {mask.shape[2]}x{mask.shape[1]}, "
            f"the frame is {width}x{height}; masks must have the size of the frame"
        )
    names = DEFAULT_CLASS_NAME if class_name is None else class_name
    image_id = frame.image_id
    fields: dict[str, Any] = {
        CLASS_NAME: np.full(count, names) if isinstance(names, str) else _texts(names),
        DETECTION_ID: _texts([f"{image_id}/{producer}/{index}" for index in range(count)]),
        PARENT_ID: np.full(count, image_id),
        IMAGE_DIMENSIONS: np.full((count, 2), (height, width), dtype=np.int64),
        PREDICTION_TYPE: np.full(count, prediction_type),
    }
    fields.update({name: np.asarray(column) for name, column in (data or {}).items()})
    if tracker_id is None and count == 0:
        tracker_id = ()
    metadata: dict[str, Any] = {IMAGE_DIMENSIONS: (height, width)}
    if frame.origin is not None:
        metadata[CROP_ORIGIN] = frame.origin
    return sv.Detections(
        xyxy=boxes,
        mask=mask,
        confidence=_column(confidence, count, np.float32, 1.0),
        class_id=_column(class_id, count, np.int64, 0),
        tracker_id=None if tracker_id is None else np.asarray(tracker_id, dtype=np.int64),
        data=fields,
        metadata=metadata,
    )


def empty_detections(
    frame: Frame, *, producer: str, prediction_type: str = OBJECT_DETECTION
) -> sv.Detections:
    """Make detections that say "looked, found nothing": every field is there, with length 0.

    Args:
        frame: The picture that was looked at.
        producer: Name of what looked.
        prediction_type: What it looks for; with :data:`INSTANCE_SEGMENTATION` the result has an
            empty ``CompactMask`` as ``mask``.

    Returns:
        Detections of length 0 with an int64 ``tracker_id``.
    """
    mask = None
    if prediction_type == INSTANCE_SEGMENTATION:
        import supervision as sv

        height, width = frame.image.shape[:2]
        nothing = np.empty((0, 2), dtype=np.int32)
        mask = sv.CompactMask([], nothing, nothing, (height, width))
    return build_detections(
        frame, (), mask=mask, prediction_type=prediction_type, producer=producer
    )


def add_fields(detections: sv.Detections, **fields: NDArray[Any]) -> sv.Detections:
    """Make detections that have further data fields.

    Args:
        detections: Not changed; the arrays of both are the same.
        fields: ``(N, ...)`` each; one that is there already is replaced.

    Returns:
        New detections.
    """
    return dataclasses.replace(detections, data={**detections.data, **fields})


def _texts(values: Sequence[str] | NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    return array.astype(str) if array.size == 0 else array


def _column(
    values: ArrayLike | None, count: int, dtype: type[np.generic], default: float
) -> NDArray[Any]:
    array = np.asarray(default if values is None else values, dtype=dtype)
    return np.full(count, array, dtype=dtype) if array.ndim == 0 else array
