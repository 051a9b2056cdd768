"""How objects look on a frame, encoded for their memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sam_video.image_network import FrameFeatures
from ..sam_video.network import Network
from ..sam_video.prompts import take_squares

if TYPE_CHECKING:
    import torch

    from .proposal import Writing

__all__ = ["MemoryWriter", "View"]

_SURE = 10.0
"""Object logit of what is to be seen in the mask that is remembered."""


@dataclass(frozen=True, slots=True)
class View:
    """One track's view of a frame, on its way into memory.

    Args:
        state: Which of the states it belongs to.
        track_id: The track.
        frame: Features of the frame.
        mask: ``(h, w)`` mask logits, at low resolution or at the picture's size.
        object_logit: ``()`` positive where the object is seen.
        pointer: ``(C,)`` its object pointer.
        certain: Whether the mask is taken as certain.
        direct: Whether the mask is resized in one step.
        conditioning: Whether it becomes a conditioning frame.
    """

    state: int
    track_id: int
    frame: FrameFeatures
    mask: torch.Tensor
    object_logit: torch.Tensor
    pointer: torch.Tensor
    certain: bool
    direct: bool
    conditioning: bool


class MemoryWriter:
    """Turns what was decided on a frame into what memories hold.

    Args:
        network: The tracker.
        batch: Largest batch.
        as_library: See ``Sam3ConceptModel``.
    """

    def __init__(self, network: Network, batch: int, *, as_library: bool = False) -> None:
        self._network = network
        self._batch = batch
        self._as_library = as_library

    def views(self, frames: Sequence[FrameFeatures], writings: Sequence[Writing]) -> list[View]:
        """List what enters the memories of several streams.

        Args:
            frames: Features of their frames.
            writings: What was decided for each.
        """
        views: list[View] = []
        for state, (frame, writing) in enumerate(zip(frames, writings, strict=True)):
            views += self._followed(state, frame, writing)
        return views + self._born(frames, writings)

    def encode(self, views: Sequence[View]) -> list[torch.Tensor]:
        """Encode views: ``(tokens, channels)`` each."""
        encoded: list[torch.Tensor] = []
        for start in range(0, len(views), self._batch):
            encoded += self._encode(views[start : start + self._batch])
        return encoded

    def _followed(self, state: int, frame: FrameFeatures, writing: Writing) -> list[View]:
        import torch

        followed, views = writing.followed, []
        present = (writing.masks > 0).flatten(1).any(1)
        sure = torch.where(present, _SURE, -_SURE)
        for row, track in enumerate(followed.track_ids):
            if track not in writing.notes:
                continue
            renewed = track in writing.renewed
            again = self._as_library and bool(writing.births) and not renewed
            views.append(
                View(
                    state,
                    track,
                    frame,
                    followed.low_res[row] if again else writing.masks[row],
                    followed.object_logit[row] if again else sure[row],
                    followed.pointer[row],
                    certain=again,
                    direct=not again,
                    conditioning=renewed,
                )
            )
        return views

    def _born(self, frames: Sequence[FrameFeatures], writings: Sequence[Writing]) -> list[View]:
        born = [
            (state, track, frame, mask)
            for state, (frame, writing) in enumerate(zip(frames, writings, strict=True))
            for track, mask in writing.births.items()
        ]
        views: list[View] = []
        for start in range(0, len(born), self._batch):
            part = born[start : start + self._batch]
            squares = self._squares([mask for *_, mask in part])
            taken = take_squares(self._network, [frame for _, _, frame, _ in part], squares)
            for row, (state, track, frame, _) in enumerate(part):
                logits = squares[row] * (2 * _SURE) - _SURE
                views.append(
                    View(
                        state,
                        track,
                        frame,
                        logits,
                        taken.object_logit[row],
                        taken.pointer[row],
                        certain=True,
                        direct=False,
                        conditioning=True,
                    )
                )
        return views

    def _squares(self, masks: Sequence[torch.Tensor]) -> torch.Tensor:
        """``(B, S, S)`` masks of new objects at the size of the picture, 0-1."""
        import torch
        from torch.nn.functional import interpolate

        size = (self._network.image_size, self._network.image_size)
        chosen = (torch.stack(list(masks))[:, None] >= 0.5).float()
        return interpolate(chosen, size, mode="bilinear", align_corners=False, antialias=True)[:, 0]

    def _encode(self, views: Sequence[View]) -> list[torch.Tensor]:
        import torch

        network = self._network
        one = all(view.frame is views[0].frame for view in views)
        frames = [views[0].frame] if one else [view.frame for view in views]
        logits = torch.cat([self._resized(view) for view in views])
        seen = torch.stack([view.object_logit for view in views])
        certain = torch.tensor([view.certain for view in views], device=network.device)
        return list(network.encode_views(frames, logits, seen, certain))

    def _resized(self, view: View) -> torch.Tensor:
        network = self._network
        if view.direct:
            return network.resized_for_memory(view.mask[None, None].float())
        return network.memory_logits(view.mask[None])
