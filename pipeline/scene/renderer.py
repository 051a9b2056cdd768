"""A scene and a frame number become a picture and its exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .motion import ActorMotion, backdrop_matrix, camera_matrix
from .shapes import outline, rasterize
from .textures import fractal_noise, paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .description import Actor, Scene

__all__ = ["FrameTruth", "SceneRenderer"]

_SOLID = 128
"""Coverage from which a pixel belongs to an actor."""


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """What is really there on one frame. The arrays are aligned with ``ids``.

    An object is listed while any part of it lies in the picture, hidden or not.

    Args:
        frame_number: 0-based.
        ids: ``(N,)`` int64 identities.
        class_names: ``(N,)`` class names.
        masks: ``(N, H, W)`` bool, the pixels where the object is seen; they never overlap.
        xyxy: ``(N, 4)`` float32 half-open tight boxes of ``masks``, zeros where nothing is seen.
        amodal_masks: ``(N, H, W)`` bool, hidden parts included, cut at the picture's edge.
        amodal_xyxy: ``(N, 4)`` float32 extents of the whole object, also beyond the edge.
        visible_fraction: ``(N,)`` float32, seen pixels against those of the whole object, 0-1.
    """

    frame_number: int
    ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    masks: NDArray[np.bool_]
    xyxy: NDArray[np.float32]
    amodal_masks: NDArray[np.bool_]
    amodal_xyxy: NDArray[np.float32]
    visible_fraction: NDArray[np.float32]

    @property
    def visible(self) -> NDArray[np.bool_]:
        """``(N,)`` bool: at least one pixel of the object is seen."""
        return np.asarray(self.visible_fraction > 0)


@dataclass(frozen=True, slots=True)
class _Sprite:
    """An actor drawn once, upright, with colour multiplied by coverage."""

    bgra: NDArray[np.uint8]
    polygon: NDArray[np.float64]
    to_unit: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An actor on one frame: a window of the picture and what covers it there."""

    actor: Actor
    window: tuple[slice, slice]
    bgra: NDArray[np.uint8]
    corners: NDArray[np.float64]

    @property
    def extent(self) -> NDArray[np.float64]:
        """``(4,)`` half-open box of the whole outline; corners count from pixel centres."""
        return np.concatenate([self.corners.min(axis=0), self.corners.max(axis=0)]) + 0.5

    @property
    def solid(self) -> NDArray[np.bool_]:
        return np.asarray(self.bgra[:, :, 3] >= _SOLID)


