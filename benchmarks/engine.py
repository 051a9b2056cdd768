"""What the engine costs: workflows beside the same blocks called by hand, and what compiling costs.

Three workflows run on 640x480 frames of one stream: 5 and 30 tiny blocks, where next to nothing
but the engine is measured, and five real ones. Engine and hand take turns, round by round, on the
same frames, so that a busy machine slows both down alike; the figures are medians over rounds.

Compiling is timed on documents that were never seen before, of 5 and 30 real steps, in a process
that has compiled others: the time to parse such a document as JSON stands beside it, measured in
turns.

    python benchmarks/engine.py [--frames 300] [--rounds 16] [--documents 200]

Goals: at most 100 microseconds per frame plus 20 per step; 3 ms to compile 5 steps, 15 ms for 30.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from trackwire.blocks import (
    Frame,
    VideoMetadata,
    build_detections,
    builtin_blocks,
    detections_to_json,
)
from trackwire.pipeline.engine import Engine
from trackwire.specs import (
    IMAGE,
    VIDEO_METADATA,
    WILDCARD,
    Batch,
    Block,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Registry,
    Resources,
    Selector,
    Traits,
    Workflow,
    compile_workflow,
    default_registry,
)

GOAL_FRAME_US = 100.0
GOAL_STEP_US = 20.0
GOAL_COMPILE_MS = {5: 3.0, 30: 15.0}
SIZE_WH = (640, 480)


class TinyManifest(BlockManifest):
    """What the tiny blocks have in common: one value in, one value out, an option."""

    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("value", frozenset({WILDCARD})),
    )
    option: float = 0.5


class BrightnessManifest(TinyManifest):
    """Reads a frame."""

    type: Literal["bench/brightness@v1"]
    source: Annotated[str, Selector(IMAGE)]


class ClockManifest(TinyManifest):
    """Reads the metadata of the video."""

    type: Literal["bench/clock@v1"]
    source: Annotated[str, Selector(VIDEO_METADATA)]


class ScaleManifest(TinyManifest):
    """Reads a number."""

    type: Literal["bench/scale@v1"]
    source: Annotated[str, Selector(WILDCARD)]


class RunningMeanManifest(TinyManifest):
    """Reads a number and remembers."""

    traits: ClassVar[Traits] = Traits(pure=False)
    type: Literal["bench/running_mean@v1"]
    source: Annotated[str, Selector(WILDCARD)]


class AlarmManifest(TinyManifest):
    """Reads a number."""

    type: Literal["bench/alarm@v1"]
    source: Annotated[str, Selector(WILDCARD)]


class Tiny:
    """The parts of the protocol that tiny blocks share."""

    manifest: ClassVar[type[BlockManifest]] = TinyManifest

    def __init__(self) -> None:
        self.means: dict[str, Any] = {}

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block."""
        return cls()

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Work on a batch."""
        raise NotImplementedError

    def end_stream(self, stream: str) -> None:
        """Forget a stream."""
        self.means.pop(stream, None)

    def close(self) -> None:
        """Free nothing."""


class Brightness(Tiny):
    """The green value in the middle of the frame."""

    manifest: ClassVar[type[BlockManifest]] = BrightnessManifest

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Read one pixel."""
        return [{"value": int(frame.image[240, 320, 1])} for frame in batch["source"]]


class Clock(Tiny):
    """The number of the frame."""

    manifest: ClassVar[type[BlockManifest]] = ClockManifest

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Read the metadata."""
        return [{"value": video.frame_number} for video in batch["source"]]


class Scale(Tiny):
    """A number times an option."""

    manifest: ClassVar[type[BlockManifest]] = ScaleManifest

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Multiply."""
        pairs = zip(batch["source"], batch["option"], strict=True)
        return [{"value": value * factor} for value, factor in pairs]


