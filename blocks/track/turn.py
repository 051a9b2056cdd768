"""One frame's turn through a session: what is decided before, between and after the model runs.

The model works on many streams at a time, so a turn is cut where the model is called:

    turn = Turn.begin(...)          which detections count; does the model have to run?
        model.propagate
    turn.decide(seen)               who is who; what to prompt
        model.prompt
    turn.settle(answers)            what is accepted, who ends, what enters memory
        model.remember
    turn.result                     what the session becomes, and what goes out

Nothing of the session changes on the way: a turn that fails leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from ..models.seam import MemoryPlan, Prompt
from . import rules as identity
from .association import Association
from .decision import (
    Decision,
    decisions_about,
    decisions_of_birth,
    decisions_to_ignore,
    decisions_to_pair,
)
from .overlap import box_intersection, box_iou, covered_fraction, mask_iou
from .session import Standing, Tally
from .view import TrackView

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame
    from ..models.seam import Proposal
    from .evidence import Evidence
    from .identity_options import IdentityOptions
    from .rules import IdCounter
    from .schedule import Schedule
    from .track_table import TrackTable

__all__ = ["Rules", "Turn", "TurnResult"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a tracker was told to do.

    Args:
        schedule: Which frames are prompt frames.
        identity: The thresholds of the identity rules.
        on_reprompt: ``associate`` carries identities through prompts; ``restart`` drops all
            tracks at each prompt frame that has something to begin with, and begins anew.
    """

    schedule: Schedule
    identity: IdentityOptions
    on_reprompt: Literal["associate", "restart"] = "associate"

    def usable(self, evidence: Evidence, live_tracks: int) -> int:
        """Count the detections that can be prompts: for tracks there are, or for new ones."""
        if live_tracks:
            return len(evidence)
        return int((evidence.confidence >= self.identity.birth_confidence).sum())


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What comes of a turn.

    Args:
        standing: What the session's standing becomes.
        visible: The tracks that are seen on this frame, as rows of a table.
        view: What is seen of them, aligned with ``visible``.
        mask: ``(N, H, W)`` their masks, likewise.
        accepted: Proposals of the model; for a track in more than one, the last counts.
        plan: What the model writes into memory.
        drop: Tracks the model forgets.
        spent: Ids given out.
        tally: What the turn adds to the session's counts.
        decisions: What was decided about detections and tracks, in the order of the rules.
    """

    standing: Standing
    visible: TrackTable
    view: TrackView
    mask: sv.CompactMask
    accepted: tuple[Proposal, ...]
    plan: MemoryPlan
    drop: frozenset[int]
    spent: tuple[int, ...]
    tally: Tally
    decisions: tuple[Decision, ...]


@dataclass(slots=True)
class Turn:
    """One frame of one session, while it is worked on.

    Args:
        frame: The frame.
        rules: What the tracker was told.
        standing: Where the session stands, a fresh standing after a gap.
        ids: Shows the next ids; not changed.
        evidence: The detections that are looked at; None on a frame without a prompt.
        restart: Whether all tracks were dropped, so that the model begins with an empty state.
        tally: Counts so far.
        seen: What the model propagated.
        prompts: What the model is asked.
        decisions: What was decided so far, and why.
    """

    frame: Frame
    rules: Rules
    standing: Standing
    ids: IdCounter
    evidence: Evidence | None
    restart: bool
    tally: Tally
    seen: tuple[Proposal, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    decisions: list[Decision] = field(default_factory=list)
    _matched: NDArray[np.bool_] = field(init=False)
    _newborn: TrackTable = field(init=False)
    _result: TurnResult | None = field(init=False, default=None)

    @classmethod
    def begin(
        cls,
        frame: Frame,
        rules: Rules,
        standing: Standing,
        ids: IdCounter,
        evidence: Evidence | None,
    ) -> Self:
        """Take up a frame.

        Args:
            frame: The frame.
            rules: What the tracker was told.
            standing: Where the session stands; fresh if there was a gap.
            ids: The stream's ids.
            evidence: Its detections, or None if nobody looked for any.
        """
        live = len(standing.table)
        decisions: list[Decision] = []
        if evidence is not None:
            ignored = identity.ignore_reasons(
                evidence.confidence, evidence.xyxy, evidence.class_name, rules.identity
            )
            decisions += decisions_to_ignore(ignored, evidence)
            evidence = evidence.take(np.flatnonzero(ignored == ""))
            usable = rules.usable(evidence, live)
            if not rules.schedule.consumes(standing.clock, detections=usable, live_tracks=live):
                evidence = None
        restart = (
            evidence is not None
            and rules.on_reprompt == "restart"
            and live > 0
            and rules.usable(evidence, 0) > 0
        )
        tally = Tally(frames=1, prompt_frames=int(evidence is not None))
        if restart:
            fresh = Standing.fresh()
            standing = replace(standing, table=fresh.table, twins=fresh.twins)
            tally += Tally(ended=live)
        turn = cls(
            frame, rules, standing, ids, evidence, restart=restart, tally=tally, decisions=decisions
        )
        turn._matched = np.zeros(len(standing.table), dtype=bool)
        turn._newborn = Standing.fresh().table
        return turn

    @property
    def idle(self) -> bool:
        """Whether there is nothing for the model: no track, and nothing that could become one."""
        nothing = self.evidence is None or self.rules.usable(self.evidence, 0) == 0
        return len(self.standing.table) == 0 and nothing

    @property
    def result(self) -> TurnResult:
        """What came of it; only after :meth:`settle`."""
        if self._result is None:
            raise RuntimeError("Turn.result was read before Turn.settle")
        return self._result

    def decide(self, seen: Proposal) -> None:
        """Tell who is who on a prompt frame, and set ``prompts``.

        Args:
            seen: What the model propagated.
        """
        self.seen = (seen,)
        if self.evidence is None:
            return
        view = TrackView.of(self.standing.table.track_id, seen)
        table, options = self.standing.table, self.rules.identity
        pairs = Association(table, view, self.evidence, options, self.frame.size_wh).pair()
        rows, chosen = pairs.rows, self.evidence.take(pairs.columns)
        reasons = identity.prompt_reasons(
            view.score[rows],
            pairs.overlap,
            table.since_conditioning[rows],
            pairs.unreached,
            options,
        )
        asked = reasons != ""
        self.decisions += decisions_to_pair(table.track_id[rows], chosen, pairs, reasons)
        self._matched[rows] = True
        self.standing = replace(self.standing, table=table.refreshed(rows, chosen))
        born = self._births(view, self.evidence, pairs.columns)
        self._newborn = type(table).newborn(self.ids.preview(len(born)), born)
        self.prompts = (
            *_prompts(table.track_id[rows[asked]], chosen.take(np.flatnonzero(asked))),
            *_prompts(self._newborn.track_id, born),
        )

    def settle(self, answers: Proposal | None = None) -> None:
        """Take the model's answers, end tracks, and set ``result``.

        Args:
            answers: What the model answered to ``prompts``, None if it was not asked.
        """
        table = self.standing.table.joined(self._newborn)
        accepted = self.seen if answers is None else (*self.seen, answers)
        view = TrackView.of(table.track_id, *accepted)
        prompted = np.isin(table.track_id, [prompt.track_id for prompt in self.prompts])
        claimed = np.append(self._matched, np.ones(len(self._newborn), dtype=bool))
        table = table.aged(
            visible=view.visible,
            xyxy=view.xyxy,
            prompted=prompted & view.visible,
            claimed=claimed,
            on_prompt_frame=self.evidence is not None,
        )
        seen = view.take(view.visible)
        masks = seen.masks(self.frame.size_wh)
        twins, younger = self._twins(seen, masks, claimed[view.visible])
        lives = self._survivors(table, view, younger)
        learns = identity.memory_reasons(
            view.visible[lives], view.score[lives], prompted[lives], self.rules.identity
        )
        self.decisions += decisions_about(9, "forgotten", table.track_id[lives], learns)
        self._result = TurnResult(
            standing=self._standing_after(table.take(lives), twins),
            visible=table.take(lives & view.visible),
            view=view.take(lives & view.visible),
            mask=masks[np.flatnonzero(lives[view.visible])],
            accepted=accepted,
            plan=identity.plan_memory(table.track_id[lives], learns, prompted[lives]),
            drop=frozenset(table.track_id[~lives].tolist()),
            spent=tuple(self._newborn.track_id.tolist()),
            tally=self.tally,
            decisions=tuple(self.decisions),
        )

    def _births(self, view: TrackView, evidence: Evidence, taken: NDArray[np.intp]) -> Evidence:
        """Rule 6: the detections that become tracks."""
        options = self.rules.identity
        rest = evidence.take(np.setdiff1d(np.arange(len(evidence)), taken))
        claimed = self._matched | (self.standing.table.missed + 1 < options.blocking_prompts)
        seen = view.take(view.visible & claimed)
        nearest = box_iou(seen.xyxy, rest.xyxy).max(axis=0, initial=0.0)
        covered = np.zeros(len(rest))
        if len(rest) > 0 and len(seen.track_id) > 0:
            covered = covered_fraction(rest.xyxy, seen.masks(self.frame.size_wh))
        choice = identity.choose_births(
            rest.confidence,
            covered,
            nearest,
            options.max_objects - len(self.standing.table),
            options,
        )
        self.tally += Tally(postponed=len(choice.postponed), refused=len(choice.refused))
        new_ids = self.ids.preview(len(choice.born))
        self.decisions += decisions_of_birth(rest, choice, new_ids, covered, nearest)
        return rest.take(choice.born)

    def _twins(
        self, seen: TrackView, masks: sv.CompactMask, claimed: NDArray[np.bool_]
    ) -> tuple[identity.Twins, frozenset[int]]:
        """Rule 7; masks are only compared where boxes and areas leave room for a duplicate."""
        options, count = self.rules.identity, len(seen.track_id)
        area = np.asarray(masks.area, dtype=np.float64).reshape(count)
        larger = np.maximum(area[:, None], area[None])
        close = box_intersection(seen.xyxy, seen.xyxy) >= options.duplicate_iou * larger
        rows = np.flatnonzero((np.triu(close, k=1) | np.tril(close, k=-1)).any(axis=1))
        overlap = np.zeros((count, count))
        if len(rows) > 0:
            overlap[np.ix_(rows, rows)] = mask_iou(masks[rows], masks[rows])
        # Between prompt frames nothing claims a track, and every pair can be a duplicate.
        distinct = claimed if self.evidence is not None else np.zeros(count, dtype=bool)
        return identity.count_twins(seen.track_id, overlap, distinct, self.standing.twins, options)

    def _survivors(
        self, table: TrackTable, view: TrackView, younger: frozenset[int]
    ) -> NDArray[np.bool_]:
        """Rule 8, and births that came to nothing: the tracks that live on."""
        options = self.rules.identity
        # A detection that the model can make no mask of is no track; it may come again.
        unborn = np.isin(table.track_id, self._newborn.track_id) & ~view.visible
        trusted = view.visible & (view.score >= options.min_mask_score)
        reasons = identity.end_reasons(
            table.unseen, table.missed, table.missed_span, trusted, options
        )
        duplicate = np.isin(table.track_id, list(younger))
        ended = (reasons != "") | duplicate
        self.decisions += decisions_about(
            7, "ended", table.track_id, np.where(duplicate, "duplicate", "")
        )
        self.decisions += decisions_about(
            8, "ended", table.track_id, np.where(duplicate | unborn, "", reasons)
        )
        self.decisions += decisions_about(
            6, "postponed", table.track_id, np.where(unborn, "no_mask", "")
        )
        self.tally += Tally(
            model_frames=int(bool(self.seen)),
            model_prompts=len(self.prompts),
            born=len(self._newborn) - int(unborn.sum()),
            postponed=int(unborn.sum()),
            ended=int((ended & ~unborn).sum()),
            duplicates=len(younger),
        )
        lives: NDArray[np.bool_] = ~(ended | unborn)
        return lives

    def _standing_after(self, table: TrackTable, twins: identity.Twins) -> Standing:
        video = self.frame.video
        return Standing(
            table=table,
            clock=self.standing.clock.after(consumed=self.evidence is not None),
            twins=twins,
            epoch=video.epoch,
            frame_number=video.frame_number,
            size_wh=self.frame.size_wh,
        )


def _prompts(track_ids: NDArray[np.int64], evidence: Evidence) -> list[Prompt]:
    """Ask the model for each track with its detection: the mask if there is one, else the box."""
    prompts = []
    for row, track_id in enumerate(track_ids.tolist()):
        x1, y1, x2, y2 = evidence.xyxy[row].tolist()
        mask = None if evidence.masks is None else evidence.masks[row]
        prompts.append(Prompt(track_id, xyxy=(x1, y1, x2, y2), mask=mask))
    return prompts
