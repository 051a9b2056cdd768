"""A small SAM 3 that has learnt two phrases, and the library's own way of running it.

The architecture is the real one, at the smallest size it allows, with random weights behind the
image encoder's. At random weights nothing is detected, or everything, so what comes after the
encoder learns for half a minute of one thread: the detector, to find yellow discs and blue squares
by these names, and the tracker, to find again on the next frame what a mask shows. The tokenizer
is CLIP's, with a vocabulary of single letters.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from trackwire.blocks import Frame, VideoMetadata
from trackwire.blocks.models.sam3_concept.features import Encoder
from trackwire.blocks.models.sam3_concept.memory_views import MemoryWriter
from trackwire.blocks.models.sam3_concept.model import Sam3ConceptModel
from trackwire.blocks.models.sam3_concept.proposal import Followed, Writing
from trackwire.blocks.models.sam3_concept.rules import TrackNote
from trackwire.blocks.models.sam_video.attention import attend
from trackwire.blocks.models.sam_video.families import FAMILIES
from trackwire.blocks.models.sam_video.memory import MemoryLayout, ObjectMemory
from trackwire.blocks.models.sam_video.preprocess import Preprocessor

torch.set_num_threads(1)  # on a shared machine two threads can be slower than one

SIZE_WH = (96, 72)
DISC, SQUARE = "yellow disc", "blue square"
PHRASES = (DISC, SQUARE)
_SIDE = 112
_HIDDEN = 128
_SCENES = 24
_LESSON = 8  # frames at a time


@dataclass(frozen=True)
class Thing:
    """A shape that lives in one quarter of the frame, and slides in and out at its outer side.

    Args:
        phrase: What it is.
        quarter: 0-3, row by row.
        first: Frame on which it begins to come in.
        last: Frame on which it has left.
        shade: 0-1, how bright it is.
        phase: Of its way, radians.
    """

    phrase: str
    quarter: int
    first: int = -100
    last: int = 100_000
    shade: float = 0.5
    phase: float = 0.0

    def mask(self, number: int) -> NDArray[np.bool_]:
        """``(72, 96)`` where it is on frame ``number``."""
        width, height = SIZE_WH
        y, x = np.mgrid[:height, :width].astype(np.float32)
        inside = min((number - self.first) / 5, (self.last - number) / 5, 1.0)
        away = 40 * (1 - max(inside, 0.0)) * (1 if self.quarter % 2 else -1)
        place_x = width * (0.25 + 0.5 * (self.quarter % 2)) + 3 * math.sin(
            0.3 * number + self.phase
        )
        place_y = height * (0.25 + 0.5 * (self.quarter // 2)) + 3 * math.cos(
            0.25 * number + self.phase
        )
        across, down = np.abs(x - place_x - away) / 14, np.abs(y - place_y) / 13
        if self.phrase == DISC:
            return np.asarray(across**2 + down**2 < 1)
        return np.asarray((across < 0.85) & (down < 0.85))

    def colour(self) -> tuple[float, float, float]:
        """BGR."""
        bright = 150 + 100 * self.shade
        if self.phrase == DISC:
            return (40.0, bright, bright)
        return (bright, 60.0, 40.0)


@dataclass(frozen=True)
class World:
    """Things before a soft background.

    Args:
        things: At most one for each quarter at a time.
        seed: Of the background.
    """

    things: tuple[Thing, ...]
    seed: int = 0

    def render(self, number: int) -> NDArray[np.uint8]:
        """Frame ``number``, ``(72, 96, 3)`` BGR."""
        random = np.random.default_rng(self.seed)
        width, height = SIZE_WH
        soft = random.uniform(0, 90, (height // 8 + 1, width // 8 + 1, 3)).astype(np.float32)
        image = np.asarray(cv2.resize(soft, SIZE_WH, interpolation=cv2.INTER_CUBIC))
        for thing in self.things:
            image[thing.mask(number)] = thing.colour()
        return np.clip(image, 0, 255).astype(np.uint8)

    def frame(self, number: int, stream: str = "world", epoch: int = 0) -> Frame:
        """Frame ``number`` as a pipeline gives it."""
        video = VideoMetadata(stream, 0, number, epoch, None, datetime(2026, 1, 1, tzinfo=UTC), 0.0)
        return Frame(self.render(number), video)

    def there(self, number: int) -> list[Thing]:
        """The things of which most is to be seen."""
        return [thing for thing in self.things if thing.mask(number).sum() > 250]


def random_world(seed: int) -> World:
    """Two to four things at random."""
    random = np.random.default_rng(seed)
    quarters = random.permutation(4)[: random.integers(2, 5)]
    return World(
        tuple(
            Thing(
                PHRASES[random.integers(2)],
                int(quarter),
                shade=float(random.random()),
                phase=float(random.uniform(0, 6)),
            )
            for quarter in quarters
        ),
        seed,
    )


def micro_config(**changes: Any) -> Any:
    """Configuration of SAM 3 for video by phrases, small enough for a test on one thread."""
    import transformers

    vision = {
        "model_type": "sam3_vision_model",
        "fpn_hidden_size": _HIDDEN,
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "backbone_config": {
            "model_type": "sam3_vit_model",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "global_attn_indexes": [1],
            "window_size": 4,
            "pretrain_image_size": _SIDE,
            "image_size": _SIDE,
        },
    }
    layers = {"hidden_size": _HIDDEN, "num_attention_heads": 4}
    deep = {**layers, "intermediate_size": 128, "dropout": 0.0}
    detector = {
        "model_type": "sam3",
        "vision_config": vision,
        "text_config": {
            "model_type": "clip_text_model",
            "vocab_size": len(vocabulary()),
            "hidden_size": 64,
            "intermediate_size": 64,
            "projection_dim": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
            "hidden_act": "gelu",
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
        },
        "geometry_encoder_config": {**deep, "num_layers": 1},
        "detr_encoder_config": {**deep, "num_layers": 1},
        "detr_decoder_config": {**deep, "num_layers": 2, "num_queries": 4},
        "mask_decoder_config": {**layers, "num_upsampling_stages": 2},
    }
    tracker = {
        "model_type": "sam3_tracker_video",
        "vision_config": vision,
        "prompt_encoder_config": {"hidden_size": _HIDDEN, "image_size": _SIDE},
        "mask_decoder_config": {
            "hidden_size": _HIDDEN,
            "mlp_dim": 128,
            "iou_head_hidden_dim": 64,
        },
        "memory_attention_hidden_size": _HIDDEN,
        "memory_attention_num_layers": 2,
        "memory_encoder_hidden_size": _HIDDEN,
        "mask_downsampler_embed_dim": _HIDDEN,
        "memory_fuser_embed_dim": _HIDDEN,
        "memory_fuser_intermediate_dim": 128,
        "memory_attention_feed_forward_hidden_size": 128,
        "image_size": _SIDE,
    }
    config = transformers.Sam3VideoConfig(
        detector_config=detector, tracker_config=tracker, low_res_mask_size=32, **changes
    )
    config.image_size = _SIDE
    return config


def vocabulary() -> dict[str, int]:
    """Letters within and at the end of words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{each}</w>" for each in letters)]
    return {word: number for number, word in enumerate(words)}