class RunningMean(Tiny):
    """The running mean of a number, per stream."""

    manifest: ClassVar[type[BlockManifest]] = RunningMeanManifest

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Update the means."""
        outcomes: list[Outcome] = []
        for stream, value in zip(batch.streams, batch["source"], strict=True):
            mean = 0.9 * self.means.get(stream, value) + 0.1 * value
            self.means[stream] = mean
            outcomes.append({"value": mean})
        return outcomes


class Alarm(Tiny):
    """Whether a number is above an option."""

    manifest: ClassVar[type[BlockManifest]] = AlarmManifest

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Compare."""
        pairs = zip(batch["source"], batch["option"], strict=True)
        return [{"value": value > limit} for value, limit in pairs]


def tiny_document(groups: int = 1) -> dict[str, Any]:
    """Five tiny blocks, some in a row, as many times as asked for."""
    steps: list[dict[str, Any]] = []
    outputs: dict[str, str] = {}
    for group in range(groups):
        wires = {
            "brightness": "$inputs.image",
            "clock": "$inputs.video",
            "scale": f"$steps.brightness{group}.value",
            "running_mean": f"$steps.scale{group}.value",
            "alarm": f"$steps.running_mean{group}.value",
        }
        steps += [
            {"type": f"bench/{name}@v1", "name": f"{name}{group}", "source": source}
            for name, source in wires.items()
        ]
        outputs |= {f"{name}{group}": f"$steps.{name}{group}.value" for name in ("alarm", "clock")}
    return _document(steps, outputs)


def long_document(number: int, steps: int) -> dict[str, Any]:
    """A detector, a tracker and drawings over one another; ``number`` makes it a new document."""
    written: list[dict[str, Any]] = [
        {
            "type": "roboflow_core/roboflow_object_detection_model@v1",
            "name": f"detector-{number}",
            "images": "$inputs.image",
            "model_id": f"some/{number}",
            "confidence": 0.4,
        },
        {
            "type": "roboflow_core/segment_anything_2_video@v1",
            "name": f"tracker-{number}",
            "images": "$inputs.image",
            "boxes": f"$steps.detector-{number}.predictions",
            "prompt_mode": "every_n_frames",
            "prompt_interval": number % 50 + 1,
        },
    ]
    image = "$inputs.image"
    kinds = ("mask", "bounding_box", "label", "trace")
    for index in range(steps - len(written)):
        name = f"drawn-{number}-{index}"
        written.append(
            {
                "type": f"roboflow_core/{kinds[index % 4]}_visualization@v1",
                "name": name,
                "image": image,
                "predictions": f"$steps.tracker-{number}.predictions",
                "color_axis": "TRACK",
            }
        )
        image = f"$steps.{name}.image"
    return _document(written, {"image": image})


def real_document(path: Path) -> dict[str, Any]:
    """Replayed detections, drawn four times over."""
    steps: list[dict[str, Any]] = [
        {
            "type": "trackwire/replayed_detections@v1",
            "name": "replay",
            "images": "$inputs.image",
            "path": str(path),
        }
    ]
    image = "$inputs.image"
    for kind in ("mask", "bounding_box", "label", "trace"):
        steps.append(
            {
                "type": f"roboflow_core/{kind}_visualization@v1",
                "name": kind,
                "image": image,
                "predictions": "$steps.replay.predictions",
            }
        )
        image = f"$steps.{kind}.image"
    return _document(steps, {"image": image, "predictions": "$steps.replay.predictions"})


def _document(steps: list[dict[str, Any]], outputs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "image"},
            {"type": "WorkflowVideoMetadata", "name": "video"},
        ],
        "steps": steps,
        "outputs": [
            {"type": "JsonField", "name": name, "selector": selector}
            for name, selector in outputs.items()
        ],
    }


