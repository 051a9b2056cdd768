"""Teach a random Segment Anything tracker to follow shapes, in 20 seconds of one thread.

Random weights give masks that have nothing to do with the box they were asked for. Here the image
encoder stays random, and what comes after it learns two things from moving shapes on a soft
background: to fill the shape in a box, and to find it again on the next frame. Every other scene
is shown as a grey picture, or the model would learn to find all shapes and to ignore the box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from trackwire.blocks.models.sam_video.attention import attend
from trackwire.blocks.models.sam_video.families import FAMILIES
from trackwire.blocks.models.sam_video.image_network import FrameFeatures
from trackwire.blocks.models.sam_video.memory import MemoryLayout, ObjectMemory
from trackwire.blocks.models.sam_video.network import Decoded, Network

SIZE_WH = (96, 72)
_CLIP = 2  # frames of a lesson: one with boxes, one without
_SCENES = 20

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    """Three shapes that move a little, each in a quarter of the frame of its own.

    Args:
        seed: Of everything about it.
    """

    seed: int

    def render(self, number: int) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]:
        """Frame ``number``: the picture, ``(72, 96, 3)`` BGR, and the mask of each shape."""
        random = np.random.default_rng(self.seed)
        width, height = SIZE_WH
        y, x = np.mgrid[:height, :width].astype(np.float32)
        soft = random.uniform(0, 60, (height // 8 + 1, width // 8 + 1, 3)).astype(np.float32)
        image = np.asarray(cv2.resize(soft, SIZE_WH, interpolation=cv2.INTER_CUBIC))
        masks: list[NDArray[np.bool_]] = []
        for quarter in random.permutation(4)[:3]:
            radius_x, radius_y = random.uniform(12, 17, 2)
            phase, reach = random.uniform(0, 2 * math.pi), random.uniform(2, 5)
            colour, is_round = random.integers(60, 256, 3), random.integers(2)
            place_x = width * (0.25 + 0.5 * (quarter % 2)) + reach * math.sin(0.3 * number + phase)
            place_y = height * (0.25 + 0.5 * (quarter // 2)) + reach * math.cos(
                0.25 * number + phase
            )
            across, down = np.abs(x - place_x) / radius_x, np.abs(y - place_y) / radius_y
            mask = across**2 + down**2 < 1 if is_round else (across < 0.85) & (down < 0.85)
            image[mask] = colour
            masks = [*(earlier & ~mask for earlier in masks), mask]
        return np.clip(image, 0, 255).astype(np.uint8), masks


def box_of(mask: NDArray[np.bool_]) -> Box:
    """The tight box of a mask, half-open."""
    rows, columns = np.where(mask)
    return (
        float(columns.min()),
        float(rows.min()),
        float(columns.max() + 1),
        float(rows.max() + 1),
    )


def begin(module: Any) -> None:
    """Draw weights that learn quickly: attention looks at what resembles the asker from the start.

    Where queries and keys are projected alike, position encodings match themselves, so that a
    pixel near the corner of a box hears of that corner.
    """
    torch.manual_seed(0)
    with torch.no_grad():
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
        head = module.mask_decoder.pred_obj_score_head.proj_out
        head.weight.mul_(0.1)
        head.bias.fill_(5.0)
        for name, part in module.named_modules():
            if "vision" in name or not hasattr(part, "q_proj"):
                continue
            query, key = part.q_proj.weight, part.k_proj.weight
            if query.shape == key.shape:
                torch.nn.init.orthogonal_(query)
                key.copy_(query)


class Lessons:
    """Teaches one model.

    Args:
        lab: ``sam_lab``.
        module: The library's model, float32; it is changed.
        name: Its family.
        lr: Largest step size.
    """

    def __init__(self, lab: Any, module: Any, name: str, lr: float) -> None:
        self._network = Network(module, FAMILIES[name])
        self._lr = lr
        network, config = self._network, self._network.config
        self._layout = MemoryLayout(
            network.view_tokens,
            network.memory_channels,
            network.channels,
            config.num_maskmem - 1,
            config.max_object_pointers_in_encoder - 1,
            1,
            network.view_dtype,
            network.dtype,
            network.device,
        )
        self._clips = [self._clip(lab, name, Scene(seed)) for seed in range(_SCENES)]
        grey = torch.zeros(1, 3, network.image_size, network.image_size)
        with torch.no_grad():
            self._grey = module.vision_encoder(grey, return_dict=True).fpn_hidden_states
        module.requires_grad_(requires_grad=True)
        module.vision_encoder.requires_grad_(requires_grad=False)
        self._weights = [weight for weight in module.parameters() if weight.requires_grad]

    def _clip(self, lab: Any, name: str, scene: Scene) -> list[Any]:
        """Features and masks of a few frames."""
        network, family = self._network, FAMILIES[name]
        prepare = lab.Preprocessor(
            network.image_size, family.mean, family.std, network.device, network.dtype
        )
        clip = []
        for number in range(_CLIP):
            image, masks = scene.render(3 * scene.seed + number)
            pixels = prepare([lab.Frame(image, lab.frame(0).video)])
            with torch.no_grad():
                maps = network.module.vision_encoder(pixels, return_dict=True).fpn_hidden_states
            clip.append((maps, masks))
        return clip

    def teach(self, steps: int, frames: int) -> None:
        """Take steps over clips of so many frames."""
        optimizer = torch.optim.AdamW(self._weights, lr=self._lr, weight_decay=0.0)
        slope = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self._lr, total_steps=steps, pct_start=0.15
        )
        random = np.random.default_rng(frames)
        for _ in range(steps):
            unseen, shown = random.integers(_SCENES, size=2)
            loss: Any = self._follow(int(unseen), int(shown), frames)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
            optimizer.step()
            slope.step()

    def _follow(self, unseen: int, shown: int, frames: int) -> torch.Tensor:
        """Follow the shapes of two clips, the first one grey; how far that is from the truth."""
        network, total = self._network, torch.zeros(())
        memories: list[ObjectMemory] = []
        for number in range(frames):
            features: list[FrameFeatures] = []
            masks: list[NDArray[np.bool_]] = []
            for scene, grey in ((unseen, True), (shown, False)):
                maps, found = self._clips[scene][number]
                features += [self._features(self._grey if grey else maps)] * len(found)
                masks += found
            if number == 0:
                memories = [ObjectMemory(self._layout) for _ in masks]
                decoded = self._prompt(features, masks)
            else:
                recalls = [memory.recall() for memory in memories]
                decoded = network.decode(
                    features, attend(network, features, memories, recalls), None, None
                )
            total = total + self._loss(decoded, masks)
            if number < frames - 1:
                self._remember(features, decoded, memories)
        return total

    def _features(self, maps: Any) -> FrameFeatures:
        decoder = self._network.module.mask_decoder
        return FrameFeatures((decoder.conv_s0(maps[0]), decoder.conv_s1(maps[1])), maps[2])

    def _prompt(self, features: list[FrameFeatures], masks: list[NDArray[np.bool_]]) -> Decoded:
        network = self._network
        scale = network.image_size / np.array(SIZE_WH, np.float32)
        corners = [np.array(box_of(mask), np.float32).reshape(2, 2) * scale for mask in masks]
        labels = torch.tensor([[2, 3]] * len(masks), dtype=torch.int32)
        top = network.without_memory(features)
        return network.decode(features, top, torch.from_numpy(np.stack(corners)), labels)

    def _loss(self, decoded: Decoded, masks: list[NDArray[np.bool_]]) -> torch.Tensor:
        truth = torch.from_numpy(np.stack(masks)).float()[:, None]
        truth = functional.interpolate(truth, self._network.low_res_hw, mode="area")[:, 0]
        logits = decoded.low_res
        share = truth.mean((1, 2), keepdim=True).clamp(min=0.02)
        weight = truth * 0.5 / share + (1 - truth) * 0.5 / (1 - share)
        pixels = functional.binary_cross_entropy_with_logits(logits, truth, weight)
        soft = torch.sigmoid(logits)
        both = 2 * (soft * truth).sum((1, 2)) + 1
        dice = 1 - both / (soft.sum((1, 2)) + truth.sum((1, 2)) + 1)
        ours, theirs = logits > 0, truth > 0.5
        overlap = (ours & theirs).sum((1, 2)) / (ours | theirs).sum((1, 2)).clamp(min=1)
        score = functional.mse_loss(decoded.iou, overlap)
        seen = functional.softplus(-decoded.object_logit).mean()
        return 3 * pixels + dice.mean() + score + 0.1 * seen

    def _remember(
        self, features: list[FrameFeatures], decoded: Decoded, memories: list[ObjectMemory]
    ) -> None:
        network = self._network
        logits = network.memory_logits(decoded.low_res)
        prompted = torch.ones(len(memories), dtype=torch.bool)
        views = network.encode_views(features, logits, decoded.object_logit, prompted)
        for memory, view, pointer in zip(memories, views, decoded.pointer, strict=True):
            memory.write(view, pointer, conditioning=True)


def learn_shapes(lab: Any, module: Any, name: str, *, steps: int = 100, lr: float = 1e-3) -> Any:
    """Teach a model to follow the shapes of a ``Scene``; it is changed and returned.

    Args:
        lab: ``sam_lab``.
        module: The library's model, float32, any weights.
        name: Its family.
        steps: Steps on single frames, and as many again on clips.
        lr: Largest step size.
    """
    with torch.random.fork_rng(devices=[]):
        begin(module)
    lessons = Lessons(lab, module, name, lr)
    lessons.teach(steps, 1)
    lessons.teach(steps, _CLIP)
    return module.requires_grad_(requires_grad=False)
