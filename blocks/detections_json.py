"""Detections as JSON and back, without loss.

The form is the one workflow engines exchange: ``image`` with ``width`` and ``height``, and
``predictions`` with a centre-based box, class, confidence and ids. A mask is COCO run-length
encoding under ``rle``; reading also takes a polygon under ``points``. Fields that the form does
not know, such as ``mask_score``, are further keys of a prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from trackwire.specs import BlockError

from .detections import (
    CLASS_NAME,
    DEFAULT_CLASS_NAME,
    DETECTION_ID,
    IMAGE_DIMENSIONS,
    INSTANCE_SEGMENTATION,
    MASK_SCORE,
    OBJECT_DETECTION,
    PARENT_ID,
    PREDICTION_TYPE,
    build_detections,
)

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from .frame import Frame

__all__ = ["DetectionsFormatError", "detections_from_json", "detections_to_json"]

_BOX_KEYS: Final = ("x", "y", "width", "height")
_OWN_KEYS: Final = frozenset(
    {*_BOX_KEYS, "confidence", "class", "class_id", "tracker_id", "rle", "points"}
)
_EXTRA_TYPES: Final = {MASK_SCORE: np.float32}


class DetectionsFormatError(BlockError, ValueError):
    """A JSON value does not have the form of detections."""

    default_code = "detections_format"


def detections_to_json(detections: sv.Detections) -> dict[str, Any]:
    """Write detections as a value of plain JSON types.

    Masks are encoded one by one from their crops; no full-size mask is built.

    Args:
        detections: Detections of one picture. Those made by
            :func:`~trackwire.blocks.build_detections` know the picture's size also when empty;
            for others that are empty, ``width`` and ``height`` are None.

    Returns:
        ``{"image": {"width", "height"}, "predictions": [...]}``.
    """
    size = _image_dimensions(detections)
    predictions = [_prediction(detections, index) for index in range(len(detections))]
    if detections.mask is not None:
        for index, prediction in enumerate(predictions):
            prediction["rle"] = _encode_mask(detections.mask, index)
    height, width = size if size is not None else (None, None)
    return {"image": {"width": width, "height": height}, "predictions": predictions}


def _image_dimensions(detections: sv.Detections) -> tuple[int, int] | None:
    if IMAGE_DIMENSIONS in detections.metadata:
        height, width = detections.metadata[IMAGE_DIMENSIONS]
    elif len(detections) and IMAGE_DIMENSIONS in detections.data:
        height, width = detections.data[IMAGE_DIMENSIONS][0]
    elif detections.mask is not None:
        height, width = detections.mask.shape[1:]
    else:
        return None
    return int(height), int(width)


def _prediction(detections: sv.Detections, index: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(edge) for edge in detections.xyxy[index])
    # Halving and adding single-precision pixels is exact in double precision, so reading gives
    # the same box back.
    prediction: dict[str, Any] = {
        "x": (x1 + x2) / 2,
        "y": (y1 + y2) / 2,
        "width": x2 - x1,
        "height": y2 - y1,
    }
    for key, column in (
        ("confidence", detections.confidence),
        ("class", detections.data.get(CLASS_NAME)),
        ("class_id", detections.class_id),
        ("tracker_id", detections.tracker_id),
    ):
        if column is not None:
            prediction[key] = _plain(column[index])
    implied = OBJECT_DETECTION if detections.mask is None else INSTANCE_SEGMENTATION
    for key, column in detections.data.items():
        value = _plain(column[index])
        if key in (CLASS_NAME, IMAGE_DIMENSIONS) or (key == PREDICTION_TYPE and value == implied):
            continue
        prediction[key] = value
    return prediction


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _encode_mask(mask: sv.CompactMask | NDArray[np.bool_], index: int) -> dict[str, Any]:
    """COCO run lengths of one mask at full size, computed from its crop."""
    coco = _coco()

    height, width = (int(side) for side in mask.shape[1:])
    if isinstance(mask, np.ndarray):
        crop, (left, top) = mask[index], (0, 0)
    else:
        crop, (left, top) = mask.crop(index), mask.offsets[index]
    # COCO counts down the columns: with every column closed by background above and below, the
    # changes of value are where runs start and end.
    columns = np.zeros((crop.shape[1], crop.shape[0] + 2), dtype=np.int8)
    columns[:, 1:-1] = crop.T
    column, row = np.nonzero(np.diff(columns, axis=1))
    edges = (column + int(left)) * height + row + int(top)
    # Runs that end at the foot of one column and go on at the head of the next are one run.
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    edges = np.delete(edges, np.concatenate([joined, joined + 1]))
    whole = height * width
    counts = np.diff(np.concatenate([[0], edges, [whole]]))
    counts = counts[:-1] if len(edges) and edges[-1] == whole else counts
    size = [height, width]
    encoded = coco.frPyObjects({"size": size, "counts": counts.tolist()}, height, width)
    return {"size": size, "counts": encoded["counts"].decode("ascii")}


def detections_from_json(payload: object, frame: Frame, *, producer: str = "json") -> sv.Detections:
    """Read detections that :func:`detections_to_json`, or another engine, has written.

    Args:
        payload: The parsed JSON value.
        frame: The picture the detections belong to.
        producer: Part of each ``detection_id`` that is not given.

    Returns:
        Detections with all standard fields. A ``confidence`` left out is 1.0, a ``class``
        ``object``, a ``class_id`` 0. Masks are compact.

    Raises:
        DetectionsFormatError: The value has another form; names the place in it, what was
            found and what is allowed.
    """
    if not isinstance(payload, Mapping):
        _refuse("$", "an object with 'image' and 'predictions'", payload)
    _check_image(payload.get("image"), frame)
    rows = payload.get("predictions")
    if not isinstance(rows, list):
        _refuse("predictions", "a list", rows)
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            _refuse(f"predictions[{index}]", "an object", row)
    mask = _read_masks(rows, frame)
    boxes = np.array([_read_box(row, index) for index, row in enumerate(rows)], dtype=np.float64)
    tracked = _all_or_none(rows, "tracker_id")
    return build_detections(
        frame,
        boxes,
        confidence=[_number(row, index, "confidence", 1.0) for index, row in enumerate(rows)],
        class_id=[_integer(row, index, "class_id", 0) for index, row in enumerate(rows)],
        class_name=[
            _text(row, index, "class", DEFAULT_CLASS_NAME) for index, row in enumerate(rows)
        ],
        tracker_id=[_integer(row, index, "tracker_id") for index, row in enumerate(rows)]
        if tracked
        else None,
        mask=mask,
        prediction_type=OBJECT_DETECTION if mask is None else INSTANCE_SEGMENTATION,
        producer=producer,
        data=_read_extras(rows),
    )


def _coco() -> Any:
    """pycocotools, without types: those published for it leave half of what it takes out."""
    return import_module("pycocotools.mask")


def _refuse(place: str, allowed: str, found: object) -> NoReturn:
    shown = repr(found)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise DetectionsFormatError(
        f"detections: {place} must be {allowed}, found {shown}", place=place
    )


def _check_image(image: object, frame: Frame) -> None:
    if image is None:
        return
    if not isinstance(image, Mapping):
        _refuse("image", "an object with 'width' and 'height'", image)
    for key, side in zip(("width", "height"), frame.size_wh, strict=True):
        value = image.get(key)
        if value is not None and value != side:
            _refuse(f"image.{key}", f"that of the frame, {side}, or null", value)


def _all_or_none(rows: Sequence[Mapping[str, Any]], *keys: str) -> bool:
    """Tell whether each row has one of the keys, refusing rows that differ in that."""
    have = [any(row.get(key) is not None for key in keys) for row in rows]
    if any(have) and not all(have):
        name = " or ".join(f"'{key}'" for key in keys)
        index = have.index(False)
        _refuse(f"predictions[{index}]", f"given {name}, since others have it", dict(rows[index]))
    return any(have)


def _number(row: Mapping[str, Any], index: int, key: str, default: float | None = None) -> float:
    value = row.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(f"predictions[{index}].{key}", "a finite number", value)
    return float(value)


def _integer(row: Mapping[str, Any], index: int, key: str, default: int | None = None) -> int:
    value = row.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(f"predictions[{index}].{key}", "an integer", value)
    return value


def _text(row: Mapping[str, Any], index: int, key: str, default: str) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        _refuse(f"predictions[{index}].{key}", "a string", value)
    return value


def _read_box(row: Mapping[str, Any], index: int) -> tuple[float, float, float, float]:
    x, y, width, height = (_number(row, index, key) for key in _BOX_KEYS)
    for key, side in (("width", width), ("height", height)):
        if side < 0:
            _refuse(f"predictions[{index}].{key}", "0 or more", side)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _read_masks(rows: Sequence[Mapping[str, Any]], frame: Frame) -> sv.CompactMask | None:
    if not _all_or_none(rows, "rle", "points"):
        return None
    import supervision as sv

    coco = _coco()

    encoded = [_read_mask(row, index, frame) for index, row in enumerate(rows)]
    left, top, width, height = np.reshape(coco.toBbox(encoded), (-1, 4)).T
    # CompactMask counts its crops inclusively; an empty mask has a box of size zero, which it
    # keeps as one background pixel.
    crops = np.stack([left, top, left + width - 1, top + height - 1], axis=1)
    size_hw = (frame.image.shape[0], frame.image.shape[1])
    try:
        return sv.CompactMask.from_coco_rle(encoded, crops, size_hw)
    except ValueError as error:
        raise DetectionsFormatError(f"detections: predictions[].rle: {error}") from error


def _read_mask(row: Mapping[str, Any], index: int, frame: Frame) -> dict[str, Any]:
    coco = _coco()

    width, height = frame.size_wh
    rle = row.get("rle")
    if rle is None:
        outline = _read_polygon(row["points"], index)
        merged: dict[str, Any] = coco.merge(coco.frPyObjects([outline], height, width))
        return merged
    place = f"predictions[{index}].rle"
    if not isinstance(rle, Mapping) or "size" not in rle or "counts" not in rle:
        _refuse(place, "an object with 'size' and 'counts'", rle)
    if rle["size"] not in ([height, width], (height, width)):
        _refuse(f"{place}.size", f"[{height}, {width}], height and width", rle["size"])
    counts = rle["counts"]
    if isinstance(counts, list):
        lengths = [type(count) is int and count >= 0 for count in counts]
        if not all(lengths) or sum(counts) != height * width:
            _refuse(f"{place}.counts", f"run lengths that add up to {height * width}", counts)
        made: dict[str, Any] = coco.frPyObjects(
            {"size": [height, width], "counts": counts}, height, width
        )
        return made
    if not isinstance(counts, str) or not counts.isascii():
        _refuse(f"{place}.counts", "an ASCII string, or a list of run lengths", counts)
    return {"size": [height, width], "counts": counts.encode("ascii")}


def _read_polygon(points: object, index: int) -> list[float]:
    place = f"predictions[{index}].points"
    if not isinstance(points, list) or len(points) < 3:
        _refuse(place, "a list of three or more {x, y}", points)
    outline: list[float] = []
    for number, point in enumerate(points):
        if not isinstance(point, Mapping):
            _refuse(f"{place}[{number}]", "an object with 'x' and 'y'", point)
        for key in ("x", "y"):
            value = point.get(key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                _refuse(f"{place}[{number}].{key}", "a number", value)
            outline.append(float(value))
    return outline


def _read_extras(rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    names = {key: None for row in rows for key in row if key not in _OWN_KEYS}
    extras: dict[str, NDArray[Any]] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name in (DETECTION_ID, PARENT_ID, PREDICTION_TYPE):
            if None in values:
                continue
            values = [str(value) for value in values]
        extras[name] = _as_column(values, _EXTRA_TYPES.get(name))
    return extras


def _as_column(values: list[Any], dtype: type[np.generic] | None) -> NDArray[Any]:
    """One array where the values agree in type, else an object array of them as they are."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float} and kinds:
        return np.array(values, dtype=dtype)
    if kinds in ({str}, {bool}):
        return np.array(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
