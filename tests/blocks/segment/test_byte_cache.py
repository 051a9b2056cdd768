"""The cache never holds more bytes than it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackwire.blocks.segment.byte_cache import ByteCache

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, 60)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("drop"), KEYS, st.just(0)),
    ),
    max_size=60,
)


@given(st.integers(0, 100), STEPS)
def test_bytes_are_bounded_and_the_least_used_goes(
    limit: int, steps: list[tuple[str, str, int]]
) -> None:
    """After every step the bytes fit; what is held is what was used last, as far as it fits."""
    cache: ByteCache[str, int] = ByteCache(limit)
    used: list[tuple[str, int]] = []  # the plainest cache there is, last used last
    for verb, key, size in steps:
        before = dict(used)
        if verb == "put":
            cache.put(key, size, size)
            used = [each for each in used if each[0] != key]
            if max(size, 1) <= limit:
                used.append((key, size))
                while sum(max(each, 1) for _, each in used) > limit:
                    used.pop(0)
        elif verb == "get":
            assert cache.get(key) == before.get(key)
            if key in before:
                used = [each for each in used if each[0] != key] + [(key, before[key])]
        else:
            cache.drop(key)
            used = [each for each in used if each[0] != key]
        assert list(cache) == [each for each, _ in used]
        assert cache.nbytes == sum(max(each, 1) for _, each in used) <= limit
        assert len(cache) == len(used)
    cache.clear()
    assert cache.nbytes == len(cache) == 0


def test_a_limit_below_zero_is_refused() -> None:
    """A cache that holds nothing has the limit 0."""
    with pytest.raises(ValueError, match="found a limit of -1"):
        ByteCache(-1)
