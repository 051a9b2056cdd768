"""SAM 3's concept model behind the seam of the concept tracker.

``load`` loads it; nothing is imported before it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Sam3ConceptModel

__all__ = ["load"]


def load(source: str, image_size: int | None = None, device: str = "auto") -> Sam3ConceptModel:
    """Load the model with its defaults; see ``loading.load_sam3_concept`` for all options.

    Args:
        source: Hub repository or local folder.
        image_size: Side of the square picture, pixels, or None for the trained one.
        device: ``auto``, or a device of torch.

    Raises:
        ModelError: It cannot be found or run.
    """
    from .loading import load_sam3_concept

    return load_sam3_concept(source, image_size=image_size, device=device)
