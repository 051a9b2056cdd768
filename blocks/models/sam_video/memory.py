"""What the model remembers of one object: a fixed number of slots, written in a ring.

Memory attention reads the conditioning frames, the views of the last ``num_maskmem - 1`` frames
and the object pointers of the last ``max_object_pointers_in_encoder - 1`` frames. Nothing else is
kept, so an object's bytes are fixed at its birth.

Time is counted per object and only moves when a view is written. A frame that is kept out, as one
on which the object is hidden should be, therefore leaves no hole: the last views before an
occlusion stay in place, at the temporal positions they had, until the object is seen again. When
every frame is written, positions are those of the reference implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import torch

    from .network import Network

__all__ = ["MemoryLayout", "ObjectMemory", "Recall"]


@dataclass(frozen=True, slots=True)
class MemoryLayout:
    """Sizes of an object's memory.

    Args:
        tokens: Tokens that one remembered view has.
        channels: Channels of a token.
        pointer_channels: Channels of an object pointer.
        views: Views attention reads beside the conditioning frames (``num_maskmem - 1``).
        pointers: Pointers attention reads beside those of the conditioning frames.
        conditioning: Conditioning frames kept: the first and the newest.
        dtype: Type of a remembered view.
        pointer_dtype: Type of an object pointer.
        device: Where they lie.
    """

    tokens: int
    channels: int
    pointer_channels: int
    views: int
    pointers: int
    conditioning: int
    dtype: torch.dtype
    pointer_dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, network: Network, conditioning: int, *, exact: bool = False) -> Self:
        """Read the sizes that a model's attention asks for.

        Args:
            network: The model.
            conditioning: Conditioning frames kept.
            exact: Whether remembered views keep the type of the network's numbers.
        """
        config = network.config
        return cls(
            tokens=network.view_tokens,
            channels=network.memory_channels,
            pointer_channels=network.channels,
            views=config.num_maskmem - 1,
            pointers=config.max_object_pointers_in_encoder - 1,
            conditioning=conditioning,
            dtype=network.dtype if exact else network.view_dtype,
            pointer_dtype=network.dtype,
            device=network.device,
        )


@dataclass(frozen=True, slots=True)
class Recall:
    """Which slots attention reads now, and how long ago each was written.

    Args:
        views: ``(slot, age)`` per remembered view; the age of a conditioning frame is 0.
        pointers: ``(slot, age)`` per pointer; ages are true for conditioning frames too.
    """

    views: tuple[tuple[int, int], ...]
    pointers: tuple[tuple[int, int], ...]

    @property
    def lengths(self) -> tuple[int, int]:
        """Numbers of views and pointers; equal lengths can share a batch."""
        return len(self.views), len(self.pointers)


@dataclass(slots=True)
class _Entry:
    """One written frame: when, and the slots it holds (-1: no longer needed)."""

    time: int
    view: int
    pointer: int


class ObjectMemory:
    """The memory of one object.

    Args:
        layout: Sizes; all tensors are allocated here, once.
    """

    def __init__(self, layout: MemoryLayout) -> None:
        import torch

        self._layout = layout
        views = layout.views + layout.conditioning
        pointers = layout.pointers + layout.conditioning
        self.views = torch.zeros(
            (views, layout.tokens, layout.channels), dtype=layout.dtype, device=layout.device
        )
        self.pointers = torch.zeros(
            (pointers, layout.pointer_channels), dtype=layout.pointer_dtype, device=layout.device
        )
        self._free_views = list(range(views))
        self._free_pointers = list(range(pointers))
        self._conditioning: list[_Entry] = []
        self._recent: list[_Entry] = []  # oldest first
        self._time = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return int(self.views.nbytes + self.pointers.nbytes)

    def recall(self) -> Recall:
        """Tell which slots attention reads on the next frame."""
        now = self._time
        recent = [(entry, now - entry.time) for entry in self._recent]
        # The order of the reference implementation, so that sums round alike: views from the
        # oldest on, pointers from the newest on.
        views = [(entry.view, 0) for entry in self._conditioning]
        views += [(entry.view, age) for entry, age in recent if entry.view >= 0]
        pointers = [(entry.pointer, now - entry.time) for entry in self._conditioning]
        pointers += [(entry.pointer, age) for entry, age in recent[::-1] if entry.pointer >= 0]
        return Recall(tuple(views), tuple(pointers))

    def write(self, view: torch.Tensor, pointer: torch.Tensor, *, conditioning: bool) -> None:
        """Remember this frame and let time move on.

        Args:
            view: ``(tokens, channels)`` encoded view.
            pointer: ``(pointer_channels,)`` object pointer.
            conditioning: Whether the object was prompted on this frame.
        """
        # Make room first: attention on the next frame reads back to time + 1 - views.
        self._forget_older_than(self._time + 1)
        if conditioning and len(self._conditioning) == self._layout.conditioning:
            self._demote()
        entry = _Entry(self._time, self._free_views.pop(), self._free_pointers.pop())
        self.views[entry.view].copy_(view)
        self.pointers[entry.pointer].copy_(pointer)
        (self._conditioning if conditioning else self._recent).append(entry)
        self._time += 1

    def _demote(self) -> None:
        """Turn the oldest conditioning frame but the first into an ordinary one."""
        entry = self._conditioning.pop(1 if len(self._conditioning) > 1 else 0)
        self._recent.append(entry)
        self._recent.sort(key=lambda kept: kept.time)
        self._forget_older_than(self._time + 1)

    def _forget_older_than(self, now: int) -> None:
        """Free the slots of ordinary frames that are out of reach at time ``now``."""
        for entry in self._recent:
            if entry.view >= 0 and now - entry.time > self._layout.views:
                self._free_views.append(entry.view)
                entry.view = -1
            if entry.pointer >= 0 and now - entry.time > self._layout.pointers:
                self._free_pointers.append(entry.pointer)
                entry.pointer = -1
        self._recent = [entry for entry in self._recent if entry.view >= 0 or entry.pointer >= 0]
