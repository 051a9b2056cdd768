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

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..models.seam import Prompt
from . import rules as identity
from .appearance import is_known
from .association import Association
from .corrections import answered
from .decision import (
    Decision,
    decisions_about,
    decisions_of_birth,
    decisions_to_ignore,
    decisions_to_pair,
)
from .overlap import box_intersection, box_iou, covered_fraction, mask_iou
from .recognition import learn_looks, put_aside, strangers
from .session import Standing, Tally
from .track_events import Changes, TrackEvent, all_ended
from .turn_result import TurnResult
from .view import TrackView

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

    from ..frame import Frame
    from ..models.seam import Prompt, Proposal
    from .association import Pairing
    from .corrections import Corrections, HandPrompt
    from .evidence import Evidence
    from .mailbox import Request
    from .settings import Rules
    from .track_table import TrackTable

__all__ = ["Turn"]


@dataclass(slots=True)
class Turn:
    """One frame of one session, while it is worked on.

    Args:
        frame: The frame.
        rules: What the tracker was told.
        corrections: What was asked for by hand, carried out on the standing.
        standing: Where the session stands, a fresh standing after a gap.
        evidence: The detections that are looked at; None on a frame without a prompt.
        restart: Whether all tracks were dropped, so that the model begins with an empty state.
        events: What happened to tracks so far.
        tally: Counts so far.
        seen: What the model propagated.
        prompts: What the model is asked.
        decisions: What was decided so far, and why.
    """

    frame: Frame
    rules: Rules
    corrections: Corrections
    standing: Standing
    evidence: Evidence | None
    restart: bool
    events: tuple[TrackEvent, ...]
    tally: Tally
    seen: tuple[Proposal, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    decisions: list[Decision] = field(default_factory=list)
    _ids: identity.IdCounter = field(init=False)
    _matched: NDArray[np.bool_] = field(init=False)
    _strangers: NDArray[np.bool_] = field(init=False)
    _newborn: TrackTable = field(init=False)
    _by_hand: dict[int, HandPrompt] = field(init=False, default_factory=dict)
    _answers: list[tuple[Request, Any]] = field(init=False)
    _result: TurnResult | None = field(init=False, default=None)

    @classmethod
    def begin(
        cls, frame: Frame, rules: Rules, corrections: Corrections, evidence: Evidence | None
    ) -> Self:
        """Take up a frame.

        Args:
            frame: The frame.
            rules: What the tracker was told.
            corrections: Where the session stands, with what was asked for.
            evidence: Its detections, or None if nobody looked for any.
        """
        standing = corrections.standing
        live = standing.live
        decisions: list[Decision] = []
        if evidence is not None:
            ignored = identity.ignore_reasons(
                evidence.confidence, evidence.xyxy, evidence.class_name, rules.identity
            )
            if rules.explain:
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
        tally = Tally(
            frames=1, prompt_frames=int(evidence is not None), resets=int(corrections.began_anew)
        )
        events = tuple(corrections.events)
        if restart:
            events += all_ended(standing, "restart", frame.video.frame_number)
            fresh = Standing.fresh()
            standing = replace(standing, table=fresh.table, twins=fresh.twins)
        began_anew = restart or corrections.began_anew
        turn = cls(frame, rules, corrections, standing, evidence, began_anew, events, tally)
        turn.decisions = decisions
        turn._ids = identity.IdCounter(corrections.roll.last)
        turn._matched = np.zeros(len(standing.table), dtype=bool)
        turn._strangers = np.zeros(len(standing.table), dtype=bool)
        turn._newborn = Standing.fresh().table
        turn._answers = list(corrections.answers)
        return turn

    @property
    def idle(self) -> bool:
        """Whether there is nothing for the model: no track, and nothing that could become one."""
        nothing = self.evidence is None or self.rules.usable(self.evidence, 0) == 0
        return self.standing.live == 0 and nothing and not self.corrections.prompts

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
        self._take_hand_prompts()
        table = self.standing.table
        view = TrackView.of(table.track_id, seen)
        self._strangers = strangers(table, view, self.frame.image, self.rules.identity)
        if self.rules.explain:
            unlike = np.where(self._strangers, "unlike", "")
            self.decisions += decisions_about(1, "put_aside", table.track_id, unlike)
        asked: list[Prompt] = []
        if self.evidence is not None:
            asked = self._take_evidence(view.hiding(self._strangers), self.evidence)
        self.prompts = (
            *(prompt.for_model(track_id) for track_id, prompt in self._by_hand.items()),
            *(prompt for prompt in asked if prompt.track_id not in self._by_hand),
        )

    def settle(self, answers: Proposal | None = None) -> None:
        """Take the model's answers, end tracks, and set ``result``.

        Args:
            answers: What the model answered to ``prompts``, None if it was not asked.
        """
        before = self.standing.table.joined(self._newborn)
        accepted = self.seen if answers is None else (*self.seen, answers)
        prompted = np.isin(before.track_id, [prompt.track_id for prompt in self.prompts])
        strange = np.append(self._strangers, np.zeros(len(self._newborn), dtype=bool)) & ~prompted
        view = TrackView.of(before.track_id, *accepted).hiding(strange)
        claimed = np.append(self._matched, np.ones(len(self._newborn), dtype=bool))
        table = before.shown_by_hand(self._by_hand).aged(
            visible=view.visible,
            xyxy=view.xyxy,
            prompted=prompted & view.visible,
            claimed=claimed,
            on_prompt_frame=self.evidence is not None,
        )
        table = learn_looks(table, view, self.frame.image, self.rules.identity)
        table = put_aside(table, view, strange, self.rules.identity)
        seen = view.take(view.visible)
        masks = seen.masks(self.frame.size_wh)
        twins, younger = self._twins(seen, masks, claimed[view.visible])
        # A detection that the model can make no mask of is no track; it may come again.
        born = np.isin(table.track_id, self._newborn.track_id)
        unborn = born & ~view.visible
        reasons = np.where(unborn, "", self._end_reasons(table, view, younger))
        lives = ~unborn & (reasons == "")
        learns = identity.memory_reasons(
            view.visible[lives], view.score[lives], prompted[lives], self.rules.identity
        )
        if self.rules.explain:
            self._write_down_ends(table, unborn, reasons)
            self.decisions += decisions_about(9, "forgotten", table.track_id[lives], learns)
        changes = Changes(
            before=before,
            after=table,
            claimed=claimed,
            unborn=unborn,
            reasons=reasons,
            by_hand=frozenset(self._by_hand),
            merged=younger,
        )
        self.events += changes.events(born, self.frame.video.frame_number)
        by_hand = np.isin(table.track_id, list(self._by_hand))
        self._count(postponed=int((unborn & ~by_hand).sum()), duplicates=len(younger))
        self._result = TurnResult(
            standing=self._standing_after(table.take(lives), twins),
            visible=table.take(lives & view.visible),
            view=view.take(lives & view.visible),
            mask=masks[np.flatnonzero(lives[view.visible])],
            accepted=accepted,
            plan=identity.plan_memory(table.track_id[lives], learns, prompted[lives]),
            drop=frozenset(table.track_id[~lives | table.aside].tolist())
            | self.corrections.dropped,
            last_id=self._ids.last,
            events=self.events,
            answers=(
                *self._answers,
                *answered(self._by_hand, table, view.visible, self.corrections.roll.stream),
            ),
            tally=self.tally,
            decisions=tuple(self.decisions),
        )

    def _take_hand_prompts(self) -> None:
        """Let tracks be born, and others be shown to the model anew, as was asked for by hand."""
        table = self.standing.table
        room = max(self.rules.identity.max_objects - self.standing.live, 0)
        fresh, refused = self.corrections.fresh_prompts(table, room)
        self._answers += refused
        self._newborn = self.corrections.newborn(fresh, self._ids.preview(len(fresh)))
        self._ids.spend(self._newborn.track_id.tolist())
        self._by_hand = dict(zip(self._newborn.track_id.tolist(), fresh, strict=True))
        self._by_hand |= self.corrections.prompts_of(table)
        self._matched |= np.isin(table.track_id, list(self._by_hand))

    def _take_evidence(self, view: TrackView, evidence: Evidence) -> list[Prompt]:
        """Rules 3 to 6: refresh the tracks that are detected, and let others be born."""
        table, options = self.standing.table, self.rules.identity
        pairs = Association(table, view, evidence, options, self.frame.size_wh).pair()
        rows, chosen = pairs.rows, evidence.take(pairs.columns)
        reasons = identity.prompt_reasons(
            view.score[rows],
            pairs.overlap,
            table.since_conditioning[rows],
            pairs.unreached,
            options,
        )
        asked = reasons != ""
        if self.rules.explain:
            self.decisions += decisions_to_pair(table.track_id[rows], chosen, pairs, reasons)
        self._matched[rows] = True
        patience = 1 if options.class_agnostic else options.class_after
        table = table.refreshed(rows, chosen, pairs.overlap, patience)
        self.standing = replace(self.standing, table=table)
        born = self._births(view, evidence, pairs)
        newborn = type(table).newborn(self._ids.preview(len(born)), born)
        self._ids.spend(newborn.track_id.tolist())
        self._newborn = self._newborn.joined(newborn)
        return [
            *chosen.take(np.flatnonzero(asked)).prompts(table.track_id[rows[asked]]),
            *born.prompts(newborn.track_id),
        ]

    def _births(self, view: TrackView, evidence: Evidence, pairs: Pairing) -> Evidence:
        """Rule 6: the detections that become tracks."""
        options = self.rules.identity
        rest = evidence.take(np.setdiff1d(np.arange(len(evidence)), pairs.columns))
        claimed = self._matched | (self.standing.table.missed + 1 < options.blocking_prompts)
        seen = view.take(view.visible & claimed)
        # What was pointed at by hand on this frame has no mask yet, but is a track already.
        taken = np.concatenate([seen.xyxy, self._newborn.detection_xyxy])
        nearest = box_iou(taken, rest.xyxy).max(axis=0, initial=0.0)
        covered = np.zeros(len(rest))
        if len(rest) > 0 and len(seen.track_id) > 0:
            covered = covered_fraction(rest.xyxy, seen.masks(self.frame.size_wh))
        live = self._matched | ~self.standing.table.aside
        room = options.max_objects - int(live.sum()) - len(self._newborn)
        choice = identity.choose_births(rest.confidence, covered, nearest, room, options)
        self.tally += Tally(postponed=len(choice.postponed), refused=len(choice.refused))
        if self.rules.explain:
            new_ids = self._ids.preview(len(choice.born))
            self.decisions += decisions_of_birth(rest, choice, new_ids, covered, nearest)
        return rest.take(choice.born)

    def _twins(
        self, seen: TrackView, masks: sv.CompactMask, claimed: NDArray[np.bool_]
    ) -> tuple[identity.Twins, dict[int, int]]:
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

    def _end_reasons(
        self, table: TrackTable, view: TrackView, younger: dict[int, int]
    ) -> NDArray[np.str_]:
        """Rules 7 and 8: why tracks end; empty for those that go on."""
        options = self.rules.identity
        doubtful = view.visible & (view.score < options.min_mask_score)
        known = is_known(table.look)
        reasons = identity.end_reasons(
            table.unseen,
            table.missed,
            table.missed_span,
            doubtful,
            table.by_hand,
            known,
            options,
        )
        return np.where(np.isin(table.track_id, list(younger)), "duplicate", reasons)

    def _write_down_ends(
        self, table: TrackTable, unborn: NDArray[np.bool_], reasons: NDArray[np.str_]
    ) -> None:
        double = reasons == "duplicate"
        self.decisions += [
            *decisions_about(7, "ended", table.track_id, np.where(double, reasons, "")),
            *decisions_about(8, "ended", table.track_id, np.where(double, "", reasons)),
            *decisions_about(6, "postponed", table.track_id, np.where(unborn, "no_mask", "")),
        ]

    def _count(self, *, postponed: int, duplicates: int) -> None:
        happened = Counter(event.kind for event in self.events)
        self.tally += Tally(
            model_frames=int(bool(self.seen)),
            model_prompts=len(self.prompts),
            born=happened["started"],
            lost=happened["lost"],
            found=happened["found"],
            merged=happened["merged"],
            duplicates=duplicates,
            postponed=postponed,
        )

    def _standing_after(self, table: TrackTable, twins: identity.Twins) -> Standing:
        video = self.frame.video
        return Standing(
            table=table,
            clock=self.standing.clock.after(consumed=self.evidence is not None),
            twins=twins,
            epoch=video.epoch,
            frame_number=video.frame_number,
            size_wh=self.frame.size_wh,
            scene=self.standing.scene,
        )
