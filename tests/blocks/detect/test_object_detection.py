"""The object detection block: options, batches, classes, files and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from trackwire.blocks import Frame
from trackwire.blocks.detect.detector import DetectOptions
from trackwire.blocks.detect.hosted import (
    HostedDetectorV1,
    HostedDetectorV2,
    HostedDetectorV3,
)
from trackwire.blocks.detect.object_detection import ObjectDetection, ObjectDetectionManifest
from trackwire.blocks.detect.onnx_detector import load_onnx_detector
from trackwire.specs import Batch, BlockError, BlockManifest, Event, Failure, ModelError, Resources

MakeFrame: TypeAlias = Callable[..., Frame]
WriteGraph: TypeAlias = Callable[..., Path]

NAMES = {"names": "{0: 'cat', 1: 'dog'}"}


def columns(*found: tuple[float, float, int, float]) -> NDArray[np.float64]:
    """What YOLOv8 puts out: objects of 10 x 10 as (centre x, centre y, class, confidence)."""
    table = np.zeros((6, 84))
    table[:4] = 10
    for place, (x, y, kind, confidence) in enumerate(found):
        table[:2, place] = x, y
        table[4 + kind, place] = confidence
    return table


def open_block(path: Path, resources: Resources | None = None, **properties: Any) -> Any:
    """Open the block on a file."""
    step = ObjectDetectionManifest(
        name="detector", images="$inputs.image", model_id=f"onnx:{path}", **properties
    )
    return ObjectDetection.open(step, resources or Resources())


def look(
    block: Any, manifest: type[BlockManifest], frames: list[Frame], **columns: list[Any]
) -> list[Any]:
    """Ask a block for the detections of frames; columns that are left out hold defaults."""
    fields = manifest.model_fields
    batch: dict[str, list[Any]] = {
        name: [field.default] * len(frames) for name, field in fields.items()
    }
    batch |= {"images": frames, "model_id": ["onnx:x"] * len(frames), **columns}
    outcomes = block.run(Batch([each.video.video_identifier for each in frames], batch))
    return [each.error if isinstance(each, Failure) else each for each in outcomes]


def test_each_picture_has_options_of_its_own(
    write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Wired options differ from stream to stream; a wrong one fails for its stream only."""
    outputs = {"o": columns((20, 20, 0, 0.9), (23, 20, 1, 0.7), (23, 20, 0, 0.6), (50, 50, 1, 0.5))}
    block = open_block(write_graph(outputs, metadata=NAMES))
    frames = [make_frame(stream, size_wh=(64, 64)) for stream in "abcdef"]
    results = look(
        block,
        ObjectDetectionManifest,
        frames,
        confidence=[0.4, 0.65, 0.4, 0.4, 0.4, 0.4],
        class_filter=[None, None, ["dog"], None, None, ["bird"]],
        class_agnostic_nms=[False, False, False, True, False, False],
        max_detections=[300, 300, 300, 300, 1, 300],
    )
    found = [
        [round(float(each), 3) for each in result["predictions"].confidence]
        for result in results[:5]
    ]
    assert found == [[0.9, 0.7, 0.5], [0.9, 0.7], [0.7, 0.5], [0.9, 0.5], [0.9]]
    assert isinstance(results[5], BlockError)
    assert results[5].code == "detector_class"
    assert "cat, dog" in results[5].message


