"""Scenes that put identities to the test: crossings, occlusions, departures, look-alikes, cuts.

Written for pictures of 16:9. Spans hold in frames whatever the length of the clip: a longer clip
shows the same more often. All objects bear one class name, so that a class tells nobody apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Final

from .description import Actor, Backdrop, Camera, Colour, Keyframe, Scene, Shape, Texture

__all__ = ["STRESS_SCENES"]

_NAME: Final = "thing"
_WIDE: Final = 16 / 9
"""Width of the picture in heights; paths are written in heights and turned into fractions."""

_DIAMETER: Final = 0.24
_EDGE: Final = _DIAMETER / 2 + 0.03
_SPEED: Final = 0.010
"""Heights a frame: six pixels in 640x360 at 25 frames a second are a brisk walk past a camera."""

_Stop = tuple[float, float, float]
"""Frame number, x and y in heights."""

_LOOKS: Final[tuple[tuple[Shape, Texture, tuple[Colour, ...]], ...]] = (
    ("disc", "marble", ((30, 40, 150), (60, 120, 240), (150, 210, 250))),
    ("star", "stripes", ((120, 30, 30), (245, 235, 225))),
    ("blob", "spots", ((40, 150, 60), (30, 60, 20), (90, 230, 200))),
    ("cross", "weave", ((90, 40, 120), (190, 110, 230))),
)


def _crossings(last: int) -> Scene:
    """Two pairs go to and fro on one line each: whoever is behind is covered whole in passing."""
    things = []
    for number, (y, size, span, late) in enumerate(
        (
            (0.30, 0.22, 150, 0.0),
            (0.31, 0.32, 150, 0.8),
            (0.70, 0.22, 130, 0.2),
            (0.71, 0.32, 130, 1.3),
        )
    ):
        ends = (_EDGE, _WIDE - _EDGE)
        stops = [
            (turn * span, ends[turn % 2], y + 0.02 * (-1) ** turn)
            for turn in _turns(last, span, late)
        ]
        things.append(
            _thing(
                number + 1, _LOOKS[number], _shifted(stops, late * span), depth=number, size=size
            )
        )
    return _scene("crossings", last, *things)


def _hidden(frames: int, last: int) -> Scene:
    """Three things pass a wall that hides them whole for a number of frames each time.

    One walks on behind it, one turns back, one comes out at another pace than it went in.
    """
    speed = _SPEED if frames < 40 else 0.7 * _SPEED
    zone = speed * frames
    wall = _wall(1, _WIDE / 2, zone + _DIAMETER, last)
    edges = (_WIDE / 2 - zone / 2, _WIDE / 2 + zone / 2)
    way = edges[0] - _EDGE
    things = []
    for lane, (pace, turns_back) in enumerate(((1.0, False), (1.0, True), (1.7, False))):
        outside = way / (speed * pace)
        stops: list[_Stop] = []
        at, side, y = -25.0 * lane, lane % 2, 0.19 + 0.31 * lane
        while at <= last:
            far = (_EDGE, _WIDE - _EDGE)[side]
            out = side if turns_back else 1 - side
            stops.append((at, far, y))
            stops.append((at + outside, edges[side], y))
            if turns_back:
                depth = min(zone / 2, speed * frames / 2)
                stops.append((at + outside + frames / 2, edges[side] + (1, -1)[side] * depth, y))
            stops.append((at + outside + frames, edges[out], y))
            at, side = at + 2 * outside + frames, out
        stops.append((at, (_EDGE, _WIDE - _EDGE)[side], y))
        things.append(_thing(lane + 2, _LOOKS[lane], stops, depth=lane))
    return _scene(f"hidden-{frames}", last, wall, *things)


def _departures(last: int) -> Scene:
    """Three things leave the picture and come back after 15 to 45 frames, some elsewhere."""
    away = (-_DIAMETER / 2, _WIDE + _DIAMETER / 2)
    things = []
    for lane, (absent, moves) in enumerate(((15, 0.0), (30, 0.18), (45, 0.3))):
        stops: list[_Stop] = []
        at, side, y = -30.0 * lane, lane % 2, 0.2 + 0.18 * lane
        inner = (_WIDE / 2, _WIDE / 2)
        out = (_WIDE / 2 + _DIAMETER / 2) / _SPEED
        while at <= last:
            stops.append((at, inner[side], y))
            stops.append((at + out, away[side], y))
            y = y + moves if y < 0.5 else y - moves
            stops.append((at + out + absent, away[side], y))
            at, side = at + 2 * out + absent, 1 - side
        stops.append((at, _WIDE / 2, y))
        things.append(_thing(lane + 1, _LOOKS[lane], stops, depth=lane))
    return _scene("departures", last, *things)


def _look_alikes(last: int) -> Scene:
    """Four of one look walk side by side and pass one another, a fifth of them covered."""
    things = []
    for number in range(4):
        y = 0.30 + 0.19 * (number % 2) + 0.30 * (number // 2)
        span, late = 150, float(number % 2)
        ends = (_EDGE, _WIDE - _EDGE)
        turns = [(turn * span, ends[turn % 2], y) for turn in _turns(last, span, late)]
        stops = _shifted(turns, late * span + 17 * (number // 2))
        things.append(_thing(number + 1, _LOOKS[0], stops, depth=number, turning=0.0))
    return _scene("look-alikes", last, *things)


def _handheld_hiding(last: int) -> Scene:
    """The wall of 25 frames, seen through a camera that pans to and fro and shakes."""
    scene = _hidden(25, last)
    span = 45
    path = tuple(
        Keyframe(turn * span, (0.5 + 0.07 * (-1) ** turn, 0.5 + 0.02 * (-1) ** (turn // 2)), 1.0)
        for turn in range(last // span + 2)
    )
    return replace(scene, name="pan-and-shake", camera=Camera(path, shake=0.012))


def _cuts(last: int) -> Scene:
    """The crossings, cut every 150 frames from a wide view to a closer one and back."""
    scene = _crossings(last)
    views = (((0.5, 0.5), 1.0), ((0.42, 0.52), 1.25), ((0.56, 0.48), 0.9))
    path: list[Keyframe] = []
    for shot in range(last // 150 + 1):
        centre, zoom = views[shot % len(views)]
        path.append(Keyframe(shot * 150, centre, zoom))
        path.append(Keyframe(shot * 150 + 149.9, centre, zoom))
    return replace(scene, name="cuts", camera=Camera(tuple(path)))


def _turns(last: int, span: float, late: float) -> range:
    """Which turning points a path needs to cover the clip, from before its beginning on."""
    return range(-1 - math.ceil(late), math.ceil(last / span) + 2)


def _shifted(stops: Sequence[_Stop], frames: float) -> list[_Stop]:
    return [(at + frames, x, y) for at, x, y in stops]


def _thing(
    actor_id: int,
    look: tuple[Shape, Texture, tuple[Colour, ...]],
    stops: Sequence[_Stop],
    *,
    depth: int,
    size: float = _DIAMETER,
    turning: float = 0.5,
) -> Actor:
    """An object that rolls a little as it goes; equal stops in time are one."""
    shape, texture, colours = look
    distinct = _without_repeats(stops)
    travelled = itertools.accumulate(
        (abs(b[1] - a[1]) for a, b in itertools.pairwise(distinct)), initial=0.0
    )
    return Actor(
        actor_id=actor_id,
        name=_NAME,
        shape=shape,
        texture=texture,
        colours=colours,
        size=size,
        depth=depth,
        keyframes=tuple(
            Keyframe(at, (x / _WIDE, y), 1.0, turning * 90 * way)
            for (at, x, y), way in zip(distinct, travelled, strict=True)
        ),
    )


def _without_repeats(stops: Sequence[_Stop]) -> list[_Stop]:
    return list({stop[0]: stop for stop in stops}.values())


def _wall(actor_id: int, x: float, width: float, last: int) -> Actor:
    # The outline of a pillar is 0.28 of its diameter wide.
    size = width / 0.28
    centre = (x / _WIDE, 0.5)
    return Actor(
        actor_id=actor_id,
        name="wall",
        shape="pillar",
        texture="weave",
        colours=((60, 70, 80), (110, 125, 140)),
        size=size,
        depth=100,
        keyframes=(Keyframe(0, centre), Keyframe(max(last, 1), centre)),
        is_object=False,
    )


def _scene(name: str, last: int, *actors: Actor) -> Scene:
    return Scene(name, (640, 360), Fraction(25), last + 1, actors, Backdrop())


def _hidden_scenes() -> Iterator[tuple[str, Callable[[int], Scene]]]:
    for frames in (10, 25, 60):
        yield f"hidden-{frames}", partial(_hidden, frames)


STRESS_SCENES: Final[Mapping[str, Callable[[int], Scene]]] = {
    "crossings": _crossings,
    **dict(_hidden_scenes()),
    "departures": _departures,
    "look-alikes": _look_alikes,
    "pan-and-shake": _handheld_hiding,
    "cuts": _cuts,
}
"""Scenes by name, made from the number of the clip's last frame."""
