"""A source that renders a synthetic clip and knows the truth about every frame."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from trackwire.specs import SourceError, SourceFormatError

from ..scene import SCENE_NAMES, SceneRenderer, build_scene
from .source import SourceFrame

if TYPE_CHECKING:
    from ..scene import FrameTruth, Scene

__all__ = ["SYNTHETIC_PREFIX", "SyntheticSource"]

SYNTHETIC_PREFIX = "synthetic"
"""A video reference of this word, or one that begins with it and a colon, is a synthetic clip."""

_OPTIONS = ("frames", "size", "fps", "seed")


class SyntheticSource:
    """Frames of a synthetic scene, as fast as they are rendered.

    Reads the same pixels each time it is opened. Driven by one thread; :meth:`truth` may be
    called from another.

    Args:
        scene: What to render; None for the scene ``crossing``.
        name: Wished ``video_identifier``; None for the name of the scene.

    Example:
        >>> source = SyntheticSource.from_reference("synthetic:crossing?frames=60&seed=3")
        >>> source.frame_count
        60
    """

    comes_from_video_file: bool | None = True

    def __init__(self, scene: Scene | None = None, *, name: str | None = None) -> None:
        self.scene = build_scene() if scene is None else scene
        self.name = name or self.scene.name
        self.fps: Fraction | None = self.scene.fps
        self.frame_count: int | None = self.scene.frame_count
        self._renderer: SceneRenderer | None = None
        self._judge: SceneRenderer | None = None
        self._next = 0

    @classmethod
    def from_reference(cls, reference: str) -> SyntheticSource:
        """Make a source from ``synthetic[:SCENE][?frames=300&size=640x360&fps=25&seed=1]``.

        Args:
            reference: The reference as written.

        Returns:
            The source, not yet opened.

        Raises:
            SourceFormatError: The reference names an unknown scene or option, or a bad value.
        """
        head, _, query = reference.partition("?")
        prefix, _, scene_name = head.partition(":")
        if prefix != SYNTHETIC_PREFIX:
            raise _wrong(reference, f"must begin with {SYNTHETIC_PREFIX!r}")
        pairs = parse_qsl(query, keep_blank_values=True)
        unknown = [key for key, _ in pairs if key not in _OPTIONS]
        if unknown:
            raise _wrong(reference, f"has no option {unknown[0]!r}; there are {_OPTIONS}")
        try:
            options = dict(_option(key, value) for key, value in pairs)
            return cls(build_scene(scene_name or SCENE_NAMES[0], **options))
        except (ValueError, ZeroDivisionError) as error:
            raise _wrong(reference, str(error)) from error

    def open(self) -> None:
        """Paint the textures and go to the first frame; opening again rewinds."""
        if self._renderer is None:
            self._renderer = SceneRenderer(self.scene)
        self._next = 0

    def read(self) -> SourceFrame | None:
        """Render the next frame.

        Returns:
            The frame, ``(H, W, 3)`` uint8 BGR, or None after the last.

        Raises:
            SourceError: The source is not open.
        """
        if self._renderer is None:
            raise SourceError(f"synthetic source {self.name!r} was read before open()")
        if self._next >= self.scene.frame_count:
            return None
        number = self._next
        self._next += 1
        return SourceFrame(
            image=self._renderer.image(number),
            media_time_s=number / self.scene.fps,
            epoch=0,
        )

    def close(self) -> None:
        """Free the textures. The truth stays available."""
        self._renderer = None

    def truth(self, frame_number: int) -> FrameTruth:
        """Tell what is really there on one frame; works without opening the source.

        Args:
            frame_number: 0-based.

        Returns:
            Ids, visible masks, boxes and amodal extents.

        Raises:
            IndexError: The clip has no such frame.
        """
        if self._judge is None:
            # Its own renderer: the reading thread may be painting with the other one.
            self._judge = SceneRenderer(self.scene)
        return self._judge.truth(frame_number)


def _option(key: str, value: str) -> tuple[str, Any]:
    if key == "size":
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value)
        if match is None:
            raise ValueError(f"size must be WIDTHxHEIGHT such as 640x360, found {value!r}")
        return "size_wh", (int(match[1]), int(match[2]))
    if key == "fps":
        return key, Fraction(value)
    return {"frames": "frame_count"}.get(key, key), int(value)


def _wrong(reference: str, why: str) -> SourceFormatError:
    return SourceFormatError(
        f"synthetic source {reference!r}: {why}. "
        f"Write {SYNTHETIC_PREFIX}[:SCENE][?frames=N&size=WxH&fps=N&seed=N], "
        f"SCENE one of {', '.join(SCENE_NAMES)}"
    )
