"""What one frame makes of a session whose model finds objects by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trackwire.specs import SessionError

from ..models.concept_seam import ConceptQuery
from .appearance import LOOK_SIZE
from .evidence import Evidence
from .round import Job
from .session import Standing, Tally
from .track_events import TrackEvent
from .track_table import TrackTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..frame import Frame
    from ..models.concept_seam import ConceptEnd, ConceptProposal
    from .mailbox import Request

__all__ = ["ConceptJob", "ConceptResult", "ConceptTurn"]


@dataclass(frozen=True, slots=True)
class ConceptResult:
    """What comes of a frame.

    Args:
        standing: What the session's standing becomes.
        last_id: The greatest id used by now.
        events: What happened to tracks, in order.
        answers: What became of the requests that were carried out.
        tally: What the frame adds to the session's counts.
    """

    standing: Standing
    last_id: int
    events: tuple[TrackEvent, ...]
    answers: tuple[tuple[Request, Any], ...]
    tally: Tally


@dataclass(frozen=True, slots=True)
class ConceptJob(Job):
    """A job with what to find on its frame.

    Args:
        phrases: What to find.
    """

    phrases: tuple[str, ...] = ()


@dataclass(slots=True)
class ConceptTurn:
    """One frame's turn through a session: what is asked of the model, and what comes of it.

    Nothing of the session changes on the way.

    Args:
        job: The frame, held against its session.
        seen: What the model proposed, None where it was not asked.
        result: What the session becomes; set by :meth:`settle`.
    """

    job: ConceptJob
    seen: ConceptProposal | None = None
    result: ConceptResult = field(init=False)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask the model for."""
        return not self.job.phrases

    @property
    def anew(self) -> bool:
        """Whether the model's memory of the stream is of no use any more."""
        return self.job.crossing.outcome == "reset" or self.job.corrections.began_anew

    def query(self, *, max_objects: int, lost_after: int, unconfirmed_after: int) -> ConceptQuery:
        """Ask for the phrases; requests by hand are taken into account."""
        corrections = self.job.corrections
        return ConceptQuery(
            self.job.phrases,
            next_id=corrections.roll.last + 1,
            max_objects=max_objects,
            lost_after=lost_after,
            unconfirmed_after=unconfirmed_after,
            without=frozenset(corrections.dropped),
        )

    def settle(self, seen: ConceptProposal | None = None) -> None:
        """Work out what the session becomes, and the boxes and masks that go out.

        Args:
            seen: What the model proposed, None where it was not asked.
        """
        corrections = self.job.corrections
        before = corrections.standing.table
        self.seen = seen
        if seen is None:
            table, told, tally = before.take(np.empty(0, dtype=np.intp)), self._unwanted(), Tally()
        else:
            table = self._table(before, seen)
            told = self._events(before, table, seen)
            tally = self._counts(told, seen)
        self.result = ConceptResult(
            standing=self._standing(table),
            last_id=max([corrections.roll.last, *table.track_id.tolist()]),
            events=(*corrections.events, *told),
            answers=(*corrections.answers, *self._refused_prompts()),
            tally=tally + Tally(frames=1, resets=int(corrections.began_anew)),
        )

    def _table(self, before: TrackTable, seen: ConceptProposal) -> TrackTable:
        """The tracks after the frame, in the order of the proposal."""
        born = np.isin(seen.track_ids, list(seen.born))
        new = TrackTable.newborn(
            seen.track_ids[born], _evidence(seen, born, self.job.phrases, self.job.frame)
        )
        all_of_them = before.joined(new)
        rows = {int(track): row for row, track in enumerate(all_of_them.track_id)}
        table = all_of_them.take(
            np.array([rows[int(track)] for track in seen.track_ids], dtype=np.intp)
        )
        nobody = np.zeros(len(table), dtype=bool)
        table = table.aged(
            visible=seen.visible,
            xyxy=seen.xyxy,
            prompted=nobody,
            claimed=nobody,
            on_prompt_frame=False,
        )
        return replace(table, confidence=seen.score, class_id=seen.phrase, aside=nobody)

    def _standing(self, table: TrackTable) -> Standing:
        frame, video = self.job.frame, self.job.frame.video
        return Standing(
            table=table,
            epoch=video.epoch,
            frame_number=video.frame_number,
            size_wh=frame.size_wh,
            scene=self.job.corrections.standing.scene or self.job.crossing.standing.scene,
        )

    def _events(
        self, before: TrackTable, table: TrackTable, seen: ConceptProposal
    ) -> list[TrackEvent]:
        """What the model saw happen: births first, ends last."""
        told: list[TrackEvent] = []
        names = table.shown_class().tolist()
        unseen = dict(zip(before.track_id.tolist(), before.unseen.tolist(), strict=True))
        for row, track in enumerate(table.track_id.tolist()):
            known, is_seen = int(table.tracker_id[row]), int(table.unseen[row]) == 0
            if track in seen.born:
                told.append(self._event("started", known, "detected", names[row]))
            was_seen = unseen.get(track, 0) == 0
            if was_seen and not is_seen:
                told.append(self._event("lost", known, "not_seen", names[row]))
            elif is_seen and not was_seen:
                told.append(self._event("found", known, "seen_again", names[row]))
        order = {"started": 0, "lost": 1, "found": 2}
        told.sort(key=lambda event: order[event.kind])
        return told + self._ends(before, seen.ends)

    def _ends(self, before: TrackTable, ends: Sequence[ConceptEnd]) -> list[TrackEvent]:
        rows = {int(track): row for row, track in enumerate(before.track_id)}
        names, told = before.shown_class(), list[TrackEvent]()
        for end in ends:
            row = rows[end.track_id]
            known, name = int(before.tracker_id[row]), str(names[row])
            if end.cause == "duplicate":
                older = None if end.into is None else int(before.tracker_id[rows[end.into]])
                told.append(self._event("merged", known, "duplicate", name, older))
            else:
                told.append(self._event("ended", known, end.cause, name))
        return told

    def _unwanted(self) -> list[TrackEvent]:
        """All tracks end where nothing is looked for."""
        table = self.job.corrections.standing.table
        names = table.shown_class().tolist()
        return [
            self._event("ended", known, "unwanted", name)
            for known, name in zip(table.tracker_id.tolist(), names, strict=True)
        ]

    def _event(
        self, kind: Any, tracker_id: int, reason: Any, name: str, into: int | None = None
    ) -> TrackEvent:
        return TrackEvent(kind, tracker_id, reason, self.job.frame.video.frame_number, name, into)

    def _counts(self, told: Sequence[TrackEvent], seen: ConceptProposal) -> Tally:
        kinds = [event.kind for event in told]
        merged = kinds.count("merged")
        return Tally(
            model_frames=1,
            born=len(seen.born),
            lost=kinds.count("lost"),
            found=kinds.count("found"),
            merged=merged,
            duplicates=merged,
            refused=seen.refused,
        )

    def _refused_prompts(self) -> list[tuple[Request, Any]]:
        stream = self.job.session.stream
        error = SessionError(
            f"the tracker of stream {stream!r} finds by itself what phrases name and takes no "
            "boxes, points or masks; change class_names, or use a trackwire/video_tracker@v1",
            code="no_prompts",
            stream=stream,
        )
        return [(prompt.request, error) for prompt in self.job.corrections.prompts]


def _evidence(
    seen: ConceptProposal, rows: NDArray[np.bool_], phrases: Sequence[str], frame: Frame
) -> Evidence:
    """What was born, as a table of tracks takes it."""
    count = int(rows.sum())
    numbers = seen.phrase[rows]
    ids = [f"{frame.image_id}/born/{track}" for track in seen.track_ids[rows].tolist()]
    return Evidence(
        xyxy=seen.xyxy[rows],
        confidence=seen.score[rows],
        class_id=numbers,
        class_name=np.array([phrases[number] for number in numbers.tolist()], dtype=str),
        detection_id=np.array(ids, dtype=str),
        look=np.zeros((count, LOOK_SIZE), dtype=np.float32),
        clear=np.ones(count, dtype=bool),
    )
