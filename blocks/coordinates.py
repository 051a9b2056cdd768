"""Coordinates: detections made on a crop, told in the full frame, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .detections import CROP_ORIGIN, IMAGE_DIMENSIONS

if TYPE_CHECKING:
    import supervision as sv

    from .frame import CropOrigin, Frame

__all__ = ["in_coordinates_of", "in_crop_coordinates", "in_frame_coordinates"]

T = TypeVar("T")


def in_frame_coordinates(value: T) -> T:
    """Move detections made on a crop to where they are in the full frame.

    Args:
        value: Detections, or lists and dicts that hold some. Those whose ``metadata`` has no
            ``crop_origin`` are in the coordinates of a full frame already.

    Returns:
        The same, moved detections in the place of those made on crops: boxes, masks and key
        points, ``image_dimensions`` of the full frame and its id as ``parent_id``. Everything
        else is shared with ``value``.
    """
    moved: Any = value
    metadata = getattr(value, "metadata", None)
    if isinstance(metadata, Mapping):
        origin = metadata.get(CROP_ORIGIN)
        moved = value if origin is None else _moved(moved, origin)
    elif isinstance(value, dict):
        moved = {key: in_frame_coordinates(item) for key, item in value.items()}
    elif isinstance(value, list):
        moved = [in_frame_coordinates(item) for item in value]
    return moved  # type: ignore[no-any-return]


def in_crop_coordinates(detections: sv.Detections, frame: Frame, crop: Frame) -> sv.Detections:
    """Move detections made on a picture into a crop of it.

    Args:
        detections: Detections in the coordinates of the picture.
        frame: The picture.
        crop: A part of it.

    Returns:
        The same in the coordinates of the crop: boxes, masks and key points,
        ``image_dimensions`` and ``parent_id`` of the crop. Boxes may reach over its edges, masks
        end there. :func:`in_frame_coordinates` leads to the full frame from here.
    """
    (left, top), (outer_left, outer_top) = (
        (0, 0) if each.origin is None else each.origin.offset_xy for each in (crop, frame)
    )
    shift = outer_left - left, outer_top - top
    metadata = dict(detections.metadata)
    if crop.origin is not None:
        metadata[CROP_ORIGIN] = crop.origin
    return _shifted(detections, shift, crop.size_wh, crop.image_id, metadata)


def in_coordinates_of(picture: Frame, detections: sv.Detections) -> sv.Detections:
    """Move detections to where they are in a picture of the same frame.

    Args:
        picture: A full frame, or a crop.
        detections: Detections made on it, on the full frame or on another crop.

    Returns:
        The detections themselves if they were made on this crop, or both are full frames; else
        moved ones, which may lie outside of the picture.
    """
    made_on = detections.metadata.get(CROP_ORIGIN)
    if made_on == picture.origin:
        return detections
    found = detections if made_on is None else _moved(detections, made_on)
    if picture.origin is None:
        return found
    left, top = picture.origin.offset_xy
    metadata = {**found.metadata, CROP_ORIGIN: picture.origin}
    return _shifted(found, (-left, -top), picture.size_wh, picture.image_id, metadata)


def _moved(detections: sv.Detections, origin: CropOrigin) -> sv.Detections:
    metadata = {key: item for key, item in detections.metadata.items() if key != CROP_ORIGIN}
    return _shifted(detections, origin.offset_xy, origin.root_size_wh, origin.root_id, metadata)


def _shifted(
    detections: sv.Detections,
    by_xy: tuple[int, int],
    size_wh: tuple[int, int],
    image_id: str,
    metadata: Mapping[str, Any],
) -> sv.Detections:
    """Move detections to where they are in another picture."""
    import supervision as sv

    from .detections import PARENT_ID

    width, height = size_wh
    count = len(detections)
    shift = np.array(by_xy, dtype=np.float32)
    data = dict(detections.data)
    data[IMAGE_DIMENSIONS] = np.full((count, 2), (height, width), dtype=np.int64)
    data[PARENT_ID] = np.full(count, image_id)
    for name in _POINTS:
        if name in data:
            data[name] = np.asarray(data[name], dtype=np.float32) + shift
    mask = detections.mask
    if mask is not None:
        if not isinstance(mask, sv.CompactMask):
            mask = sv.CompactMask.from_dense(mask, detections.xyxy, mask.shape[1:])
        mask = mask.with_offset(*by_xy, (height, width))
    return sv.Detections(
        xyxy=detections.xyxy + np.tile(shift, 2),
        mask=mask,
        confidence=detections.confidence,
        class_id=detections.class_id,
        tracker_id=detections.tracker_id,
        data=data,
        metadata={**metadata, IMAGE_DIMENSIONS: (height, width)},
    )


_POINTS = ("keypoints_xy", "xyxyxyxy")
