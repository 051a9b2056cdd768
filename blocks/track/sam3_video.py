"""SAM 3 under the id that existing documents use: by phrases, or by boxes and points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from trackwire.specs import (
    Batch,
    BlockManifest,
    Failure,
    Outcome,
    Resources,
    StreamKey,
    TrackwireError,
)

from .concept_manifest import Sam3VideoManifest
from .concept_tracker import ConceptTracker
from .point_prompts import PointPrompts
from .video_tracker import VideoTracker

if TYPE_CHECKING:
    from .control import TrackerControl
    from .store import SessionStore

__all__ = ["Sam3VideoTracker"]


class Sam3VideoTracker:
    """Follows what phrases name (``concept``), or what boxes and points show (``visual``).

    The one mode is the concept tracker, the other the video tracker with SAM 3's tracker, whose
    ids last through later prompts.

    Args:
        tracker: Does the work.
        points: Shows points to the video tracker; None in the concept mode.
    """

    manifest: ClassVar[type[BlockManifest]] = Sam3VideoManifest

    def __init__(
        self, tracker: ConceptTracker | VideoTracker, points: PointPrompts | None = None
    ) -> None:
        self._tracker = tracker
        self._points = points
        self.control: TrackerControl = tracker.control

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Load the model of the mode.

        Args:
            step: A :class:`Sam3VideoManifest`.
            resources: ``model_loader`` replaces the catalogs, ``device`` says where models run.

        Raises:
            BlockError: An option changes from frame to frame.
            ModelError: The model is not known or cannot be loaded.
        """
        if not isinstance(step, Sam3VideoManifest):
            raise TypeError(f"Sam3VideoTracker is opened with a Sam3VideoManifest, found {step!r}")
        if step.tracking_mode == "concept":
            return cls(ConceptTracker.open(step, resources))
        seen = step.visual()
        tracker = VideoTracker.open(seen, resources)
        rules = seen.rules()
        return cls(tracker, PointPrompts(tracker, rules.schedule, rules.on_gap))

    @property
    def sessions(self) -> SessionStore:
        """The sessions, to look at."""
        return self._tracker.sessions

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Ask for the boxes of prompt frames in the visual mode, else for none."""
        if self._points is None:
            return {"boxes": [False] * len(eager)}
        return self._tracker.demand(eager)

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Track through one frame of each stream.

        Returns:
            ``predictions`` and ``events`` for each element, or a failure.
        """
        refused = self._show_points(batch)
        taken = [index for index in range(len(batch)) if index not in refused]
        found: dict[int, Outcome] = {index: Failure(error) for index, error in refused.items()}
        part = _taken(batch, taken) if refused else batch
        for index, outcome in zip(taken, self._tracker.run(part), strict=True):
            found[index] = _without_explanation(outcome)
        return [found[index] for index in range(len(batch))]

    def end_stream(self, stream: StreamKey) -> None:
        """Free what a stream holds; its ids stay used."""
        self._tracker.end_stream(stream)
        if self._points is not None:
            self._points.end_stream(stream)

    def close(self) -> None:
        """End all sessions and let go of the model."""
        self._tracker.close()

    def _show_points(self, batch: Batch) -> dict[int, Exception]:
        if self._points is None:
            return {}
        self.sessions.attend([frame.video.video_identifier for frame in batch["images"]])
        refused: dict[int, Exception] = {}
        for index, (frame, points) in enumerate(zip(batch["images"], batch["points"], strict=True)):
            try:
                self._points.show(frame, points)
            except (TrackwireError, ValueError) as error:
                refused[index] = error
        return refused


def _taken(batch: Batch, rows: Sequence[int]) -> Batch:
    """Some elements of a batch: what fails must leave its session as it is."""
    columns = {name: [column[row] for row in rows] for name, column in batch.columns.items()}
    return Batch([batch.streams[row] for row in rows], columns)


def _without_explanation(outcome: Outcome) -> Outcome:
    """Leave out what the video tracker puts out and this block does not declare."""
    if isinstance(outcome, Mapping):
        values: dict[str, Any] = {
            name: value for name, value in outcome.items() if name != "explanation"
        }
        return values
    return outcome
