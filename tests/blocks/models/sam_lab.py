"""Small random Segment Anything trackers, and the library's own way of running them.

The weights are drawn so that masks vary from frame to frame and neither vanish nor fill the
picture: at the library's initialisation every mask would be empty or full, and equal masks would
prove nothing.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trackwire.blocks import Frame, ImagePrompts, VideoMetadata
from trackwire.blocks.models.sam_video.families import FAMILIES, resize_config
from trackwire.blocks.models.sam_video.model import SamVideoModel
from trackwire.blocks.models.sam_video.network import Network
from trackwire.blocks.models.sam_video.preprocess import Preprocessor

torch.set_num_threads(1)  # on a shared machine two threads can be slower than one

FAMILY_NAMES = ("sam2video", "edgetam", "sam3trackervideo")
MICRO_SIZE = {"sam2video": 128, "edgetam": 128, "sam3trackervideo": 112}
_HIDDEN = 128
_DECODER = {"hidden_size": _HIDDEN, "mlp_dim": 128, "iou_head_hidden_dim": 64}


@dataclass(frozen=True)
class Draw:
    """How weights are drawn.

    Args:
        seed: Of the random numbers.
        score_bias: Bias of the object score, so that objects are hidden now and then.
        sharpness: Gain of queries and keys; high values make tokens depend on what they look at.
        memory_gain: Gain of what is remembered.
        score_gain: Gain of the object score.
    """

    seed: int
    score_bias: float
    sharpness: float = 1.0
    memory_gain: float = 2.0
    score_gain: float = 8.0


# Found by trying. With the calm ones masks cover between 5 and 80 % of the frame and rounding is
# not amplified. With the lively ones objects differ and react to their memory, but a difference
# of one bit grows to a different mask in some twenty frames.
CALM = {
    "sam2video": Draw(1, -7.1),
    "edgetam": Draw(0, -1.09),
    "sam3trackervideo": Draw(1, 0.5, score_gain=4.0),
}
LIVELY = {
    "sam2video": Draw(11, 2.6, 3.0, 8.0),
    "edgetam": Draw(7, -9.0, 2.0, 4.0),
    "sam3trackervideo": Draw(22, 2.6, 3.0, 8.0),
}


def micro_config(name: str, **changes: Any) -> Any:
    """Configuration of a family's architecture, small enough for a test on one thread."""
    import transformers

    size = MICRO_SIZE[name]
    shared: dict[str, Any] = {
        "prompt_encoder_config": {"hidden_size": _HIDDEN, "image_size": size},
        "mask_decoder_config": dict(_DECODER),
        "memory_attention_hidden_size": _HIDDEN,
        "memory_attention_num_layers": 2,
        "memory_encoder_hidden_size": _HIDDEN,
        "mask_downsampler_embed_dim": _HIDDEN,
        "memory_fuser_embed_dim": _HIDDEN,
        "memory_fuser_intermediate_dim": 128,
    }
    if name == "sam3trackervideo":
        shared["vision_config"] = {
            "model_type": "sam3_vision_model",
            "fpn_hidden_size": _HIDDEN,
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "global_attn_indexes": [1],
                "window_size": 4,
                "pretrain_image_size": 112,
                "image_size": size,
            },
        }
        shared["memory_attention_feed_forward_hidden_size"] = 128
    else:
        shared["vision_config"] = {
            "model_type": "sam2_vision_model",
            "fpn_hidden_size": _HIDDEN,
            "backbone_channel_list": [128, 64, 32, 16],
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 16,
                "embed_dim_per_stage": [16, 32, 64, 128],
                "blocks_per_stage": [1, 1, 2, 1],
                "global_attention_blocks": [3],
            },
        }
    if name == "edgetam":
        shared |= {
            "perceiver_resampler_num_latents": 16,
            "perceiver_resampler_num_latents_2d": 16,
            "memory_attention_rope_k_sizes": [4, 4],
            "memory_attention_mlp_hidden_size": 128,
        }
    elif name == "sam2video":
        shared["memory_attention_feed_forward_hidden_size"] = 128
    config = getattr(transformers, FAMILIES[name].config_class)(**shared | changes)
    resize_config(FAMILIES[name], config, size)
    return config


@cache
def calm_module(name: str) -> Any:
    """A model of the library, float32, that does not amplify rounding."""
    return random_module(name, CALM[name])


@cache
def seeing_module(name: str) -> Any:
    """A model of the library, float32, that sees every object on every frame."""
    return random_module(name, replace(LIVELY[name], score_bias=60.0))


@cache
def lively_module(name: str) -> Any:
    """A model of the library, float32, whose objects differ and react to their memory."""
    return random_module(name, LIVELY[name])


