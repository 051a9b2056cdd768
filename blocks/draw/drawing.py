"""What all blocks that draw have in common: properties, the copy, the annotators they keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from trackwire.specs import (
    BOOLEAN,
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    KEYPOINT_DETECTION_PREDICTION,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    Batch,
    BlockError,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
    is_selector,
)

from ..elements import run_each
from ..frame import Frame

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = [
    "Drawing",
    "DrawingManifest",
    "Position",
    "PredictionDrawing",
    "PredictionDrawingManifest",
    "find_member",
    "find_position",
    "require_anchor",
]

Position: TypeAlias = Literal[
    "CENTER",
    "CENTER_LEFT",
    "CENTER_RIGHT",
    "TOP_CENTER",
    "TOP_LEFT",
    "TOP_RIGHT",
    "BOTTOM_LEFT",
    "BOTTOM_CENTER",
    "BOTTOM_RIGHT",
    "CENTER_OF_MASS",
]


class DrawingManifest(BlockManifest):
    """Properties that all drawing blocks share."""

    traits: ClassVar[Traits] = Traits(pure=True, local_only=True, cost="picture")
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("image", frozenset({IMAGE})),
    )

    image: Annotated[str, Selector(IMAGE)] = Field(description="Picture to draw on.")
    copy_image: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=True,
        description="Accepted for compatibility. A picture that other steps may read is never "
        "written to, and one that nothing is drawn on is passed on without a copy.",
    )


class PredictionDrawingManifest(DrawingManifest):
    """Properties of the blocks that draw predictions."""

    predictions: Annotated[
        str,
        Selector(
            OBJECT_DETECTION_PREDICTION,
            INSTANCE_SEGMENTATION_PREDICTION,
            RLE_INSTANCE_SEGMENTATION_PREDICTION,
            KEYPOINT_DETECTION_PREDICTION,
        ),
    ] = Field(description="What to draw.")


class Drawing(ABC):
    """A block that draws on pictures with an annotator.

    A subclass names its ``manifest`` and the ``options`` its annotator depends on, makes
    annotators and draws with them. Annotators are kept for the options they were made for.
    """

    manifest: ClassVar[type[BlockManifest]]
    options: ClassVar[tuple[str, ...]] = ()
    most_annotators: ClassVar[int] = 16

    def __init__(self) -> None:
        self._annotators: dict[Any, Any] = {}

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block, trying out the options that are known by now.

        Raises:
            BlockError: An option has a value that is none of those allowed.
        """
        block = cls()
        options = {name: getattr(step, name) for name in cls.options}
        if not any(map(_holds_selector, options.values())):
            block.make_annotator(options)
        return block

    @abstractmethod
    def make_annotator(self, options: Mapping[str, Any]) -> Any:
        """Make an annotator for options.

        Raises:
            BlockError: An option has a value that is none of those allowed.
        """

    @abstractmethod
    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element.

        Args:
            stream: The stream of the element.
            values: All properties of the element.

        Returns:
            A new frame, or the one given if nothing is drawn on it.
        """

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Draw each element."""
        return run_each(batch, lambda stream, values: {"image": self.draw(stream, values)})

    def annotator(self, stream: StreamKey, values: Mapping[str, Any]) -> Any:
        """Find the annotator for the options of an element, making it if need be."""
        key = tuple(_hashable(values[name]) for name in self.options)
        annotator = self._annotators.get(key)
        if annotator is None:
            annotator = self.make_annotator(values)
            while len(self._annotators) >= self.most_annotators:
                self._annotators.pop(next(iter(self._annotators)))
            self._annotators[key] = annotator
        return annotator

    def end_stream(self, stream: StreamKey) -> None:  # noqa: B027 - most have nothing to forget
        """Forget a stream; does nothing where a picture does not depend on earlier ones."""

    def close(self) -> None:
        """Free the annotators."""
        self._annotators.clear()


class PredictionDrawing(Drawing):
    """A block that draws predictions; without any it passes the picture on as it is."""

    @abstractmethod
    def annotate(
        self,
        annotator: Any,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Draw detections, of which there is at least one.

        Args:
            annotator: What :meth:`make_annotator` made.
            scene: ``(H, W, 3)`` uint8 BGR, drawn on in place.
            detections: What to draw.
            values: All properties of the element.
        """

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element; one without predictions gives its frame back."""
        frame: Frame = values["image"]
        detections: sv.Detections = values["predictions"]
        if not len(detections):
            return frame
        scene = frame.image.copy()
        self.annotate(self.annotator(stream, values), scene, detections, values)
        return Frame(scene, frame.video, frame.origin)


def find_member(members: Any, name: str, value: str) -> Any:
    """Find the member of an enumeration that a property names.

    Args:
        members: The enumeration.
        name: The property, for the error.
        value: Its value.

    Raises:
        BlockError: There is no such member.
    """
    known = {member.name: member for member in members}
    if value not in known:
        raise BlockError(
            f"{name} must be one of {', '.join(known)}, found {value!r}", code="option_value"
        )
    return known[value]


def find_position(name: str, value: str) -> sv.Position:
    """Find the anchor of a text, dot or trace.

    Args:
        name: The property, for the error.
        value: Its value.

    Raises:
        BlockError: There is no such anchor.
    """
    import supervision as sv

    position: sv.Position = find_member(sv.Position, name, value)
    return position


def require_anchor(detections: sv.Detections, name: str, value: str) -> None:
    """Make sure that detections have what the place of an anchor is worked out from.

    Args:
        detections: Detections that are about to be drawn.
        name: The property that names the anchor, for the error.
        value: Its value.

    Raises:
        BlockError: The anchor is ``CENTER_OF_MASS``, and the detections have no masks.
    """
    if value == "CENTER_OF_MASS" and detections.mask is None:
        raise BlockError(
            f"{name} CENTER_OF_MASS needs masks, which these predictions do not have; wire "
            "predictions with masks, or use CENTER",
            code="masks_missing",
        )


def _holds_selector(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_selector, value))
    return is_selector(value)


def _hashable(value: Any) -> Any:
    """A value as part of a key; equal values have equal keys."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, list | tuple):
        return tuple(map(_hashable, plain))
    return repr(plain) if isinstance(plain, Mapping) else plain
