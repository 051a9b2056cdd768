"""What all blocks that draw predictions have in common: properties, colours, the copy."""

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
    LIST_OF_VALUES,
    OBJECT_DETECTION_PREDICTION,
    RLE_INSTANCE_SEGMENTATION_PREDICTION,
    STRING,
    Batch,
    BlockError,
    BlockManifest,
    Failure,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
    is_selector,
)

from ..frame import Frame
from ..options import Count

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = [
    "ColorOptions",
    "Drawing",
    "DrawingManifest",
    "Position",
    "find_position",
    "require_tracks",
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
_Palette: TypeAlias = Literal[
    "DEFAULT",
    "CUSTOM",
    "ROBOFLOW",
    "Matplotlib Viridis",
    "Matplotlib Plasma",
    "Matplotlib Inferno",
    "Matplotlib Magma",
    "Matplotlib Cividis",
    "Matplotlib Pastel1",
    "Matplotlib Pastel2",
    "Matplotlib Paired",
    "Matplotlib Accent",
    "Matplotlib Dark2",
    "Matplotlib Set1",
    "Matplotlib Set2",
    "Matplotlib Set3",
    "Matplotlib Tab10",
    "Matplotlib Tab20",
    "Matplotlib Tab20b",
    "Matplotlib Tab20c",
]


class DrawingManifest(BlockManifest):
    """Properties that all drawing blocks share.

    ``color_axis`` is ``CLASS`` by default, as in other engines, so that existing documents give
    the pictures they always gave. Behind a tracker ``TRACK`` is what most people want: one
    colour per object, for as long as it is followed.
    """

    traits: ClassVar[Traits] = Traits(pure=True, local_only=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("image", frozenset({IMAGE})),
    )

    image: Annotated[str, Selector(IMAGE)] = Field(description="Picture to draw on.")
    predictions: Annotated[
        str,
        Selector(
            OBJECT_DETECTION_PREDICTION,
            INSTANCE_SEGMENTATION_PREDICTION,
            RLE_INSTANCE_SEGMENTATION_PREDICTION,
            KEYPOINT_DETECTION_PREDICTION,
        ),
    ] = Field(description="What to draw.")
    copy_image: bool | Annotated[str, Selector(BOOLEAN)] = Field(
        default=True,
        description="Accepted for compatibility. A picture that other steps may read is never "
        "written to, and one that nothing is drawn on is passed on without a copy.",
    )
    color_palette: _Palette | Annotated[str, Selector(STRING)] = Field(
        default="DEFAULT", description="Colours to choose from."
    )
    palette_size: Count = Field(
        default=10, description="Number of colours taken from a Matplotlib colour map."
    )
    custom_colors: list[str] | Annotated[str, Selector(LIST_OF_VALUES)] = Field(
        default=[], description="Colours of the palette CUSTOM: #RRGGBB, rgb(r, g, b) or a name."
    )
    color_axis: Literal["INDEX", "CLASS", "TRACK"] | Annotated[str, Selector(STRING)] = Field(
        default="CLASS", description="What decides on the colour of an object."
    )


class ColorOptions:
    """The colour properties of one element, as annotators take them.

    Args:
        options: Values of the properties by name.

    Raises:
        BlockError: A value is no palette, colour or axis.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        import supervision as sv

        from .colors import find_palette

        self.color = find_palette(
            options["color_palette"], int(options["palette_size"]), options["custom_colors"]
        )
        self.color_lookup = _member(sv.ColorLookup, "color_axis", options["color_axis"])


class Drawing(ABC):
    """A block that draws predictions on a picture with an annotator.

    A subclass names its ``manifest`` and the ``options`` its annotator depends on, makes
    annotators and applies them. Annotators are kept for the options they were made for.
    """

    manifest: ClassVar[type[BlockManifest]]
    options: ClassVar[tuple[str, ...]] = (
        "color_palette",
        "palette_size",
        "custom_colors",
        "color_axis",
    )
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
        if not any(map(is_selector, options.values())):
            block.make_annotator(options)
        return block

    @abstractmethod
    def make_annotator(self, options: Mapping[str, Any]) -> Any:
        """Make an annotator for options.

        Raises:
            BlockError: An option has a value that is none of those allowed.
        """

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

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Draw each element."""
        outcomes: list[Outcome] = []
        for index, stream in enumerate(batch.streams):
            values = {name: column[index] for name, column in batch.columns.items()}
            try:
                outcomes.append({"image": self.draw(stream, values)})
            except Exception as error:  # noqa: BLE001 - one bad element must not fail the others
                outcomes.append(Failure(error))
        return outcomes

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element.

        Returns:
            A new frame, or the one given if nothing is drawn on it.
        """
        frame: Frame = values["image"]
        detections: sv.Detections = values["predictions"]
        if not len(detections):
            return frame
        require_tracks(detections, values["color_axis"])
        scene = frame.image.copy()
        self.annotate(self.annotator(stream, values), scene, detections, values)
        return Frame(scene, frame.video, frame.origin)

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


def require_tracks(detections: sv.Detections, color_axis: str) -> None:
    """Make sure that detections have the ids that colours are chosen by.

    Raises:
        BlockError: ``color_axis`` is ``TRACK``, and no tracker has seen the detections.
    """
    if color_axis == "TRACK" and detections.tracker_id is None:
        raise BlockError(
            "color_axis TRACK needs tracker ids, which these predictions do not have; wire the "
            "predictions of a tracker, or use CLASS or INDEX",
            code="tracker_ids_missing",
        )


def _member(members: Any, name: str, value: str) -> Any:
    known = {member.name: member for member in members}
    if value not in known:
        raise BlockError(
            f"{name} must be one of {', '.join(known)}, found {value!r}", code="option_value"
        )
    return known[value]


def find_position(name: str, value: str) -> sv.Position:
    """Find the anchor of a text or trace.

    Args:
        name: The property, for the error.
        value: Its value.

    Raises:
        BlockError: There is no such anchor.
    """
    import supervision as sv

    position: sv.Position = _member(sv.Position, name, value)
    return position


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