@cache
def image_module(name: str, levels: int = 3) -> Any:
    """A model of the library for single pictures, float32, with the weights of the calm one.

    Args:
        name: Its family.
        levels: Feature maps of SAM 3's neck. Three are used; where there is a fourth, as the
            configuration has it by default, the library adds the "no memory" encoding to that one.
    """
    import transformers

    family, config = FAMILIES[name], micro_config(name)
    parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    stills = getattr(transformers, family.image_config_class)(
        **{part: getattr(config, part).to_dict() for part in parts}
    )
    if name == "sam3trackervideo":
        stills.vision_config.scale_factors = stills.vision_config.scale_factors[:levels]
    resize_config(family, stills, MICRO_SIZE[name])
    module = getattr(transformers, family.image_model_class)(stills)
    report = module.load_state_dict(calm_module(name).state_dict(), strict=False)
    assert not report.missing_keys, report.missing_keys
    return module.eval()


def full_size_image_module(name: str) -> Any:
    """A model for single pictures of a family's own input size and widths, but for its backbone.

    The weights are as the library draws them: of this one only shapes are looked at.
    """
    import transformers

    family = FAMILIES[name]
    config = getattr(transformers, family.image_config_class)()
    vision = config.vision_config
    small = micro_config(name).vision_config
    size = vision.backbone_config.image_size
    vision.backbone_config = small.backbone_config
    vision.backbone_config.image_size = size
    if name != "sam3trackervideo":
        vision.backbone_channel_list = small.backbone_channel_list
    return getattr(transformers, family.image_model_class)(config).eval()


