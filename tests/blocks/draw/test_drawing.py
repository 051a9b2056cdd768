"""Drawing: the right pixels, on a copy, for all sizes and for nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, build_detections, empty_detections
from trackwire.blocks.draw.bounding_box import (
    BoundingBoxVisualization,
    BoundingBoxVisualizationManifest,
)
from trackwire.blocks.draw.color import ColorVisualization, ColorVisualizationManifest
from trackwire.blocks.draw.colors import find_color, find_palette
from trackwire.blocks.draw.dot import DotVisualization, DotVisualizationManifest
from trackwire.blocks.draw.halo import HaloVisualization, HaloVisualizationManifest
from trackwire.blocks.draw.label import (
    LabelVisualization,
    LabelVisualizationManifest,
    label_texts,
)
from trackwire.blocks.draw.mask import MaskVisualization, MaskVisualizationManifest
from trackwire.blocks.draw.polygon import PolygonVisualization, PolygonVisualizationManifest
from trackwire.blocks.draw.trace import TraceVisualization, TraceVisualizationManifest
from trackwire.pipeline.engine import Engine
from trackwire.specs import Batch, BlockError, Failure, Resources, compile_workflow

MakeFrame: TypeAlias = Callable[..., Frame]

KINDS: dict[str, tuple[Any, Any, str]] = {
    "mask": (MaskVisualization, MaskVisualizationManifest, "MaskVisualization"),
    "box": (
        BoundingBoxVisualization,
        BoundingBoxVisualizationManifest,
        "BoundingBoxVisualization",
    ),
    "label": (LabelVisualization, LabelVisualizationManifest, "LabelVisualization"),
    "trace": (TraceVisualization, TraceVisualizationManifest, "TraceVisualization"),
    "polygon": (PolygonVisualization, PolygonVisualizationManifest, "PolygonVisualization"),
    "halo": (HaloVisualization, HaloVisualizationManifest, "HaloVisualization"),
    "dot": (DotVisualization, DotVisualizationManifest, "DotVisualization"),
    "color": (ColorVisualization, ColorVisualizationManifest, "ColorVisualization"),
}
RED = {"color_palette": "CUSTOM", "custom_colors": ["#FF0000"]}


class Artist:
    """An opened drawing block with its manifest, shown one frame at a time."""

    def __init__(self, kind: str, **properties: Any) -> None:
        block, manifest, alias = KINDS[kind]
        self.step = manifest(
            type=alias, name="draw", image="$inputs.image", predictions="$steps.t.p", **properties
        )
        self.block = block.open(self.step, Resources())

    def draw(self, frame: Any, detections: sv.Detections, **values: Any) -> Any:
        """Draw; returns the frame or the error."""
        columns = {
            **{name: (getattr(self.step, name),) for name in type(self.step).model_fields},
            **{name: (value,) for name, value in values.items()},
            "image": (frame,),
            "predictions": (detections,),
        }
        (outcome,) = self.block.run(Batch((frame.video.video_identifier,), columns))
        return outcome.error if isinstance(outcome, Failure) else outcome["image"]


def tracked(frame: Any, *boxes: Any, mask: bool = False, **fields: Any) -> sv.Detections:
    """Detections of a tracker."""
    masks = None
    if mask:
        width, height = frame.size_wh
        dense = np.zeros((len(boxes), height, width), bool)
        for each, (x1, y1, x2, y2) in zip(dense, boxes, strict=True):
            each[y1:y2, x1:x2] = True
        masks = sv.CompactMask.from_dense(dense, np.array(boxes) - [0, 0, 1, 1], (height, width))
    fields.setdefault("tracker_id", range(1, len(boxes) + 1))
    return build_detections(frame, boxes, mask=masks, producer="t", **fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_given_frame_is_never_written_to(make_frame: MakeFrame, kind: str) -> None:
    """Drawing makes a new frame, with the same place in the stream, even without copy_image."""
    artist = Artist(kind, copy_image=False)
    frame = make_frame()
    before = frame.image.copy()
    artist.draw(frame, tracked(frame, (5, 25, 20, 40), mask=True))
    drawn = artist.draw(frame, tracked(frame, (25, 25, 40, 40), mask=True))
    assert drawn is not frame
    assert drawn.video is frame.video
    assert not drawn.image.flags.writeable
    assert not np.array_equal(drawn.image, before)
    np.testing.assert_array_equal(frame.image, before)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_draw_gives_the_frame_back(make_frame: MakeFrame, kind: str) -> None:
    """Empty detections, of a tracker or a detector, are no error and cost no copy."""
    artist = Artist(kind, color_axis="TRACK")
    frame = make_frame()
    for prediction_type in ("object-detection", "instance-segmentation"):
        empty = empty_detections(frame, producer="t", prediction_type=prediction_type)
        assert artist.draw(frame, empty) is frame
    assert artist.draw(frame, sv.Detections.empty()) is frame


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size_wh", [(16, 16), (17, 33), (1, 1)])
def test_tiny_and_odd_sizes(make_frame: MakeFrame, kind: str, size_wh: tuple[int, int]) -> None:
    """Pictures of any size are drawn on, also by what is larger than they are."""
    artist = Artist(kind, color_axis="TRACK")
    frame = make_frame(size_wh=size_wh)
    drawn = artist.draw(frame, tracked(frame, (0, 0, *size_wh), mask=True))
    assert drawn.image.shape == frame.image.shape


def test_mask_colours_its_pixels(make_frame: MakeFrame) -> None:
    """A mask colours its own pixels by the opacity, and no others."""
    frame = make_frame()
    drawn = Artist("mask", opacity=1.0, **RED).draw(
        frame, tracked(frame, (10, 10, 20, 30), mask=True)
    )
    red = (drawn.image == (0, 0, 255)).all(axis=2)
    expected = np.zeros((48, 64), bool)
    expected[10:30, 10:20] = True
    np.testing.assert_array_equal(red, expected)


def test_masks_are_the_same_compact_or_dense(make_frame: MakeFrame) -> None:
    """Compact masks give the picture that dense ones give."""
    frame = make_frame()
    detections = tracked(frame, (5, 5, 40, 40), (20, 20, 60, 45), mask=True)
    artist = Artist("mask", color_axis="INDEX")
    compact = artist.draw(frame, detections).image
    assert detections.mask is not None
    detections = replace(detections, mask=np.asarray(detections.mask))
    np.testing.assert_array_equal(artist.draw(frame, detections).image, compact)


def test_predictions_without_masks(make_frame: MakeFrame) -> None:
    """The mask block leaves the picture of plain boxes as it is."""
    frame = make_frame()
    assert Artist("mask").draw(frame, tracked(frame, (1, 1, 9, 9))) is frame


@pytest.mark.parametrize("roundness", [0.0, 0.5])
def test_box_is_drawn_along_its_edges(make_frame: MakeFrame, roundness: float) -> None:
    """A box colours the middle of its edges, in the colour of its class, and not its inside."""
    frame = make_frame()
    artist = Artist("box", thickness=1, roundness=roundness, **RED)
    image = artist.draw(frame, tracked(frame, (10, 10, 40, 40))).image
    assert image[10, 25].tolist() == [0, 0, 255]
    assert image[25, 25].tolist() == [90, 90, 90]


def test_colours_by_class_track_and_index(make_frame: MakeFrame) -> None:
    """CLASS is the default; TRACK follows the id wherever it stands in the list."""
    frame = make_frame()
    boxes = ((2, 2, 12, 12), (30, 2, 40, 12))
    colours = {"color_palette": "CUSTOM", "custom_colors": ["#FF0000", "#00FF00"], "thickness": 1}

    def drawn(axis: dict[str, str], *ids: int) -> list[list[int]]:
        detections = tracked(frame, *boxes, tracker_id=ids)
        image = Artist("box", **colours, **axis).draw(frame, detections).image
        return [image[2, 7].tolist(), image[2, 35].tolist()]

    red, green = [0, 0, 255], [0, 255, 0]
    assert drawn({}, 1, 2) == [red, red]
    assert drawn({"color_axis": "INDEX"}, 2, 1) == [red, green]
    assert drawn({"color_axis": "TRACK"}, 1, 2) == [green, red]
    assert drawn({"color_axis": "TRACK"}, 2, 1) == [red, green]


def test_track_colours_need_tracks(make_frame: MakeFrame) -> None:
    """TRACK on detections without ids is an error that says what to wire."""
    frame = make_frame()
    error = Artist("box", color_axis="TRACK").draw(
        frame, tracked(frame, (1, 1, 9, 9), tracker_id=None)
    )
    assert error.code == "tracker_ids_missing"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Class", "person"),
        ("Confidence", "0.50"),
        ("Class and Confidence", "person 0.50"),
        ("Class and Tracker Id", "person #7"),
        ("Index", "0"),
        ("Dimensions", "20, 25 20x30"),
        ("Area", "600"),
        ("Tracker Id", "7"),
        ("Time In Zone", "In zone: N/A"),
        ("detection_id", "cam/0/t/0"),
    ],
)
def test_label_texts(make_frame: MakeFrame, text: str, label: str) -> None:
    """Each choice of text, and a data field, is put into words."""
    detections = tracked(
        make_frame(), (10, 10, 30, 40), tracker_id=[7], confidence=[0.5], class_name="person"
    )
    assert label_texts(detections, text) == [label]


def test_label_of_a_missing_field(make_frame: MakeFrame) -> None:
    """A text that names no field lists the fields there are."""
    with pytest.raises(BlockError, match="class_name"):
        label_texts(tracked(make_frame(), (1, 1, 9, 9)), "speed")


def test_traces_are_per_stream_and_bounded(make_frame: MakeFrame) -> None:
    """A trace joins the points of one stream's track, no further back than its length."""
    artist = Artist("trace", trace_length=5, **RED)

    def show(stream: str, number: int, left: int, epoch: int = 0) -> np.ndarray:
        frame = make_frame(stream, number, epoch=epoch)
        box = (left, 20, left + 2, 22)
        drawn: Frame = artist.draw(frame, tracked(frame, box))
        return drawn.image

    image = other = make_frame().image
    for number in range(20):
        other = show("b", number, 50)
        image = show("a", number, 2 * number)
    red = np.flatnonzero((image[21] == (0, 0, 255)).all(axis=1))
    assert (red.min(), red.max()) == (31, 39)
    assert not (other[21, :50] == (0, 0, 255)).all(axis=1).any()
    trace = artist.block._streams["a"][1].trace
    assert len(trace.xy) <= 6
    fresh = show("a", 20, 4, epoch=1)
    assert not (fresh == (0, 0, 255)).all(axis=2).any()
    artist.block.end_stream("a")
    assert artist.block._streams.keys() == {"b"}


