"""The table of tracks counts what the rules read."""

from __future__ import annotations

import numpy as np

from trackwire.blocks.track.appearance import LOOK_SIZE
from trackwire.blocks.track.evidence import Evidence
from trackwire.blocks.track.track_table import TrackTable


def _table(count: int) -> TrackTable:
    empty = np.full(count, "", dtype=str)
    evidence = Evidence(
        xyxy=np.tile(np.array([[0, 0, 10, 10]], np.float32), (count, 1)),
        confidence=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        class_name=empty,
        detection_id=empty,
        look=np.zeros((count, LOOK_SIZE), np.float32),
        clear=np.ones(count, dtype=bool),
    )
    return TrackTable.newborn(np.arange(1, count + 1), evidence)


def test_what_is_hidden_is_not_missed() -> None:
    """No detection is to be expected of a track out of sight: that is no sign against it."""
    table = _table(3)
    for _ in range(4):
        table = table.aged(
            visible=np.array([True, True, False]),
            xyxy=np.zeros((3, 4), np.float32),
            prompted=np.zeros(3, bool),
            claimed=np.array([True, False, False]),
            on_prompt_frame=True,
        )
    assert table.missed.tolist() == [0, 4, 0]
    assert table.unseen.tolist() == [0, 0, 4]


def test_three_in_ten_names_that_are_wrong_leave_little_trust_in_a_class() -> None:
    """What a class says of a track is how often its detections had it of late."""
    table, alone = _table(1), np.array([0])
    for name in ("dog", "dog", "cat", "dog", "dog", "cat", "cat", "cat"):
        table = table.refreshed(alone, _detected(0.0, name), np.ones(1), class_after=3)
    assert table.class_name.tolist() == ["cat"]
    assert 0.3 < table.class_trust[0] < 0.7


def test_a_steady_object_is_expected_within_narrow_bounds() -> None:
    """The same step is a surprise for who stood still, and none for who jumps about."""
    steady, wild, alone = _table(1), _table(1), np.array([0])
    for number in range(20):
        for table, x in ((steady, 0.0), (wild, 1.5 * (number % 2))):
            moved = table.refreshed(alone, _detected(x), np.ones(1))
            moved = moved.aged(
                visible=np.array([True]),
                xyxy=np.zeros((1, 4), np.float32),
                prompted=np.array([False]),
                claimed=np.array([True]),
                on_prompt_frame=True,
            )
            if table is steady:
                steady = moved
            else:
                wild = moved
    step = _detected(3.0).xyxy
    assert steady.surprise(step)[0, 0] > 5 * wild.surprise(step)[0, 0]


def test_a_mask_beside_its_detections_loses_trust() -> None:
    """A fifth of the trust goes with each detection that the mask does not touch."""
    table = _table(1).refreshed(np.array([0]), _detected(0.0), np.zeros(1))
    assert np.allclose(table.mask_trust, 0.8)


def _detected(x: float, name: str = "dog") -> Evidence:
    return Evidence(
        xyxy=np.array([[x, 0, x + 10, 10]], np.float32),
        confidence=np.ones(1, np.float32),
        class_id=np.zeros(1, np.int64),
        class_name=np.array([name]),
        detection_id=np.array([""]),
        look=np.zeros((1, LOOK_SIZE), np.float32),
        clear=np.ones(1, dtype=bool),
    )