@pytest.mark.parametrize("batch", ["batch", 1, 2, 8])
def test_batches_give_what_single_pictures_give(
    batch: int | str, write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Whether the graph takes one picture, so many or any number, each gets its own boxes."""
    bright = {"o": columns((0, 0, 1, 1.0)) * np.array([0, 0, 0, 0, 1, 1])[:, None]}
    outputs = {"o": columns((20, 20, 1, 0.01))}
    path = write_graph(outputs, bright=bright, shape=(batch, 3, 64, 64), metadata=NAMES)
    sizes = [(64, 64), (128, 128), (32, 32)]
    frames = [
        make_frame(str(grey), image=np.full((side, side, 3), grey, np.uint8))
        for grey, (side, _) in zip((120, 180, 240), sizes, strict=True)
    ]
    results = look(open_block(path), ObjectDetectionManifest, frames)
    for frame, result in zip(frames, results, strict=True):
        (confidence,) = result["predictions"].confidence
        assert confidence == pytest.approx(0.01 + frame.image[0, 0, 0] / 255, abs=1e-4)
        scale = frame.size_wh[0] / 64
        expected = [np.array([15, 15, 25, 25]) * scale]
        np.testing.assert_allclose(result["predictions"].xyxy, expected, atol=1e-3)


def test_half_precision_and_channels_unknown(
    write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """Graphs of float16 are fed what they take; dimensions may be left open."""
    outputs = {"o": columns((20, 20, 1, 0.9))}
    path = write_graph(
        outputs,
        shape=("n", "c", "h", "w"),
        metadata=NAMES | {"imgsz": "[64, 64]"},
        elem_type=TensorProto.FLOAT16,
    )
    (result,) = look(open_block(path), ObjectDetectionManifest, [make_frame(size_wh=(64, 64))])
    np.testing.assert_allclose(result["predictions"].xyxy, [[15, 15, 25, 25]], atol=1e-3)


def test_names_come_from_the_nearest_place(write_graph: WriteGraph, tmp_path: Path) -> None:
    """A names file comes before a description, and that before metadata."""
    outputs = {"o": columns((20, 20, 1, 0.9))}
    path = write_graph(outputs, metadata=NAMES)
    assert dict(load_onnx_detector(path).class_names) == {0: "cat", 1: "dog"}
    sidecar = path.with_suffix(".json")
    sidecar.write_text(json.dumps({"class_names": {"1": "wolf"}}))
    assert dict(load_onnx_detector(path).class_names) == {0: "class_0", 1: "wolf"}
    (tmp_path / "my.names").write_text("lion\njackal\n\n")
    sidecar.write_text(json.dumps({"class_names": "my.names"}))
    assert dict(load_onnx_detector(path).class_names) == {0: "lion", 1: "jackal"}
    (tmp_path / "other.names").write_text("mouse\nrat\n")
    resources = Resources(base_directory=tmp_path)
    block = open_block(Path(path.name), resources, names_file="other.names", class_filter=["rat"])
    assert isinstance(block, ObjectDetection)


def test_a_description_replaces_what_is_usual(write_graph: WriteGraph) -> None:
    """What it leaves out stays as the layout has it."""
    path = write_graph({"o": columns((20, 20, 1, 0.9))})
    path.with_suffix(".json").write_text('{"color": "bgr", "fit": "corner", "scale": 1.0}')
    how = load_onnx_detector(path).preparation
    assert (how.color, how.fit, how.scale, how.pad_value) == ("bgr", "corner", 1.0, 114)


def test_one_detector_serves_all_who_hold_it(write_graph: WriteGraph) -> None:
    """It is loaded once for as long as somebody holds it, and anew when the file changes."""
    path = write_graph({"o": columns((20, 20, 1, 0.9))}, metadata=NAMES)
    first = load_onnx_detector(path)
    assert load_onnx_detector(path) is first
    write_graph({"o": columns((30, 30, 1, 0.9), (9, 9, 0, 1.0))}, metadata={"names": "['a','b']"})
    assert load_onnx_detector(path) is not first


def test_opening_tells_what_computes(write_graph: WriteGraph) -> None:
    """The provider is reported as an event."""
    events: list[Event] = []
    path = write_graph({"o": columns((20, 20, 1, 0.9))}, metadata=NAMES)
    open_block(path, Resources(outbox=events.append, device="cpu"))
    assert [each.kind for each in events] == ["detector.loaded"]
    assert events[0].fields["provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("description", "match"),
    [
        ("{", "must be a JSON object"),
        ("[1]", "it may hold layout, input_size"),
        ('{"colour": "rgb"}', "no entry 'colour'; did you mean 'color'.* Allowed are layout"),
        ('{"scale": "x"}', "scale: .*valid number.*found 'x'"),
        ('{"class_names": ["a", 2]}', "class_names.1: .*found 2"),
        ('{"layout": "yolov9"}', "yolov8"),
        ('{"class_names": ["one"]}', "with 1 classes, as many as are named, but yolov8 with 2"),
        ('{"class_names": {"7": "one"}}', "0 to 1"),
        ('{"class_names": "none.txt"}', "none.txt"),
        ('{"margin": 64}', "smaller than both sides"),
        ('{"input_size": [32, 32]}', "pictures of 64x64 only"),
        ('{"layout": "rtdetr"}', "do not fit the layout 'rtdetr'"),
    ],
)
def test_wrong_descriptions_are_refused(
    description: str, match: str, write_graph: WriteGraph
) -> None:
    """Each says what is wrong, and what may stand there."""
    path = write_graph({"o": columns((20, 20, 1, 0.9))})
    path.with_suffix(".json").write_text(description)
    with pytest.raises(ModelError, match=match):
        open_block(path)


def test_wrong_files_are_refused(write_graph: WriteGraph, tmp_path: Path) -> None:
    """A missing file, one that is no model, one that takes no pictures, one without a size."""
    outputs = {"o": columns((20, 20, 1, 0.9))}
    codes = []
    (tmp_path / "text.onnx").write_text("not a model")
    paths = [
        tmp_path / "none.onnx",
        tmp_path / "text.onnx",
        write_graph(outputs, shape=("n", 4, 64, 64), name="four.onnx"),
        write_graph(outputs, shape=("n", 3, "h", "w"), name="any.onnx"),
        write_graph(outputs, metadata={"names": "['one']"}, name="names.onnx"),
    ]
    for path in paths:
        with pytest.raises(ModelError, match=path.name) as caught:
            open_block(path)
        codes.append(caught.value.code)
    assert codes == [
        "model_not_found",
        "detector_format",
        "detector_input",
        "detector_input",
        "detector_layout",
    ]


@pytest.mark.parametrize("device", ["tpu", "mps:x", "cuda:one"])
def test_a_device_that_is_not_there_is_refused(device: str, write_graph: WriteGraph) -> None:
    """No other one is taken in its place."""
    path = write_graph({"o": columns((20, 20, 1, 0.9))})
    with pytest.raises(ModelError, match="CPUExecutionProvider") as caught:
        open_block(path, Resources(device=device))
    assert caught.value.code == "model_device"


def test_a_misspelt_class_stops_the_start(write_graph: WriteGraph) -> None:
    """A filter that can never match is a mistake, not an empty result."""
    path = write_graph({"o": columns((20, 20, 1, 0.9))}, metadata=NAMES)
    with pytest.raises(BlockError, match="did you mean 'dog'"):
        open_block(path, class_filter=["dogs"])


@pytest.mark.parametrize("block", [HostedDetectorV1, HostedDetectorV2, HostedDetectorV3])
def test_documents_of_hosted_platforms_run(
    block: type[Any], write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """With onnx: as the model id, and with the outputs of their version."""
    path = write_graph({"o": columns((20, 20, 1, 0.9), (50, 50, 1, 0.3))}, metadata=NAMES)
    manifest = block.manifest
    type_id = manifest.type_ids()[0]
    step = manifest(name="d", type=type_id, images="$inputs.image", model_id=f"onnx:{path}")
    opened = block.open(step, Resources())
    (result,) = look(opened, manifest, [make_frame(size_wh=(64, 64))])
    assert set(result) == {output.name for output in manifest.outputs}
    assert result["inference_id"] == "cam/0/d"
    assert result["predictions"].confidence == pytest.approx([0.9])
    if block is HostedDetectorV3:
        (result,) = look(
            opened,
            manifest,
            [make_frame(size_wh=(64, 64))],
            confidence_mode=["custom"],
            custom_confidence=[0.2],
        )
        assert len(result["predictions"]) == 2
        (error,) = look(opened, manifest, [make_frame(size_wh=(64, 64))], confidence_mode=["bset"])
        assert isinstance(error, BlockError)
        assert error.code == "option_value"
        assert "best, default, custom, found 'bset'" in error.message


def test_steps_on_several_threads_share_a_network(
    write_graph: WriteGraph, make_frame: MakeFrame
) -> None:
    """It is loaded once, and whoever asks gets the answer to the own picture and options."""
    bright = {"o": columns((0, 0, 1, 1.0)) * np.array([0, 0, 0, 0, 1, 1])[:, None]}
    path = write_graph({"o": columns((20, 20, 1, 0.01))}, bright=bright, metadata=NAMES)
    frames = [
        make_frame(str(grey), image=np.full((64, 64, 3), grey, np.uint8))
        for grey in range(120, 250, 10)
    ]

    def ask(index: int) -> tuple[object, list[float]]:
        detector = load_onnx_detector(path)
        least = 0.1 if index % 2 else 1.0
        found = detector.detect(
            frames[index:], [DetectOptions(least)] * len(frames[index:]), "detector"
        )
        return detector, [float(each) for one in found for each in one.confidence]  # type: ignore[union-attr]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, list(range(len(frames))) * 4))
    assert len({id(detector) for detector, _ in answers}) == 1
    for number, (_, found) in enumerate(answers):
        index = number % len(frames)
        expected = [0.01 + (120 + 10 * each) / 255 for each in range(index, len(frames))]
        assert found == pytest.approx(expected if index % 2 else [], abs=1e-4)
