"""The seam between the tracker and the models that follow objects through video.

A session owns one model state per stream. ``propagate`` and ``prompt`` only propose;
``remember`` is the one method that changes a state, so an error before it leaves the session
as it was. All coordinates are full-frame pixels; boxes are ``(x1, y1, x2, y2)`` and half-open
(``x2 = max column + 1``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame

__all__ = ["MemoryPlan", "Prompt", "Proposal", "VideoModel"]

F = TypeVar("F")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to follow, on the current frame: a box, points, or a mask for one track.

    Args:
        track_id: The track that is prompted; new or already in the state.
        xyxy: Box in full-frame pixels, or None.
        points: ``(P, 2)`` float32 x, y in full-frame pixels, or None.
        labels: ``(P,)`` int32, 1 on the object, 0 off it; required with ``points``.
        mask: ``(H, W)`` bool at frame size, or None.

    Raises:
        ValueError: None of box, points and mask is given, or points lack labels.
    """

    track_id: int
    xyxy: tuple[float, float, float, float] | None = None
    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int32] | None = None
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.xyxy is None and self.points is None and self.mask is None:
            raise ValueError(f"prompt for track {self.track_id} needs a box, points or a mask")
        if self.points is not None and (
            self.labels is None or len(self.labels) != len(self.points)
        ):
            raise ValueError(f"prompt for track {self.track_id} needs one label per point")


class Proposal(Protocol):
    """Where the model sees its tracks on one frame of one stream. Immutable.

    The arrays are aligned with ``track_ids``. Masks are only built for the tracks asked for.
    """

    @property
    def track_ids(self) -> NDArray[np.int64]:
        """``(N,)`` the tracks, in the order of the state."""
        ...

    @property
    def score(self) -> NDArray[np.float32]:
        """``(N,)`` how sure the model is of the mask, 0-1."""
        ...

    @property
    def visible(self) -> NDArray[np.bool_]:
        """``(N,)`` whether the object is seen on this frame with a mask that is not empty."""
        ...

    @property
    def xyxy(self) -> NDArray[np.float32]:
        """``(N, 4)`` tight boxes of the masks, half-open; zeros where not visible."""
        ...

    @property
    def diagnostics(self) -> Mapping[str, NDArray[Any]]:
        """Raw values of the model, ``(N,)`` each, such as the object logit. May be empty."""
        ...

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        """Build masks at full-frame size.

        Args:
            track_ids: Tracks of this proposal, any order; the result follows it.

        Returns:
            ``(K, H, W)`` masks; all background for a track that is not visible.

        Raises:
            KeyError: A track is not in this proposal.
        """
        ...


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What one session writes into its memory for one frame.

    Args:
        write: Tracks whose view on this frame enters the memory.
        conditioning: Those of ``write`` that were prompted on this frame, and count as
            conditioning frames.
    """

    write: frozenset[int] = field(default_factory=frozenset)
    conditioning: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.conditioning <= self.write:
            raise ValueError("MemoryPlan.conditioning must be part of MemoryPlan.write")


class VideoModel(Protocol[F, S]):
    """A model that follows objects through video. ``F``: features of a frame, ``S``: a state.

    One engine thread drives one model. Sequences are aligned: element ``i`` of every argument
    belongs to the same stream; no state occurs twice in a call.
    """

    def encode(self, frames: Sequence[Frame]) -> Sequence[F]:
        """Compute what only depends on the picture, batched over streams."""
        ...

    def open(self, size_wh: tuple[int, int]) -> S:
        """Start an empty state for frames of the given size, pixels."""
        ...

    def propagate(self, states: Sequence[S], features: Sequence[F]) -> Sequence[Proposal]:
        """Find every track of each state on the new frame; the states stay as they are.

        Must be callable for a state without tracks and then proposes nothing.
        """
        ...

    def prompt(
        self,
        states: Sequence[S],
        features: Sequence[F],
        prompts: Sequence[Sequence[Prompt]],
        seen: Sequence[Proposal],
    ) -> Sequence[Proposal]:
        """Answer prompts on the current frame; the states stay as they are.

        Args:
            states: States, unchanged since ``propagate``.
            features: Features of the current frames.
            prompts: For each state the prompts, at most one per track.
            seen: What ``propagate`` proposed for these frames.

        Returns:
            For each state one proposal with exactly the prompted tracks, in prompt order.
        """
        ...

    def remember(
        self,
        states: Sequence[S],
        features: Sequence[F],
        accepted: Sequence[Sequence[Proposal]],
        plans: Sequence[MemoryPlan],
    ) -> None:
        """Advance the states by the accepted view of this frame: the only writer.

        Args:
            states: States to advance.
            features: Features of the current frames.
            accepted: For each state the proposals accepted, later ones winning for a track that
                occurs twice: what ``propagate`` saw, then what ``prompt`` answered.
            plans: Which tracks enter memory. A newly prompted track always does, whether the
                plan names it or not, if the model sees anything of it. A track that was
                propagated and dropped since is not new, and stays forgotten.
        """
        ...

    def drop(self, state: S, track_ids: Collection[int]) -> None:
        """Forget tracks; ids that the state does not know are ignored."""
        ...

    def nbytes(self, state: S) -> int:
        """Bytes the state holds."""
        ...

    def close(self, state: S) -> None:
        """Free what the state holds; it must not be used again."""
        ...
