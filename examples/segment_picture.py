"""Mask the most prominent object of a picture, then take a part of it away with points.

    python examples/segment_picture.py                       the tree beside this file
    python examples/segment_picture.py hand.png sam2/hiera_small 250,800

The first argument is a picture, the second the model, the rest are points on what shall go.
``lite`` needs no download; the ``sam2/`` models want ``pip install 'trackwire[sam]'`` and are
fetched once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from trackwire import Sam2PromptSet, SegmentAnything2, masks2poly

TRUNK = ("305,315", "305,380")


def draw(picture: NDArray[np.uint8], mask: NDArray[np.bool_], path: str) -> None:
    """Write a picture with a mask over it.

    Args:
        picture: ``(H, W, 3)`` uint8 RGB.
        mask: ``(H, W)`` bool.
        path: Where to write it.
    """
    found = sv.Detections(xyxy=sv.mask_to_xyxy(mask[None]), mask=mask[None], class_id=np.array([0]))
    Image.fromarray(sv.MaskAnnotator().annotate(picture.copy(), found)).save(path)


def main() -> None:
    """Ask twice, print what was found, and write two pictures."""
    beside = Path(__file__).with_name("tree.jpg")
    given = dict(enumerate(sys.argv[1:]))
    path = given.get(0, str(beside))
    model = SegmentAnything2(model_id=given.get(1, "lite"))
    points = [tuple(map(float, point.split(","))) for point in sys.argv[3:] or TRUNK]

    # Embedding is the costly part. It is kept, so that any number of prompts may follow.
    _, (height, width), image_id = model.embed_image(path)
    print(f"{Path(path).name}: {width} x {height}, kept as {image_id}")

    logits, _ = model.segment_image(path)
    whole = logits >= model.predictor.mask_threshold
    print(f"most prominent: {whole.mean():.1%}, {len(masks2poly(whole)[0])} corners")

    # Points are all that was added, so the model goes on from the mask it found.
    off = [{"x": x, "y": y, "positive": False} for x, y in points]
    prompt = Sam2PromptSet(prompts=[{"points": off}])
    logits, _ = model.segment_image(path, prompts=prompt)
    rest = logits[0] >= model.predictor.mask_threshold
    print(f"without the points: {rest.mean():.1%}, {len(masks2poly(rest)[0])} corners")

    with Image.open(path) as opened:
        picture = np.array(opened.convert("RGB"))
    draw(picture, whole, "whole.png")
    draw(picture, rest, "rest.png")


if __name__ == "__main__":
    main()
