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
