"""What was decided on a frame is plain data, with the reason of each rule."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from trackwire.blocks import Frame
from trackwire.blocks.track.commands import Roll
from trackwire.blocks.track.corrections import Corrections
from trackwire.blocks.track.decision import Decision
from trackwire.blocks.track.evidence import Evidence
from trackwire.blocks.track.identity_options import IdentityOptions
from trackwire.blocks.track.rules import IdCounter
from trackwire.blocks.track.schedule import Schedule
from trackwire.blocks.track.session import Standing
from trackwire.blocks.track.settings import Rules
from trackwire.blocks.track.turn import Turn

LEFT, RIGHT = (10, 20, 40, 80), (100, 20, 130, 80)


class Person:
    """Walks a session through turns, and keeps what they decided."""

    def __init__(self, rig: Any, **options: Any) -> None:
        self.rig = rig(lambda _stream, _number: {"a": LEFT, "b": RIGHT})
        self.model = self.rig.model
        self.rules = Rules(Schedule("every_frame"), IdentityOptions(**options), explain=True)
        self.standing, self.ids = Standing.fresh(), IdCounter()
        self.state = self.model.open((160, 120))
        self.number = 0

    def turn(self, boxes: list[Any], confidence: list[float]) -> list[tuple[int, str, str]]:
        """Take one frame; return rule, verdict and reason of each decision."""
        frame: Frame = self.rig.frame(self.number)
        given = self.rig.boxes(boxes, confidence=confidence)
        roll = Roll("a", frozenset(), last=self.ids.last)
        corrections = Corrections.of(self.standing, roll, (), frame)
        turn = Turn.begin(frame, self.rules, corrections, Evidence.of(given, frame))
        features = [("a", self.number)]
        (seen,) = self.model.propagate([self.state], features)
        turn.decide(seen)
        answers = None
        if turn.prompts:
            (answers,) = self.model.prompt([self.state], features, [turn.prompts], [seen])
        turn.settle(answers)
        result = turn.result
        self.model.remember([self.state], features, [result.accepted], [result.plan])
        self.ids.spend([result.last_id])
        self.standing, self.number = result.standing, self.number + 1
        return [(each.rule, each.verdict, each.reason) for each in result.decisions]


def test_each_rule_says_why(rig: Any) -> None:
    """Detections left out, born, matched and put off leave a line each."""
    person = Person(rig, min_prompt_confidence=0.2, birth_confidence=0.5)
    assert person.turn([LEFT, RIGHT, RIGHT], [0.9, 0.4, 0.1]) == [
        (2, "ignored", "low_confidence"),
        (6, "born", "free"),
        (6, "refused", "low_confidence"),
    ]
    inside = (12, 40, 38, 80)
    assert person.turn([LEFT, inside, RIGHT], [0.9, 0.9, 0.8]) == [
        (3, "matched", "overlap"),
        (6, "postponed", "covered"),
        (6, "born", "free"),
    ]


def test_a_decision_can_be_written_as_json() -> None:
    """Numbers are plain, and what is not known is null."""
    decision = Decision(6, "born", "free", 3, values={"iou": float(np.float32(0.5))})
    assert json.loads(json.dumps(decision.as_fields())) == {
        "rule": 6,
        "verdict": "born",
        "reason": "free",
        "tracker_id": 3,
        "detection_id": None,
        "values": {"iou": 0.5},
    }
