"""Throughput of the inference pipeline beside a bare decoding loop over the same file.

The bare loop is PyAV as one writes it by hand: decode each frame and make a BGR array of it. The
pipeline does the same with its threads, queues, metadata and a sink around it, and custom logic
that does nothing. Both run alternately in this process, so that a busy machine slows both; the
figure that counts is the ratio. The source alone is shown as well.

Then the same for several files: the pipeline reads them at once, the bare loop one after the other.
Last the age of a frame when the sink gets it, of frames that arrive 25 times a second.

    python benchmarks/pipeline.py [--video ../shared/data/clips/driving.mp4] [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import av

from trackwire import Frame, InferencePipeline
from trackwire.pipeline import FileSource

GOAL = 0.95
GOAL_AT_ONCE = 1.5
COPIES = 4


def bare_loop(path: Path) -> int:
    """Decode a file by hand; returns the number of frames."""
    count = 0
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            frame.to_ndarray(format="bgr24")
            count += 1
    return count


def file_source(path: Path) -> int:
    """Read a file through the source alone; returns the number of frames."""
    source = FileSource(path)
    source.open()
    count = 0
    while source.read() is not None:
        count += 1
    source.close()
    return count


def pipeline(path: Path) -> int:
    """Run a file through a whole pipeline; returns the frames that reached the sink."""
    arrived = 0

    def on_prediction(_predictions: dict[str, Any], _frame: Frame) -> None:
        nonlocal arrived
        arrived += 1

    run = InferencePipeline.init_with_custom_logic(
        path, lambda frames: [{} for _ in frames], on_prediction
    )
    run.start()
    run.join()
    return arrived


def bare_loops(path: Path) -> int:
    """Decode the file as often as there are copies, one after the other."""
    return sum(bare_loop(path) for _ in range(COPIES))


def many_sources(path: Path) -> int:
    """Run as many copies of the file through one pipeline at once."""
    arrived = 0

    def on_prediction(_predictions: dict[str, Any], _frame: Frame) -> None:
        nonlocal arrived
        arrived += 1

    run = InferencePipeline.init_with_custom_logic(
        [path] * COPIES,
        lambda frames: [{} for _ in frames],
        on_prediction,
        sink_mode="sequential",
    )
    run.start()
    run.join()
    return arrived


def print_ages(path: Path) -> None:
    """Print how old frames are at the sink when the machine has time to spare."""
    run = InferencePipeline.init_with_custom_logic(
        path,
        lambda frames: [{} for _ in frames],
        lambda _predictions, _frame: None,
        max_fps=25,
        max_frames=100,
    )
    run.start()
    run.join()
    (sink,) = run.status().sinks
    print(
        f"age at the sink, 25 frames a second: p50 {sink.age_p50_ms:.2f} ms, "
        f"p95 {sink.age_p95_ms:.2f} ms"
    )


def measure(contenders: Mapping[str, Callable[[Path], int]], path: Path, rounds: int) -> None:
    """Run everybody in turn and print medians and ratios to the first."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):  # the first round warms up and is left out
        for name, contender in contenders.items():
            started = perf_counter()
            count = contender(path)
            rates[name].append(count / (perf_counter() - started))
    first = next(iter(contenders))
    for name, values in rates.items():
        ratios = [value / base for value, base in zip(values[1:], rates[first][1:], strict=True)]
        quartiles = statistics.quantiles(ratios, n=4)
        print(
            f"{name:12} {statistics.median(values[1:]):7.1f} frames/s   ratio "
            f"{statistics.median(ratios):.3f}  (quartiles {quartiles[0]:.3f}-{quartiles[2]:.3f})"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=Path("../shared/data/clips/driving.mp4"))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    print(f"{arguments.video.name}, {arguments.rounds} rounds; goal for the pipeline >= {GOAL}")
    contenders = {"bare loop": bare_loop, "source": file_source, "pipeline": pipeline}
    measure(contenders, arguments.video, arguments.rounds)
    print(f"{COPIES} files at once, goal for the pipeline >= {GOAL_AT_ONCE}")
    together = {"bare loops": bare_loops, "pipeline": many_sources}
    measure(together, arguments.video, max(3, arguments.rounds // 3))
    print_ages(arguments.video)


if __name__ == "__main__":
    main()
