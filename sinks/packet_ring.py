"""The latest seconds of a video, encoded, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["EncodedPicture", "PacketRing"]


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """One picture as the encoder made it.

    Args:
        payload: H.264, Annex B.
        pts: When it is shown, in units of ``time_base``.
        time_base: Seconds per unit.
        is_keyframe: It can be decoded without those before it.
        frame_number: 0-based frame that it shows.
        clock_s: The frame's ``clock_s``.
    """

    payload: bytes
    pts: int
    time_base: Fraction
    is_keyframe: bool
    frame_number: int
    clock_s: Fraction


class PacketRing:
    """Keeps the latest pictures, from a keyframe on.

    Args:
        length_s: Seconds that are kept at least, as far as memory allows; up to the distance
            between keyframes more are.
        max_bytes: Most bytes kept. When a single stretch from keyframe to keyframe is longer,
            nothing is kept until the next one.
    """

    def __init__(self, length_s: Fraction, max_bytes: int) -> None:
        self._length_s = length_s
        self._max_bytes = max_bytes
        self._stretches: deque[list[EncodedPicture]] = deque()
        self.nbytes = 0

    def __iter__(self) -> Iterator[EncodedPicture]:
        """Go through the pictures, the oldest first; that one is a keyframe."""
        for stretch in self._stretches:
            yield from stretch

    def append(self, picture: EncodedPicture) -> None:
        """Take a picture, and let the oldest go."""
        if picture.is_keyframe:
            self._stretches.append([])
        if not self._stretches:
            return
        self._stretches[-1].append(picture)
        self.nbytes += len(picture.payload)
        wanted_from = picture.clock_s - self._length_s
        while len(self._stretches) > 1 and self._stretches[1][0].clock_s <= wanted_from:
            self._drop_oldest()
        while self._stretches and self.nbytes > self._max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.nbytes -= sum(len(each.payload) for each in self._stretches.popleft())
