"""The bounded buffer: in order, within bounds, and every item accounted for."""

from __future__ import annotations

import threading

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trackwire.pipeline.buffer import BoundedBuffer, OverflowPolicy


class BufferMachine(RuleBasedStateMachine):
    policy: OverflowPolicy = "drop_oldest"

    def __init__(self) -> None:
        super().__init__()
        self.buffer: BoundedBuffer[tuple[int, int]] = BoundedBuffer(
            max_items=3, max_weight=10, weigh=lambda item: item[1], policy=self.policy
        )
        self.number = 0
        self.last = -1

    @rule(weight=st.integers(0, 15))
    def put(self, weight: int) -> None:
        was_closed = self.buffer.closed
        went_in = self.buffer.put((self.number, weight), timeout_s=0)
        self.number += went_in
        assert not (went_in and was_closed)

    @precondition(lambda self: len(self.buffer) > 0)
    @rule()
    def take(self) -> None:
        number, _ = self.buffer.take(timeout_s=0)
        assert number > self.last
        self.last = number

    @rule()
    def close(self) -> None:
        self.buffer.close()

    @rule()
    def abort(self) -> None:
        self.buffer.abort("terminated")
        assert self.buffer.finished

    @invariant()
    def everything_is_accounted_for(self) -> None:
        """What went in was taken, is held, or was dropped for a cause; bounds hold."""
        buffer = self.buffer
        assert buffer.accepted == buffer.taken + len(buffer) + sum(buffer.drops.values())
        assert len(buffer) <= 3
        assert buffer.weight <= 10 or len(buffer) == 1


class WaitingBufferMachine(BufferMachine):
    policy: OverflowPolicy = "wait"


class NewestGoesBufferMachine(BufferMachine):
    policy: OverflowPolicy = "drop_newest"


class LatestBufferMachine(BufferMachine):
    policy: OverflowPolicy = "latest"

    @invariant()
    def nothing_but_the_newest_is_held(self) -> None:
        """One item at most."""
        assert len(self.buffer) <= 1


TestDropOldest = BufferMachine.TestCase
TestWait = WaitingBufferMachine.TestCase
TestDropNewest = NewestGoesBufferMachine.TestCase
TestLatest = LatestBufferMachine.TestCase


def test_waiting_producer_is_released_by_room_and_by_close() -> None:
    """A producer that waits goes on when there is room, and gives up when the buffer closes."""
    buffer: BoundedBuffer[int] = BoundedBuffer(max_items=1)
    assert buffer.put(0)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.extend([buffer.put(1), buffer.put(2)]))
    thread.start()
    assert buffer.take(timeout_s=5) == 0
    buffer_is_full_again = threading.Event()
    with buffer.condition:
        assert buffer.condition.wait_for(lambda: len(buffer) == 1, 5)
        buffer_is_full_again.set()
    buffer.close()
    thread.join(5)
    assert results == [True, False]
    assert buffer.take() == 1
    with pytest.raises(EOFError):
        buffer.take()


def test_nothing_in_time_is_a_timeout() -> None:
    """An empty open buffer times out instead of pretending to be at its end."""
    with pytest.raises(TimeoutError):
        BoundedBuffer(max_items=1).take(timeout_s=0)
    with pytest.raises(ValueError, match="policy"):
        BoundedBuffer(max_items=1, policy="drop_some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
