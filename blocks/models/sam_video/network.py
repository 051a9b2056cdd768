"""The trained parts of a Segment Anything video tracker, each callable on a batch.

The library runs one object after the other inside its inference session. Here its submodules are
called directly, so objects of any number of streams share a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .image_network import ImageNetwork, gather
from .latents import squeeze_views

if TYPE_CHECKING:
    import torch

    from .families import Family
    from .image_network import FrameFeatures

__all__ = ["HIDDEN_LOGIT", "Decoded", "Network"]

HIDDEN_LOGIT = -1024.0
"""Mask logit the models give to every pixel of an object they do not see."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the mask decoder says of ``B`` objects.

    Args:
        low_res: ``(B, 4 h, 4 w)`` float32 mask logits.
        pointer: ``(B, C)`` object pointers.
        object_logit: ``(B,)`` float32, positive where the object is seen.
        iou: ``(B,)`` float32, the overlap the model expects of its mask, 0-1.
    """

    low_res: torch.Tensor
    pointer: torch.Tensor
    object_logit: torch.Tensor
    iou: torch.Tensor


class Network(ImageNetwork):
    """A loaded model of ``transformers`` with the constants its parts need.

    It holds no state of any stream.

    Args:
        module: Model of the family's class, in evaluation mode, on its device. It is changed:
            encodings that are constant are no longer computed on each frame.
        family: Its family.
    """

    def __init__(self, module: Any, family: Family) -> None:
        import torch

        super().__init__(module, family)
        self.memory_channels = int(self.config.memory_encoder_output_channels)
        with torch.inference_mode():
            self._prepare_constants()

    def _prepare_constants(self) -> None:
        """Compute once what the library computes on every frame."""
        import torch

        shape = torch.Size((1, self.channels, *self.grid_hw))
        position = self.encode_position(shape, self.device, self.dtype).to(self.dtype)
        self.vision_position = position.flatten(2).permute(2, 0, 1)  # (h w, 1, C)
        spatial = self._view_position()
        temporal = self.module.memory_temporal_positional_encoding.view(-1, 1, self.memory_channels)
        self.view_position = (spatial.unsqueeze(0) + temporal).to(self.dtype)

    def _view_position(self) -> torch.Tensor:
        """``(tokens, memory channels)`` where the tokens of a remembered view lie."""
        import torch

        module, channels = self.module, self.memory_channels
        if not self.family.latent_memory:
            shape = torch.Size((1, channels, *self.grid_hw))
            position = module.memory_encoder.position_encoding(shape, self.device, self.dtype)
            flat: torch.Tensor = position.to(self.dtype).flatten(2)[0].T
            return flat
        # The first latents belong to no place, the second kind lie on a grid of windows.
        resampler = module.spatial_perceiver
        side = int(resampler.num_latents_2d**0.5)
        shape = torch.Size((1, channels, side, side))
        placed = resampler.positional_encoding(shape, self.device, self.dtype).to(self.dtype)
        free = placed.new_zeros((resampler.num_latents_1d, channels))
        return torch.cat([free, placed.flatten(2)[0].T])

    @property
    def view_tokens(self) -> int:
        """Tokens of one remembered view."""
        return int(self.view_position.shape[1])

    @property
    def view_dtype(self) -> torch.dtype:
        """Type a remembered view is kept in: the reference halves feature maps, not latents."""
        import torch

        return self.dtype if self.family.latent_memory else torch.bfloat16

    def decode(
        self,
        features: Sequence[FrameFeatures],
        top: torch.Tensor,
        points: torch.Tensor | None,
        labels: torch.Tensor | None,
        masks: torch.Tensor | None = None,
    ) -> Decoded:
        """Find the masks of ``B`` objects.

        Args:
            features: For each object those of its frame, or one for all.
            top: ``(B, C, h, w)`` features that carry the memory, or none.
            points: ``(B, P, 2)`` x, y in pixels of the square picture, or None to propagate.
            labels: ``(B, P)`` int32: 1 on, 0 off the object, 2 and 3 the corners of a box.
            masks: ``(B, 1, 4 h, 4 w)`` mask prompts as the prompt encoder takes them.
        """
        import torch

        module, count = self.module, len(top)
        several = self._proposes_several(0 if points is None else points.shape[1])
        if points is None or labels is None:  # one padding point, as when no prompt is given
            points = top.new_zeros((count, 1, 2))
            labels = torch.full((count, 1), -1, dtype=torch.int32, device=top.device)
        sparse, dense = module.prompt_encoder(points[:, None], labels[:, None], None, masks)
        logits, iou, tokens, object_logit = module.mask_decoder(
            image_embeddings=top,
            image_positional_embeddings=self.image_position,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=[gather(features, 0), gather(features, 1)],
        )
        best = iou[:, 0].argmax(-1) if several else torch.zeros_like(iou[:, 0, 0]).long()
        rows = torch.arange(count, device=top.device)
        token = tokens[rows, 0, best if tokens.shape[2] > 1 else 0]
        seen = object_logit[:, 0] > 0  # (B, 1)
        low_res = torch.where(seen[..., None], logits[rows, 0, best], HIDDEN_LOGIT)
        return Decoded(
            self.exact(low_res),
            self.pointer(token, seen),
            self.exact(object_logit[:, 0, 0]),
            self.exact(iou[rows, 0, best]),
        )

    def pointer(self, token: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Turn decoder tokens ``(B, C)`` into object pointers; one stands for all hidden ones."""
        import torch

        projected = self.module.object_pointer_proj(token)
        return torch.where(seen, projected, self.module.no_object_pointer)

    def _proposes_several(self, points: int) -> bool:
        """Whether the decoder offers three masks to choose from, given the number of points."""
        config = self.config
        return bool(
            config.multimask_output_in_sam
            and (points > 0 or config.multimask_output_for_tracking)
            and config.multimask_min_pt_num <= points <= config.multimask_max_pt_num
        )

    def encode_views(
        self,
        features: Sequence[FrameFeatures],
        logits: torch.Tensor,
        object_logit: torch.Tensor,
        prompted: torch.Tensor,
    ) -> torch.Tensor:
        """Encode how ``B`` objects look on a frame, for their memories.

        Args:
            features: For each object those of its frame, or one for all.
            logits: ``(B, 1, 16 h, 16 w)`` mask logits from ``memory_logits``.
            object_logit: ``(B,)`` positive where the object is seen.
            prompted: ``(B,)`` bool; masks that answer a prompt are taken as certain.

        Returns:
            ``(B, tokens, memory channels)``.
        """
        import torch

        module, config = self.module, self.config
        certain = (logits > 0).to(logits.dtype)
        mask = torch.where(prompted[:, None, None, None], certain, torch.sigmoid(logits))
        mask = mask * config.sigmoid_scale_for_mem_enc + config.sigmoid_bias_for_mem_enc
        top = torch.cat([frame.top for frame in features])
        views, position = module.memory_encoder(top, mask)
        if module.occlusion_spatial_embedding_parameter is not None:
            hidden = (object_logit <= 0).to(views.dtype)[:, None, None, None]
            views = views + hidden * module.occlusion_spatial_embedding_parameter[..., None, None]
        if self.family.latent_memory:
            return squeeze_views(module.spatial_perceiver, views, position.to(views.dtype))
        tokens: torch.Tensor = views.flatten(2).transpose(1, 2)
        return tokens

    def memory_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """Resize mask logits to the size the memory encoder takes.

        Args:
            logits: ``(B, H, W)`` float32, at low resolution or at the picture's size.

        Returns:
            ``(B, 1, 16 h, 16 w)``, by way of the picture's size, as in training.
        """
        from torch.nn.functional import interpolate

        size = (self.image_size, self.image_size)
        logits = logits[:, None].float()  # the reference resizes in float32, whatever the model's
        if logits.shape[2:] != size:
            logits = interpolate(logits, size, mode="bilinear", align_corners=False)
        return self.resized_for_memory(logits)

    def resized_for_memory(self, logits: torch.Tensor) -> torch.Tensor:
        """Resize mask logits of any size to the one the memory encoder takes, in one step.

        Args:
            logits: ``(B, 1, H, W)`` float32.

        Returns:
            ``(B, 1, 16 h, 16 w)``.
        """
        from torch.nn.functional import interpolate

        wanted = (4 * self.low_res_hw[0], 4 * self.low_res_hw[1])
        if not self.family.latent_memory and tuple(logits.shape[2:]) != wanted:
            logits = interpolate(
                logits, wanted, mode="bilinear", align_corners=False, antialias=True
            )
        return logits.to(self.dtype)
