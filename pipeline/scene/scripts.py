"""Ready-made scenes by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from .description import Actor, Backdrop, Camera, Keyframe, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SCENE_NAMES", "build_scene"]


def build_scene(
    name: str = "crossing",
    *,
    size_wh: tuple[int, int] = (640, 360),
    fps: Fraction | int = 25,
    frame_count: int = 150,
    seed: int = 1,
) -> Scene:
    """Build a ready-made scene.

    ``crossing``: five textured objects cross, hide behind one another, leave and enter, over a
    slowly drifting textured ground. ``handheld``: the same through a panning, shaking camera.
    ``pillar``: three objects pass behind a pillar that hides them whole.

    Args:
        name: One of :data:`SCENE_NAMES`.
        size_wh: Frame size in pixels.
        fps: Frames per second.
        frame_count: Frames; the story is stretched over them.
        seed: Seed of textures and noise.

    Returns:
        The scene.

    Raises:
        ValueError: The name is unknown, or a value is out of range.
    """
    build = _BUILDERS.get(name)
    if build is None:
        raise ValueError(f"unknown scene {name!r}; there are: {', '.join(SCENE_NAMES)}")
    return replace(
        build(max(2, frame_count) - 1),
        size_wh=size_wh,
        fps=Fraction(fps),
        frame_count=frame_count,
        seed=seed,
    )


def _path(last: int, *stops: tuple[float, float, float, float, float]) -> tuple[Keyframe, ...]:
    """Keyframes from (share of the clip, x, y, scale, angle)."""
    return tuple(
        Keyframe(share * last, (x, y), scale, angle) for share, x, y, scale, angle in stops
    )


def _crossing(last: int) -> Scene:
    ball = Actor(
        1,
        "ball",
        "disc",
        "marble",
        ((30, 40, 150), (60, 120, 240), (150, 210, 250)),
        0.26,
        2,
        _path(
            last,
            (0, 0.12, 0.26, 1.0, 0),
            (0.5, 0.5, 0.34, 1.05, 160),
            (1, 0.88, 0.24, 1.0, 300),
        ),
    )
    star = Actor(
        2,
        "star",
        "star",
        "stripes",
        ((120, 30, 30), (245, 235, 225)),
        0.38,
        3,
        _path(
            last,
            (0, 0.85, 0.42, 1.0, 0),
            (0.5, 0.48, 0.30, 1.1, -70),
            (0.78, 0.12, 0.42, 1.0, -120),
            (0.95, -0.14, 0.5, 1.0, -150),
        ),
        squash=0.04,
    )
    beetle = Actor(
        3,
        "beetle",
        "blob",
        "spots",
        ((40, 150, 60), (30, 60, 20), (90, 230, 200)),
        0.22,
        4,
        _path(
            last,
            (0, 0.14, 0.74, 1.0, 0),
            (0.35, 0.34, 0.78, 1.0, 25),
            (0.6, 0.60, 0.74, 1.0, -20),
            (1, 0.90, 0.70, 1.1, 20),
        ),
        squash=0.06,
    )
    boulder = Actor(
        4,
        "boulder",
        "blob",
        "weave",
        ((90, 60, 80), (170, 140, 165), (215, 200, 220)),
        0.52,
        6,
        _path(last, (0, 0.52, 0.74, 1.0, 0), (1, 0.42, 0.76, 1.04, 12)),
    )
    moon = Actor(
        5, "moon", "crescent", "marble", ((30, 160, 190), (60, 215, 250), (200, 245, 255)), 0.30, 5,
        _path(
            last, (0.3, 1.16, 0.20, 1.0, 0), (0.55, 0.80, 0.52, 1.1, 60),
            (0.8, 0.64, 0.30, 1.1, 110), (1, 0.5, 0.2, 1.0, 150),
        ),
    )  # fmt: skip
    return Scene(
        name="crossing",
        size_wh=(640, 360),
        fps=Fraction(25),
        frame_count=last + 1,
        actors=(ball, star, beetle, boulder, moon),
        backdrop=Backdrop(drift_xy=(0.0009, 0.0004)),
    )


def _handheld(last: int) -> Scene:
    scene = _crossing(last)
    path = _path(last, (0, 0.44, 0.5, 1.0, -1), (0.5, 0.54, 0.48, 1.1, 1), (1, 0.5, 0.52, 1.0, 0))
    return replace(scene, name="handheld", camera=Camera(path, shake=0.006))


def _pillar(last: int) -> Scene:
    pillar = Actor(
        1,
        "pillar",
        "pillar",
        "weave",
        ((60, 70, 80), (110, 125, 140)),
        2.2,
        10,
        _path(last, (0, 0.5, 0.5, 1.0, 0), (1, 0.5, 0.5, 1.0, 0)),
        is_object=False,
    )
    walkers = tuple(
        Actor(
            number, name, shape, texture, colours, 0.26, number,
            _path(last, (0, start, y, 1, 0), (0.5, 0.5, y, 1, turn / 2), (1, end, y, 1, turn)),
        )
        for number, name, shape, texture, colours, y, start, end, turn in (
            (2, "ball", "disc", "marble", ((30, 40, 150), (60, 120, 240)), 0.2, 0.1, 0.9, 200),
            (3, "star", "star", "stripes", ((120, 30, 30), (245, 235, 225)), 0.5, 0.9, 0.1, -90),
            (4, "cross", "cross", "spots", ((40, 150, 60), (90, 230, 200)), 0.8, 0.2, 0.8, 45),
        )
    )  # fmt: skip
    return Scene("pillar", (640, 360), Fraction(25), last + 1, (pillar, *walkers))


_BUILDERS: Final[Mapping[str, Callable[[int], Scene]]] = {
    "crossing": _crossing,
    "handheld": _handheld,
    "pillar": _pillar,
}
SCENE_NAMES: Final[tuple[str, ...]] = tuple(_BUILDERS)
