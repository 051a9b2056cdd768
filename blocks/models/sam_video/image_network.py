"""The trained parts of a Segment Anything model that look at one picture, callable on a batch.

The models of single pictures and the video trackers of ``transformers`` have these parts in
common, under the same names, so one loaded network can serve both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from .families import Family

__all__ = ["FrameFeatures", "ImageNetwork", "gather", "image_encoder"]


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """What the image encoder found on one frame.

    Args:
        fine: ``(1, C / 8, 4 h, 4 w)`` and ``(1, C / 4, 2 h, 2 w)``, for the mask decoder.
        top: ``(1, C, h, w)`` features at the lowest resolution.
    """

    fine: tuple[torch.Tensor, torch.Tensor]
    top: torch.Tensor


class ImageNetwork:
    """A loaded model of ``transformers`` as far as single pictures need it.

    It holds no state of any stream or picture.

    Args:
        module: A model of the family, for pictures or for video, in evaluation mode, on its
            device. It is changed: encodings that are constant are no longer computed for each
            picture.
        family: Its family.
    """

    def __init__(self, module: Any, family: Family) -> None:
        import torch

        self.module = module
        self.family = family
        self.config = module.config
        parameter = module.no_memory_embedding
        self.device: torch.device = parameter.device
        self.dtype: torch.dtype = parameter.dtype
        self.image_size = int(module.prompt_encoder.input_image_size)
        self.grid_hw: tuple[int, int] = tuple(module.prompt_encoder.image_embedding_size)
        self.channels = int(self.config.vision_config.fpn_hidden_size)
        self.low_res_hw: tuple[int, int] = tuple(module.prompt_encoder.mask_input_size)
        self.encoder: Callable[[torch.Tensor], Sequence[torch.Tensor]] = image_encoder(module)
        neck = module.vision_encoder.neck
        self.encode_position: Any = getattr(neck.position_encoding, "real", neck.position_encoding)
        neck.position_encoding = _skipped(self.encode_position)
        with torch.inference_mode():
            self.image_position = module.get_image_wide_positional_embeddings()  # (1, C, h, w)

    def encode(self, pictures: torch.Tensor) -> list[FrameFeatures]:
        """Encode pictures.

        Args:
            pictures: ``(B, 3, S, S)`` normalised RGB.
        """
        finest, finer, top = self.encoder(pictures)
        rows = [slice(row, row + 1) for row in range(len(pictures))]
        return [FrameFeatures((finest[row], finer[row]), top[row]) for row in rows]

    def without_memory(self, features: Sequence[FrameFeatures]) -> torch.Tensor:
        """Features for objects that do not look back at any memory: ``(B, C, h, w)``."""
        import torch

        top = torch.cat([frame.top for frame in features])
        prompted: torch.Tensor = top + self.module.no_memory_embedding.view(1, -1, 1, 1)
        return prompted

    def segment(
        self,
        features: Sequence[FrameFeatures],
        points: torch.Tensor,
        labels: torch.Tensor,
        masks: torch.Tensor | None,
        multimask: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Find the masks of ``B`` prompts.

        Args:
            features: For each prompt those of its picture, or one for all.
            points: ``(B, P, 2)`` x, y in pixels of the square picture.
            labels: ``(B, P)`` int32: 1 on, 0 off the object, 2 and 3 the corners of a box, -1
                padding.
            masks: ``(B, 1, 4 h, 4 w)`` logits of masks that are refined, or None.
            multimask: Whether to give three masks for each prompt, or one.

        Returns:
            ``(B, C, 4 h, 4 w)`` float32 mask logits and ``(B, C)`` float32 expected overlaps.
        """
        top = self.without_memory(features).expand(len(points), -1, -1, -1)
        sparse, dense = self.module.prompt_encoder(points[:, None], labels[:, None], None, masks)
        logits, iou, _, _ = self.module.mask_decoder(
            image_embeddings=top,
            image_positional_embeddings=self.image_position,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            high_resolution_features=[gather(features, 0), gather(features, 1)],
        )
        return self.exact(logits[:, 0]), self.exact(iou[:, 0])

    def exact(self, values: torch.Tensor) -> torch.Tensor:
        """Widen half precision, so that thresholds and resizing are exact."""
        return values.float() if values.dtype.itemsize < 4 else values


def gather(features: Sequence[FrameFeatures], level: int) -> torch.Tensor:
    """``(B or 1, C, H, W)`` fine features; one frame for all objects is broadcast, not copied."""
    import torch

    if len(features) == 1:
        return features[0].fine[level]
    return torch.cat([frame.fine[level] for frame in features])


def image_encoder(module: Any) -> Any:
    """The image encoder with the projections of its result that do not depend on an object."""
    import torch

    class ImageEncoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = module.vision_encoder
            self.finest = module.mask_decoder.conv_s0
            self.finer = module.mask_decoder.conv_s1

        def forward(
            self, pictures: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            maps = self.encoder(pictures, return_dict=True).fpn_hidden_states
            return self.finest(maps[0]), self.finer(maps[1]), maps[2]

    return ImageEncoder().eval()


def _skipped(real: Any) -> Any:
    """Stand in for a position encoding whose result is a constant computed elsewhere."""
    import torch

    class SkippedEncoding(torch.nn.Module):
        def forward(self, shape: Any, device: Any, dtype: Any, mask: Any = None) -> torch.Tensor:
            return torch.empty(0, device=device, dtype=dtype)

    skipped = SkippedEncoding()
    # Not registered as a submodule: it must not appear in the state dictionary.
    object.__setattr__(skipped, "real", real)
    return skipped