def make_frames(count: int) -> list[Frame]:
    """Frames of one stream; they share a picture, since nobody writes to it."""
    image = np.random.default_rng(0).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    return [
        Frame(
            image,
            VideoMetadata(
                video_identifier="bench",
                source_id=0,
                frame_number=number,
                epoch=0,
                media_time_s=None,
                frame_timestamp=datetime.now(UTC),
                received_s=0.0,
            ),
        )
        for number in range(count)
    ]


def write_recording(path: Path, frames: Sequence[Frame]) -> None:
    """Write three tracked boxes per frame."""
    with path.open("w", encoding="utf-8") as file:
        for frame in frames:
            left = frame.video.frame_number % 300
            boxes = [(left, top, left + 80, top + 100) for top in (20, 180, 340)]
            found = build_detections(frame, boxes, tracker_id=(1, 2, 3), producer="bench")
            entry = {
                "video_identifier": "bench",
                "frame_number": frame.video.frame_number,
                "outputs": {"predictions": detections_to_json(found)},
            }
            file.write(json.dumps(entry) + "\n")


def wire_of(selector: str) -> tuple[str, ...]:
    """Read the names in a selector."""
    return tuple(selector.split(".")[1:])


def by_hand(workflow: Workflow) -> Callable[[Frame], dict[str, Any]]:
    """Open the blocks of a workflow and call them one after the other, wires and all."""
    steps = []
    for step in workflow.steps:
        manifest, sources = step.manifest, {}
        for name in type(manifest).model_fields:
            value = getattr(manifest, name)
            if isinstance(value, str) and value.startswith("$"):
                sources[name] = wire_of(value)
        literals = {
            name: (getattr(manifest, name),)
            for name in type(manifest).model_fields
            if name not in ("type", "name", *sources)
        }
        steps.append((step.name, step.block.open(manifest, Resources()), literals, sources))

    def run(frame: Frame) -> dict[str, Any]:
        values: dict[tuple[str, ...], Any] = {("image",): frame, ("video",): frame.video}
        for name, block, literals, sources in steps:
            columns = {**literals, **{key: (values[wire],) for key, wire in sources.items()}}
            (outcome,) = block.run(Batch(("bench",), columns))
            if not isinstance(outcome, Mapping):
                raise TypeError(f"step {name} has no outputs: {outcome}")
            for output, value in outcome.items():
                values[name, output] = value
        return {output.name: values[wire_of(str(output.reference))] for output in workflow.outputs}

    return run


def compare(document: Mapping[str, Any], frames: Sequence[Frame], rounds: int) -> tuple[Any, ...]:
    """Run engine and hand in turns.

    Returns:
        Type ids of the steps, and the medians over the rounds of the engine's and the hand's
        microseconds per frame and of the difference.
    """
    tiny: list[type[Block]] = [Brightness, Clock, Scale, RunningMean, Alarm]
    workflow = compile_workflow(document, registry=Registry([*builtin_blocks(), *tiny]))
    hand = by_hand(workflow)
    engine_us: list[float] = []
    hand_us: list[float] = []
    with Engine(workflow) as engine:
        for number in range(rounds + 1):
            turns: list[tuple[list[float], Callable[[Frame], Any]]] = [
                (engine_us, lambda frame: engine.tick([frame])[0].outputs),
                (hand_us, hand),
            ]
            if number % 2:  # whoever comes second finds the frames in the cache
                turns.reverse()
            for figures, drive in turns:
                outputs: Any = None  # kept until the next, as a caller would
                started = perf_counter()
                for frame in frames:
                    outputs = drive(frame)
                took_us = (perf_counter() - started) / len(frames) * 1e6
                if None in outputs.values():
                    raise RuntimeError(f"a step failed: {outputs}")
                if number:  # the first round warms both up
                    figures.append(took_us)
    gaps = [one - other for one, other in zip(engine_us, hand_us, strict=True)]
    types = [step.manifest.type for step in workflow.steps]
    return types, *map(statistics.median, (engine_us, hand_us, gaps))


