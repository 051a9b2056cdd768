"""Small real clips, and documents of the existing language run on three drawn frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import av
import numpy as np
import pytest
import supervision as sv

from trackwire.blocks import Frame, VideoMetadata, build_detections, builtin_blocks
from trackwire.pipeline import Engine
from trackwire.specs import (
    IMAGE,
    INSTANCE_SEGMENTATION_PREDICTION,
    Batch,
    Block,
    BlockError,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Registry,
    Resources,
    Selector,
    Traits,
    compile_workflow,
)

COMPATIBLE = Path(__file__).resolve().parents[1] / "resources" / "specs" / "compatible"


def _clip(
    path: Path,
    *,
    size_wh: tuple[int, int] = (64, 48),
    frames: int = 12,
    fps: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    rotate: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
    gop: int = 5,
) -> Path:
    """Write a clip whose frame ``i`` has brightness ``16 * i % 240``, and a red top-left corner."""
    yuv = "yuv420p" if size_wh[0] % 2 == 0 and size_wh[1] % 2 == 0 else "yuv444p"
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=fps, options={"bf": "0"})
        stream.width, stream.height = size_wh
        stream.pix_fmt, stream.gop_size = yuv, gop
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "qp": "10", "bf": "0"}
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if rotate is not None:
            stream.set_display_rotation(rotate[0], hflip=rotate[1], vflip=rotate[2])
        for number in range(frames):
            image = np.full((size_wh[1], size_wh[0], 3), 16 * number % 240, np.uint8)
            image[: size_wh[1] // 2, : size_wh[0] // 2] = (0, 0, 255)
            picture = av.VideoFrame.from_ndarray(image, "bgr24")
            picture.pts = number if pts is None else pts[number]
            picture.time_base = time_base or 1 / Fraction(fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Make a clip below the test's folder by name; the options are those of ``_clip``."""
    return lambda name="clip.mp4", **options: _clip(tmp_path / name, **options)


@dataclass(frozen=True)
class CompatibleRun:
    """What a compatible document made of its frames.

    Args:
        about: The whole content of ``NAME.expected.json``.
        frames: The frames it was run on.
        detections: What the detector reported on each.
        outputs: The outputs of each frame by name.
        failures: The steps that failed on each.
        folder: The folder below which blocks wrote.
    """

    about: Mapping[str, Any]
    frames: Sequence[Frame]
    detections: Sequence[sv.Detections]
    outputs: Sequence[Mapping[str, Any]]
    failures: Sequence[Sequence[BlockError]]
    folder: Path


class InstanceSegmentationManifest(BlockManifest):
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("predictions", frozenset({INSTANCE_SEGMENTATION_PREDICTION})),
    )
    type: Literal[
        "roboflow_core/roboflow_instance_segmentation_model@v1",
        "roboflow_core/roboflow_instance_segmentation_model@v2",
        "RoboflowInstanceSegmentationModel",
    ]
    images: Annotated[str, Selector(IMAGE)]
    model_id: str = ""


class StandIn:
    """Stands in the place of a model on somebody's server: reports what was drawn."""

    manifest: ClassVar[type[BlockManifest]] = InstanceSegmentationManifest

    def __init__(self, step: BlockManifest, reports: Mapping[str, sv.Detections]) -> None:
        self._outputs = [output.name for output in step.outputs]
        self._reports = reports

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        return cls(step, resources.extras["reports"])

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        names = dict.fromkeys(self._outputs, "stand-in")
        return [
            {**names, "predictions": self._reports[frame.image_id]} for frame in batch["images"]
        ]

    def end_stream(self, stream: str) -> None:
        return

    def close(self) -> None:
        return


def _compatible_registry() -> Registry:
    """The blocks of the distribution, stand-ins in the place of models that a server runs."""
    blocks: list[type[Block]] = []
    known: set[str] = set()
    for block in builtin_blocks():
        ids = block.manifest.type_ids()
        known.update(ids)
        hosted = ids[0].startswith("roboflow_core/roboflow_")
        stand_in = type(block.__name__, (StandIn,), {"manifest": block.manifest})
        blocks.append(stand_in if hosted else block)
    if not known.intersection(InstanceSegmentationManifest.type_ids()):
        blocks.append(StandIn)
    return Registry(blocks)


def _draw(about: Mapping[str, Any], number: int) -> tuple[Frame, sv.Detections]:
    """Draw one frame: grey, a filled rectangle for each object; and report what is there."""
    width, height = about.get("size", (64, 48))
    objects = about["frames"][number]
    rate = Fraction(about.get("fps", 10))
    image = np.full((height, width, 3), 90, np.uint8)
    masks = np.zeros((len(objects), height, width), bool)
    for index, each in enumerate(objects):
        left, top, right, bottom = each["box"]
        image[top:bottom, left:right] = each.get("color", (0, 0, 255))
        left, top, right, bottom = each.get("mask", each["box"])
        masks[index, top:bottom, left:right] = True
    video = VideoMetadata(
        video_identifier="clip",
        source_id=0,
        frame_number=number,
        epoch=0,
        media_time_s=number / rate,
        frame_timestamp=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=float(number / rate)),
        received_s=0.0,
        fps=rate,
        comes_from_video_file=True,
    )
    frame = Frame(image, video)
    boxes = np.array([each["box"] for each in objects], float).reshape(-1, 4)
    tracked = bool(about.get("tracked"))
    return frame, build_detections(
        frame,
        boxes,
        confidence=[each.get("confidence", 1.0) for each in objects],
        class_id=[each.get("class_id", 0) for each in objects],
        class_name=[each.get("class", "object") for each in objects],
        tracker_id=[each["track"] for each in objects] if tracked else None,
        mask=sv.CompactMask.from_dense(masks, boxes, (height, width))
        if about.get("masks")
        else None,
        prediction_type="instance-segmentation" if about.get("masks") else "object-detection",
        producer="model",
    )


@pytest.fixture
def run_compatible(tmp_path: Path) -> Callable[..., CompatibleRun]:
    """Run a document of ``tests/resources/specs/compatible`` by name, on its three frames."""

    def run(name: str, **parameters: Any) -> CompatibleRun:
        about = json.loads((COMPATIBLE / f"{name}.expected.json").read_text())
        drawn = [_draw(about, number) for number in range(3)]
        workflow = compile_workflow(
            COMPATIBLE / f"{name}.json",
            registry=_compatible_registry(),
            parameters={**about.get("parameters", {}), **parameters},
        )
        reports = {frame.image_id: detections for frame, detections in drawn}
        batches = {
            each.name: [[detections] for _, detections in drawn]
            for each in workflow.inputs.values()
            if each.role == "batch"
        }
        resources = Resources(
            base_directory=COMPATIBLE, output_directory=tmp_path, extras={"reports": reports}
        )
        with Engine(workflow, resources) as engine:
            results = [
                engine.tick([frame], {batch: column[number] for batch, column in batches.items()})[
                    0
                ]
                for number, (frame, _) in enumerate(drawn)
            ]
            engine.end_stream("clip")
        return CompatibleRun(
            about,
            frames=[frame for frame, _ in drawn],
            detections=[detections for _, detections in drawn],
            outputs=[result.outputs for result in results],
            failures=[result.failures for result in results],
            folder=tmp_path,
        )

    return run
