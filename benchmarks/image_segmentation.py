"""What batching pictures and keeping their features is worth, each beside the other way in one run.

    python benchmarks/image_segmentation.py                         # random SAM 2.1 tiny, 256 px
    python benchmarks/image_segmentation.py --size 1024 --device cuda --pictures 16
    python benchmarks/image_segmentation.py --model lite
    python benchmarks/image_segmentation.py --model models/finetuned

Without ``--model`` the weights are random: what a picture costs does not depend on them. Ways take
turns, and the median of each is compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from trackwire import SAM3InteractiveImagePredictor, build_tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES_WH = ((640, 480), (480, 640), (512, 512), (800, 450))


def random_sam2(size: int, device: str) -> Any:
    """SAM 2.1 tiny with random weights at an input size."""
    import transformers

    from trackwire.blocks.models.sam_image.model import SamImageModel
    from trackwire.blocks.models.sam_video.families import FAMILIES, resize_config
    from trackwire.blocks.models.sam_video.image_network import ImageNetwork
    from trackwire.blocks.models.sam_video.placement import choose_device, choose_dtype

    family, config = FAMILIES["sam2video"], transformers.Sam2Config()
    resize_config(family, config, size)
    place = choose_device(device)
    module: Any = transformers.Sam2Model(config)
    module = module.to(place, choose_dtype("auto", place)).eval()
    return SamImageModel(ImageNetwork(module, family))


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """Pictures of noise with a bright thing in each, RGB, of four sizes."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        width, height = SIZES_WH[number % len(SIZES_WH)]
        picture = random.integers(0, 120, (height, width, 3), dtype=np.uint8)
        picture[100:300, 120:320] = (230, 60, 40)
        made.append(picture)
    return made


def compare(name: str, ways: dict[str, Callable[[], None]], rounds: int) -> None:
    """Time ways of doing the same in turns and print the ratio of the first to each other."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            if number:  # the first round warms up
                took[way].append(time.perf_counter() - start)
    middle = {way: median(times) for way, times in took.items()}
    (first, base), *others = middle.items()
    for way, time_s in others:
        print(f"{name:<28} {way}: {base / time_s:.2f} times as fast as {first}")


def main() -> int:
    """Compare both."""
    parser = argparse.ArgumentParser(description="Time image segmentation, ratios in one run.")
    parser.add_argument("--model", help="an id of the catalog or a folder; none: random SAM 2.1")
    parser.add_argument("--size", type=int, default=256, help="input side without --model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=5, help="clicks on one picture")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.model is None:
        model = random_sam2(options.size, options.device)
    else:
        model = build_tracker(options.model, device=options.device)
    predictor = SAM3InteractiveImagePredictor(model)
    shown = pictures(options.pictures)
    box = np.array([110, 90, 330, 310])

    def one_by_one() -> None:
        for picture in shown:
            predictor.set_image(picture)
            predictor.predict(box=box, multimask_output=False)

    def batched() -> None:
        predictor.set_image_batch(shown)
        predictor.predict_batch(box_batch=[box] * len(shown), multimask_output=False)

    def encode_again() -> None:
        for _ in range(options.prompts):
            predictor.set_image(shown[0])
            predictor.predict(box=box, multimask_output=False)

    def encode_once() -> None:
        predictor.set_image(shown[0])
        for _ in range(options.prompts):
            predictor.predict(box=box, multimask_output=False)

    compare(
        f"{len(shown)} pictures, a box each",
        {"one by one": one_by_one, "batched": batched},
        options.rounds,
    )
    compare(
        f"{options.prompts} prompts on one picture",
        {"encoding each time": encode_again, "encoding once": encode_once},
        options.rounds,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
