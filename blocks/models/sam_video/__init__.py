"""SAM 2.1, EdgeTAM and SAM 3's visual tracker behind the model seam.

``load_sam_video`` loads one; nothing is imported before it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import SamVideoModel

__all__ = ["load"]


def load(source: str, image_size: int | None = None, device: str = "auto") -> SamVideoModel:
    """Load a tracker with its defaults; see ``loading.load_sam_video`` for all options.

    Args:
        source: Hub repository or local folder.
        image_size: Side of the square picture, pixels, or None for the trained one.
        device: ``auto``, or a device of torch.

    Raises:
        ModelError: It cannot be found or run.
    """
    from .loading import load_sam_video

    return load_sam_video(source, image_size=image_size, device=device)
