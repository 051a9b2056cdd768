"""Whole frames of SAM 2.1 tiny against the library's own session, in one run.

    python benchmarks/sam_video.py                          # 256 px; 1, 4 and 16 objects
    python benchmarks/sam_video.py --sizes 256 512 1024 --objects 1 --frames 2
    python benchmarks/sam_video.py --device cuda --objects 1 4 16 64 --streams 1 8

Weights are random: what a frame costs does not depend on them. The reference is fed the same
frames with the same boxes, one session per stream, and timed in turns with ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from trackwire.blocks import Frame, VideoMetadata
from trackwire.blocks.models.sam_video.families import FAMILIES, resize_config
from trackwire.blocks.models.sam_video.model import SamVideoModel
from trackwire.blocks.models.sam_video.network import Network
from trackwire.blocks.models.sam_video.placement import choose_device, choose_dtype
from trackwire.blocks.models.sam_video.preprocess import Preprocessor
from trackwire.blocks.models.seam import MemoryPlan, Prompt

SIZE_WH = (640, 480)
FAMILY = FAMILIES["sam2video"]


def frame(number: int, stream: int) -> Frame:
    """A frame of noise."""
    noise = np.random.default_rng(number * 100 + stream)
    image = noise.integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    video = VideoMetadata(
        f"s{stream}", stream, number, 0, None, datetime.now(UTC), time.monotonic()
    )
    return Frame(image, video)


def box(index: int) -> tuple[float, float, float, float]:
    """The box of an object."""
    x, y = 20.0 + 70 * (index % 8), 15.0 + 50 * (index // 8)
    return x, y, x + 120, y + 90


class Ours:
    """Our model on some streams.

    Args:
        model: The model.
        streams: How many.
    """

    def __init__(self, model: SamVideoModel, streams: int) -> None:
        self._model = model
        self._states = [model.open(SIZE_WH) for _ in range(streams)]

    def step(self, frames: Sequence[Frame], objects: int) -> None:
        """Run one frame of every stream; the first time ``objects`` boxes are given."""
        model, states = self._model, self._states
        features = model.encode(frames)
        seen = model.propagate(states, features)
        new = [] if states[0].objects else [Prompt(i, xyxy=box(i)) for i in range(objects)]
        answers = model.prompt(states, features, [new] * len(states), seen)
        ids, given = frozenset(range(objects)), frozenset(prompt.track_id for prompt in new)
        accepted = [list(pair) for pair in zip(seen, answers, strict=True)]
        model.remember(states, features, accepted, [MemoryPlan(ids, given)] * len(states))


class Theirs:
    """The library's model, a session per stream.

    Args:
        module: The library's model.
        streams: How many.
    """

    def __init__(self, module: Any, streams: int) -> None:
        size, self._module = int(module.config.image_size), module
        self._scale = size / np.array(SIZE_WH, np.float32)
        self._pictures = Preprocessor(size, FAMILY.mean, FAMILY.std, module.device, module.dtype)
        self._number = 0
        self._sessions = [
            Sam2VideoInferenceSession(
                video_height=SIZE_WH[1],
                video_width=SIZE_WH[0],
                dtype=module.dtype,
                inference_device=module.device,
            )
            for _ in range(streams)
        ]

    def step(self, frames: Sequence[Frame], objects: int) -> None:
        """Run one frame of every stream; the first time ``objects`` boxes are given."""
        for session, image in zip(self._sessions, frames, strict=True):
            if self._number == 0:
                self._prompt(session, objects)
            pixels = self._pictures([image])[0]
            self._module(session, frame=pixels, frame_idx=self._number)
        self._number += 1

    def _prompt(self, session: Any, objects: int) -> None:
        for index in range(objects):
            corners = np.array(box(index), np.float32).reshape(1, 1, 2, 2) * self._scale
            inputs = {
                "point_coords": torch.from_numpy(corners).to(self._module.device),
                "point_labels": torch.tensor([[[2, 3]]], device=self._module.device),
            }
            session.add_point_inputs(session.obj_id_to_idx(index), 0, inputs)
        session.obj_with_new_inputs = list(range(objects))


def timed(
    side: Ours | Theirs, frames: Sequence[Frame], objects: int, device: torch.device
) -> float:
    """Seconds that a frame of every stream takes, the device's share included."""
    start = time.perf_counter()
    side.step(frames, objects)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def compare(
    arguments: argparse.Namespace, size: int, objects: int, streams: int
) -> tuple[float, float]:
    """Median seconds per frame and stream: ours, theirs."""
    device = choose_device(arguments.device)
    config = transformers.Sam2VideoConfig()
    resize_config(FAMILY, config, size)
    torch.manual_seed(0)
    module: Any = transformers.Sam2VideoModel(config)
    module = module.eval().to(device, choose_dtype(arguments.dtype, device))
    network = Network(deepcopy(module), FAMILY)
    sides: list[Ours | Theirs] = [Ours(SamVideoModel(network), streams), Theirs(module, streams)]
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(arguments.warmup + arguments.frames):
        frames = [frame(number, stream) for stream in range(streams)]
        for seconds, side in zip(took, sides, strict=True):
            seconds.append(timed(side, frames, objects, device) / streams)
    mine, other = (float(np.median(seconds[arguments.warmup :])) for seconds in took)
    return mine, other


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256])
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--streams", type=int, nargs="+", default=[1])
    parser.add_argument("--frames", type=int, default=6, help="frames timed")
    parser.add_argument("--warmup", type=int, default=8, help="frames before, to fill memories")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("size  objects  streams  ours ms  library ms  ratio   fps")
    for size in arguments.sizes:
        for streams in arguments.streams:
            for objects in arguments.objects:
                mine, other = compare(arguments, size, objects, streams)
                print(
                    f"{size:4d}  {objects:7d}  {streams:7d}  {1e3 * mine:7.1f}  "
                    f"{1e3 * other:10.1f}  {other / mine:4.2f}x  {1 / mine:5.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
