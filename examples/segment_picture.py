"""Mask the most prominent object of a picture, then take a part of it away with a point.

    python examples/segment_picture.py                       the tree beside this file
    python examples/segment_picture.py hand.png 250,800 sam2/hiera_small

The first argument is a picture, the second the point, the third the model. ``lite`` needs no
download; the ``sam2/`` models want ``pip install 'trackwire[sam]'`` and are fetched once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from trackwire.blocks import Sam2PromptSet, SegmentAnything2, masks2poly


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
    x, y = map(float, given.get(1, "305,330").split(","))
    model = SegmentAnything2(model_id=given.get(2, "lite"))

    # Embedding is the costly part. It is kept, so that any number of prompts may follow.
    _, (height, width), image_id = model.embed_image(path)
    print(f"{Path(path).name}: {width} x {height}, kept as {image_id}")

    logits, _ = model.segment_image(path)
    whole = logits >= model.predictor.mask_threshold
    print(f"most prominent: {whole.mean():.1%}, {len(masks2poly(whole)[0])} corners")

    # One point more than before, so the model goes on from the mask it found.
    prompt = Sam2PromptSet(prompts=[{"points": [{"x": x, "y": y, "positive": False}]}])
    logits, _ = model.segment_image(path, prompts=prompt)
    rest = logits[0] >= model.predictor.mask_threshold
    print(f"without the point: {rest.mean():.1%}, {len(masks2poly(rest)[0])} corners")

    with Image.open(path) as opened:
        picture = np.array(opened.convert("RGB"))
    draw(picture, whole, "whole.png")
    draw(picture, rest, "rest.png")


if __name__ == "__main__":
    main()
