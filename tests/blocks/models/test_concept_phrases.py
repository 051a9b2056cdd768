"""Phrases that change, and requests by hand, on a tracker that finds what phrases name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from trackwire.blocks.models.sam3_concept.phrases import PhraseBook
from trackwire.specs import Batch, Failure, ModelError

pytestmark = pytest.mark.timeout(600)  # whoever comes first waits for the model to learn


class Tracked:
    """A block that is given other phrases with each frame.

    Args:
        bench: The document.
        block: Its tracker.
        world: What is to be seen.
    """

    def __init__(self, bench: Any, block: Any, world: Any) -> None:
        self.bench = bench
        self.block = block
        self.world = world
        self.numbers = itertools.count()

    def tick(self, names: Any) -> Any:
        """Take the next frame through: the outputs, or the failure."""
        frame = self.world.frame(next(self.numbers))
        (outcome,) = self.block.run(Batch(("world",), {"images": [frame], "class_names": [names]}))
        return outcome

    def ids(self, names: Any) -> dict[int, str]:
        """Names of the tracks that the next frame shows, by id."""
        found = self.tick(names)["predictions"]
        named = found.data["class_name"].tolist()
        return dict(zip(found.tracker_id.tolist(), named, strict=True))


@pytest.fixture
def tracked(bench: Any) -> Any:
    """Open a block on a world."""

    @contextmanager
    def of(world: Any = None, **step: Any) -> Iterator[Tracked]:
        with bench.engine(step) as engine:
            yield Tracked(bench, bench.block(engine), world or bench.two_things())

    return of


def test_a_phrase_spelled_otherwise_is_the_same_one(bench: Any, tracked: Any) -> None:
    """Case, spaces and commas at the end change nothing: the tracks go on under their names."""
    lab = bench.lab
    with tracked() as tracker:
        known = {1: lab.DISC, 2: lab.SQUARE}
        assert tracker.ids(list(lab.PHRASES)) == known
        assert tracker.ids("Yellow  Disc , BLUE SQUARE,,") == known
        assert tracker.ids([lab.SQUARE.title(), lab.DISC.upper()]) == known
        assert tracker.ids([lab.DISC, lab.DISC.upper(), lab.SQUARE, "blue  square"]) == known
        shown = tracker.tick([lab.DISC.upper(), lab.SQUARE])
        assert shown["events"] == []
    with tracked() as tracker:
        assert tracker.ids("Yellow Disc") == {1: "Yellow Disc"}, "named as asked for"


def test_back_to_an_earlier_phrase_begins_new_tracks(bench: Any, tracked: Any) -> None:
    """A track that ended stays ended; what stays asked for goes on untouched."""
    lab = bench.lab
    with tracked() as tracker:
        assert tracker.ids(lab.PHRASES) == {1: lab.DISC, 2: lab.SQUARE}
        assert tracker.ids([lab.SQUARE]) == {2: lab.SQUARE}
        assert tracker.ids([lab.SQUARE, "green cat"]) == {2: lab.SQUARE}
        assert tracker.ids(lab.PHRASES) == {2: lab.SQUARE, 3: lab.DISC}
        assert tracker.ids([]) == {}
        assert tracker.ids([" ", ""]) == {}
        assert tracker.ids(lab.PHRASES) == {4: lab.DISC, 5: lab.SQUARE}


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (None, "no_phrases", "an empty one to look"),
        ([f"thing {each}" for each in range(65)], "too_many_phrases", "at most 64"),
        (["x" * 40], "phrase_too_long", "at most 32"),
        (["disc", None], "phrase_type", "found NoneType"),
        ({"disc": 1}.values(), "phrase_type", "found int"),
    ],
    ids=["none", "many", "long", "type", "numbers"],
)
def test_phrases_that_cannot_be_looked_for_leave_the_tracks_alone(
    bench: Any, tracked: Any, names: Any, code: str, words: str
) -> None:
    """The frame fails and says why; with the next good one the same tracks go on."""
    known = {1: bench.lab.DISC, 2: bench.lab.SQUARE}
    with tracked() as tracker:
        assert tracker.ids(bench.lab.PHRASES) == known
        outcome = tracker.tick(names)
        assert isinstance(outcome, Failure)
        error: Any = outcome.error
        assert error.code == code
        assert words in str(error)
        assert tracker.ids(bench.lab.PHRASES) == known


def test_as_many_phrases_as_allowed_are_looked_for(bench: Any, tracked: Any) -> None:
    """With 64 phrases, in batches of the detector, the two that are there are found."""
    names = [*(f"thing {chr(97 + each % 26)}{each // 26 * 'x'}" for each in range(62))]
    with tracked(threshold=0.9) as tracker:
        found = tracker.ids([*names, *bench.lab.PHRASES])
    assert set(bench.lab.PHRASES) <= set(found.values())


def test_a_phrase_book_is_bounded(bench: Any) -> None:
    """Phrases that come over wires may be new on every frame: the last 256 are kept."""
    import torch

    lab = bench.lab
    model = lab.wrap(lab.trained_module())
    book = PhraseBook(lab.tokenizer(), model._detector, torch.device("cpu"))
    words = ["".join(letters) for letters in itertools.product("abcdefg", repeat=3)][:300]
    with torch.inference_mode():
        read = [book.read(word) for word in words]
        assert len(book) == 256
        assert book.read(words[-1]) is read[-1]
        with pytest.raises(ModelError, match="at most 32"):
            book.read("x" * 33)
        assert len(book) == 256, "what cannot be read is not kept"


def test_the_threshold_holds_for_detection_and_frame(bench: Any, tracked: Any) -> None:
    """A track of a weak detection is not put out, however sure the tracker is of it now."""
    lab = bench.lab
    with tracked() as tracker:
        tracker.tick(lab.PHRASES)
        found = tracker.tick(lab.PHRASES)["predictions"]
        weakest = found.data["detection_score"].min()
        assert found.confidence.min() > weakest, "on the frame the tracker is surer"
    between = float((weakest + found.data["detection_score"].max()) / 2)
    with tracked(threshold=between) as tracker:
        assert len(tracker.ids(lab.PHRASES)) == 1
        assert len(tracker.ids(lab.PHRASES)) == 1
        assert len(tracker.block.sessions.peek("world").standing.table) == 2, "but it is followed"


def test_tracks_are_renumbered_merged_and_reset_by_hand(bench: Any, tracked: Any) -> None:
    """Ids, merges and resets as with any tracker; births go on above the greatest id."""
    lab = bench.lab
    world = lab.World((lab.Thing(lab.DISC, 0), lab.Thing(lab.DISC, 3, first=12)), seed=101)
    with tracked(world) as tracker:
        control = tracker.block.control
        assert tracker.ids(lab.DISC) == {1: lab.DISC}
        control.rename("world", 1, 10)
        assert tracker.ids(lab.DISC) == {10: lab.DISC}
        while len(found := tracker.ids(lab.DISC)) < 2:
            assert found == {10: lab.DISC}
        assert sorted(found) == [10, 11]
        merged = control.merge("world", 10, 11)
        shown = tracker.tick(lab.DISC)
        assert merged.result(0) == 10
        kinds = [(event["event"], event["tracker_id"]) for event in shown["events"]]
        assert kinds[0] == ("merged", 11)
        assert 11 not in shown["predictions"].tracker_id.tolist()
        resets = tracker.block.sessions.peek("world").tally.resets
        control.reset("world")
        shown = tracker.tick(lab.DISC)
        assert min(shown["predictions"].tracker_id.tolist()) > 11
        assert tracker.block.sessions.peek("world").tally.resets == resets + 1
        assert [e.kind for e in bench.events if e.kind == "tracker.session_reset"]


def test_a_stream_gives_way_to_another(bench: Any) -> None:
    """Above max_sessions an idle stream ends; when it returns its old ids stay used."""
    now = [0.0]
    step = {"max_sessions": 1, "idle_after_s": 1.0}
    world = bench.two_things()
    with bench.engine(step, clock=lambda: now[0]) as engine:
        ((found, _),) = bench.run(engine, [world.frame(0, "a")])
        assert found.tracker_id.tolist() == [1, 2]
        (refused,) = engine.tick([world.frame(0, "b")])
        assert refused.failures[0].code == "session_cap"
        now[0] += 2.0
        ((found, _),) = bench.run(engine, [world.frame(1, "b")])
        assert found.tracker_id.tolist() == [1, 2]
        now[0] += 2.0
        ((found, _),) = bench.run(engine, [world.frame(1, "a")])
        assert found.tracker_id.tolist() == [3, 4]
        assert engine.tracker().status().sessions_evicted == 2


def churn(
    tracker: Tracked, live_tensors: Any, frames: int, look_at: tuple[int, ...]
) -> tuple[list[Any], int]:
    """Phrases that change every eight frames while things come and go.

    Returns:
        Bytes for each track, and tensors but for those of tracks, at frames on which both phrases
        are asked for; and the greatest id.
    """
    lab = tracker.bench.lab
    asked = [lab.PHRASES, lab.DISC, f"{lab.SQUARE},", lab.PHRASES, (), "Blue Square", lab.PHRASES]
    sessions, found, last = tracker.block.sessions, [], 0
    for number in range(frames + 1):
        names = lab.PHRASES if number in look_at else asked[number // 8 % len(asked)]
        last = max([last, *tracker.ids(names)])
        if number in look_at:
            tracks = len(sessions.peek("world").standing.table)
            state = sessions.peek("world").state
            assert len(state.objects) == len(state.notes) == tracks
            found.append((sessions.nbytes() / tracks, live_tensors.count() - 2 * tracks))
    return found, last


def visitors(lab: Any, frames: int) -> Any:
    """A disc that stays, and things that come and leave every 30 frames."""
    comers = [
        lab.Thing(phrase, quarter, first=start + 4 * quarter, last=start + 4 * quarter + 14)
        for start in range(0, frames, 30)
        for phrase, quarter in ((lab.SQUARE, 1), (lab.DISC, 2), (lab.SQUARE, 3))
    ]
    return lab.World((lab.Thing(lab.DISC, 0), *comers), seed=101)


def test_changing_phrases_leave_nothing_behind(bench: Any, tracked: Any, live_tensors: Any) -> None:
    """Bytes for each track, and tensors, are the same after 50 frames as after 110."""
    with tracked(visitors(bench.lab, 110)) as tracker:
        found, last = churn(tracker, live_tensors, 110, (50, 110))
        assert len(set(found)) == 1, found
        assert last > 8, "many must come and go"
        assert tracker.ids([]) == {}
        assert tracker.block.sessions.nbytes() == 0


@pytest.mark.soak
def test_changing_phrases_leave_nothing_behind_for_500_frames(
    bench: Any, tracked: Any, live_tensors: Any
) -> None:
    """The same at 50 and at 500."""
    with tracked(visitors(bench.lab, 500)) as tracker:
        found, last = churn(tracker, live_tensors, 500, (50, 250, 500))
        assert len(set(found)) == 1, found
        assert last > 40, "many must come and go"
