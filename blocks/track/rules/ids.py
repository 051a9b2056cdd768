"""Rule 10: ids rise and are never reused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IdCounter"]


@dataclass(slots=True)
class IdCounter:
    """Rule 10: gives out the ids of one stream; they rise from 1 and never return.

    Args:
        last: The id given out last, 0 for none.
    """

    last: int = field(default=0)

    def preview(self, count: int) -> NDArray[np.int64]:
        """Show the ids that would come next, without giving them out."""
        return np.arange(self.last + 1, self.last + 1 + count, dtype=np.int64)

    def spend(self, track_ids: Iterable[int]) -> None:
        """Note ids as given out, for ever."""
        self.last = max(self.last, *track_ids, 0)
