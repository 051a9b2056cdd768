"""What a detector wants of a picture, read from the files beside its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from trackwire.specs import ModelError

__all__ = ["Recipe", "read_recipe"]

Steps: TypeAlias = Literal["resize_bytes", "resize_floats", "pad_square"]
Triple: TypeAlias = tuple[float, float, float]
Size: TypeAlias = tuple[int, int]

_IMAGENET: Final = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
_CLIP: Final = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_EDGES: Final = {"size": {"shortest_edge": 800, "longest_edge": 1333}, **_IMAGENET}
# What holds where a file leaves a setting out, by the processor that the file names.
_PROCESSORS: Final[Mapping[str, tuple[Steps, Mapping[str, Any]]]] = {
    **dict.fromkeys(
        ("detr", "conditionaldetr", "deformabledetr", "groundingdino", "yolos"),
        ("resize_bytes", _EDGES),
    ),
    "rfdetr": ("resize_floats", _EDGES),
    "rtdetr": ("resize_bytes", {"size": [640, 640], "do_normalize": False, **_IMAGENET}),
    "owlvit": ("resize_bytes", {"size": [768, 768], "resample": 3, **_CLIP}),
    "owlv2": ("pad_square", {"size": [960, 960], "do_pad": True, **_CLIP}),
}
_SUFFIX: Final = re.compile(r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$")
_YOLOS_STEP: Final = 16
_FILTERS: Final = range(6)  # Pillow's, by number


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a picture becomes the input of a detector.

    Args:
        steps: ``resize_bytes`` resizes whole grey levels with Pillow, then scales and normalises;
            ``resize_floats`` scales first and resizes without antialiasing; ``pad_square`` scales,
            pads right and below to a square, smooths, resizes and normalises.
        size: Wanted size: ``(width, height)``; or ``shortest_edge`` with ``longest_edge``; or
            ``max_width`` with ``max_height``. None keeps the picture's.
        resample: Number of Pillow's filter.
        scale: Factor for the 0-255 of a pixel.
        mean: Subtracted after that, RGB.
        std: Divided by after that, RGB.
        canvas_wh: Every picture is padded right and below to this size; None for no padding.
        multiple: Both sides are cut down to multiples of it.
        tall_exactly: An upright picture whose short side fits already is measured again.
        square: Boxes are fractions of a square with the picture's longer side.
    """

    steps: Steps
    size: Mapping[str, int] | None
    resample: int = 2
    scale: float = 1 / 255
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    canvas_wh: Size | None = None
    multiple: int = 1
    tall_exactly: bool = False
    square: bool = False

    def content_wh(self, frame_wh: Size) -> Size:
        """Give the size that a picture is resized to.

        Args:
            frame_wh: Width and height of the picture, pixels.
        """
        if self.size is None:
            return (max(frame_wh), max(frame_wh)) if self.square else frame_wh
        if "height" in self.size:
            return self.size["width"], self.size["height"]
        width, height = frame_wh
        if "max_height" in self.size:
            scale = min(self.size["max_height"] / height, self.size["max_width"] / width)
            return max(1, int(width * scale)), max(1, int(height * scale))
        wide, high = (max(each, self.multiple) for each in self._by_edges(width, height))
        return wide - wide % self.multiple, high - high % self.multiple

    def span_wh(self, frame_wh: Size) -> Size:
        """Give the pixels of a picture that 1.0 of the network's boxes stands for."""
        return (max(frame_wh), max(frame_wh)) if self.square else frame_wh

    def _by_edges(self, width: int, height: int) -> Size:
        # The order of the operations decides about a pixel, so it is the library's.
        size = self.size or {}
        small, large = min(width, height), max(width, height)
        exact: float = size["shortest_edge"]
        longest = size.get("longest_edge")
        if longest is not None and large / small * exact > longest:
            exact = longest * small / large
        short = round(exact)
        if small == short and not (self.tall_exactly and width < height):
            return width, height
        long = int(exact * large / small)
        return (short, long) if width < height else (long, short)