def tokenizer() -> Any:
    """CLIP's tokenizer over that vocabulary."""
    import transformers

    return transformers.CLIPTokenizer(vocab=vocabulary(), merges=[])


@cache
def trained_module() -> Any:
    """``Sam3VideoModel`` of the library, float32, that knows both phrases."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = _library_model()
        _begin(module)
        Lessons(module).teach()
    return module.requires_grad_(requires_grad=False)


def _library_model() -> Any:
    import transformers

    model_class: Any = transformers.Sam3VideoModel
    return model_class(micro_config()).eval()


def _begin(module: Any) -> None:
    """Draw weights that learn quickly, as in ``sam_training``."""
    with torch.no_grad():
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
        head = module.tracker_model.mask_decoder.pred_obj_score_head.proj_out
        head.weight.mul_(0.1)
        head.bias.fill_(2.0)
        for part in module.tracker_model.modules():
            if not hasattr(part, "q_proj"):
                continue
            query, key = part.q_proj.weight, part.k_proj.weight
            if query.shape == key.shape:
                torch.nn.init.orthogonal_(query)
                key.copy_(query)


class Lessons:
    """Teaches both halves of a model.

    Args:
        module: The library's model; it is changed.
        lr: Largest step size.
    """

    def __init__(self, module: Any, lr: float = 1e-3) -> None:
        self._module = module
        self._lr = lr
        copy = deepcopy(module)
        encoder = Encoder(copy)
        module.tracker_model.mask_decoder.conv_s0 = copy.tracker_model.mask_decoder.conv_s0
        module.tracker_model.mask_decoder.conv_s1 = copy.tracker_model.mask_decoder.conv_s1
        self._network = Encoder(deepcopy(module)).network
        self._network.module = module.tracker_model
        self._writer = MemoryWriter(self._network, 64)
        self._layout = MemoryLayout.of(self._network, 1)
        self._worlds = [random_world(seed) for seed in range(_SCENES)]
        with torch.no_grad():
            self._clips = [
                [encoder.encode([world.frame(3 * seed + step)])[0] for step in range(3)]
                for seed, world in enumerate(self._worlds)
            ]
        self._tokens = tokenizer()(
            list(PHRASES), return_tensors="pt", padding="max_length", max_length=32
        )
        self._random = np.random.default_rng(0)

    def teach(self, detector_steps: int = 140, tracker_steps: int = 80) -> None:
        """Take so many steps with each half."""
        module = self._module
        module.requires_grad_(requires_grad=False)
        module.detector_model.requires_grad_(requires_grad=True)
        module.detector_model.vision_encoder.requires_grad_(requires_grad=False)
        self._learn(module.detector_model, detector_steps, self._detect)
        module.requires_grad_(requires_grad=False)
        module.tracker_model.requires_grad_(requires_grad=True)
        module.tracker_model.mask_decoder.conv_s0.requires_grad_(requires_grad=False)
        module.tracker_model.mask_decoder.conv_s1.requires_grad_(requires_grad=False)
        self._learn(module.tracker_model, tracker_steps, self._follow)

    def _learn(self, half: Any, steps: int, lesson: Any) -> None:
        weights = [weight for weight in half.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self._lr, weight_decay=0.0)
        slope = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self._lr, total_steps=steps, pct_start=0.2
        )
        for _ in range(steps):
            loss: Any = lesson()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            slope.step()

    def _detect(self) -> torch.Tensor:
        """Find one phrase each on some frames; query ``n`` is to find it in quarter ``n``."""
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        chosen = self._random.integers(_SCENES, size=_LESSON)
        steps = self._random.integers(3, size=_LESSON)
        asked = self._random.integers(2, size=_LESSON)
        features = [self._clips[scene][step] for scene, step in zip(chosen, steps, strict=True)]
        levels = [torch.cat(maps) for maps in zip(*(each.maps for each in features), strict=True)]
        places = [each.expand(_LESSON, -1, -1, -1) for each in features[0].positions]
        output: Any = Sam3VisionEncoderOutput
        out = self._module.detector_model(
            vision_embeds=output(
                fpn_hidden_states=(*levels, levels[-1]),
                fpn_position_encoding=(*places, places[-1]),
            ),
            input_ids=self._tokens.input_ids[asked],
            attention_mask=self._tokens.attention_mask[asked],
        )
        wanted, truth = torch.zeros(_LESSON, 4), torch.zeros(_LESSON, 4, 72, 96)
        for row, (scene, step) in enumerate(zip(chosen, steps, strict=True)):
            for thing in self._worlds[scene].things:
                if thing.phrase == PHRASES[asked[row]]:
                    wanted[row, thing.quarter] = 1
                    truth[row, thing.quarter] = torch.from_numpy(thing.mask(3 * scene + step))
        score = functional.binary_cross_entropy_with_logits(out.pred_logits, wanted)
        present = functional.binary_cross_entropy_with_logits(
            out.presence_logits[:, 0], wanted.any(1).float()
        )
        there = wanted > 0
        if not there.any():
            return score + present
        return score + present + _mask_loss(out.pred_masks[there], truth[there])

    def _follow(self) -> torch.Tensor:
        """Follow what truth shows on a first frame through the next two; one thing is gone then."""
        network, total = self._network, torch.zeros(())
        scenes = self._random.integers(_SCENES, size=2).tolist()
        things = [(scene, thing) for scene in scenes for thing in self._worlds[scene].things]
        memories = [ObjectMemory(self._layout) for _ in things]
        for step in range(3):
            frames = [self._clips[scene][step].tracker for scene, _ in things]
            truth = torch.stack(
                [torch.from_numpy(thing.mask(3 * scene + step)).float() for scene, thing in things]
            )
            low = functional.interpolate(truth[:, None], network.low_res_hw, mode="area")[:, 0]
            if step:
                recalls = [memory.recall() for memory in memories]
                decoded = network.decode(
                    frames, attend(network, frames, memories, recalls), None, None
                )
                seen = functional.softplus(-decoded.object_logit).mean()
                total = total + _mask_loss(decoded.low_res, truth) + 0.2 * seen
                total = total + 0.5 * functional.mse_loss(
                    decoded.iou, torch.full_like(decoded.iou, 0.9)
                )
            if step < 2:
                views = self._writer.views(
                    frames,
                    [_birth(row, mask * 20 - 10) for row, mask in enumerate(low)],
                )
                for view, tokens in zip(views, self._writer.encode(views), strict=True):
                    memories[view.track_id].write(tokens, view.pointer, conditioning=True)
        return total


def _birth(track: int, mask: torch.Tensor) -> Writing:
    nothing, none = torch.zeros(0), np.zeros(0, np.float32)
    followed = Followed((), mask[None][:0], nothing, nothing, none, none)
    note = {track: TrackNote("", 0, 1.0)}
    return Writing(followed, mask[None][:0], frozenset(), {track: mask}, note)


def _mask_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    truth = functional.interpolate(masks[:, None], logits.shape[1:], mode="area")[:, 0]
    share = truth.mean((1, 2), keepdim=True).clamp(min=0.02)
    weight = truth * 0.5 / share + (1 - truth) * 0.5 / (1 - share)
    pixels = functional.binary_cross_entropy_with_logits(logits, truth, weight)
    soft = torch.sigmoid(logits)
    both = 2 * (soft * truth).sum((1, 2)) + 1
    dice = 1 - both / (soft.sum((1, 2)) + truth.sum((1, 2)) + 1)
    return 3 * pixels + dice.mean()


def wrap(module: Any, **options: Any) -> Sam3ConceptModel:
    """Our model on a copy of the library's."""
    return Sam3ConceptModel(deepcopy(module), tokenizer(), **options)


