"""Masks in single pictures: many prompts of many pictures through one pass of the mask decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trackwire.specs import ModelError

from ..image_seam import ImagePrompts, Segmented
from ..sam_video.attention import batches
from ..sam_video.preprocess import Preprocessor
from ..small_areas import fill_and_clear

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from ..sam_video.image_network import FrameFeatures, ImageNetwork

__all__ = ["SamImageModel"]

_UPSCALED_AT_ONCE = 1 << 26  # values, 256 MB, so that a GPU need not hold all masks of a picture


class SamImageModel:
    """SAM 2.1, EdgeTAM or SAM 3's visual prompts on single pictures.

    Features are those of the tracker with the same network, so a frame that one of them encoded
    can be handed to the other. Prompts are batched over pictures; only those with the same number
    of points share a batch, because a padded point would take part in the decoder's attention.

    Args:
        network: The loaded network; may be a tracker's.
        encoder_batch: Most pictures in a pass of the image encoder, or None to choose by device.
        decoder_batch: Most prompts in a pass of the mask decoder, likewise.

    Raises:
        ModelError: A batch is below 1.
    """

    def __init__(
        self,
        network: ImageNetwork,
        *,
        encoder_batch: int | None = None,
        decoder_batch: int | None = None,
    ) -> None:
        self.network = network
        self._encoder_batch = encoder_batch if encoder_batch is not None else _pictures(network)
        self._decoder_batch = decoder_batch if decoder_batch is not None else _prompts(network)
        if self._encoder_batch < 1 or self._decoder_batch < 1:
            raise ModelError(
                "encoder_batch and decoder_batch must be at least 1, "
                f"found {encoder_batch} and {decoder_batch}",
                code="model_option",
            )
        family = network.family
        self._preprocess = Preprocessor(
            network.image_size, family.mean, family.std, network.device, network.dtype
        )

    @property
    def low_res_hw(self) -> tuple[int, int]:
        """Rows and columns of low-resolution masks: 256 for SAM 2.1, 288 for SAM 3."""
        return self.network.low_res_hw

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.network.device

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> Sequence[FrameFeatures]:
        """Compute what only depends on a picture.

        Args:
            pictures: ``(H, W, 3)`` uint8 RGB each, of any sizes.
        """
        import torch

        features: list[FrameFeatures] = []
        with torch.inference_mode():
            for start in range(0, len(pictures), self._encoder_batch):
                squares = self._preprocess.prepare(pictures[start : start + self._encoder_batch])
                features += self.network.encode(squares)
        return features

    def segment(
        self,
        features: Sequence[FrameFeatures],
        prompts: Sequence[ImagePrompts],
        sizes_wh: Sequence[tuple[int, int]],
        multimask: bool,
    ) -> Sequence[Segmented]:
        """Answer prompts, batched over all prompts of all pictures.

        Without ``multimask`` the mask is the decoder's single one, or the best of three where
        that is unstable, as the model was trained.

        Args:
            features: One for each picture.
            prompts: The prompts of each picture.
            sizes_wh: Size of each picture, pixels.
            multimask: Three masks for each prompt, or one.
        """
        import torch

        network = self.network
        asked = [
            _Asked(network, given, size_wh)
            for given, size_wh in zip(prompts, sizes_wh, strict=True)
        ]
        masks = network.module.mask_decoder.num_multimask_outputs if multimask else 1
        answers = [
            Segmented(
                np.empty((given.count, masks, *network.low_res_hw), np.float32),
                np.empty((given.count, masks), np.float32),
                size_wh,
            )
            for given, size_wh in zip(prompts, sizes_wh, strict=True)
        ]
        items = [(place, row) for place, given in enumerate(prompts) for row in range(given.count)]
        with torch.inference_mode():
            for _, positions in batches([asked[i].kind for i, _ in items], self._decoder_batch):
                chosen = [items[position] for position in positions]
                logits, iou = self._decode(features, asked, chosen, multimask)
                for (place, row), logit, overlap in zip(chosen, logits, iou, strict=True):
                    answers[place].logits[row] = logit
                    answers[place].iou[row] = overlap
        return answers

    def _decode(
        self,
        features: Sequence[FrameFeatures],
        asked: Sequence[_Asked],
        chosen: Sequence[tuple[int, int]],
        multimask: bool,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Answer prompts that can share a batch: ``(B, C, h, w)`` and ``(B, C)``."""
        import torch

        network = self.network
        points = np.stack([asked[place].points[row] for place, row in chosen])
        labels = np.stack([asked[place].labels[row] for place, row in chosen])
        masks = [mask[row] for place, row in chosen if (mask := asked[place].masks) is not None]
        alone = len({place for place, _ in chosen}) == 1
        logits, iou = network.segment(
            [features[place] for place, _ in (chosen[:1] if alone else chosen)],
            torch.from_numpy(points).to(network.device),
            torch.from_numpy(labels).to(network.device),
            torch.stack(masks) if masks else None,
            multimask,
        )
        return logits.cpu().numpy(), iou.cpu().numpy()

    def upscale(
        self,
        segmented: Segmented,
        hole_area: float = 0.0,
        sprinkle_area: float = 0.0,
        threshold: float = 0.0,
    ) -> NDArray[np.float32]:
        """Bring masks to the size of their picture, bilinearly.

        Small areas are changed at low resolution. Where the model runs on pictures smaller than it
        was trained on, areas shrink in proportion, so that they mean the same part of a picture.

        Args:
            segmented: Answers of this model.
            hole_area: Largest hole filled, low-resolution pixels; 0 for none.
            sprinkle_area: Largest speck cleared, likewise.
            threshold: Logit above which a pixel belongs to the mask.

        Returns:
            ``(B, C, H, W)`` float32 logits.
        """
        import torch
        from torch.nn.functional import interpolate

        network = self.network
        share = (network.image_size / network.family.image_size) ** 2
        logits = fill_and_clear(
            segmented.logits, share * hole_area, share * sprinkle_area, threshold
        )
        width, height = segmented.size_wh
        count, masks = segmented.iou.shape
        result = np.empty((count, masks, height, width), np.float32)
        step = max(1, _UPSCALED_AT_ONCE // max(masks * height * width, 1))
        with torch.inference_mode():
            for start in range(0, count, step):
                part = torch.from_numpy(logits[start : start + step]).to(network.device)
                large = interpolate(part, (height, width), mode="bilinear", align_corners=False)
                result[start : start + step] = large.cpu().numpy()
        return result

    def embedding(self, feature: FrameFeatures) -> torch.Tensor:
        """Give the image embedding: ``(1, C, h, w)`` float32, with the "no memory" encoding."""
        import torch

        with torch.inference_mode():
            return self.network.exact(self.network.without_memory([feature]))

    def nbytes(self, feature: FrameFeatures) -> int:
        """Bytes that the features of a picture hold."""
        return sum(level.numel() * level.element_size() for level in (*feature.fine, feature.top))


class _Asked:
    """The prompts of one picture as the network takes them.

    Args:
        network: The network.
        prompts: The prompts.
        size_wh: Size of the picture, pixels.
    """

    def __init__(
        self, network: ImageNetwork, prompts: ImagePrompts, size_wh: tuple[int, int]
    ) -> None:
        points, self.labels = prompts.as_points()
        scale = network.image_size / np.asarray(size_wh, np.float32)
        self.points: NDArray[np.float32] = (points * scale).astype(np.float32)
        self.masks = None
        if prompts.mask_logits is not None:
            self.masks = _at_low_resolution(network, prompts.mask_logits)
        self.kind = self.points.shape[1], self.masks is not None


def _at_low_resolution(network: ImageNetwork, logits: NDArray[np.float32]) -> torch.Tensor:
    """``(B, 1, h, w)`` on the device, resized as the library resizes mask prompts."""
    import torch
    from torch.nn.functional import interpolate

    masks = torch.from_numpy(np.require(logits, np.float32, ["C", "W"])).to(network.device)
    if len(masks) and masks.shape[2:] != network.low_res_hw:
        masks = interpolate(
            masks, network.low_res_hw, mode="bilinear", align_corners=False, antialias=True
        )
    return masks.to(network.dtype)


def _pictures(network: ImageNetwork) -> int:
    """Pictures per pass of the encoder: bounded by what its feature maps take at full size."""
    area = (network.image_size / 1024) ** 2
    limit = 4 if network.device.type == "cpu" else 16
    return max(limit, min(64, int(limit / area)))


def _prompts(network: ImageNetwork) -> int:
    """Prompts per pass of the decoder, each of which takes some 50 MB at 1024 pixels."""
    area = (network.image_size / 1024) ** 2
    limit = 16 if network.device.type == "cpu" else 64
    return max(limit, min(256, int(limit / area)))
