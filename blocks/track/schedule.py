"""When a session takes detections as prompts.

A *prompt frame* is a frame whose detections the session consumed, whether or not the model was
prompted with any of them. Frames are counted as the session processed them: what a live buffer
dropped does not bring the next prompt frame closer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = ["PromptClock", "PromptMode", "Schedule"]

PromptMode: TypeAlias = Literal["first_frame", "every_n_frames", "every_frame"]
"""When detections are taken as prompts; :class:`Schedule` says how each mode counts."""


@dataclass(frozen=True, slots=True)
class PromptClock:
    """How far a session is from its last prompt frame.

    Args:
        since_prompt: Frames processed from the last prompt frame to the coming frame (1 right
            after it), or None if there was no prompt frame yet.
    """

    since_prompt: int | None = None

    def after(self, *, consumed: bool) -> PromptClock:
        """Return the clock for the frame that follows.

        Args:
            consumed: Whether the frame just processed was a prompt frame.
        """
        if consumed:
            return PromptClock(1)
        if self.since_prompt is None:
            return self
        return replace(self, since_prompt=self.since_prompt + 1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Decides which frames are prompt frames.

    ``first_frame``
        The first frame that has detections, and no other.
    ``every_n_frames``
        Due when ``interval`` frames were processed since the last prompt frame: 0, N, 2N, as
        long as something comes of them. A due frame without detections counts if the session
        follows something, else the session stays due.
    ``every_frame``
        Each frame.

    Args:
        mode: One of the three.
        interval: Frames from one prompt frame to the next, at least 1; only read in
            ``every_n_frames``.

    Raises:
        ValueError: The interval is below 1.

    Example:
        >>> Schedule("every_n_frames", interval=10).due(PromptClock(10))
        True
    """

    mode: PromptMode = "first_frame"
    interval: int = 30

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise ValueError(f"prompt_interval must be at least 1 frame, found {self.interval}")

    def due(self, clock: PromptClock) -> bool:
        """Tell whether the coming frame's detections are wanted."""
        if self.mode == "every_frame" or clock.since_prompt is None:
            return True
        return self.mode == "every_n_frames" and clock.since_prompt >= self.interval

    def consumes(self, clock: PromptClock, *, detections: int, live_tracks: int) -> bool:
        """Tell whether the coming frame is a prompt frame, now that it was looked at.

        Args:
            clock: Where the session stands.
            detections: Detections on the frame that can be used as prompts.
            live_tracks: Tracks the session follows, seen on this frame or not.

        Returns:
            True if the detections count, as evidence for or against the tracks.
        """
        if not self.due(clock):
            return False
        if self.mode == "first_frame":
            return detections > 0
        return self.mode == "every_frame" or detections > 0 or live_tracks > 0
