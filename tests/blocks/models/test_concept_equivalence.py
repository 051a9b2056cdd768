"""What phrases name is found and followed as the library's own session does.

The model has learnt two phrases on single frames, and to find again what a mask shows
(``concept_lab``), since at random weights nothing is detected, or everything. The library lets its
own clean-up of masks be done by kernels that are fetched from the hub; here plain ones stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import ConceptQuery

FRAMES = 30
FOR_EVER = 10_000

pytestmark = pytest.mark.timeout(600)  # whoever comes first waits for the model to learn


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two masks; 1 where both are empty."""
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


@pytest.fixture
def kernels(concept_lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library tidy masks and leave out double detections."""
    library = "transformers.models.sam3_video.modeling_sam3_video"
    monkeypatch.setattr(f"{library}.cv_utils_kernel", concept_lab.Kernels())


@pytest.fixture
def world(concept_lab: ModuleType) -> Any:
    """A disc that stays, a disc and a square that come, a square that comes and goes."""
    thing, disc, square = concept_lab.Thing, concept_lab.DISC, concept_lab.SQUARE
    return concept_lab.World(
        (
            thing(disc, 0),
            thing(square, 1, first=6, last=22, shade=0.8),
            thing(disc, 3, first=3),
            thing(square, 2, first=12),
        ),
        seed=101,
    )


def run_both(lab: ModuleType, world: Any, *, video: bool, **options: Any) -> Iterator[Any]:
    """Yield per frame: our proposal, and what the library puts out."""
    module = lab.trained_module()
    frames = [world.frame(number) for number in range(FRAMES)]
    theirs = lab.Reference(module, lab.PHRASES, frames if video else None)
    ours = lab.wrap(module, **options)
    state, last = ours.open(), 0
    for number, frame in enumerate(frames):
        features = ours.encode([frame])
        query = ConceptQuery(
            lab.PHRASES, next_id=last + 1, lost_after=FOR_EVER, unconfirmed_after=FOR_EVER
        )
        (seen,) = ours.look([state], features, [query])
        ours.remember([state], features, [seen])
        last = max([last, *seen.born])
        yield number, seen, theirs.step(number, frame)


@pytest.mark.usefixtures("kernels")
def test_a_stream_matches_the_librarys_session(concept_lab: ModuleType, world: Any) -> None:
    """Thirty frames on which things come and go: ids, names, scores, boxes and masks agree."""
    counts, worst = [], 1.0
    for number, seen, shown in run_both(concept_lab, world, video=False, as_library=True):
        rows = np.flatnonzero(seen.visible)
        ids = seen.track_ids[rows]
        assert (ids - 1).tolist() == shown.ids, number
        names = [concept_lab.PHRASES[place] for place in seen.phrase[rows]]
        assert names == shown.phrases
        assert np.abs(seen.score[rows] - shown.frame_scores).max(initial=0) < 1e-4
        assert np.abs(seen.detection_score[rows] - shown.scores).max(initial=0) < 1e-4
        # Theirs name the last pixel, ours the one behind it.
        assert np.abs(seen.xyxy[rows] - shown.boxes - [0, 0, 1, 1]).max(initial=0) < 1e-4
        masks = seen.masks(ids.tolist()).to_dense() if len(ids) else []
        worst = min([worst, *map(overlap, masks, shown.masks)])
        counts.append(len(ids))
    assert worst >= 0.999
    assert counts[0] == 1
    assert max(counts) == 4, "things must come while others are followed"
    assert counts[-1] < max(counts), "and go"


@pytest.mark.usefixtures("kernels")
def test_a_video_matches_the_library_up_to_its_side_effects(
    concept_lab: ModuleType, world: Any
) -> None:
    """As by default: the library on a whole video has the same tracks, and ends the same ones.

    A birth changes what the library remembers of all other objects, so masks differ a little.
    """
    worst, ended = 1.0, []
    for number, seen, shown in run_both(concept_lab, world, video=True):
        rows = np.flatnonzero(seen.visible)
        ids = seen.track_ids[rows]
        ended += [(end.track_id, end.cause) for end in seen.ends]
        assert (ids - 1).tolist() == shown.ids, number
        assert np.abs(seen.score[rows] - shown.frame_scores).max(initial=0) < 1e-4
        masks = seen.masks(ids.tolist()).to_dense() if len(ids) else []
        worst = min([worst, *map(overlap, masks, shown.masks)])
    assert worst >= 0.95
    assert ended, "a track must be taken back on probation"


def test_streams_and_phrases_in_one_batch_match_one_by_one(concept_lab: ModuleType) -> None:
    """Two streams at a time, two phrases each: the same as each alone."""
    lab = concept_lab
    worlds = [lab.random_world(seed) for seed in (131, 135)]

    def follow(chosen: list[Any], batch: int) -> list[list[Any]]:
        model = lab.wrap(lab.trained_module(), batch=batch, detector_batch=batch)
        states, last = [model.open() for _ in chosen], [0 for _ in chosen]
        found: list[list[Any]] = [[] for _ in chosen]
        for number in range(8):
            features = model.encode([world.frame(number) for world in chosen])
            queries = [ConceptQuery(lab.PHRASES, next_id=each + 1) for each in last]
            seen = model.look(states, features, queries)
            model.remember(states, features, seen)
            for place, proposal in enumerate(seen):
                last[place] = max([last[place], *proposal.born])
                found[place].append(proposal)
        return found

    together = follow(worlds, 8)
    alone = [follow([world], 1)[0] for world in worlds]
    assert any(len(proposal.track_ids) > 1 for proposal in together[0])
    for one, other in zip(chain(*together), chain(*alone), strict=True):
        assert one.track_ids.tolist() == other.track_ids.tolist()
        assert np.abs(one.score - other.score).max(initial=0) < 1e-4
        ids = one.track_ids.tolist()
        if ids:
            pairs = zip(one.masks(ids).to_dense(), other.masks(ids).to_dense(), strict=True)
            assert min(overlap(*pair) for pair in pairs) >= 0.99
