"""Kinds: the types of the values on the wires between steps.

Two ends of a wire fit if their sets of kinds intersect or either holds the wildcard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = [
    "BOOLEAN",
    "DICTIONARY",
    "FLOAT",
    "FLOAT_ZERO_TO_ONE",
    "IMAGE",
    "INSTANCE_SEGMENTATION_PREDICTION",
    "INTEGER",
    "KEYPOINT_DETECTION_PREDICTION",
    "KINDS",
    "LABELED_POINTS",
    "LIST_OF_VALUES",
    "OBJECT_DETECTION_PREDICTION",
    "RLE_INSTANCE_SEGMENTATION_PREDICTION",
    "ROBOFLOW_MODEL_ID",
    "STEP",
    "STRING",
    "TIMESTAMP",
    "VIDEO_METADATA",
    "WILDCARD",
    "ZONE",
    "kinds_fit",
]

WILDCARD: Final = "*"
IMAGE: Final = "image"
VIDEO_METADATA: Final = "video_metadata"
OBJECT_DETECTION_PREDICTION: Final = "object_detection_prediction"
INSTANCE_SEGMENTATION_PREDICTION: Final = "instance_segmentation_prediction"
RLE_INSTANCE_SEGMENTATION_PREDICTION: Final = "rle_instance_segmentation_prediction"
KEYPOINT_DETECTION_PREDICTION: Final = "keypoint_detection_prediction"
LABELED_POINTS: Final = "labeled_points"
LIST_OF_VALUES: Final = "list_of_values"
ROBOFLOW_MODEL_ID: Final = "roboflow_model_id"
FLOAT_ZERO_TO_ONE: Final = "float_zero_to_one"
FLOAT: Final = "float"
INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"
STRING: Final = "string"
DICTIONARY: Final = "dictionary"
TIMESTAMP: Final = "timestamp"
ZONE: Final = "zone"
STEP: Final = "step"
"""Marks a property that names steps (``$steps.NAME``) instead of taking values: flow control."""

KINDS: Final[frozenset[str]] = frozenset(
    {
        WILDCARD,
        IMAGE,
        VIDEO_METADATA,
        OBJECT_DETECTION_PREDICTION,
        INSTANCE_SEGMENTATION_PREDICTION,
        RLE_INSTANCE_SEGMENTATION_PREDICTION,
        KEYPOINT_DETECTION_PREDICTION,
        LABELED_POINTS,
        LIST_OF_VALUES,
        ROBOFLOW_MODEL_ID,
        FLOAT_ZERO_TO_ONE,
        FLOAT,
        INTEGER,
        BOOLEAN,
        STRING,
        DICTIONARY,
        TIMESTAMP,
        ZONE,
    }
)


def kinds_fit(offered: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether a value of the offered kinds may be wired where others are wanted.

    Args:
        offered: Kinds of the output or input the selector points at.
        wanted: Kinds the property accepts.

    Returns:
        True if the sets share a kind or either holds the wildcard.
    """
    have, want = frozenset(offered), frozenset(wanted)
    return bool(have & want) or WILDCARD in have or WILDCARD in want
