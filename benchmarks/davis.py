"""Score a tracker model on DAVIS clips: mean IoU and milliseconds a frame.

Each clip is prompted once, on its first frame, with the tight box of the first mask; the first
frame counts. The data is not part of the project (DAVIS is CC BY-NC 4.0: evaluation only):

    python benchmarks/davis.py --data DIR
    python benchmarks/davis.py --model lite@256
    python benchmarks/davis.py --model sam2video/tiny@512      # needs torch and the weights

where ``DIR/davis_<clip>/frames/*.jpg`` and ``DIR/davis_<clip>/masks/*.png`` exist.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from trackwire.blocks import (
    Frame,
    MemoryPlan,
    Prompt,
    VideoMetadata,
    VideoModel,
    load_video_model,
)
from trackwire.specs import ModelError, Resources

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
CLIPS = ("blackswan", "camel", "dog", "car-shadow", "soapbox", "libby", "parkour", "breakdance")


def read(path: Path, mode: int) -> NDArray[np.uint8]:
    """Read one picture."""
    picture = cv2.imread(str(path), mode)
    if picture is None:
        raise OSError(f"cannot read {path}")
    return np.asarray(picture, np.uint8)


def load(clip: Path) -> tuple[list[Frame], list[NDArray[np.bool_]]]:
    """Read the frames and masks of a clip."""
    frames = []
    for number, path in enumerate(sorted((clip / "frames").glob("*.jpg"))):
        video = VideoMetadata(clip.name, 0, number, 0, None, datetime.now(UTC), time.monotonic())
        frames.append(Frame(read(path, cv2.IMREAD_COLOR), video))
    paths = sorted((clip / "masks").glob("*.png"))
    masks = [np.greater(read(path, cv2.IMREAD_GRAYSCALE), 0) for path in paths]
    return frames, masks


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 when both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def first_prompt(mask: NDArray[np.bool_], kind: str) -> Prompt:
    """Make the only prompt of a clip from its first mask."""
    if kind == "mask":
        return Prompt(1, mask=mask)
    rows, columns = np.nonzero(mask)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return Prompt(1, xyxy=tuple(float(v) for v in box))  # type: ignore[arg-type]


def run(
    model: VideoModel[Any, Any], frames: list[Frame], masks: list[NDArray[np.bool_]], kind: str
) -> tuple[list[float], list[float], int, int]:
    """Track a clip: IoU and ms of each frame, frames called lost, bytes of the state."""
    state = model.open(frames[0].size_wh)
    plan = MemoryPlan(write=frozenset([1]))
    overlaps, times, lost = [], [], 0
    for number, (frame, truth) in enumerate(zip(frames, masks, strict=True)):
        start = time.perf_counter()
        features = model.encode([frame])
        seen = model.propagate([state], features)
        accepted = [*seen]
        if number == 0:
            accepted += model.prompt([state], features, [[first_prompt(truth, kind)]], seen)
        model.remember([state], features, [accepted], [plan])
        view = accepted[-1]
        found = view.masks([1])
        times.append(1000 * (time.perf_counter() - start))
        lost += not view.visible[0]
        overlaps.append(iou(found.to_dense()[0], truth))
    return overlaps, times, lost, model.nbytes(state)


def main() -> int:
    """Run the clips and print a table."""
    parser = argparse.ArgumentParser(description="Score a tracker model on DAVIS clips.")
    parser.add_argument("--data", type=Path, help="default: ../shared/data beside the checkout")
    parser.add_argument("--clips", nargs="+", default=list(CLIPS), metavar="CLIP")
    parser.add_argument("--model", default="lite", help="as model_id in a workflow")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--prompt", choices=("box", "mask"), default="box")
    arguments = parser.parse_args()
    data = arguments.data or ROOT.parent / "shared" / "data"
    missing = [c for c in arguments.clips if not (data / f"davis_{c}/masks").is_dir()]
    if missing:
        names = ", ".join(f"davis_{clip}" for clip in missing)
        sys.stderr.write(f"no frames and masks for {names} in {data}; see --data\n")
        return 0 if arguments.data is None else 2  # nothing asked for, nothing failed
    try:
        model = load_video_model(arguments.model, Resources(device=arguments.device))
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    means, speeds = [], []
    sys.stdout.write(f"{'clip':<12} frames    IoU  first  lost  ms/frame  seed ms  KiB/object\n")
    for clip in arguments.clips:
        frames, masks = load(data / f"davis_{clip}")
        overlaps, times, lost, held = run(model, frames, masks, arguments.prompt)
        means.append(mean(overlaps))
        speeds.append(mean(times[1:]))
        sys.stdout.write(
            f"{clip:<12} {len(frames):6d} {means[-1]:6.3f} {overlaps[0]:6.3f} {lost:5d} "
            f"{speeds[-1]:9.1f} {times[0]:8.0f} {held / 1024:11.0f}\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"{'mean':<12} {'':6} {mean(means):6.3f} {'':12} {mean(speeds):9.1f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