def read_recipe(folder: Path, source: str) -> Recipe:
    """Read what a detector wants of pictures.

    Args:
        folder: Its folder: ``preprocessor_config.json``, or ``processor_config.json`` with an
            ``image_processor`` inside.
        source: What the user called it.

    Raises:
        ModelError: There is no such file, or it asks for what cannot be done.
    """
    settings = _settings(folder, source)
    name = str(settings.get("image_processor_type") or settings.get("feature_extractor_type"))
    kind = _SUFFIX.sub("", name).lower()
    if kind not in _PROCESSORS:
        raise _refused(
            source,
            f"the processor {name!r}",
            f"those of {', '.join(sorted(_PROCESSORS))} detectors",
        )
    steps, defaults = _PROCESSORS[kind]
    settings = {**defaults, **{key: each for key, each in settings.items() if each is not None}}
    if settings.get("do_center_crop"):
        raise _refused(source, "do_center_crop, which cuts objects off", "do_center_crop: false")
    if not settings.get("do_rescale", settings.get("rescale", True)):
        raise _refused(source, "do_rescale: false", "do_rescale: true; frames hold 0 to 255")
    resample = settings.get("resample", 2)
    if resample not in _FILTERS:
        raise _refused(source, f"resample {resample!r}", "a filter of Pillow, 0 to 5")
    normalised = settings.get("do_normalize", True)
    padded = settings.get("do_pad", True)
    return Recipe(
        steps,
        _size(settings, defaults["size"], source) if settings.get("do_resize", True) else None,
        resample=resample,
        scale=float(settings.get("rescale_factor", 1 / 255)),
        mean=_triple(settings["image_mean"]) if normalised else (0.0, 0.0, 0.0),
        std=_triple(settings["image_std"]) if normalised else (1.0, 1.0, 1.0),
        canvas_wh=_canvas(settings) if padded and steps != "pad_square" else None,
        multiple=_YOLOS_STEP if kind == "yolos" else 1,
        tall_exactly=kind == "yolos",
        square=steps == "pad_square" and padded,
    )


def _settings(folder: Path, source: str) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "processor_config.json"):
        path = folder / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{name} of {source} cannot be read: {error}; fetch the model anew",
                code="model_folder",
                source=source,
            ) from error
        found = found.get("image_processor", found) if isinstance(found, dict) else {}
        if isinstance(found, dict) and {"image_processor_type", "feature_extractor_type"} & {
            *found
        }:
            return dict(found)
    raise ModelError(
        f"{source} does not say how pictures are prepared for it: it must hold "
        "preprocessor_config.json, or processor_config.json, that names an image_processor_type; "
        "save the model's image processor into the same folder",
        code="model_folder",
        source=source,
    )


def _size(settings: Mapping[str, Any], default: Any, source: str) -> dict[str, int]:
    """One of the three forms of a size; older files give a number or a pair instead."""
    size = settings["size"]
    if isinstance(size, int):
        if not isinstance(default, dict):
            return {"height": size, "width": size}
        size = {"shortest_edge": size, "longest_edge": int(settings.get("max_size", 1333))}
    if isinstance(size, list | tuple) and len(size) == 2:
        return {"height": int(size[0]), "width": int(size[1])}
    if isinstance(size, dict):
        for names in (("height", "width"), ("max_height", "max_width")):
            if all(isinstance(size.get(name), int) for name in names):
                return {name: size[name] for name in names}
        if isinstance(size.get("shortest_edge"), int):
            kept = {"shortest_edge": size["shortest_edge"]}
            longest = size.get("longest_edge", settings.get("max_size"))
            return kept | ({"longest_edge": longest} if isinstance(longest, int) else {})
    raise _refused(
        source,
        f"the size {size!r}",
        "height and width, shortest_edge and longest_edge, or max_height and max_width",
    )


def _canvas(settings: Mapping[str, Any]) -> Size | None:
    canvas = settings.get("pad_size")
    if not isinstance(canvas, dict) or not canvas.get("height"):
        return None
    return int(canvas["width"]), int(canvas["height"])


def _triple(values: Any) -> Triple:
    if isinstance(values, int | float):
        return float(values), float(values), float(values)
    red, green, blue = values
    return float(red), float(green), float(blue)


def _refused(source: str, found: str, allowed: str) -> ModelError:
    return ModelError(
        f"the image processor of {source} asks for {found}; allowed: {allowed}",
        code="detector_description",
        source=source,
    )
