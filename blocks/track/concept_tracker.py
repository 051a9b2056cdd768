"""The concept tracker block: phrases in, masks with names and lasting ids out, no detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

import numpy as np

from trackwire.specs import Batch, BlockManifest, Resources

from ..detections import (
    DEFAULT_CLASS_NAME,
    DETECTION_SCORE,
    INSTANCE_SEGMENTATION,
    MASK_SCORE,
    build_detections,
    empty_detections,
)
from ..models.concept_catalog import load_concept_model
from ..options import require_settled
from .concept_manifest import ConceptManifest, ConceptTrackerManifest
from .concept_turn import ConceptJob, ConceptTurn
from .phrases import read_phrases
from .round import HalfWrittenError, Job
from .session_tracker import SessionTracker, Settled

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame
    from ..models.concept_seam import ConceptModel
    from .gap import OnGap
    from .track_events import TrackEvent

__all__ = ["ConceptTracker"]

_WIRED: Final = ("images", "class_names", "boxes", "points")


class ConceptTracker(SessionTracker):
    """Finds on every frame what phrases name, and follows it through the frames of many streams.

    Objects that come into sight become tracks by themselves. The phrases of a stream may change
    from frame to frame: tracks of a phrase that is gone end, all others go on.

    Args:
        step: The step as written, all properties but ``images`` and ``class_names`` settled.
        model: Finds and follows.
        resources: Takes events.
    """

    manifest: ClassVar[type[BlockManifest]] = ConceptTrackerManifest

    def __init__(
        self, step: ConceptManifest, model: ConceptModel[Any, Any], resources: Resources
    ) -> None:
        super().__init__(step, str(step.model_id), model, resources)
        self._model = model
        self._threshold = float(step.threshold)
        self._on_gap = cast("OnGap", step.on_gap)
        self._limits: Final[Mapping[str, int]] = {
            "max_objects": int(step.max_objects),
            "lost_after": int(step.lost_after),
            "unconfirmed_after": int(step.unconfirmed_after),
        }

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Load the model and make a tracker without sessions.

        Args:
            step: A :class:`ConceptManifest`.
            resources: ``model_loader`` replaces the catalog, ``device`` says where it runs.

        Raises:
            BlockError: A property other than ``images`` and ``class_names`` changes from frame to
                frame.
            ModelError: The model is not known or cannot be loaded.
        """
        if not isinstance(step, ConceptManifest):
            raise TypeError(f"ConceptTracker is opened with a ConceptManifest, found {step!r}")
        require_settled(step, (name for name in type(step).model_fields if name not in _WIRED))
        return cls(step, load_concept_model(str(step.model_id), resources), resources)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Ask for nothing that is computed on demand."""
        del eager
        return {}

    def _admit(self, index: int, batch: Batch) -> ConceptJob:
        frame: Frame = batch["images"][index]
        phrases = read_phrases(batch["class_names"][index], self._name)
        stream = frame.video.video_identifier
        session = self._sessions.acquire(stream)
        asked = self._mailbox.pending(stream)
        job = ConceptJob.of(index, frame, session, asked, self._on_gap)
        if job.crossing.outcome == "sought":
            # Nothing is kept of what objects look like that would tell them apart elsewhere.
            job = ConceptJob.of(index, frame, session, asked, "reset")
        return replace(job, phrases=phrases)

    def _take_through(self, jobs: Sequence[Job]) -> Sequence[Settled]:
        turns = [ConceptTurn(job) for job in jobs if isinstance(job, ConceptJob)]
        busy = [turn for turn in turns if not turn.idle]
        states: dict[int, Any] = {}
        with ExitStack() as opened:
            for turn in busy:
                state = turn.job.session.state
                if turn.anew or state is None:
                    state = self._model.open()
                    opened.callback(self._model.close, state)
                states[turn.job.index] = state
            if busy:
                self._look(busy, [states[turn.job.index] for turn in busy])
            for turn in turns:
                if turn.idle:
                    turn.settle()
            opened.pop_all()
        return [Settled(turn.job, states.get(turn.job.index), turn.result, turn) for turn in turns]

    def _look(self, turns: Sequence[ConceptTurn], states: Sequence[Any]) -> None:
        features = self._model.encode([turn.job.frame for turn in turns])
        queries = [turn.query(**self._limits) for turn in turns]
        seen = self._model.look(states, features, queries)
        for turn, proposal in zip(turns, seen, strict=True):
            turn.settle(proposal)
        try:
            self._model.remember(states, features, seen)
        except Exception as error:
            raise HalfWrittenError(str(error)) from error

    def _outputs(self, settled: Settled, events: Sequence[TrackEvent]) -> dict[str, Any]:
        del events
        return {"predictions": self._predictions(settled.source)}

    def _predictions(self, turn: ConceptTurn) -> sv.Detections:
        frame, seen = turn.job.frame, turn.seen
        if seen is None:
            return empty_detections(
                frame, producer=self._name, prediction_type=INSTANCE_SEGMENTATION
            )
        # Once it follows an object the tracker is sure of nearly all it sees; how well the object
        # fits its phrase is what the detection told.
        score = np.minimum(seen.score, seen.detection_score)
        rows = np.flatnonzero(seen.visible & (score >= self._threshold))
        tracks = turn.result.standing.table.take(rows)
        shown = tracks.shown_class()
        return build_detections(
            frame,
            seen.xyxy[rows],
            confidence=seen.score[rows],
            class_id=seen.phrase[rows],
            class_name=np.where(shown == "", DEFAULT_CLASS_NAME, shown),
            tracker_id=tracks.tracker_id,
            mask=seen.masks(seen.track_ids[rows].tolist()),
            prediction_type=INSTANCE_SEGMENTATION,
            producer=self._name,
            data={
                MASK_SCORE: seen.mask_score[rows],
                DETECTION_SCORE: seen.detection_score[rows],
            },
        )
