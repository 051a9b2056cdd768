"""What the blocks have in common that colour each object by its class, track or position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from trackwire.specs import LIST_OF_VALUES, STRING, BlockError, Selector, StreamKey

from ..frame import Frame
from ..options import Count
from .drawing import PredictionDrawing, PredictionDrawingManifest, find_member

if TYPE_CHECKING:
    import supervision as sv

__all__ = ["ColorOptions", "ColoredDrawing", "ColoredDrawingManifest", "require_tracks"]

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


class ColoredDrawingManifest(PredictionDrawingManifest):
    """Properties of the blocks that give each object a colour.

    ``color_axis`` is ``CLASS`` by default, as in other engines, so that existing documents give
    the pictures they always gave. Behind a tracker ``TRACK`` is what most people want: one
    colour per object, for as long as it is followed.
    """

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
        self.color_lookup = find_member(sv.ColorLookup, "color_axis", options["color_axis"])


class ColoredDrawing(PredictionDrawing):
    """A block that draws each object in a colour of its own."""

    options: ClassVar[tuple[str, ...]] = (
        "color_palette",
        "palette_size",
        "custom_colors",
        "color_axis",
    )

    def draw(self, stream: StreamKey, values: Mapping[str, Any]) -> Frame:
        """Draw one element.

        Raises:
            BlockError: Colours go by track, and there are no tracks.
        """
        if len(values["predictions"]):
            require_tracks(values["predictions"], values["color_axis"])
        return super().draw(stream, values)


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
