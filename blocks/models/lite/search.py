"""Where to look for lost objects: a bounded number of looks a frame, near places first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .window import Window

if TYPE_CHECKING:
    from .palette import ColourPlace
    from .state import Track

__all__ = ["chosen", "near_first", "search_window", "within_reach"]

LOOKS_PER_FRAME = 2
_GROWTH = 0.05
_REACH = 0.5
_REACH_GROWTH = 0.05


def chosen(lost: Sequence[int], frames: int) -> frozenset[int]:
    """Pick whose turn it is, so that many lost tracks cost no more than a few."""
    if len(lost) <= LOOKS_PER_FRAME:
        return frozenset(lost)
    start = frames * LOOKS_PER_FRAME
    return frozenset(lost[(start + i) % len(lost)] for i in range(LOOKS_PER_FRAME))


def reach(track: Track) -> float:
    """Return how far a lost object may have got, pixels: it grows with the time lost.

    A look-alike across the frame is a likelier find than an object that crossed it in a moment.
    """
    return track.window.side * (_REACH + _REACH_GROWTH * track.missing)


def within_reach(track: Track, xyxy: tuple[int, int, int, int]) -> bool:
    """Tell whether a lost object may have come to where a box, pixels, was found."""
    x, y = (xyxy[0] + xyxy[2]) / 2, (xyxy[1] + xyxy[3]) / 2
    return math.dist(track.centre, (x, y)) <= reach(track)


def near_first(track: Track, places: Sequence[ColourPlace]) -> list[ColourPlace]:
    """Put the places in reach of a lost object before the others; else the order stays."""
    return sorted(places, key=lambda one: math.dist(one.centre_xy, track.centre) > reach(track))


def search_window(track: Track, size_wh: tuple[int, int]) -> Window:
    """Place the next look: in turn around the last place, and on a tile of the whole frame.

    A tile out of reach is drawn near: the look goes to the edge of what is in reach.

    The look around the last place grows with the time lost, up to twice the usual window; the
    tiles are that large too, since the target is hardly known at still smaller scales.
    """
    w, h = size_wh
    attempt = max(track.missing - 1, 0)
    if attempt % 3 < 2:
        side = round(track.window.side * min(1 + _GROWTH * attempt, 2.0))
        x, y = track.centre
        return Window(round(x - side / 2), round(y - side / 2), side)
    side = min(2 * track.window.side, max(w, h))
    columns, rows = -(-w // side), -(-h // side)
    tile = (attempt // 3) % (columns * rows)
    row, column = divmod(tile, columns)
    # The outer tiles end at the frame's border, so neighbours overlap instead of reaching out.
    x = round(column * (w - side) / max(columns - 1, 1)) if columns > 1 else (w - side) // 2
    y = round(row * (h - side) / max(rows - 1, 1)) if rows > 1 else (h - side) // 2
    return _drawn_near(track, int(x), int(y), side)


def _drawn_near(track: Track, x: int, y: int, side: int) -> Window:
    dx, dy = x + side / 2 - track.centre[0], y + side / 2 - track.centre[1]
    share = min(1.0, reach(track) / max(math.hypot(dx, dy), 1e-6))
    return Window(
        round(track.centre[0] + share * dx - side / 2),
        round(track.centre[1] + share * dy - side / 2),
        side,
    )
