"""What happens in a synthetic clip, as frozen values.

Places are fractions of the frame (x of its width, y of its height), sizes are fractions of its
height and times are frame numbers, so a scene keeps its story at any resolution.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

__all__ = [
    "Actor",
    "Backdrop",
    "Camera",
    "Colour",
    "Keyframe",
    "Scene",
    "Shape",
    "Texture",
]

Colour: TypeAlias = tuple[int, int, int]
"""Blue, green, red, 0-255."""

Shape: TypeAlias = Literal["disc", "blob", "star", "crescent", "horseshoe", "cross", "pillar"]
Texture: TypeAlias = Literal["grain", "marble", "stripes", "spots", "weave"]


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Where something is at one time; between keyframes it moves on smooth curves.

    Args:
        at: Frame number, may be fractional.
        center_xy: Centre in fractions of the frame; outside 0-1 is out of view.
        scale: Factor on the size.
        angle_deg: Rotation, clockwise on the screen.
    """

    at: float
    center_xy: tuple[float, float]
    scale: float = 1.0
    angle_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Actor:
    """One thing in the scene. It exists from its first keyframe to its last.

    Args:
        actor_id: Identity in the truth, 1 or more. Unique in the scene.
        name: Class name in the truth.
        shape: Outline.
        texture: Surface.
        colours: Two colours or more that the texture runs through.
        size: Diameter of the outline as a fraction of the frame height, at scale 1.
        depth: Who hides whom: the actor with the larger depth is nearer to the camera.
        keyframes: Its path, in order of time.
        squash: How far it breathes: relative change of width against height, 0-0.5.
        squash_period: Frames for one breath.
        is_object: False for scenery that hides objects and is no object itself.

    Raises:
        ValueError: An id below 1, fewer than two keyframes or colours, times out of order, or
            a size or squash out of range.
    """

    actor_id: int
    name: str
    shape: Shape
    texture: Texture
    colours: tuple[Colour, ...]
    size: float
    depth: int
    keyframes: tuple[Keyframe, ...]
    squash: float = 0.0
    squash_period: float = 40.0
    is_object: bool = True

    def __post_init__(self) -> None:
        if self.actor_id < 1:
            raise ValueError(f"actor {self.name!r}: actor_id must be 1 or more")
        if len(self.keyframes) < 2 or len(self.colours) < 2:
            raise ValueError(f"actor {self.actor_id}: needs two keyframes and two colours or more")
        _require_rising(self.keyframes, f"actor {self.actor_id}")
        if not 0 < self.size <= 4 or not 0 <= self.squash <= 0.5:
            raise ValueError(
                f"actor {self.actor_id}: size must lie in (0, 4] and squash in [0, 0.5], "
                f"found {self.size} and {self.squash}"
            )


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What lies behind all actors.

    Args:
        texture: Surface.
        colours: Colours that the texture runs through.
        drift_xy: Own motion in fractions of the frame per frame, apart from the camera's.
    """

    texture: Texture = "grain"
    colours: tuple[Colour, ...] = (
        (38, 58, 48),
        (70, 104, 88),
        (96, 118, 116),
        (150, 168, 166),
    )
    drift_xy: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Camera:
    """How the view moves over the scene; the default holds still.

    Args:
        path: Centre of view, zoom (``scale``) and roll over time; empty for (0.5, 0.5). Two
            keyframes less than a frame apart make a cut.
        shake: Amplitude of a hand's tremor as a fraction of the frame height.
    """

    path: tuple[Keyframe, ...] = ()
    shake: float = 0.0

    def __post_init__(self) -> None:
        _require_rising(self.path, "camera")


@dataclass(frozen=True, slots=True)
class Scene:
    """A synthetic clip, complete: the same scene renders the same pixels every time.

    Args:
        name: Name of the scene.
        size_wh: Frame size in pixels, 16 to 8192 a side.
        fps: Frames per second, exact.
        frame_count: Frames in the clip.
        actors: Everything in front of the backdrop.
        backdrop: What lies behind.
        camera: How the view moves.
        noise: Amplitude of the sensor's noise in grey levels, 0-64.
        seed: Seed of every texture and of the noise.

    Raises:
        ValueError: A size, count or noise out of range, or two actors with one id.
    """

    name: str
    size_wh: tuple[int, int]
    fps: Fraction
    frame_count: int
    actors: tuple[Actor, ...]
    backdrop: Backdrop = field(default_factory=Backdrop)
    camera: Camera = field(default_factory=Camera)
    noise: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        if not all(16 <= side <= 8192 for side in self.size_wh):
            raise ValueError(f"scene size must be 16 to 8192 pixels a side, found {self.size_wh}")
        if self.frame_count < 1 or self.fps <= 0:
            raise ValueError(
                "a scene needs at least one frame and a positive rate, "
                f"found {self.frame_count} frames at {self.fps}"
            )
        if not 0 <= self.noise <= 64:
            raise ValueError(f"noise must lie in 0-64 grey levels, found {self.noise}")
        ids = [actor.actor_id for actor in self.actors]
        if len(ids) != len(set(ids)):
            raise ValueError(f"actor ids must be unique in a scene, found {sorted(ids)}")


def _require_rising(keyframes: tuple[Keyframe, ...], who: str) -> None:
    times = [keyframe.at for keyframe in keyframes]
    if any(later <= earlier for earlier, later in itertools.pairwise(times)):
        raise ValueError(f"{who}: keyframes must rise in time, found {times}")
