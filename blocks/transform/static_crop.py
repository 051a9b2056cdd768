"""Crops at a fixed place: the same part of each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from trackwire.specs import (
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    Batch,
    BlockManifest,
    Halt,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
)

from ..elements import run_each
from ..frame import Frame
from ..options import Count

__all__ = [
    "AbsoluteStaticCrop",
    "AbsoluteStaticCropManifest",
    "RelativeStaticCrop",
    "RelativeStaticCropManifest",
]

_Share: TypeAlias = (
    Annotated[float, Field(ge=0.0, le=1.0)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
)


class _StaticCropManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True, cost="picture")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("crops", frozenset({IMAGE})),
    )

    images: Annotated[str, Selector(IMAGE)] = Field(description="Pictures to cut.")


class RelativeStaticCropManifest(_StaticCropManifest):
    """Properties of the block that cuts at a place given in shares of the picture."""

    # The second id is the one that documents have: its family is misspelt there.
    type: Literal[
        "roboflow_core/relative_static_crop@v1",
        "roboflow_core/relative_statoic_crop@v1",
        "RelativeStaticCrop",
    ]
    x_center: _Share = Field(description="Centre of the part, share of the picture's width.")
    y_center: _Share = Field(description="Centre of the part, share of the picture's height.")
    width: _Share = Field(description="Width of the part, share of the picture's width.")
    height: _Share = Field(description="Height of the part, share of the picture's height.")


class AbsoluteStaticCropManifest(_StaticCropManifest):
    """Properties of the block that cuts at a place given in pixels."""

    type: Literal["roboflow_core/absolute_static_crop@v1", "AbsoluteStaticCrop"]
    x_center: Count = Field(description="Centre of the part, pixels from the left.")
    y_center: Count = Field(description="Centre of the part, pixels from the top.")
    width: Count = Field(description="Width of the part, pixels.")
    height: Count = Field(description="Height of the part, pixels.")


class _StaticCrop:
    """Cuts one part out of each picture."""

    manifest: ClassVar[type[BlockManifest]]

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block."""
        return cls()

    def place(self, frame: Frame, values: Mapping[str, Any]) -> tuple[float, float, float, float]:
        """Say where to cut.

        Returns:
            Centre x, centre y, width and height, pixels.
        """
        raise NotImplementedError(type(self).__name__)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Cut each picture; where nothing is left of it, the branch ends."""
        return run_each(batch, lambda _stream, values: self._cut(values))

    def _cut(self, values: Mapping[str, Any]) -> Outcome:
        from .cutting import cut

        frame: Frame = values["images"]
        x_center, y_center, width, height = self.place(frame, values)
        left, top = round(x_center - width / 2), round(y_center - height / 2)
        crop = cut(frame, left, top, round(left + width), round(top + height))
        if crop is None:
            return Halt("the part to cut out has no pixel in the picture")
        return {"crops": crop}

    def end_stream(self, stream: StreamKey) -> None:
        """Forget nothing: a crop does not depend on earlier ones."""

    def close(self) -> None:
        """Free nothing."""


class RelativeStaticCrop(_StaticCrop):
    """Cuts the same part, given in shares of width and height, out of each picture.

    What would lie beyond an edge is left away. Where no pixel is left, what depends on the crop
    is not run.
    """

    manifest: ClassVar[type[BlockManifest]] = RelativeStaticCropManifest

    def place(self, frame: Frame, values: Mapping[str, Any]) -> tuple[float, float, float, float]:
        """Turn shares into whole pixels."""
        width, height = frame.size_wh
        return (
            round(width * values["x_center"]),
            round(height * values["y_center"]),
            round(width * values["width"]),
            round(height * values["height"]),
        )


class AbsoluteStaticCrop(_StaticCrop):
    """Cuts the same part, given in pixels, out of each picture.

    What would lie beyond an edge is left away. Where no pixel is left, what depends on the crop
    is not run.
    """

    manifest: ClassVar[type[BlockManifest]] = AbsoluteStaticCropManifest

    def place(self, frame: Frame, values: Mapping[str, Any]) -> tuple[float, float, float, float]:
        """Take the pixels as they are given."""
        return values["x_center"], values["y_center"], values["width"], values["height"]
