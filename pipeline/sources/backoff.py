"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["Backoff"]


@dataclass(slots=True)
class Backoff:
    """Waits that double from try to try, blurred so that many clients do not come back at once.

    The blur is "full jitter" over the upper half: a wait is drawn between half and all of the
    nominal one. After a connection that held for :attr:`steady_s` the waits start small again;
    one that breaks at once does not reset them, so that a camera which accepts and drops is not
    hammered.

    Args:
        first_s: Nominal first wait, in seconds.
        longest_s: Bound of the nominal wait, in seconds.
        attempts: Give up after so many attempts in a row; None never does, 0 tries none.
        steady_s: Seconds a connection has to hold to count as good.
        seed: Seed of the blur, or None for one from the system.

    Raises:
        ValueError: A wait is not positive, or ``attempts`` is negative.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    attempts: int | None = None
    steady_s: float = 10.0
    seed: int | None = None
    _made: int = field(default=0, init=False)
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s:
            raise ValueError(
                "waits must hold 0 < first_s <= longest_s, "
                f"found first_s={self.first_s}, longest_s={self.longest_s}"
            )
        if self.attempts is not None and self.attempts < 0:
            raise ValueError(f"attempts must be None or at least 0, found {self.attempts}")
        self._random = random.Random(self.seed)  # noqa: S311 - spreads load, guards nothing

    @property
    def made(self) -> int:
        """Attempts since the last good connection."""
        return self._made

    def next_wait_s(self) -> float | None:
        """Draw the wait before the next attempt and count the attempt.

        Returns:
            Seconds, or None if no attempt is left.
        """
        if self.attempts is not None and self._made >= self.attempts:
            return None
        # The exponent is bounded because 2**1100 is no float, and weeks hold many attempts.
        nominal = min(self.first_s * 2.0 ** min(self._made, 64), self.longest_s)
        self._made += 1
        return nominal * self._random.uniform(0.5, 1.0)

    def connected_for(self, seconds: float) -> None:
        """Take note how long a connection held; a good one starts the count anew."""
        if seconds >= self.steady_s:
            self._made = 0
