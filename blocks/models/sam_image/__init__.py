"""SAM 2.1, EdgeTAM and SAM 3's visual prompts on single pictures, behind the seam for pictures.

A tracker gives one that shares its weights: ``SamVideoModel.image_model``. ``load`` loads
checkpoints that only know single pictures; nothing is imported before it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import SamImageModel

__all__ = ["load"]


def load(source: str, image_size: int | None = None, device: str = "auto") -> SamImageModel:
    """Load a checkpoint that only knows single pictures.

    Args:
        source: Hub repository or local folder of a ``Sam2Model``, ``EdgeTamModel`` or
            ``Sam3TrackerModel``.
        image_size: Side of the square picture, pixels, or None for the trained one.
        device: ``auto``, or a device of torch.

    Raises:
        ModelError: It cannot be found or run.
    """
    from ..sam_video.loading import load_image_network
    from .model import SamImageModel

    return SamImageModel(load_image_network(source, image_size=image_size, device=device))