def test_traces_need_tracks(make_frame: MakeFrame) -> None:
    """Traces of detections without ids are an error that says what to wire."""
    frame = make_frame()
    error = Artist("trace").draw(frame, tracked(frame, (1, 1, 9, 9), tracker_id=None))
    assert error.code == "tracker_ids_missing"


def test_colours_and_palettes() -> None:
    """Colours in all notations, palettes by all names."""
    for text in ("#ff8000", "rgb(255, 128, 0)", "bgr(0,128,255)"):
        assert find_color(text).as_rgb() == (255, 128, 0)
    assert find_color("white").as_rgb() == (255, 255, 255)
    for name in ("Matplotlib Viridis", "Matplotlib Tab20b", "Matplotlib Pastel1"):
        assert len(find_palette(name, 5, []).colors) == 5
    assert find_palette("ROBOFLOW", 10, []).colors


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"color_palette": "CUSTOM"}, "empty_palette"),
        ({"color_palette": "CUSTOM", "custom_colors": ["#12"]}, "unknown_color"),
        ({"color_palette": "CUSTOM", "custom_colors": ["rgb(1, 2, 300)"]}, "unknown_color"),
    ],
)
def test_wrong_colours_are_found_when_opening(properties: dict[str, Any], code: str) -> None:
    """A colour that is none is an error before the first frame."""
    with pytest.raises(BlockError) as caught:
        Artist("box", **properties)
    assert caught.value.code == code


