"""The seam between the concept tracker and the models that find objects by phrases.

A concept model finds by itself what a phrase names, on every frame, and follows it: no detector
stands before it. A session owns one model state per stream. ``look`` only proposes; ``remember``
is the one method that changes a state, so an error before it leaves the session as it was. All
coordinates are full-frame pixels; boxes are ``(x1, y1, x2, y2)`` and half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame

__all__ = ["ConceptEnd", "ConceptModel", "ConceptProposal", "ConceptQuery", "EndCause"]

F = TypeVar("F")
S = TypeVar("S")

EndCause: TypeAlias = Literal["lost", "unconfirmed", "duplicate", "unwanted"]
"""Why a model ends a track: not seen for too long; seen, but nothing that its phrase names is
detected there; it lies on an older track; its phrase is no longer asked for."""


@dataclass(frozen=True, slots=True)
class ConceptQuery:
    """What one session asks for on one frame.

    Args:
        phrases: What to find, each once; the order is that of ``ConceptProposal.phrase``. Tracks
            of phrases that are not in it end; those of phrases that stay go on.
        next_id: The id of the first object that is new on this frame; further ones follow it.
        max_objects: Most tracks at a time; of too many new objects the best ones are taken.
        lost_after: Frames in a row without a sight of an object after which its track ends.
        unconfirmed_after: Frames in a row on which an object is seen, but not detected, after
            which its track ends.
        without: Tracks to end whatever is seen.
    """

    phrases: tuple[str, ...]
    next_id: int = 1
    max_objects: int = 64
    lost_after: int = 90
    unconfirmed_after: int = 90
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ConceptEnd:
    """A track that the model ends.

    Args:
        track_id: The track.
        cause: Why.
        into: The older track it lies on, for ``duplicate``.
    """

    track_id: int
    cause: EndCause
    into: int | None = None


class ConceptProposal(Protocol):
    """What a model finds on one frame of one stream. Immutable.

    The arrays are aligned with ``track_ids``. Tracks that end on this frame are not in them.
    """

    @property
    def track_ids(self) -> NDArray[np.int64]:
        """``(N,)`` rising: the tracks that go on, then those born on this frame."""
        ...

    @property
    def phrase(self) -> NDArray[np.int64]:
        """``(N,)`` which phrase of the query each track belongs to."""
        ...

    @property
    def score(self) -> NDArray[np.float32]:
        """``(N,)`` how sure the model is, on this frame, that it sees the object, 0-1."""
        ...

    @property
    def mask_score(self) -> NDArray[np.float32]:
        """``(N,)`` how sure the model is of the mask, 0-1."""
        ...

    @property
    def detection_score(self) -> NDArray[np.float32]:
        """``(N,)`` score of the detection that each track was born of, 0-1."""
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
    def born(self) -> frozenset[int]:
        """The tracks that are new on this frame."""
        ...

    @property
    def ends(self) -> Sequence[ConceptEnd]:
        """The tracks that end on this frame."""
        ...

    @property
    def refused(self) -> int:
        """How many new objects found no room."""
        ...

    def masks(self, track_ids: Sequence[int]) -> sv.CompactMask:
        """Build masks at full-frame size; those of one phrase do not overlap.

        Args:
            track_ids: Tracks of this proposal, any order; the result follows it.

        Returns:
            ``(K, H, W)`` masks; all background for a track that is not visible.

        Raises:
            KeyError: A track is not in this proposal.
        """
        ...


class ConceptModel(Protocol[F, S]):
    """A model that finds and follows what phrases name. ``F``: features of a frame, ``S``: a state.

    One engine thread drives one model. Sequences are aligned: element ``i`` of every argument
    belongs to the same stream; no state occurs twice in a call.
    """

    def encode(self, frames: Sequence[Frame]) -> Sequence[F]:
        """Compute what only depends on the picture, batched over streams."""
        ...

    def open(self) -> S:
        """Start an empty state; its frames may have any sizes, also changing ones."""
        ...

    def look(
        self, states: Sequence[S], features: Sequence[F], queries: Sequence[ConceptQuery]
    ) -> Sequence[ConceptProposal]:
        """Find what is asked for on the new frame; the states stay as they are.

        Raises:
            ModelError: A phrase is too long for the model.
        """
        ...

    def remember(
        self, states: Sequence[S], features: Sequence[F], seen: Sequence[ConceptProposal]
    ) -> None:
        """Advance the states by what ``look`` proposed for this frame: the only writer."""
        ...

    def nbytes(self, state: S) -> int:
        """Bytes the state holds."""
        ...

    def close(self, state: S) -> None:
        """Free what the state holds; it must not be used again."""
        ...
