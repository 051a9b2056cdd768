"""Fewer frames than come: which ones, by worked-out values and by rule."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackwire.pipeline.pace import RateLimit, Stride
from trackwire.pipeline.rates import RateMeter


def test_stride_takes_the_first_frame_of_each_slot() -> None:
    """Of 25 frames per second, 10 are those that begin a tenth of a second."""
    stride = Stride(10)
    picked = [n for n in range(25) if stride.picks(Fraction(n, 25), 0)]
    assert picked == [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]


def test_stride_starts_anew_with_an_epoch() -> None:
    """After a reconnect times begin somewhere else, and so do the slots."""
    stride = Stride(1)
    assert stride.picks(Fraction(100), 0)
    assert not stride.picks(Fraction(1001, 10), 0)
    assert stride.picks(Fraction(1, 2), 1)
    assert not stride.picks(Fraction(5, 4), 1)
    assert stride.picks(Fraction(3, 2), 1)


@given(
    fps=st.integers(1, 60),
    wanted=st.floats(0.5, 90),
    frames=st.integers(1, 200),
)
def test_stride_never_exceeds_what_is_wanted(fps: int, wanted: float, frames: int) -> None:
    """No more than the wanted rate is picked, no fewer than both rates allow, and the first is."""
    stride = Stride(wanted)
    picked = [n for n in range(frames) if stride.picks(Fraction(n, fps), 0)]
    assert picked[0] == 0
    duration_s = Fraction(frames - 1, fps)
    assert len(picked) <= float(duration_s) * wanted + 1.001
    if wanted >= fps:
        assert len(picked) == frames
    else:
        assert len(picked) >= float(duration_s) * wanted - 1.001


def test_rate_limit_forgives_jitter() -> None:
    """A late frame may be followed by an early one, but not by a third."""
    limit = RateLimit(10)
    assert limit.wait_s(0.0) == 0.0
    limit.take(0.0)
    assert limit.wait_s(0.06) == pytest.approx(0.04)
    limit.take(0.15)
    assert limit.wait_s(0.2) == 0.0
    limit.take(0.2)
    assert limit.wait_s(0.2) == pytest.approx(0.1)


def test_rate_limit_gives_no_credit_for_long_silence() -> None:
    """After a pause frames come at the limit, not in a burst."""
    limit = RateLimit(10)
    limit.take(0.0)
    limit.take(100.0)
    limit.take(100.0)
    assert limit.wait_s(100.0) == pytest.approx(0.1)


def test_rate_meter_tells_the_last_seconds() -> None:
    """The rate is that of the window, falls in silence and ends at nought."""
    meter = RateMeter()
    assert meter.per_second(0.0) is None
    for n in range(100):
        meter.mark(n / 25)
    assert meter.per_second(99 / 25) == pytest.approx(25)
    assert meter.per_second(99 / 25 + 2) == pytest.approx(99 / (99 / 25 + 2 - 1 / 25))
    assert meter.per_second(99 / 25 + 6) == 0.0
