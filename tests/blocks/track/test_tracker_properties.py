"""What holds whatever happens to a stream."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.specs import Batch, Failure, SessionError

# Properties

events = st.lists(
    st.sampled_from(["next", "next", "next", "jump", "repeat", "back", "epoch", "end", "blind"]),
    max_size=25,
)
modes = st.sampled_from(["first_frame", "every_n_frames", "every_frame"])


@settings(max_examples=40, deadline=None)
@given(events=events, mode=modes, restart=st.booleans())
def test_ids_are_never_reused(rig: Any, events: list[str], mode: str, restart: bool) -> None:
    """Whatever happens to a stream, an id that ended never comes back."""
    tracker = rig(
        rig.crossing,
        prompt_mode=mode,
        prompt_interval=3,
        lost_after=2,
        on_reprompt="restart" if restart else "associate",
    )
    number = epoch = 0
    ended: set[int] = set()
    alive: set[int] = set()
    for event in events:
        if event == "end":
            tracker.tracker.end_stream("a")
        epoch += event == "epoch"
        number = {"jump": number + 7, "repeat": number, "back": max(number - 3, 0)}.get(
            event, number + 1
        )
        frame = tracker.frame(number, epoch=epoch)
        given = rig.boxes([]) if event == "blind" else tracker.truth(frame)
        outcome = tracker.tick((frame, given))[0]
        if isinstance(outcome, Failure):
            assert isinstance(outcome.error, SessionError)
            continue
        now = set(tracker.tracker.sessions.peek("a").standing.table.track_id.tolist())
        assert set(rig.places(outcome["predictions"])) <= now
        ended |= alive - now
        assert not ended & now
        alive = now
    tracker.tracker.close()
    assert tracker.model.open_states == []


@settings(max_examples=25, deadline=None)
@given(before=st.integers(1, 8), after=st.integers(1, 8), mode=modes)
def test_a_reset_session_equals_a_fresh_one(rig: Any, before: int, after: int, mode: str) -> None:
    """After a gap nothing is left of the past but the count of ids."""
    options = {"prompt_mode": mode, "prompt_interval": 3, "on_gap": "reset"}
    used, fresh = (rig(rig.crossing, **options) for _ in range(2))
    for number in range(before):
        used.step(number)
    spent = used.tracker.sessions.peek("a").ids.last
    for number in range(after):
        left = used.step(before + number, epoch=1)
        right = fresh.step(before + number, epoch=1)
        assert (left.tracker_id - spent).tolist() == right.tracker_id.tolist()
        assert left.xyxy.tolist() == right.xyxy.tolist()
        assert left.data["prompt_detection_id"].tolist() == (
            right.data["prompt_detection_id"].tolist()
        )


@settings(max_examples=25, deadline=None)
@given(orders=st.lists(st.permutations(range(3)), min_size=8, max_size=8))
def test_the_order_of_detections_is_irrelevant(rig: Any, orders: list[list[int]]) -> None:
    """A detector may list what it found in any order: ids and boxes are the same."""

    def walking(stream: str, number: int) -> dict[str, Any]:
        return {
            f"person{n}": (10 + 40 * n + number, 20, 40 + 40 * n + number, 80) for n in range(3)
        }

    straight, shuffled = (rig(walking, prompt_mode="every_frame") for _ in range(2))
    for number, order in enumerate(orders):
        truth = straight.truth(straight.frame(number))
        assert rig.places(straight.step(number, truth)) == rig.places(
            shuffled.step(number, truth[order])
        )


@settings(max_examples=30, deadline=None)
@given(
    mode=modes,
    interval=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from([1, 1, 1, 5, -2]), st.booleans()), max_size=15),
)
def test_demand_agrees_with_run(rig: Any, mode: str, interval: int, steps: list[Any]) -> None:
    """Boxes that were not demanded are not consumed, and asking changes nothing."""
    asked, told = (rig(rig.crossing, prompt_mode=mode, prompt_interval=interval) for _ in range(2))
    number = 0
    for move, blind in [(0, False), *steps]:
        number = max(number + move, 0)
        frame = asked.frame(number)
        given = rig.boxes([]) if blind else asked.truth(frame)
        wanted = [asked.wants(number) for _ in range(2)]
        assert wanted[0] == wanted[1]
        columns = {"images": [frame], "boxes": [given]}
        before = told.tracker.sessions.peek("a")
        prompts = 0 if before is None else before.tally.prompt_frames
        (all_given,) = told.tracker.run(Batch(["a"], columns))
        (on_demand,) = asked.tick((frame, given))
        assert isinstance(all_given, Failure) == isinstance(on_demand, Failure)
        if isinstance(all_given, Failure):
            continue
        assert rig.places(all_given["predictions"]) == rig.places(on_demand["predictions"])
        consumed = told.tracker.sessions.peek("a").tally.prompt_frames - prompts
        assert wanted[0] or not consumed


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 4), length=st.integers(1, 10))
def test_streams_batched_equal_streams_one_by_one(rig: Any, count: int, length: int) -> None:
    """What happens in one stream changes nothing in another."""
    together, alone = (
        rig(rig.crossing, prompt_mode="every_n_frames", prompt_interval=3) for _ in range(2)
    )
    names = [f"s{index}" for index in range(count)]
    for number in range(length):
        frames = [together.frame(number + 3 * i, stream=name) for i, name in enumerate(names)]
        batched = together.tick(*((frame, together.truth(frame)) for frame in frames))
        for index, name in enumerate(names):
            single = alone.step(number + 3 * index, stream=name)
            assert rig.places(batched[index]["predictions"]) == rig.places(single)


@settings(max_examples=40, deadline=None)
@given(kept=st.lists(st.booleans(), min_size=32, max_size=32), mode=modes, cut=st.integers(0, 31))
def test_frames_left_out_never_give_one_id_to_two_objects(
    rig: Any, kept: list[bool], mode: str, cut: int
) -> None:
    """Whichever frames never come, and wherever the stream breaks, an id stays with its object."""
    tracker = rig(rig.crossing, prompt_mode=mode, prompt_interval=4)
    owner: dict[int, str] = {}
    for number in (number for number in range(32) if kept[number]):
        found = tracker.step(number, epoch=int(number >= cut))
        there = {tuple(map(float, box)): name for name, box in rig.crossing("a", number).items()}
        for track, box in zip(found.tracker_id.tolist(), found.xyxy.tolist(), strict=True):
            assert owner.setdefault(track, there[tuple(box)]) == there[tuple(box)]