def test_a_slip_in_a_colour_map_is_told() -> None:
    """The near one is named, and where all of them are listed."""
    with pytest.raises(BlockError, match="did you mean Matplotlib viridis") as caught:
        find_palette("Matplotlib Viridiss", 5, [])
    assert "matplotlib.colormaps" in str(caught.value)


def test_options_from_elsewhere_are_checked_too(make_frame: MakeFrame) -> None:
    """Values that arrive over a wire are held against what is allowed."""
    frame = make_frame()
    detections = tracked(frame, (1, 1, 9, 9))
    for values in ({"color_axis": "SIZE"}, {"color_palette": "Matplotlib Virids"}):
        assert isinstance(Artist("box").draw(frame, detections, **values), BlockError)


def test_legacy_names_compile_and_draw(make_frame: MakeFrame) -> None:
    """A document with the old names of the blocks draws box, label and mask in turn."""
    steps: list[dict[str, Any]] = [
        {
            "type": "trackwire/motion_detection@v1",
            "name": "motion",
            "images": "$inputs.image",
            "warm_up_frames": "$inputs.frames",
        }
    ]
    image = "$inputs.image"
    for name in ("MaskVisualization", "BoundingBoxVisualization", "LabelVisualization"):
        steps.append(
            {
                "type": name,
                "name": name,
                "image": image,
                "predictions": "$steps.motion.predictions",
                "color_palette": "$inputs.palette",
            }
        )
        image = f"$steps.{name}.image"
    document = {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {"type": "WorkflowParameter", "name": "frames", "default_value": 1},
            {"type": "WorkflowParameter", "name": "palette", "default_value": "ROBOFLOW"},
        ],
        "steps": steps,
        "outputs": [{"type": "JsonField", "name": "image", "selector": image}],
    }
    with Engine(compile_workflow(document)) as engine:
        still = make_frame("cam", 0)
        moved = still.image.copy()
        moved[10:30, 10:30] = 250
        engine.tick([still])
        (result,) = engine.tick([make_frame("cam", 1, image=moved)])
    assert result.failures == ()
    assert not np.array_equal(result.outputs["image"].image, moved)
