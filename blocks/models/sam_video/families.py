"""The architectures that can be driven, and the picture sizes they run at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from types import MappingProxyType
from typing import Any

from trackwire.specs import ModelError

__all__ = ["FAMILIES", "Family", "family_of", "image_family_of", "resize_config"]

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture of ``transformers`` and what it expects around it.

    Args:
        name: Short name, the part before the slash of a model id.
        model_types: ``model_type`` values in ``config.json`` that this family loads.
        model_class: Class in ``transformers``.
        config_class: Its configuration class.
        image_type: ``model_type`` of the models of this family that only know single pictures.
        image_model_class: Their class.
        image_config_class: Its configuration class.
        mean: Per-channel mean of the normalised picture, RGB, 0-1.
        std: Per-channel deviation, RGB, 0-1.
        image_size: Side of the square picture it was trained on, pixels.
        hole_area: Background components up to this area are filled, low-resolution pixels.
        sprinkle_area: Foreground components up to this area are removed, likewise.
        latent_memory: A frame is remembered as latents of a perceiver, not as a feature map.
    """

    name: str
    model_types: tuple[str, ...]
    model_class: str
    config_class: str
    image_type: str
    image_model_class: str
    image_config_class: str
    mean: tuple[float, float, float] = _IMAGENET_MEAN
    std: tuple[float, float, float] = _IMAGENET_STD
    image_size: int = 1024
    hole_area: int = 8
    sprinkle_area: int = 0
    latent_memory: bool = False


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                "sam2video",
                ("sam2_video",),
                "Sam2VideoModel",
                "Sam2VideoConfig",
                "sam2",
                "Sam2Model",
                "Sam2Config",
            ),
            Family(
                "edgetam",
                ("edgetam_video",),
                "EdgeTamVideoModel",
                "EdgeTamVideoConfig",
                "edgetam",
                "EdgeTamModel",
                "EdgeTamConfig",
                latent_memory=True,
            ),
            Family(
                "sam3trackervideo",
                ("sam3_tracker_video", "sam3_video"),
                "Sam3TrackerVideoModel",
                "Sam3TrackerVideoConfig",
                "sam3_tracker",
                "Sam3TrackerModel",
                "Sam3TrackerConfig",
                mean=(0.5, 0.5, 0.5),
                std=(0.5, 0.5, 0.5),
                image_size=1008,
                hole_area=16,
                sprinkle_area=16,
            ),
        )
    }
)


def family_of(config: Mapping[str, Any], source: str) -> Family:
    """Find the family of a checkpoint from its ``config.json``.

    Args:
        config: The parsed ``config.json``.
        source: Repository or folder it came from, for the error.

    Raises:
        ModelError: It is no video tracker that can be driven.
    """
    found = config.get("model_type")
    for family in FAMILIES.values():
        if found in family.model_types:
            return family
    allowed = sorted(kind for family in FAMILIES.values() for kind in family.model_types)
    stills = " but finds masks in single pictures" if image_family_of(config) else ""
    raise ModelError(
        f"{source} holds a model of type {found!r}, which is no Segment Anything video tracker"
        f"{stills}; allowed: {', '.join(allowed)}",
        code="model_type",
        source=source,
    )


def image_family_of(config: Mapping[str, Any]) -> Family | None:
    """Find the family of a checkpoint that only knows single pictures; None for any other.

    Args:
        config: The parsed ``config.json``.
    """
    found = config.get("model_type")
    return next((family for family in FAMILIES.values() if family.image_type == found), None)


def size_step(family: Family, config: Any) -> int:
    """Give the number of pixels that image sizes of this model must be multiples of."""
    if family.name == "sam3trackervideo":
        return int(config.vision_config.backbone_config.patch_size)
    if hasattr(config, "perceiver_resampler_num_latents_2d"):
        windows = isqrt(config.perceiver_resampler_num_latents_2d)
        return 16 * max(windows, 2)
    return 32


def resize_config(family: Family, config: Any, image_size: int) -> None:
    """Set the side of the square picture on every part of a configuration, in place.

    Args:
        family: Family of the configuration.
        config: Configuration of ``family.config_class`` or ``family.image_config_class``.
        image_size: Side, pixels.

    Raises:
        ModelError: The architecture cannot run at that size.
    """
    step = size_step(family, config)
    if image_size < 2 * step or image_size % step:
        near = max(2, round(image_size / step)) * step
        raise ModelError(
            f"{family.name} cannot run at {image_size} pixels: the size must be a multiple of "
            f"{step}, at least {2 * step}; did you mean {near}?",
            code="model_size",
            image_size=image_size,
        )
    vision, stills = config.vision_config, config.model_type == family.image_type
    config.prompt_encoder_config.image_size = image_size
    if family.name == "sam3trackervideo":
        if not stills:
            config.image_size = image_size  # the library's setter reaches the memory as well
        vision.backbone_config.image_size = image_size
        cells = image_size // int(vision.backbone_config.patch_size)
        vision.backbone_feature_sizes = [[cells * scale, cells * scale] for scale in (4, 2, 1)]
        return
    vision.image_size = image_size
    if hasattr(vision.backbone_config, "image_size"):
        vision.backbone_config.image_size = [image_size, image_size]
    vision.backbone_feature_sizes = [[image_size // s, image_size // s] for s in (4, 8, 16)]
    if not stills:
        config.image_size = image_size
        config.memory_attention_rope_feat_sizes = [image_size // 16, image_size // 16]