def image_reference(
    name: str, picture: NDArray[np.uint8], prompts: ImagePrompts, *, multimask: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the library's image model says of one picture, prompt by prompt.

    Boxes are given as labelled points: the library puts the corners of boxes behind the points.

    Returns:
        ``(B, C, h, w)`` mask logits and ``(B, C)`` expected overlaps.
    """
    module, family, side = image_module(name), FAMILIES[name], MICRO_SIZE[name]
    prepare = Preprocessor(side, family.mean, family.std, torch.device("cpu"), torch.float32)
    points, labels = prompts.as_points()
    scale = np.float32(side) / np.array(picture.shape[1::-1], np.float32)
    points, masks = (points * scale).astype(np.float32), prompts.mask_logits
    rows = []
    with torch.inference_mode():
        pixels = prepare.prepare([picture])
        for row in range(prompts.count):
            out = module(
                pixel_values=pixels,
                input_points=torch.from_numpy(points[None, row : row + 1]),
                input_labels=torch.from_numpy(labels[None, row : row + 1]),
                input_masks=None if masks is None else torch.from_numpy(masks[row : row + 1]),
                multimask_output=multimask,
            )
            rows.append((out.pred_masks[0, 0].numpy(), out.iou_scores[0, 0].numpy()))
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


def random_module(name: str, draw: Draw, config: Any = None) -> Any:
    """A model of the library with random weights that give masks worth comparing."""
    import transformers

    with torch.random.fork_rng(devices=[]):  # position encodings are buffers, drawn on the way
        torch.manual_seed(0)
        module = getattr(transformers, FAMILIES[name].model_class)(config or micro_config(name))
    scale_weights(module, draw)
    return module.eval()


def scale_weights(module: Any, draw: Draw) -> None:
    """Draw weights that keep signals at unit size through every layer."""
    with torch.no_grad():
        random = torch.Generator().manual_seed(draw.seed)
        for key, value in module.named_parameters():
            noise = torch.randn(value.shape, generator=random)
            if value.ndim >= 2 and key.endswith("weight") and "embed" not in key.split(".")[-2]:
                fan_in = value[0].numel()
                sharp = draw.sharpness if ".q_proj" in key or ".k_proj" in key else 1.0
                if "cross_attn_image.o_proj" in key:
                    sharp = draw.memory_gain  # what is remembered must matter
                value.copy_(noise * sharp / math.sqrt(fan_in))
            elif "norm" in key and key.endswith("weight"):
                value.copy_(1.0 + 0.1 * noise)
            elif key.endswith("bias"):
                value.copy_(0.1 * noise)
            elif "scale" in key or "lambda" in key:
                value.copy_(0.5 + 0.1 * noise)
            else:  # embeddings and encodings, which the library starts at zero
                value.copy_(0.5 * noise)
        head = module.mask_decoder.pred_obj_score_head.proj_out
        head.weight.mul_(draw.score_gain)
        head.bias.fill_(draw.score_bias)


def wrap(module: Any, name: str, **options: Any) -> SamVideoModel:
    """Our model on a copy of the library's."""
    return SamVideoModel(Network(deepcopy(module), FAMILIES[name]), **options)


def picture(number: int, size_wh: tuple[int, int] = (96, 72), seed: int = 0) -> NDArray[np.uint8]:
    """A frame of a moving scene: two bright shapes over a drifting texture, BGR."""
    width, height = size_wh
    y, x = np.mgrid[:height, :width].astype(np.float32)
    phase = 0.35 * number + seed
    waves = [np.sin(x / (5 + c) + phase * (c + 1)) * np.cos(y / (7 - c) + phase) for c in range(3)]
    image = 128 + 60 * np.stack(waves, axis=-1)
    centre_x = width * (0.5 + 0.3 * math.sin(0.2 * number + seed))
    centre_y = height * (0.5 + 0.3 * math.cos(0.17 * number + seed))
    disc = (x - centre_x) ** 2 + (y - centre_y) ** 2 < (height / 5) ** 2
    image[disc] = (40, 220, 250)
    return np.asarray(np.clip(image, 0, 255), dtype=np.uint8)


def frame(number: int, size_wh: tuple[int, int] = (96, 72), seed: int = 0, epoch: int = 0) -> Frame:
    """Frame ``number`` of stream ``seed``."""
    video = VideoMetadata(
        f"stream-{seed}", seed, number, epoch, None, datetime(2026, 1, 1, tzinfo=UTC), 0.0
    )
    return Frame(picture(number, size_wh, seed), video)


class ReferenceObject:
    """One object in a session of the library of its own, fed frame by frame.

    Args:
        module: The library's model.
        name: Its family.
        size_wh: Size of the frames.
    """

    def __init__(self, module: Any, name: str, size_wh: tuple[int, int]) -> None:
        from importlib import import_module

        library = import_module(type(module).__module__)
        session = type(module).__name__.replace("Model", "InferenceSession")
        self._module = module
        self._size_wh = size_wh
        self._size = int(module.config.image_size)
        family = FAMILIES[name]
        self._pictures = Preprocessor(
            self._size, family.mean, family.std, torch.device("cpu"), module.dtype
        )
        self._session = getattr(library, session)(
            video_height=size_wh[1], video_width=size_wh[0], dtype=module.dtype
        )
        self._index = 0
        self.last: dict[str, torch.Tensor] = {}  # what the library stored for the last frame

    def step(
        self,
        image: Frame,
        *,
        box: tuple[float, float, float, float] | None = None,
        points: NDArray[np.float32] | None = None,
        labels: NDArray[np.int32] | None = None,
        mask: NDArray[np.bool_] | None = None,
    ) -> tuple[torch.Tensor, float]:
        """Feed the next frame; returns ``(h, w)`` mask logits and the object logit."""
        row = self._session.obj_id_to_idx(1)
        scale = self._size / np.array(self._size_wh, np.float32)
        if mask is not None:
            square = torch.nn.functional.interpolate(
                torch.from_numpy(mask)[None, None].float(),
                (self._size, self._size),
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
            self._session.add_mask_inputs(row, self._index, (square >= 0.5).float())
            self._session.obj_with_new_inputs = [1]
        elif box is not None or points is not None:
            found = np.zeros((0, 2), np.float32) if points is None else points
            kinds = np.zeros(0, np.int32) if labels is None else labels
            if box is not None:
                found = np.concatenate([np.array(box, np.float32).reshape(2, 2), found])
                kinds = np.concatenate([np.array([2, 3], np.int32), kinds])
            inputs = {
                "point_coords": torch.from_numpy(found * scale)[None, None],
                "point_labels": torch.from_numpy(kinds)[None, None],
            }
            self._session.add_point_inputs(row, self._index, inputs)
            self._session.obj_with_new_inputs = [1]
        pixels = self._pictures([image])[0]
        with torch.inference_mode():
            out = self._module(self._session, frame=pixels, frame_idx=self._index)
        self._index += 1
        kept = self._session.output_dict_per_obj[row]
        self.last = {**kept["cond_frame_outputs"], **kept["non_cond_frame_outputs"]}[
            self._index - 1
        ]
        return out.pred_masks[0, 0].float(), float(out.object_score_logits.flatten()[0])


def force(memory: Any, reference: ReferenceObject) -> None:
    """Put what the library remembers of the last frame in the place of what ours does.

    Both must be nearly the same already. From then on both start the next frame from equal
    memories, so that rounding cannot add up.
    """
    with torch.inference_mode():
        entry = max([*memory._conditioning, *memory._recent], key=lambda kept: kept.time)
        view = reference.last["maskmem_features"].reshape(memory.views[0].shape)
        pointer = reference.last["object_pointer"].flatten()
        torch.testing.assert_close(memory.views[entry.view], view, atol=2e-2, rtol=2e-2)
        torch.testing.assert_close(memory.pointers[entry.pointer], pointer, atol=1e-3, rtol=1e-3)
        memory.views[entry.view].copy_(view)
        memory.pointers[entry.pointer].copy_(pointer)


def as_full_size(logits: torch.Tensor, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """The library's mask at the size of the frame."""
    resized = torch.nn.functional.interpolate(
        logits[None, None], (size_wh[1], size_wh[0]), mode="bilinear", align_corners=False
    )
    mask: NDArray[np.bool_] = (resized[0, 0] > 0).numpy()
    return mask
