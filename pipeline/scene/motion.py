"""Where actors and camera are at a frame: keyframes become affine maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .description import Actor, Backdrop, Camera, Keyframe

__all__ = ["ActorMotion", "backdrop_matrix", "camera_matrix"]


class _Path:
    """A smooth curve through keyframes that never overshoots them."""

    def __init__(self, keyframes: tuple[Keyframe, ...]) -> None:
        self._times = np.array([keyframe.at for keyframe in keyframes], dtype=np.float64)
        values = np.array(
            [[*keyframe.center_xy, keyframe.scale, keyframe.angle_deg] for keyframe in keyframes],
            dtype=np.float64,
        )
        self._curve = PchipInterpolator(self._times, values) if len(keyframes) > 1 else None
        self._values = values

    def covers(self, frame_number: int) -> bool:
        return bool(self._times[0] <= frame_number <= self._times[-1])

    def at(self, frame_number: int) -> NDArray[np.float64]:
        """Centre x, y, scale and angle; held at the ends."""
        if self._curve is None:
            return np.asarray(self._values[0])
        return np.asarray(self._curve(np.clip(frame_number, self._times[0], self._times[-1])))


class ActorMotion:
    """The path of one actor over a scene of a given size.

    Args:
        actor: Whose path.
        size_wh: Frame size in pixels.
    """

    def __init__(self, actor: Actor, size_wh: tuple[int, int]) -> None:
        self._actor = actor
        self._size = np.array(size_wh, dtype=np.float64)
        self._path = _Path(actor.keyframes)

    @property
    def largest_diameter(self) -> float:
        """Diameter in pixels where the actor is drawn largest, before the camera zooms."""
        scale = max(keyframe.scale for keyframe in self._actor.keyframes)
        return float(self._actor.size * scale * (1 + self._actor.squash) * self._size[1])

    def matrix(self, frame_number: int) -> NDArray[np.float64] | None:
        """Map from the unit square of the outline (-1 to 1) to the scene.

        Args:
            frame_number: 0-based.

        Returns:
            ``(3, 3)`` float64 in pixels, or None where the actor does not exist.
        """
        if not self._path.covers(frame_number):
            return None
        x, y, scale, angle = self._path.at(frame_number)
        breath = self._actor.squash * np.sin(2 * np.pi * frame_number / self._actor.squash_period)
        radius = 0.5 * self._actor.size * scale * self._size[1]
        stretch = np.array([radius * (1 + breath), radius * (1 - breath)])
        turn = np.deg2rad(angle)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.eye(3)
        matrix[:2, :2] = rotation * stretch
        matrix[:2, 2] = np.array([x, y]) * self._size
        return matrix


def camera_matrix(
    camera: Camera, size_wh: tuple[int, int], frame_number: int
) -> NDArray[np.float64]:
    """Map from the scene to the picture.

    Args:
        camera: The camera.
        size_wh: Frame size in pixels.
        frame_number: 0-based.

    Returns:
        ``(3, 3)`` float64 in pixels.
    """
    size = np.array(size_wh, dtype=np.float64)
    x, y, zoom, roll = _Path(camera.path).at(frame_number) if camera.path else (0.5, 0.5, 1.0, 0.0)
    tremor = camera.shake * size[1] * _tremor(frame_number)
    turn = np.deg2rad(-roll)
    matrix = np.eye(3)
    matrix[:2, :2] = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:2, 2] = size / 2 - matrix[:2, :2] @ (np.array([x, y]) * size + tremor)
    return matrix


def backdrop_matrix(
    backdrop: Backdrop, size_wh: tuple[int, int], frame_number: int
) -> NDArray[np.float64]:
    """Map from the backdrop's rest position to the scene.

    Args:
        backdrop: The backdrop.
        size_wh: Frame size in pixels.
        frame_number: 0-based.

    Returns:
        ``(3, 3)`` float64 in pixels.
    """
    matrix = np.eye(3)
    matrix[:2, 2] = np.array(backdrop.drift_xy) * np.array(size_wh) * frame_number
    return matrix


def _tremor(frame_number: int) -> NDArray[np.float64]:
    """A hand's tremor within -1 to 1: waves whose periods share no beat."""
    return np.array(
        [
            0.6 * np.sin(frame_number * 0.9) + 0.4 * np.sin(frame_number * 2.3),
            0.6 * np.sin(frame_number * 1.1 + 1.0) + 0.4 * np.sin(frame_number * 2.7 + 2.0),
        ]
    )
