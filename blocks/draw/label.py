"""Labels, written beside objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from trackwire.specs import FLOAT, INTEGER, STRING, BlockError, BlockManifest, Selector

from ..detections import CLASS_NAME
from ..options import Count
from .coloring import ColoredDrawing, ColoredDrawingManifest, ColorOptions
from .drawing import Position, find_position, require_anchor

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

__all__ = ["LabelVisualization", "LabelVisualizationManifest", "label_texts"]


class LabelVisualizationManifest(ColoredDrawingManifest):
    """Properties of the block that writes labels."""

    type: Literal["roboflow_core/label_visualization@v1", "LabelVisualization"]
    text: (
        Literal[
            "Class",
            "Confidence",
            "Class and Confidence",
            "Class and Tracker Id",
            "Index",
            "Dimensions",
            "Area",
            "Tracker Id",
            "Time In Zone",
        ]
        | Annotated[str, Selector(STRING)]
    ) = Field(
        default="Class",
        description="What to write; a value from elsewhere may also name a data field of the "
        "predictions.",
    )
    text_position: Position | Annotated[str, Selector(STRING)] = Field(
        default="TOP_LEFT", description="Where at the box the label stands."
    )
    text_color: str | Annotated[str, Selector(STRING)] = Field(
        default="WHITE", description="Colour of the text: #RRGGBB, rgb(r, g, b) or a name."
    )
    text_scale: Annotated[float, Field(gt=0.0)] | Annotated[str, Selector(FLOAT)] = Field(
        default=1.0, description="Size of the text; 1.0 is about 20 pixels high."
    )
    text_thickness: Count = Field(default=1, description="Width of the text's lines, pixels.")
    text_padding: Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)] = Field(
        default=10, description="Space around the text, pixels."
    )
    border_radius: Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)] = Field(
        default=0, description="Radius of the label's corners, pixels."
    )


class LabelVisualization(ColoredDrawing):
    """Writes a label at each object."""

    manifest: ClassVar[type[BlockManifest]] = LabelVisualizationManifest
    options: ClassVar[tuple[str, ...]] = (
        *ColoredDrawing.options,
        "text_position",
        "text_color",
        "text_scale",
        "text_thickness",
        "text_padding",
        "border_radius",
    )

    def make_annotator(self, options: Mapping[str, Any]) -> sv.LabelAnnotator:
        """Make an annotator for options."""
        import supervision as sv

        from .colors import find_color

        colors = ColorOptions(options)
        return sv.LabelAnnotator(
            color=colors.color,
            color_lookup=colors.color_lookup,
            text_color=find_color(options["text_color"]),
            text_scale=float(options["text_scale"]),
            text_thickness=int(options["text_thickness"]),
            text_padding=int(options["text_padding"]),
            text_position=find_position("text_position", options["text_position"]),
            border_radius=int(options["border_radius"]),
        )

    def annotate(
        self,
        annotator: sv.LabelAnnotator,
        scene: NDArray[np.uint8],
        detections: sv.Detections,
        values: Mapping[str, Any],
    ) -> None:
        """Write the labels."""
        require_anchor(detections, "text_position", values["text_position"])
        annotator.annotate(scene, detections, labels=label_texts(detections, values["text"]))


def label_texts(detections: sv.Detections, text: str) -> list[str]:
    """Put the labels of detections into words.

    Args:
        detections: What to label.
        text: One of the choices of the property ``text``, or the name of a data field.

    Returns:
        One label per detection.

    Raises:
        BlockError: ``text`` is none of these, or the detections lack what it needs.
    """
    known = _TEXTS.get(text)
    return _field(detections, text) if known is None else known(detections)


def _tracks(detections: sv.Detections) -> list[str]:
    if detections.tracker_id is None:
        return ["No Tracker ID"] * len(detections)
    return [str(track) for track in detections.tracker_id]


def _confidences(detections: sv.Detections) -> list[str]:
    if detections.confidence is None:
        return ["N/A"] * len(detections)
    return [f"{confidence:.2f}" for confidence in detections.confidence]


def _field(detections: sv.Detections, name: str) -> list[str]:
    if name not in detections.data:
        raise BlockError(
            f"a label needs the data field {name!r}, which these predictions lack; they have "
            f"{', '.join(sorted(detections.data)) or 'none'}. Other texts are {', '.join(_TEXTS)}",
            code="data_field_missing",
        )
    return [str(value) for value in detections.data[name]]


def _classes(detections: sv.Detections) -> list[str]:
    return _field(detections, CLASS_NAME)


def _paired(first: list[str], second: list[str]) -> list[str]:
    return [f"{one} {other}" for one, other in zip(first, second, strict=True)]


def _class_and_track(detections: sv.Detections) -> list[str]:
    return _paired(_classes(detections), [f"#{track}" for track in _tracks(detections)])


def _dimensions(detections: sv.Detections) -> list[str]:
    return [
        f"{int((x1 + x2) / 2)}, {int((y1 + y2) / 2)} {int(x2 - x1)}x{int(y2 - y1)}"
        for x1, y1, x2, y2 in detections.xyxy
    ]


def _times(detections: sv.Detections) -> list[str]:
    if "time_in_zone" not in detections.data:
        return ["In zone: N/A"] * len(detections)
    return [f"In zone: {float(time):.2f}s" for time in detections.data["time_in_zone"]]


_TEXTS: Final[Mapping[str, Callable[[sv.Detections], list[str]]]] = {
    "Class": _classes,
    "Confidence": _confidences,
    "Class and Confidence": lambda each: _paired(_classes(each), _confidences(each)),
    "Class and Tracker Id": _class_and_track,
    "Index": lambda each: [str(index) for index in range(len(each))],
    "Dimensions": _dimensions,
    "Area": lambda each: [str(int(area)) for area in each.area],
    "Tracker Id": _tracks,
    "Time In Zone": _times,
}
