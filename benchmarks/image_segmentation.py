"""What batching pictures and keeping their features is worth, each beside the other way in one run.

    python benchmarks/image_segmentation.py                         # random SAM 2.1 tiny, 256 px
    python benchmarks/image_segmentation.py --size 1024 --device cuda --pictures 16
    python benchmarks/image_segmentation.py --model lite
    python benchmarks/image_segmentation.py --model models/finetuned
    python benchmarks/image_segmentation.py --model lite --data DIR # overlap with true masks

``DIR`` holds ``davis_<clip>/frames/*.jpg`` and ``davis_<clip>/masks/*.png``, as for ``davis.py``.

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


def objects(data: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Up to three objects of the first, middle and last frame of each clip: picture, mask."""
    import cv2

    found = []
    for clip in sorted(data.glob("davis_*")):
        frames = sorted((clip / "frames").glob("*.jpg"))
        masks = sorted((clip / "masks").glob("*.png"))
        for number in (0, (len(frames) - 1) // 2, len(frames) - 1):
            picture, marked = cv2.imread(str(frames[number])), cv2.imread(str(masks[number]), 0)
            if picture is None or marked is None:
                raise OSError(f"cannot read frame {number} of {clip}")
            ids = [value for value in np.unique(marked) if value][:3]
            large = [mask for value in ids if np.count_nonzero(mask := marked == value) >= 400]
            rgb = np.asarray(picture[..., ::-1], np.uint8)
            found += [(rgb, mask) for mask in large]
    return found


def deepest(mask: NDArray[np.bool_]) -> tuple[float, tuple[int, int]]:
    """The place of a mask that is farthest from its edge: the distance, and x, y."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), mask.shape)
    return float(depth[y, x]), (int(x), int(y))


def overlap(
    masks: NDArray[np.float32], truth: NDArray[np.bool_], chosen: int
) -> tuple[float, float]:
    """IoU of the chosen mask with the true one, and of the best mask."""
    both, either = (masks > 0) & truth, (masks > 0) | truth
    found = both.sum((1, 2)) / np.maximum(either.sum((1, 2)), 1)
    return float(found[chosen]), float(found.max())


def judge(predictor: SAM3InteractiveImagePredictor, data: Path) -> None:
    """Print the mean overlap of the most trusted mask and of the best one, by kind of prompt.

    A click is made where the most trusted mask is most wrong, on top of its logits.
    """
    overlaps: dict[str, list[tuple[float, float]]] = {
        kind: [] for kind in ("box", "box, then a click", "point", "point, then a click", "nothing")
    }
    for picture, mask in objects(data):
        rows, columns = np.nonzero(mask)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        _, middle = deepest(mask)
        point = {"point_coords": [middle], "point_labels": [1]}
        predictor.set_image(np.ascontiguousarray(picture))
        for kind, given in (("box", {"box": box}), ("point", point), ("nothing", {})):
            ask: Any = given
            masks, scores, logits = predictor.predict(**ask)
            overlaps[kind].append(overlap(masks, mask, best := int(scores.argmax())))
            if not ask:
                continue
            (much, surplus), (little, lack) = (
                deepest((masks[best] > 0) & ~mask),
                deepest((masks[best] <= 0) & mask),
            )
            click, label = (surplus, 0) if much >= little else (lack, 1)
            ask = {
                **ask,
                "point_coords": [*ask.get("point_coords", ()), click],
                "point_labels": [*ask.get("point_labels", ()), label],
            }
            again, scores, _ = predictor.predict(**ask, mask_input=logits[best][None])
            overlaps[f"{kind}, then a click"].append(overlap(again, mask, int(scores.argmax())))
    for kind, pairs in overlaps.items():
        first, best = np.mean(pairs, axis=0)
        print(f"{kind:<19} {len(pairs)} objects: {first:.3f}, best of three {best:.3f}")


def main() -> int:
    """Compare both."""
    parser = argparse.ArgumentParser(description="Time image segmentation, ratios in one run.")
    parser.add_argument("--model", help="an id of the catalog or a folder; none: random SAM 2.1")
    parser.add_argument("--size", type=int, default=256, help="input side without --model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=5, help="clicks on one picture")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="judge masks on clips below this folder")
    options = parser.parse_args()
    if options.model is None:
        model = random_sam2(options.size, options.device)
    else:
        model = build_tracker(options.model, device=options.device)
    predictor = SAM3InteractiveImagePredictor(model)
    if options.data is not None:
        judge(predictor, options.data)
        return 0
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
