"""Synthetic scenes with exact truth: described as values, rendered on demand.

description   Scene, Actor, Keyframe, Backdrop, Camera: what happens, as frozen values
shapes        outlines of actors, convex and not
textures      fractal noise, marble, stripes, spots, weave
renderer      a scene and a frame number become a picture and its truth
scripts       ready-made scenes by name
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackwire.specs import lazy_names

if TYPE_CHECKING:
    from .description import Actor, Backdrop, Camera, Keyframe, Scene
    from .detector import SceneDetections, SceneDetector
    from .renderer import FrameTruth, SceneRenderer
    from .scripts import SCENE_NAMES, build_scene

__all__ = [
    "SCENE_NAMES",
    "Actor",
    "Backdrop",
    "Camera",
    "FrameTruth",
    "Keyframe",
    "Scene",
    "SceneDetections",
    "SceneDetector",
    "SceneRenderer",
    "build_scene",
]

_HOME = {
    "Actor": "description",
    "Backdrop": "description",
    "Camera": "description",
    "FrameTruth": "renderer",
    "Keyframe": "description",
    "SCENE_NAMES": "scripts",
    "Scene": "description",
    "SceneDetections": "detector",
    "SceneDetector": "detector",
    "SceneRenderer": "renderer",
    "build_scene": "scripts",
}

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
