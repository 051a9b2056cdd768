"""Documents of the existing language draw, pixel by pixel, what supervision draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from trackwire.blocks import Frame, in_frame_coordinates

Picture: TypeAlias = NDArray[np.uint8]
Draw: TypeAlias = Callable[[Picture, sv.Detections], Any]


def _draw_line(scene: Picture, _: sv.Detections) -> Picture:
    shape = np.zeros_like(scene)
    cv2.line(shape, (10, 44), (63, 44), (0, 0, 255), 1)
    added: Any = cv2.addWeighted(shape, 0.2, scene, 1.0, 0.0)
    text = "in: 3, out: 2"
    (width, height), _baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.3, 1)
    # Centred on the start of the line, were it not for the left and the lower edge.
    center = sv.Point(max(10, width // 2), min(44, 48 - 1 - (height - height // 2)))
    drawn: Picture = sv.draw_text(
        added, text, center, text_scale=0.3, text_padding=0, background_color=sv.Color.WHITE
    )
    return drawn


def _draw_in_turn(scene: Picture, detections: sv.Detections) -> Picture:
    palette = sv.ColorPalette.from_matplotlib("Set1", 4)
    for annotator in (
        sv.MaskAnnotator(palette),
        sv.RoundBoxAnnotator(palette, roundness=0.4),
        sv.DotAnnotator(position=sv.Position.TOP_CENTER, outline_thickness=1),
    ):
        scene = annotator.annotate(scene, detections)
    return scene


def _draw_labels(scene: Picture, detections: sv.Detections) -> Picture:
    annotator = sv.LabelAnnotator(
        text_scale=0.3, text_padding=1, text_position=sv.Position.BOTTOM_LEFT
    )
    assert detections.confidence is not None
    texts = [
        f"{name} {confidence:.2f}"
        for name, confidence in zip(
            detections.data["class_name"], detections.confidence, strict=True
        )
    ]
    return annotator.annotate(scene, detections, texts)


_HALO = sv.HaloAnnotator(opacity=0.6, kernel_size=9, color_lookup=sv.ColorLookup.TRACK)
DRAWN: dict[str, Draw] = {
    "polygon_visualization": sv.PolygonAnnotator(thickness=1).annotate,
    "halo_visualization": _HALO.annotate,
    "blur_visualization": sv.BlurAnnotator(kernel_size=5).annotate,
    "pixelate_visualization": sv.PixelateAnnotator(pixel_size=9).annotate,
    "label_visualization": _draw_labels,
    "line_counter_visualization": _draw_line,
    "drawing_in_turn": _draw_in_turn,
}


def _compare(run: Any, draw: Draw, *, changes: Sequence[bool]) -> None:
    """Compare the pictures of a run with those drawn here; say which frames must change."""
    for frame, detections, outputs, changed in zip(
        run.frames, run.detections, run.outputs, changes, strict=True
    ):
        expected = draw(frame.image.copy(), detections)
        np.testing.assert_array_equal(outputs["image"].image, expected)
        assert np.array_equal(expected, frame.image) is not changed


@pytest.mark.parametrize("name", DRAWN)
def test_a_document_draws_what_supervision_draws(
    name: str, run_compatible: Callable[..., Any]
) -> None:
    """Three frames, one of them without objects, are drawn on like the annotator draws."""
    lines = name == "line_counter_visualization"
    _compare(run_compatible(name), DRAWN[name], changes=(True, lines, True))


def test_a_document_draws_traces(run_compatible: Callable[..., Any]) -> None:
    """The trace grows from frame to frame; an object seen once has none yet."""
    annotator = sv.TraceAnnotator(trace_length=5, thickness=2)
    run = run_compatible("trace_visualization")
    _compare(run, annotator.annotate, changes=(False, True, True))


def test_a_star_behind_a_crop(run_compatible: Callable[..., Any]) -> None:
    """Every output of the crop has a value for each detection, and they belong together."""
    run = run_compatible("dynamic_crop_wildcard")
    for frame, detections, outputs in zip(run.frames, run.detections, run.outputs, strict=True):
        parts = _as_lists(outputs["everything"])
        assert parts.keys() == {"crops", "predictions"}
        assert [len(values) for values in parts.values()] == [len(detections)] * 2
        for index, (crop, found) in enumerate(
            zip(parts["crops"], parts["predictions"], strict=True)
        ):
            assert isinstance(crop, Frame)
            left, top, right, bottom = detections.xyxy[index].astype(int)
            np.testing.assert_array_equal(crop.image, frame.image[top:bottom, left:right])
            moved = in_frame_coordinates(found)
            np.testing.assert_array_equal(moved.xyxy, detections.xyxy[[index]])
            assert moved.data["class_name"] == detections.data["class_name"][[index]]


def _as_lists(everything: Any) -> dict[str, list[Any]]:
    """The star's value as lists by output, whether it is one object or one for each part."""
    if isinstance(everything, dict):
        return everything
    names = ("crops", "predictions")
    return {name: [part[name] for part in everything] for name in names}
