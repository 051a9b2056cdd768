"""Ready-made scenes by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from .description import Actor, Backdrop, Camera, Colour, Keyframe, Scene, Shape, Texture
from .stress import STRESS_SCENES

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
    ``pillar``: three objects pass behind a pillar that hides them whole. The others put
    identities to the test, see :mod:`.stress`.

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
        actor_id=1,
        name="ball",
        shape="disc",
        texture="marble",
        colours=((30, 40, 150), (60, 120, 240), (150, 210, 250)),
        size=0.26,
        depth=2,
        keyframes=_path(
            last,
            (0, 0.12, 0.26, 1.0, 0),
            (0.5, 0.5, 0.34, 1.05, 160),
            (1, 0.88, 0.24, 1.0, 300),
        ),
    )
    star = Actor(
        actor_id=2,
        name="star",
        shape="star",
        texture="stripes",
        colours=((120, 30, 30), (245, 235, 225)),
        size=0.38,
        depth=3,
        keyframes=_path(
            last,
            (0, 0.85, 0.42, 1.0, 0),
            (0.5, 0.48, 0.30, 1.1, -70),
            (0.78, 0.12, 0.42, 1.0, -120),
            (0.95, -0.14, 0.5, 1.0, -150),
        ),
        squash=0.04,
    )
    beetle = Actor(
        actor_id=3,
        name="beetle",
        shape="blob",
        texture="spots",
        colours=((40, 150, 60), (30, 60, 20), (90, 230, 200)),
        size=0.22,
        depth=4,
        keyframes=_path(
            last,
            (0, 0.14, 0.74, 1.0, 0),
            (0.35, 0.34, 0.78, 1.0, 25),
            (0.6, 0.60, 0.74, 1.0, -20),
            (1, 0.90, 0.70, 1.1, 20),
        ),
        squash=0.06,
    )
    return Scene(
        name="crossing",
        size_wh=(640, 360),
        fps=Fraction(25),
        frame_count=last + 1,
        actors=(ball, star, beetle, _boulder(last), _moon(last)),
        backdrop=Backdrop(drift_xy=(0.0009, 0.0004)),
    )


def _boulder(last: int) -> Actor:
    """The large, slow one that others hide behind."""
    return Actor(
        actor_id=4,
        name="boulder",
        shape="blob",
        texture="weave",
        colours=((90, 60, 80), (170, 140, 165), (215, 200, 220)),
        size=0.44,
        depth=6,
        keyframes=_path(last, (0, 0.52, 0.74, 1.0, 0), (1, 0.42, 0.76, 1.04, 12)),
    )


def _moon(last: int) -> Actor:
    """The one that enters when the clip is under way; its box is mostly not itself."""
    return Actor(
        actor_id=5,
        name="moon",
        shape="crescent",
        texture="marble",
        colours=((30, 160, 190), (60, 215, 250), (200, 245, 255)),
        size=0.30,
        depth=5,
        keyframes=_path(
            last,
            (0.3, 1.16, 0.20, 1.0, 0),
            (0.55, 0.80, 0.52, 1.1, 60),
            (0.8, 0.64, 0.30, 1.1, 110),
            (1, 0.5, 0.2, 1.0, 150),
        ),
    )


def _handheld(last: int) -> Scene:
    scene = _crossing(last)
    path = _path(last, (0, 0.44, 0.5, 1.0, -1), (0.5, 0.54, 0.48, 1.1, 1), (1, 0.5, 0.52, 1.0, 0))
    return replace(scene, name="handheld", camera=Camera(path, shake=0.006))


def _pillar(last: int) -> Scene:
    pillar = Actor(
        actor_id=1,
        name="pillar",
        shape="pillar",
        texture="weave",
        colours=((60, 70, 80), (110, 125, 140)),
        size=2.2,
        depth=10,
        keyframes=_path(last, (0, 0.5, 0.5, 1.0, 0), (1, 0.5, 0.5, 1.0, 0)),
        is_object=False,
    )
    looks: tuple[tuple[str, Shape, Texture, tuple[Colour, ...]], ...] = (
        ("ball", "disc", "marble", ((30, 40, 150), (60, 120, 240))),
        ("star", "star", "stripes", ((120, 30, 30), (245, 235, 225))),
        ("cross", "cross", "spots", ((40, 150, 60), (90, 230, 200))),
    )
    ways = ((0.2, 0.1, 0.9, 200), (0.5, 0.9, 0.1, -90), (0.8, 0.2, 0.8, 45))
    walkers = tuple(
        Actor(
            actor_id=number,
            name=name,
            shape=shape,
            texture=texture,
            colours=colours,
            size=0.26,
            depth=number,
            keyframes=_path(
                last, (0, start, y, 1, 0), (0.5, 0.5, y, 1, turn / 2), (1, end, y, 1, turn)
            ),
        )
        for number, (name, shape, texture, colours), (y, start, end, turn) in zip(
            (2, 3, 4), looks, ways, strict=True
        )
    )
    return Scene("pillar", (640, 360), Fraction(25), last + 1, (pillar, *walkers))


_BUILDERS: Final[Mapping[str, Callable[[int], Scene]]] = {
    "crossing": _crossing,
    "handheld": _handheld,
    "pillar": _pillar,
    **STRESS_SCENES,
}
SCENE_NAMES: Final[tuple[str, ...]] = tuple(_BUILDERS)
