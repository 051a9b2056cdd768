"""What both halves of the model need to know of a frame, from one pass of the image encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..sam_video.families import FAMILIES
from ..sam_video.image_network import FrameFeatures
from ..sam_video.network import Network
from ..sam_video.preprocess import Preprocessor

if TYPE_CHECKING:
    import torch

    from ...frame import Frame

__all__ = ["ConceptFeatures", "Encoder"]


@dataclass(frozen=True, slots=True)
class ConceptFeatures:
    """What the image encoder found on one frame.

    Args:
        tracker: For the half that follows.
        maps: For the half that detects: ``(1, C, H, W)`` each, finest first.
        positions: ``(1, C, H, W)`` where the pixels of ``maps`` lie; the same for all frames.
        size_wh: Size of the frame, pixels.
    """

    tracker: FrameFeatures
    maps: tuple[torch.Tensor, ...]
    positions: tuple[torch.Tensor, ...]
    size_wh: tuple[int, int]


class Encoder:
    """The image encoder that detector and tracker share.

    Args:
        module: ``Sam3VideoModel`` of the library, in evaluation mode, on its device. It is
            changed: its tracker gets a way to the encoder, which there is outside of it.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        tracker = module.tracker_model
        tracker.vision_encoder = SimpleNamespace(neck=module.tracker_neck)
        family = FAMILIES["sam3trackervideo"]
        self.network = Network(tracker, family)
        self._pictures = Preprocessor(
            self.network.image_size,
            family.mean,
            family.std,
            self.network.device,
            self.network.dtype,
        )

    def encode(self, frames: Sequence[Frame]) -> list[ConceptFeatures]:
        """Encode frames as one batch.

        Args:
            frames: Frames of any sizes.
        """
        module, (height, width) = self._module, self.network.grid_hw
        found = module.detector_model.get_vision_features(self._pictures(frames))
        tokens = found.last_hidden_state
        spatial = tokens.view(len(tokens), height, width, -1).permute(0, 3, 1, 2)
        finest, finer, top = module.tracker_neck(spatial)[0][:3]
        decoder = module.tracker_model.mask_decoder
        finest, finer = decoder.conv_s0(finest), decoder.conv_s1(finer)
        maps = found.fpn_hidden_states[:-1]
        positions = tuple(each[:1] for each in found.fpn_position_encoding[:-1])
        rows = [slice(row, row + 1) for row in range(len(frames))]
        return [
            ConceptFeatures(
                FrameFeatures((finest[row], finer[row]), top[row]),
                tuple(level[row] for level in maps),
                positions,
                frame.size_wh,
            )
            for row, frame in zip(rows, frames, strict=True)
        ]