def pictures(module: Any) -> Preprocessor:
    """What turns frames into the tensors that the library takes."""
    family = FAMILIES["sam3trackervideo"]
    return Preprocessor(_SIDE, family.mean, family.std, torch.device("cpu"), module.dtype)


@dataclass(frozen=True)
class Shown:
    """What the library puts out for a frame.

    Args:
        ids: Its object ids, which count from 0.
        phrases: Of each.
        scores: Of the detection each was born of.
        frame_scores: Of each on this frame.
        boxes: ``(N, 4)`` x1, y1, x2, y2, the last pixels included, before masks were kept apart.
        masks: ``(N, H, W)`` bool.
    """

    ids: list[int]
    phrases: list[str]
    scores: NDArray[np.float32]
    frame_scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    masks: NDArray[np.bool_]


class Reference:
    """A session of the library.

    Args:
        module: The library's model; it is not changed.
        phrases: What to find.
        video: All frames, to be processed as those of a video; None for a stream.
    """

    def __init__(
        self, module: Any, phrases: tuple[str, ...], video: list[Frame] | None = None
    ) -> None:
        from importlib import import_module

        # Asked for by its own name the processor needs no torchvision until it makes boxes.
        processing: Any = import_module("transformers.models.sam3_video.processing_sam3_video")
        library: Any = import_module(type(module).__module__)
        processing.masks_to_boxes = _masks_to_boxes
        self._processor = object.__new__(processing.Sam3VideoProcessor)
        self._processor.tokenizer = tokenizer()
        self._module = module
        self._pictures = pictures(module)
        self.session = library.Sam3VideoInferenceSession(
            video=None if video is None else self._pictures(video),
            video_height=SIZE_WH[1],
            video_width=SIZE_WH[0],
            dtype=torch.float32,
        )
        self._is_stream = video is None
        self._processor.add_text_prompt(self.session, list(phrases))

    def step(self, number: int, frame: Frame) -> Shown:
        """Process the next frame."""
        given: dict[str, Any] = {"frame_idx": number}
        if self._is_stream:
            given = {"frame": self._pictures([frame])[0]}
        with torch.inference_mode():
            out = self._module(self.session, **given)
            shown = self._processor.postprocess_outputs(self.session, out)
        ids = shown["object_ids"].tolist()
        named = {each: name for name, rows in shown["prompt_to_obj_ids"].items() for each in rows}
        tracked = [out.obj_id_to_tracker_score[each] for each in ids]
        return Shown(
            ids,
            [named[each] for each in ids],
            shown["scores"].numpy(),
            np.array(tracked, dtype=np.float32),
            shown["boxes"].numpy(),
            shown["masks"].numpy(),
        )


