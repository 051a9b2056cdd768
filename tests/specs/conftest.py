"""A small world of blocks for the tests of the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import pytest
from pydantic import Field

from trackwire.specs import (
    FLOAT_ZERO_TO_ONE,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    INTEGER,
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    STEP,
    STRING,
    Batch,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Registry,
    Resources,
    Selector,
    StreamKey,
    Traits,
)


def offers(name: str, *kinds: str) -> OutputDefinition:
    """Write an output definition shortly."""
    return OutputDefinition(name, frozenset(kinds))


class Idle:
    """The part of a block that the compiler never calls."""

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        return cls()

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        return [{} for _ in batch.streams]

    def end_stream(self, stream: StreamKey) -> None:
        return

    def close(self) -> None:
        return


class DetectorManifest(BlockManifest):
    type: Literal["test/detector@v1", "Detector"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        offers("predictions", OBJECT_DETECTION_PREDICTION),
    )
    images: Annotated[str, Selector(IMAGE)]
    confidence: (
        Annotated[float, Field(ge=0, le=1)] | Annotated[str, Selector(FLOAT_ZERO_TO_ONE)]
    ) = 0.4
    class_filter: (
        list[str | Annotated[str, Selector(STRING)]]
        | Annotated[str, Selector(LIST_OF_VALUES)]
        | None
    ) = None


class Detector(Idle):
    manifest: ClassVar[type[BlockManifest]] = DetectorManifest


class TrackerManifest(BlockManifest):
    type: Literal["test/tracker@v1"]
    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, lazy_inputs=frozenset({"boxes"}))
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        offers("predictions", INSTANCE_SEGMENTATION_PREDICTION),
    )
    images: Annotated[str, Selector(IMAGE)]
    boxes: Annotated[str, Selector(OBJECT_DETECTION_PREDICTION)] | None = None
    prompt_mode: (
        Literal["first_frame", "every_n_frames", "every_frame"] | Annotated[str, Selector(STRING)]
    ) = "first_frame"
    prompt_interval: Annotated[int, Field(ge=1)] | Annotated[str, Selector(INTEGER)] = 30


class Tracker(Idle):
    manifest: ClassVar[type[BlockManifest]] = TrackerManifest


class DrawManifest(BlockManifest):
    type: Literal["test/draw@v1"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (offers("image", IMAGE),)
    image: Annotated[str, Selector(IMAGE)]
    predictions: Annotated[
        str, Selector(OBJECT_DETECTION_PREDICTION, INSTANCE_SEGMENTATION_PREDICTION)
    ]
    style: dict[str, Any] = Field(default_factory=dict)
    title: str = ""


class Draw(Idle):
    manifest: ClassVar[type[BlockManifest]] = DrawManifest


class CropManifest(BlockManifest):
    type: Literal["test/crop@v1"]
    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=1)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (offers("crops", IMAGE),)
    images: Annotated[str, Selector(IMAGE)]
    predictions: Annotated[str, Selector(OBJECT_DETECTION_PREDICTION)]


class Crop(Idle):
    manifest: ClassVar[type[BlockManifest]] = CropManifest


class GatherManifest(BlockManifest):
    type: Literal["test/gather@v1"]
    traits: ClassVar[Traits] = Traits(pure=True, output_dimension=-1)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (offers("images", IMAGE),)
    images: Annotated[str, Selector(IMAGE)]


class Gather(Idle):
    manifest: ClassVar[type[BlockManifest]] = GatherManifest


class WriterManifest(BlockManifest):
    type: Literal["test/writer@v1"]
    traits: ClassVar[Traits] = Traits(pure=False)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    values: dict[str, Annotated[Any, Field()]]


class Writer(Idle):
    manifest: ClassVar[type[BlockManifest]] = WriterManifest


class GateManifest(BlockManifest):
    type: Literal["test/gate@v1", "Gate"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
    condition: Annotated[str, Selector()]
    next_steps: list[Annotated[str, Selector(STEP)]]


class Gate(Idle):
    manifest: ClassVar[type[BlockManifest]] = GateManifest


BLOCKS = (Detector, Tracker, Draw, Crop, Gather, Writer, Gate)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The blocks of this file."""
    return Registry(BLOCKS)


@pytest.fixture(scope="session")
def documents() -> Path:
    """The folder of the good and bad documents."""
    return Path(__file__).parent.parent / "resources" / "specs"