class SceneRenderer:
    """Renders any frame of a scene, in any order, always with the same pixels.

    Textures are painted once, when the renderer is made. Not shared between threads.

    Args:
        scene: What to render.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        seeds = np.random.SeedSequence(scene.seed).spawn(3)
        self._backdrop = _paint_backdrop(scene, np.random.default_rng(seeds[0]))
        self._noise = _paint_noise(scene, np.random.default_rng(seeds[1]))
        self._actors = sorted(scene.actors, key=lambda actor: (actor.depth, actor.actor_id))
        self._motions = {a.actor_id: ActorMotion(a, scene.size_wh) for a in scene.actors}
        zoom = max((keyframe.scale for keyframe in scene.camera.path), default=1.0)
        self._sprites = {
            actor.actor_id: _paint_sprite(
                actor,
                self._motions[actor.actor_id].largest_diameter * zoom,
                np.random.default_rng(np.random.SeedSequence((scene.seed, actor.actor_id))),
            )
            for actor in scene.actors
        }

    def image(self, frame_number: int) -> NDArray[np.uint8]:
        """Render one picture.

        Args:
            frame_number: 0-based.

        Returns:
            ``(H, W, 3)`` uint8 BGR, freshly allocated.

        Raises:
            IndexError: The clip has no such frame.
        """
        self._require(frame_number)
        picture = self._behind(frame_number)
        for placed in self._place(frame_number):
            region = picture[placed.window]
            rest = cv2.cvtColor(cv2.bitwise_not(placed.bgra[:, :, 3]), cv2.COLOR_GRAY2BGR)
            under = cv2.multiply(region, rest, scale=1 / 255)
            picture[placed.window] = cv2.add(under, placed.bgra[:, :, :3])
        return self._with_noise(picture, frame_number)

    def truth(self, frame_number: int) -> FrameTruth:
        """Tell what is really there on one frame.

        Args:
            frame_number: 0-based.

        Returns:
            The objects in the picture, in order of their ids.

        Raises:
            IndexError: The clip has no such frame.
        """
        self._require(frame_number)
        width, height = self.scene.size_wh
        placed = self._place(frame_number)
        owner = np.zeros((height, width), np.int32)
        for one in placed:
            owner[one.window][one.solid] = one.actor.actor_id
        objects = sorted(
            (one for one in placed if one.actor.is_object and one.solid.any()),
            key=lambda one: one.actor.actor_id,
        )
        shape = (len(objects), height, width)
        masks, amodal = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        boxes, extents = np.zeros((len(objects), 4)), np.zeros((len(objects), 4))
        fractions = np.zeros(len(objects))
        for row, one in enumerate(objects):
            masks[row] = owner == one.actor.actor_id
            amodal[row][one.window] = one.solid
            boxes[row] = _tight_box(masks[row])
            extents[row] = one.extent
            fractions[row] = masks[row].sum() / _whole_area(one, amodal[row])
        return FrameTruth(
            frame_number=frame_number,
            ids=np.array([one.actor.actor_id for one in objects], dtype=np.int64),
            class_names=tuple(one.actor.name for one in objects),
            masks=masks,
            xyxy=boxes.astype(np.float32),
            amodal_masks=amodal,
            amodal_xyxy=extents.astype(np.float32),
            visible_fraction=fractions.astype(np.float32),
        )

    def _require(self, frame_number: int) -> None:
        if not 0 <= frame_number < self.scene.frame_count:
            raise IndexError(
                f"scene {self.scene.name!r} has frames 0 to {self.scene.frame_count - 1}, "
                f"asked for {frame_number}"
            )

    def _behind(self, frame_number: int) -> NDArray[np.uint8]:
        scene = self.scene
        matrix = camera_matrix(scene.camera, scene.size_wh, frame_number) @ backdrop_matrix(
            scene.backdrop, scene.size_wh, frame_number
        )
        return np.asarray(
            cv2.warpAffine(
                self._backdrop,
                matrix[:2],
                scene.size_wh,
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            ),
            np.uint8,
        )

    def _place(self, frame_number: int) -> list[_Placed]:
        """All actors in the picture, the farthest first."""
        camera = camera_matrix(self.scene.camera, self.scene.size_wh, frame_number)
        placed = []
        for actor in self._actors:
            matrix = self._motions[actor.actor_id].matrix(frame_number)
            if matrix is None:
                continue
            one = self._place_one(actor, camera @ matrix)
            if one is not None:
                placed.append(one)
        return placed

    def _place_one(self, actor: Actor, to_picture: NDArray[np.float64]) -> _Placed | None:
        sprite = self._sprites[actor.actor_id]
        width, height = self.scene.size_wh
        corners = sprite.polygon @ to_picture[:2, :2].T + to_picture[:2, 2]
        low = np.maximum(np.floor(corners.min(axis=0)) - 1, 0).astype(int)
        high = np.minimum(np.ceil(corners.max(axis=0)) + 2, (width, height)).astype(int)
        if (high <= low).any():
            return None
        shift = np.eye(3)
        shift[:2, 2] = -low
        bgra = cv2.warpAffine(
            sprite.bgra,
            (shift @ to_picture @ sprite.to_unit)[:2],
            (int(high[0] - low[0]), int(high[1] - low[1])),
            flags=cv2.INTER_LINEAR,
        )
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        return _Placed(actor, window, np.asarray(bgra, np.uint8), corners)

    def _with_noise(self, picture: NDArray[np.uint8], frame_number: int) -> NDArray[np.uint8]:
        if self.scene.noise == 0:
            return picture
        width, height = self.scene.size_wh
        spare_y = self._noise.shape[0] - height
        spare_x = self._noise.shape[1] - width
        # A new corner of one noise field for each frame costs nothing and looks independent.
        x, y = (frame_number * 37) % (spare_x + 1), (frame_number * 23) % (spare_y + 1)
        grain = self._noise[y : y + height, x : x + width]
        level = (self.scene.noise,) * 3
        lifted = cv2.add(picture, grain)
        return np.asarray(cv2.subtract(lifted, np.full_like(picture, level)), np.uint8)


def _paint_backdrop(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    width, height = scene.size_wh
    size_wh = (width * 3 // 2, height * 3 // 2)
    return paint(scene.backdrop.texture, scene.backdrop.colours, size_wh, rng)


def _paint_noise(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise around the level ``scene.noise``, larger than a frame."""
    width, height = scene.size_wh
    field = rng.normal(scene.noise, scene.noise / 2, (height + 61, width + 89, 3))
    return np.asarray(np.clip(field, 0, 2 * scene.noise), np.uint8)


def _paint_sprite(actor: Actor, diameter: float, rng: np.random.Generator) -> _Sprite:
    side = max(16, int(np.ceil(diameter)) + 4)
    polygon = outline(actor.shape, rng)
    coverage = rasterize(polygon, side)
    colour = paint(actor.texture, actor.colours, (side, side), rng).astype(np.float32)
    colour *= _shading(coverage, rng)[:, :, None]
    weight = coverage.astype(np.float32)[:, :, None] / 255
    bgra = np.dstack([np.clip(colour, 0, 255) * weight, coverage])
    reach = side / 2 - 1
    to_unit = np.diag([1 / reach, 1 / reach, 1.0])
    to_unit[:2, 2] = (0.5 - side / 2) / reach
    return _Sprite(bgra.astype(np.uint8), polygon, to_unit)


def _shading(coverage: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Light from the upper left on a body that is round towards its rim, about 0.5-1.25."""
    side = len(coverage)
    inside = cv2.distanceTransform((coverage >= _SOLID).astype(np.uint8), cv2.DIST_L2, 5)
    height = np.sqrt(np.clip(inside / max(float(inside.max()), 1.0), 0, 1))
    height += 0.05 * fractal_noise((side, side), rng)
    height = cv2.GaussianBlur(height, (0, 0), max(1.0, side / 40))
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0) * side / 60
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1) * side / 60
    return np.asarray(np.clip(0.95 + 0.6 * (slope_x + slope_y), 0.45, 1.3), np.float32)


def _tight_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if len(columns) == 0:
        return 0.0, 0.0, 0.0, 0.0
    return (
        float(columns[0]),
        float(rows[0]),
        float(columns[-1] + 1),
        float(rows[-1] + 1),
    )


def _whole_area(placed: _Placed, amodal: NDArray[np.bool_]) -> float:
    """Pixels of the whole object: counted where it lies in the picture, else by its outline."""
    height, width = amodal.shape
    counted = float(amodal.sum())
    left, top, right, bottom = placed.extent
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return counted
    return max(counted, float(cv2.contourArea(placed.corners.astype(np.float32))))
