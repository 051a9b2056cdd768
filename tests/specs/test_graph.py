"""The graph: an order that asks before it computes, and cycles by name."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from trackwire.specs.graph import Node, arrange, descendants, find_cycles, in_order


def node(name: str, eager: str = "", lazy: str = "", *, deferrable: bool = False) -> Node:
    """Write a node shortly."""
    return Node(name, frozenset(eager.split()), frozenset(lazy.split()), deferrable)


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Graphs without cycles, in any order of writing."""
    count = draw(st.integers(1, 9))
    nodes = []
    for index in range(count):
        before = [f"s{other}" for other in range(index)]
        eager = frozenset(draw(st.lists(st.sampled_from(before), max_size=3))) if before else ()
        lazy = frozenset(draw(st.lists(st.sampled_from(before), max_size=2))) if before else ()
        nodes.append(
            Node(
                f"s{index}",
                frozenset(eager),
                frozenset(lazy) - frozenset(eager),
                deferrable=draw(st.booleans()),
            )
        )
    return list(draw(st.permutations(nodes)))


def test_a_lazy_source_waits_for_the_eager_inputs_of_its_reader() -> None:
    """The tracker can only be asked when it has its crop, so the detector comes after that."""
    arrangement = arrange(
        [
            node("detect", deferrable=True),
            node("slow", deferrable=True),
            node("track", eager="slow", lazy="detect"),
        ]
    )
    assert arrangement.order == ("slow", "detect", "track")
    assert arrangement.skippable == {"detect"}


def test_what_only_a_skipped_step_reads_waits_as_well() -> None:
    """A step before a detector that is not needed is not needed either."""
    arrangement = arrange(
        [
            node("sharpen", deferrable=True),
            node("detect", eager="sharpen", deferrable=True),
            node("slow"),
            node("track", eager="slow", lazy="detect"),
        ]
    )
    assert arrangement.order == ("slow", "sharpen", "detect", "track")
    assert arrangement.skippable == {"sharpen", "detect"}


def test_a_step_that_is_also_read_eagerly_is_not_skippable() -> None:
    """One reader that always needs the value is enough."""
    arrangement = arrange(
        [node("detect", deferrable=True), node("draw", "detect"), node("track", lazy="detect")]
    )
    assert arrangement.skippable == frozenset()


def test_steps_that_would_wait_for_one_another_stay() -> None:
    """Two trackers that each read lazily what the other reads eagerly must not deadlock."""
    arrangement = arrange(
        [
            node("a", deferrable=True),
            node("first", lazy="a"),
            node("b", eager="first", deferrable=True),
            node("second", eager="b", lazy="a"),
        ]
    )
    assert arrangement.order == ("a", "first", "b", "second")
    assert "a" not in arrangement.skippable


@given(graphs())
@settings(max_examples=300)
def test_an_arrangement_keeps_its_promises(nodes: list[Node]) -> None:
    """All steps once, each after what it reads, and skippable ones where all can be asked."""
    arrangement = arrange(nodes)
    assert sorted(arrangement.order) == sorted(each.name for each in nodes)
    place = {name: index for index, name in enumerate(arrangement.order)}
    for each in nodes:
        assert all(place[read] < place[each.name] for read in each.reads)
    for name in arrangement.skippable:
        readers = [each for each in nodes if name in each.reads]
        for reader in readers:
            if name in reader.lazy:
                assert all(place[read] < place[name] for read in reader.eager)
            else:
                assert reader.name in arrangement.skippable
    by_name = {each.name: each for each in nodes}
    assert all(by_name[name].deferrable for name in arrangement.skippable)


@given(graphs())
def test_the_order_of_writing_is_kept_where_it_can(nodes: list[Node]) -> None:
    """A document that is in order already stays as it is."""
    plain = [Node(each.name, each.reads) for each in nodes]
    order = arrange(plain).order
    in_that_order = sorted(plain, key=lambda each: order.index(each.name))
    assert arrange(in_that_order).order == order


@given(graphs())
def test_a_graph_without_cycles_has_none(nodes: list[Node]) -> None:
    """No false alarm."""
    assert find_cycles({each.name: each.reads for each in nodes}) == ()


@given(graphs(), st.data())
def test_a_planted_cycle_is_found(nodes: list[Node], data: st.DataObject) -> None:
    """A wire back to a step's own reader is found, as a closed way along wires."""
    reads = {each.name: set(each.reads) for each in nodes}
    last = data.draw(st.sampled_from(sorted(reads)))
    after = descendants(last, reads) | {last}
    reads[last].add(data.draw(st.sampled_from(sorted(after))))
    cycles = find_cycles(reads)
    assert cycles
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(before in reads[step] for before, step in pairwise(cycle))
    assert len(in_order(reads)) < len(reads)


def test_each_knot_is_told_once() -> None:
    """Two separate cycles are two mistakes, one knot of three steps is one."""
    reads = {"a": {"c"}, "b": {"a"}, "c": {"b"}, "x": {"x"}, "y": {"x"}}
    assert find_cycles(reads) == (("a", "b", "c", "a"), ("x", "x"))