def time_compiling(steps: int, count: int) -> tuple[float, float, float]:
    """Compile documents that are new each time.

    Returns:
        Milliseconds: the median to parse the JSON of one, the median and the 95th percentile to
        compile what was parsed.
    """
    registry = default_registry()
    parse_ms: list[float] = []
    compile_ms: list[float] = []
    for number in range(count + 10):
        text = json.dumps(long_document(number, steps))
        started = perf_counter()
        document = json.loads(text)
        parsed = perf_counter()
        compile_workflow(document, registry=registry)
        done = perf_counter()
        if number >= 10:  # the first ones warm up
            parse_ms.append((parsed - started) * 1e3)
            compile_ms.append((done - parsed) * 1e3)
    slow = statistics.quantiles(compile_ms, n=20)[-1]
    return statistics.median(parse_ms), statistics.median(compile_ms), slow


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="The engine's cost beside blocks called by hand")
    parser.add_argument("--frames", type=int, default=300, help="frames in a round")
    parser.add_argument("--rounds", type=int, default=16, help="rounds of engine and hand")
    parser.add_argument("--documents", type=int, default=200, help="documents of each length")
    options = parser.parse_args()
    print_engine(options)
    print_compiling(options.documents)


def print_compiling(count: int) -> None:
    """Measure compiling and print the table."""
    print(f"\ncompiling a new document, milliseconds, median of {count}\n")
    print(" ".join(f"{name:>9}" for name in ("steps", "parsing", "compiling", "p95", "goal")))
    for steps, goal in GOAL_COMPILE_MS.items():
        parse_ms, compile_ms, slow_ms = time_compiling(steps, count)
        reached = "reached" if compile_ms <= goal else "NOT reached"
        cells = (steps, f"{parse_ms:.3f}", f"{compile_ms:.2f}", f"{slow_ms:.2f}", f"<= {goal:.0f}")
        print(" ".join(f"{cell!s:>9}" for cell in cells), reached)


def print_engine(options: argparse.Namespace) -> None:
    """Measure the engine and print the table."""
    frames = make_frames(options.frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.jsonl"
        write_recording(path, frames)
        results = {
            "tiny": compare(tiny_document(), frames, options.rounds),
            "tiny x 6": compare(tiny_document(6), frames, options.rounds),
            "real": compare(real_document(path), frames, options.rounds),
        }
    print(
        f"engine, one stream of {SIZE_WH[0]}x{SIZE_WH[1]}, microseconds per frame, "
        f"median of {options.rounds} rounds of {options.frames} frames\n"
    )
    header = ("blocks", "steps", "by hand", "engine", "ratio", "overhead", "per step", "goal")
    print(" ".join(f"{name:>9}" for name in header))
    for name, (types, engine_us, hand_us, gap_us) in results.items():
        goal = GOAL_FRAME_US + GOAL_STEP_US * len(types)
        cells = [name, len(types), *(f"{value:.1f}" for value in (hand_us, engine_us))]
        cells += [f"{engine_us / hand_us:.2f}", f"{gap_us:.1f}", f"{gap_us / len(types):.1f}"]
        print(" ".join(f"{cell!s:>9}" for cell in (*cells, f"<= {goal:.0f}")))
    print()
    for name in ("tiny", "real"):
        print(f"{name}: {', '.join(results[name][0])}")
    reached = all(_reached(results[name]) for name in ("tiny", "tiny x 6"))
    print(
        f"\nGoal: an overhead of at most {GOAL_FRAME_US:.0f} microseconds per frame plus "
        f"{GOAL_STEP_US:.0f} per step: "
        + ("reached" if reached else "NOT reached")
        + " with the tiny blocks, where the overhead is not lost in the noise."
    )


def _reached(result: tuple[Any, ...]) -> bool:
    types, _, _, gap_us = result
    return bool(gap_us <= GOAL_FRAME_US + GOAL_STEP_US * len(types))


if __name__ == "__main__":
    main()
