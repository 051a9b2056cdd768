"""Halts without an error are noticed once each, and so is their end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from trackwire import InferencePipeline
from trackwire.pipeline import SourceFrame
from trackwire.specs import Event

DEADLINE_S = 30


@dataclass
class StuckSource:
    """Gives two frames, the second only when it is let go."""

    name: str = "stuck"
    comes_from_video_file: bool | None = False
    fps: Fraction | None = None
    frame_count: int | None = None
    let_go: threading.Event = field(default_factory=threading.Event)
    given: int = 0

    def open(self) -> None:
        """Nothing to open."""

    def read(self) -> SourceFrame | None:
        self.given += 1
        if self.given == 2:
            assert self.let_go.wait(DEADLINE_S)
        return None if self.given > 2 else SourceFrame(np.zeros((8, 8, 3), np.uint8), None, 0)

    def close(self) -> None:
        """Nothing to close."""


def test_a_silent_source_is_told_once() -> None:
    """A source that gives nothing stalls; when it goes on, that is told, too."""
    source, events = StuckSource(), []
    seen = threading.Event()

    def listen(event: Event) -> None:
        events.append(event)
        if event.kind == "source.stalled":
            seen.set()
            source.let_go.set()

    pipeline = InferencePipeline.init_with_custom_logic(
        source,
        lambda frames: [{} for _ in frames],
        status_update_handlers=[listen],
        stall_timeout_s=0.05,
    )
    pipeline.start(use_main_thread=False)
    assert seen.wait(DEADLINE_S)
    pipeline.join(DEADLINE_S)
    assert [event.kind for event in events].count("source.stalled") == 1


def test_a_workflow_that_hangs_is_told_once() -> None:
    """A tick that takes too long is an event, and so is its end."""
    seen = threading.Event()
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if event.kind.startswith("engine."):
            seen.set()

    def logic(frames: list[Any]) -> list[Any]:
        if frames[0].video.frame_number == 0:
            assert seen.wait(DEADLINE_S)
            seen.clear()
        elif frames[0].video.frame_number == 1:
            assert seen.wait(DEADLINE_S)
        return [{} for _ in frames]

    pipeline = InferencePipeline.init_with_custom_logic(
        "synthetic:crossing?frames=3&size=64x48",
        logic,
        status_update_handlers=[listen],
        stall_timeout_s=0.05,
    )
    pipeline.start()
    kinds = [event.kind for event in events if event.kind.startswith("engine.")]
    assert kinds[0] == "engine.stalled"
    assert all(a != b for a, b in pairwise(kinds))
