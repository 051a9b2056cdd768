"""Whatever is asked of a tracker, in whatever order: ids, events and the model's memory agree."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from trackwire.specs import SessionError

PLACES = {"person1": (5, 20, 35, 80), "person2": (60, 20, 90, 80), "car3": (115, 20, 155, 80)}
hidden = st.sets(st.sampled_from(sorted(PLACES)), max_size=3)
boxes = st.sampled_from([*PLACES.values(), (40, 90, 50, 100)])
places = st.integers(0, 5)


class Steering(RuleBasedStateMachine):
    """A stream that somebody steers: frames, gaps and ends, with requests in between."""

    rig: Any

    def __init__(self) -> None:
        super().__init__()
        self.missing: set[str] = set()
        self.number = -1
        self.epoch = 0
        self.asked: list[Future[Any]] = []
        self.ever: set[int] = set()
        self.before: set[int] = set()
        self.revived: set[int] = set()

    @initialize(
        mode=st.sampled_from(["first_frame", "every_n_frames", "every_frame"]),
        restart=st.booleans(),
        most=st.sampled_from([2, 64]),
    )
    def begin(self, mode: str, restart: bool, most: int) -> None:
        """Open a tracker on a scene whose objects hide as the machine likes."""

        def scene(_stream: str, _number: int) -> dict[str, Any]:
            return {name: box for name, box in PLACES.items() if name not in self.missing}

        self.tracker = self.rig(
            scene,
            prompt_mode=mode,
            prompt_interval=2,
            lost_after=2,
            max_objects=most,
            on_reprompt="restart" if restart else "associate",
        )
        self.control = self.tracker.tracker.control
        self.frame(set())

    @rule(missing=hidden)
    def frame(self, missing: set[str]) -> None:
        """Let a frame come; all that was asked for is answered by then."""
        self.missing = missing
        self.number += 1
        found = self.tracker.step(self.number, epoch=self.epoch)
        assert all(each.done() for each in self.asked)
        assert set(found.tracker_id.tolist()) <= self.live
        for track in self.live - self.before:
            assert track in self.revived or track > max(self.ever, default=0)
        self.ever |= self.live
        self.before, self.revived, self.asked = self.live, set(), []

    @rule(missing=hidden)
    def gap(self, missing: set[str]) -> None:
        """Let the stream break off and come back."""
        self.epoch += 1
        self.frame(missing)

    @rule()
    def end(self) -> None:
        """Let the stream end and come back; nobody is left waiting."""
        self.tracker.tracker.end_stream("a")
        assert all(each.done() for each in self.asked)
        assert self.live == set()
        self.before, self.asked = set(), []
        self.revived.clear()
        self.epoch += 1
        self.frame(set())

    @rule()
    def reset(self) -> None:
        """Ask for a new beginning."""
        self.asked.append(self.control.reset("a"))

    @rule(box=boxes, place=st.none() | places)
    def prompt(self, box: Any, place: int | None) -> None:
        """Point at something, or at nothing, for a new track or for one that is there."""
        track = None if place is None else self._track(place)
        self._ask(lambda: self.control.prompt("a", box=box, tracker_id=track))

    @rule(place=places)
    def remove(self, place: int) -> None:
        """End a track that is there, or one that is not."""
        self._ask(lambda: self.control.remove("a", self._track(place)))

    @rule(place=places, to=st.integers(-2, 3))
    def rename(self, place: int, to: int) -> None:
        """Give a track an id that is free, or one that is used up."""
        number = max(self.ever) + to if self.ever else 1
        self._ask(lambda: self.control.rename("a", self._track(place), number))

    @rule(first=places, second=places)
    def merge(self, first: int, second: int) -> None:
        """Make one of two, the first one perhaps a track that ended."""
        ended = self.tracker.tracker.sessions.peek("a").ended
        kept = (sorted(self.live) + list(ended))[first:][:1] or [first]
        if self._ask(lambda: self.control.merge("a", kept[0], self._track(second))):
            self.revived.add(kept[0])

    @precondition(lambda self: self.asked)
    @rule()
    def cancel(self) -> None:
        """Think better of it."""
        assert self.asked.pop().cancel()

    @invariant()
    def no_id_stands_for_two(self) -> None:
        """Live ids differ, and the counter is never behind them."""
        session = self.tracker.tracker.sessions.peek("a")
        ids = session.standing.table.tracker_id.tolist()
        assert len(set(ids)) == len(ids)
        assert session.ids.last >= max(ids, default=0)
        assert not set(ids) & set(session.ended)

    @invariant()
    def the_model_knows_the_tracks_there_are(self) -> None:
        """What ended is forgotten, what lives is not, and nothing is held for nothing."""
        session = self.tracker.tracker.sessions.peek("a")
        keys = set(session.standing.table.track_id.tolist())
        assert keys == (set() if session.state is None else set(session.state.follows))
        assert len(self.tracker.model.open_states) == int(session.state is not None)

    @invariant()
    def events_tell_the_whole_story(self) -> None:
        """Who only reads events knows which tracks there are."""
        told: set[int] = set()
        for event in self.tracker.track_events:
            track = event.fields["tracker_id"]
            match event.fields["event"]:
                case "started":
                    assert track not in told
                    told.add(track)
                case "ended":
                    told.remove(track)
                case "merged" | "renamed":
                    told.remove(track)
                    told.add(event.fields["into"])
                case _:
                    assert track in told
        assert told == self.live

    @invariant()
    def the_counts_add_up(self) -> None:
        """Born less ended is what lives."""
        tally = self.tracker.tracker.sessions.peek("a").tally
        assert tally.born - tally.ended == len(self.live)

    def teardown(self) -> None:
        """Close: nothing is left."""
        self.tracker.tracker.close()
        assert self.tracker.model.open_states == []

    @property
    def live(self) -> set[int]:
        """The ids of the tracks there are."""
        session = self.tracker.tracker.sessions.peek("a")
        return set() if session is None else set(session.standing.table.tracker_id.tolist())

    def _track(self, place: int) -> int:
        """A live track by its place, else an id that nobody has."""
        there = sorted(self.live)
        return there[place] if place < len(there) else 1000 + place

    def _ask(self, ask: Any) -> bool:
        try:
            self.asked.append(ask())
        except SessionError:
            return False
        return True


@pytest.mark.parametrize("examples", [40])
def test_a_tracker_that_is_steered_stays_consistent(rig: Any, examples: int) -> None:
    """Prompts, removals, renames, merges and resets among frames, gaps and ends."""
    machine = type("Steering", (Steering,), {"rig": rig})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=25, deadline=None),
    )
