"""What the model sees of a session's tracks on one frame, aligned with the session's table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import supervision as sv
    from numpy.typing import NDArray

    from ..models.seam import Proposal

__all__ = ["TrackView"]


@dataclass(frozen=True, slots=True)
class TrackView:
    """Several proposals of one frame read as one; for a track in more than one, the last counts.

    Args:
        track_id: ``(N,)`` the tracks, as asked for.
        score: ``(N,)`` 0-1; 0 for a track that no proposal knows.
        visible: ``(N,)``; False for a track that no proposal knows.
        xyxy: ``(N, 4)`` tight boxes, half-open; zeros where not visible.
        source: ``(N,)`` the proposal that a track is taken from, -1 for none.
        proposals: The proposals.
    """

    track_id: NDArray[np.int64]
    score: NDArray[np.float32]
    visible: NDArray[np.bool_]
    xyxy: NDArray[np.float32]
    source: NDArray[np.int64]
    proposals: Sequence[Proposal]

    @classmethod
    def of(cls, track_id: NDArray[np.int64], *proposals: Proposal) -> Self:
        """Read proposals.

        Args:
            track_id: ``(N,)`` the tracks wanted, in the order wanted.
            proposals: Later ones win.
        """
        count = len(track_id)
        score = np.zeros(count, dtype=np.float32)
        visible = np.zeros(count, dtype=bool)
        xyxy = np.zeros((count, 4), dtype=np.float32)
        source = np.full(count, -1, dtype=np.int64)
        rows = {int(track): row for row, track in enumerate(track_id)}
        for number, proposal in enumerate(proposals):
            pairs = [
                (rows[int(track)], place)
                for place, track in enumerate(proposal.track_ids)
                if int(track) in rows
            ]
            if not pairs:
                continue
            into, places = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
            score[into] = proposal.score[places]
            visible[into] = proposal.visible[places]
            xyxy[into] = proposal.xyxy[places]
            source[into] = number
        return cls(track_id, score, visible, xyxy, source, proposals)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the view of some tracks, by position or by a ``(N,)`` bool."""
        return type(self)(
            self.track_id[rows],
            self.score[rows],
            self.visible[rows],
            self.xyxy[rows],
            self.source[rows],
            self.proposals,
        )

    def hiding(self, rows: NDArray[np.bool_]) -> Self:
        """Return the view without a sight of some tracks, by a ``(N,)`` bool."""
        return replace(
            self,
            visible=self.visible & ~rows,
            score=np.where(rows, np.float32(0.0), self.score),
            xyxy=np.where(rows[:, None], np.float32(0.0), self.xyxy),
        )

    def masks(self, size_wh: tuple[int, int]) -> sv.CompactMask:
        """Build the masks of all tracks of the view.

        Args:
            size_wh: Size of the frame, pixels.

        Returns:
            ``(N, H, W)``, in the order of ``track_id``.

        Raises:
            KeyError: No proposal knows one of the tracks.
        """
        import supervision as sv

        nothing = np.empty((0, 2), dtype=np.int32)
        parts = [sv.CompactMask([], nothing, nothing, (size_wh[1], size_wh[0]))]
        places: list[int] = []
        for number in np.unique(self.source):
            rows = np.flatnonzero(self.source == number)
            wanted = self.track_id[rows].tolist()
            if number < 0:
                raise KeyError(f"the model proposed nothing for tracks {wanted}")
            parts.append(self.proposals[number].masks(wanted))
            places.extend(rows.tolist())
        return sv.CompactMask.merge(parts)[np.argsort(np.array(places, dtype=np.intp))]