def _masks_to_boxes(masks: torch.Tensor) -> torch.Tensor:
    """As torchvision's, which is not there on every machine."""
    boxes = torch.zeros((len(masks), 4))
    for row, mask in enumerate(masks):
        y, x = torch.where(mask)
        boxes[row] = torch.stack([x.min(), y.min(), x.max(), y.max()])
    return boxes


class Kernels:
    """What the library takes from a package of kernels, which is fetched from the hub."""

    def generic_nms(
        self, overlaps: torch.Tensor, scores: torch.Tensor, most: float, **_: Any
    ) -> torch.Tensor:
        """Rows that stay, from the best on, if none that stays overlaps them more."""
        stays: list[int] = []
        for row in torch.argsort(-scores, stable=True).tolist():
            if all(float(overlaps[row, other]) <= most for other in stays):
                stays.append(row)
        return torch.tensor(stays, dtype=torch.long)

    def cc_2d(self, masks: torch.Tensor, **_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Components, 8-connected, and for each pixel the size of its component."""
        from scipy import ndimage

        labels = np.zeros(masks.shape, dtype=np.int32)
        counts = np.zeros(masks.shape, dtype=np.int32)
        for place in np.ndindex(*masks.shape[:2]):
            labels[place], number = ndimage.label(masks[place].numpy(), np.ones((3, 3)))
            sizes = np.bincount(labels[place].ravel(), minlength=number + 1)
            counts[place] = sizes[labels[place]]
        return torch.from_numpy(labels), torch.from_numpy(counts)
