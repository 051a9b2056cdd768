"""Whole frames of SAM 2.1 tiny against the library's own session, in one run.

    python benchmarks/sam_video.py                          # 256 px; 1, 4 and 16 objects
    python benchmarks/sam_video.py --sizes 256 512 1024 --objects 1 --frames 2
    python benchmarks/sam_video.py --encoder openvino       # or compiled
    python benchmarks/sam_video.py --gpu                    # what `make gpu` runs: needs CUDA

Weights are random: what a frame costs does not depend on them. The reference is fed the same
frames with the same boxes, one session per stream, and timed in turns with ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np
import torch
import transformers
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from trackwire.blocks import Frame, VideoMetadata
from trackwire.blocks.models.sam_video.encoders import EncoderName, accelerate, check_encoder
from trackwire.blocks.models.sam_video.families import FAMILIES, resize_config
from trackwire.blocks.models.sam_video.model import SamVideoModel
from trackwire.blocks.models.sam_video.network import Network
from trackwire.blocks.models.sam_video.placement import choose_device, choose_dtype
from trackwire.blocks.models.sam_video.preprocess import Preprocessor
from trackwire.blocks.models.seam import MemoryPlan, Prompt

SIZE_WH = (640, 480)
FAMILY = FAMILIES["sam2video"]

BACKBONES: dict[str, dict[str, Any]] = {
    "tiny": {},
    "small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "base-plus": {
        "hidden_size": 112,
        "num_attention_heads": 2,
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "window_positional_embedding_background_size": [14, 14],
    },
    "large": {
        "hidden_size": 144,
        "num_attention_heads": 2,
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "window_size_per_stage": [8, 4, 16, 8],
    },
    "micro": {
        "hidden_size": 16,
        "blocks_per_stage": [1, 1, 2, 1],
        "global_attention_blocks": [3],
        "embed_dim_per_stage": [16, 32, 64, 128],
    },
}
"""Image encoders of SAM 2.1 by name, where they differ from tiny; micro only tries the code."""

ANCHORS = """Published, one object at 1024 pixels, tiny/small/base-plus/large: 91/85/64/40 fps on
an A100 (bfloat16, all parts compiled, frames loaded beforehand), 19/18/14/9 fps eager on an
RTX 3080 Ti."""


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Args:
        model: One of ``BACKBONES``.
        size: Side of the picture, pixels.
        streams: How many at once.
        objects: In each stream.
        encoder: How our image encoder runs; the library's is always eager.
    """

    model: str
    size: int
    streams: int
    objects: int
    encoder: EncoderName


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


def configuration(model: str, size: int) -> Any:
    """Configuration of a published SAM 2.1, or of one so small that it only tries the code."""
    config: Any = transformers.Sam2VideoConfig()
    backbone = config.vision_config.backbone_config
    for name, value in BACKBONES[model].items():
        setattr(backbone, name, value)
    if "embed_dim_per_stage" in BACKBONES[model]:
        config.vision_config.backbone_channel_list = backbone.embed_dim_per_stage[::-1]
    resize_config(FAMILY, config, size)
    return config


def compare(arguments: argparse.Namespace, case: Case) -> tuple[float, float]:
    """Median seconds per frame and stream: ours, theirs."""
    device = choose_device(arguments.device)
    torch.manual_seed(0)
    module: Any = transformers.Sam2VideoModel(configuration(case.model, case.size))
    module = module.eval().to(device, choose_dtype(arguments.dtype, device))
    network: Any = Network(deepcopy(module), FAMILY)
    how = check_encoder(case.encoder, device)
    network.encoder = accelerate(how, network.encoder, case.size, network.dtype)
    sides: list[Ours | Theirs] = [Ours(SamVideoModel(network), case.streams)]
    sides.append(Theirs(module, case.streams))
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(arguments.warmup + arguments.frames):
        frames = [frame(number, stream) for stream in range(case.streams)]
        for seconds, side in zip(took, sides, strict=True):
            seconds.append(timed(side, frames, case.objects, device) / case.streams)
    mine, other = (float(np.median(seconds[arguments.warmup :])) for seconds in took)
    return mine, other


def table(arguments: argparse.Namespace) -> None:
    """Time every case until the time is over, and print a line for each."""
    start = time.monotonic()
    cases = [
        Case(model, size, streams, objects, encoder)
        for model in arguments.models
        for size in arguments.sizes
        for encoder in arguments.encoder
        for streams in arguments.streams
        for objects in arguments.objects
    ]
    print("model      size  encoder   streams  objects  ours ms  library ms  ratio     fps")
    for number, case in enumerate(cases):
        if time.monotonic() - start > 60 * arguments.minutes:
            print(f"{len(cases) - number} cases left out: {arguments.minutes} minutes are over")
            return
        mine, other = compare(arguments, case)
        print(
            f"{case.model:9s}  {case.size:4d}  {case.encoder:8s}  {case.streams:7d}  "
            f"{case.objects:7d}  {1e3 * mine:7.1f}  {1e3 * other:10.1f}  {other / mine:4.2f}x  "
            f"{1 / mine:6.1f}",
            flush=True,
        )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gpu", action="store_true", help="the table for a CUDA GPU")
    parser.add_argument("--models", nargs="+", choices=BACKBONES, default=["tiny"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256])
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--streams", type=int, nargs="+", default=[1])
    parser.add_argument("--encoder", nargs="+", default=["torch"], choices=get_args(EncoderName))
    parser.add_argument("--frames", type=int, default=6, help="frames timed")
    parser.add_argument("--warmup", type=int, default=8, help="frames before, to fill memories")
    parser.add_argument("--minutes", type=float, default=20.0, help="start no case after these")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args(argv)
    if arguments.gpu:
        if not torch.cuda.is_available():
            parser.error(
                "--gpu needs a CUDA GPU, and torch finds none here; without --gpu the CPU is timed"
            )
        arguments.models = ["tiny", "small", "base-plus", "large"]
        arguments.sizes, arguments.objects = [1024], [1, 4, 16, 64]
        arguments.streams, arguments.encoder = [1, 8], ["torch", "compiled"]
        arguments.device, arguments.minutes = "cuda", min(arguments.minutes, 18.0)
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    arguments = parse(argv)
    torch.set_num_threads(arguments.threads)
    table(arguments)
    if arguments.gpu:
        print(ANCHORS)


if __name__ == "__main__":
    main()
