"""Crops that follow detections: one for each, with the detection moved into it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field

from trackwire.specs import (
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    STRING,
    Batch,
    BlockManifest,
    Failure,
    Halt,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
    Values,
    is_selector,
)

from ..elements import run_each
from ..frame import Frame

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["DynamicCrop", "DynamicCropManifest"]

_DETECTIONS: Final = (
    OBJECT_DETECTION_PREDICTION,
    INSTANCE_SEGMENTATION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
)
_BARE_TRIPLE: Final = re.compile(r"\(\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\)")


class DynamicCropManifest(BlockManifest):
    """Properties of the block that cuts detections out of their pictures."""

    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=1, cost="picture")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("crops", frozenset({IMAGE})),
        OutputDefinition("predictions", frozenset(_DETECTIONS)),
    )

    type: Literal["roboflow_core/dynamic_crop@v1", "DynamicCrop", "Crop"]
    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to cut.")
    predictions: Annotated[str, Selector(*_DETECTIONS)] = Field(
        validation_alias="detections", description="Detections to cut out, one crop for each."
    )
    mask_opacity: (
        Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = Field(
        default=0.0,
        description="How much background_color hides of what a detection's mask leaves out; "
        "without masks nothing is hidden.",
    )
    background_color: (
        Annotated[str, Selector(STRING, LIST_OF_VALUES, "rgb_color")]
        | str
        | tuple[Annotated[int, Field(ge=0, le=255)], ...]
    ) = Field(
        default=(0, 0, 0),
        description="Colour of what masks leave out: #RRGGBB, (r, g, b), a list of three or a "
        "name.",
    )


class DynamicCrop:
    """Cuts each detection out of its picture; later steps run for each crop.

    Edges are rounded to whole pixels, and what lies beyond the picture is left away. A detection
    without a pixel in the picture keeps its place among the crops, but nothing is run for it.
    ``predictions`` of a crop are its one detection, in the coordinates of the crop.
    """

    manifest: ClassVar[type[BlockManifest]] = DynamicCropManifest

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block.

        Raises:
            BlockError: The background colour is none.
        """
        color = getattr(step, "background_color", None)
        if not is_selector(color):
            _find_background(color)
        return cls()

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Cut each picture into a crop per detection."""
        return run_each(batch, lambda _stream, values: _crops(values))

    def end_stream(self, stream: StreamKey) -> None:
        """Forget nothing: a crop does not depend on earlier ones."""

    def close(self) -> None:
        """Free nothing."""


def _crops(values: Mapping[str, Any]) -> list[Values | Failure | Halt]:
    """Cut one picture."""
    import numpy as np

    from ..coordinates import in_crop_coordinates
    from .cutting import cut

    frame: Frame = values["images"]
    detections: sv.Detections = values["predictions"]
    opacity = float(values["mask_opacity"])
    parts: list[Values | Failure | Halt] = []
    # A box far outside of the picture must not overflow on its way to whole numbers.
    edges = np.clip(np.nan_to_num(detections.xyxy), -1e6, 1e6).round().astype(int).tolist()
    for index, (left, top, right, bottom) in enumerate(edges):
        crop = cut(frame, left, top, right, bottom)
        if crop is None:
            parts.append(Halt("the detection has no pixel in the picture"))
            continue
        picked: Any = detections[[index]]
        one = in_crop_coordinates(picked, frame, crop)
        if opacity > 0 and one.mask is not None:
            mask = np.asarray(one.mask[0], dtype=bool)
            crop = Frame(
                _hidden(crop.image, mask, opacity, _find_background(values["background_color"])),
                crop.video,
                crop.origin,
            )
        parts.append({"crops": crop, "predictions": one})
    return parts


def _hidden(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], opacity: float, color: sv.Color
) -> NDArray[np.uint8]:
    """Hide what a mask leaves out.

    Args:
        picture: ``(H, W, 3)`` uint8 BGR.
        mask: ``(H, W)`` bool, True on what stays.
        opacity: How much of the rest the colour hides, 0-1.
        color: The colour.

    Returns:
        A new picture.
    """
    import cv2
    import numpy as np

    background = np.full_like(picture, color.as_bgr())
    blended = cv2.addWeighted(background, opacity, picture, 1.0 - opacity, 0.0)
    return np.where(mask[:, :, None], picture, blended).astype(np.uint8, copy=False)


def _find_background(value: Any) -> sv.Color:
    """Find the colour that a document writes as a text or as a list of three.

    Raises:
        BlockError: It is no colour.
    """
    from ..draw.colors import find_color

    if isinstance(value, str):
        return find_color(f"rgb{value}" if _BARE_TRIPLE.fullmatch(value.strip()) else value)
    if isinstance(value, list | tuple) and all(isinstance(part, int) for part in value):
        return find_color(f"rgb({', '.join(map(str, value))})")
    return find_color(repr(value))
