"""The graph of steps: cycles, and an order in which demand can be asked before work is done."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Arrangement", "Node", "arrange", "descendants", "find_cycles", "in_order"]


@dataclass(frozen=True, slots=True)
class Node:
    """A step as the graph sees it.

    Args:
        name: Its name.
        eager: Steps that must have run before it.
        lazy: Steps that it reads through lazy inputs, and no other way.
        deferrable: Whether its work may be left out where nobody needs it.
    """

    name: str
    eager: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()
    deferrable: bool = False

    @property
    def reads(self) -> frozenset[str]:
        """All steps that come before it."""
        return self.eager | self.lazy


@dataclass(frozen=True, slots=True)
class Arrangement:
    """An order of steps.

    Args:
        order: Names, each after all that it reads.
        skippable: Deferrable steps that stand where every reader can be asked first what it
            needs: behind the eager inputs of the readers.
    """

    order: tuple[str, ...]
    skippable: frozenset[str]


def find_cycles(reads: Mapping[str, Collection[str]]) -> tuple[tuple[str, ...], ...]:
    """Find the steps that wait for themselves.

    Args:
        reads: For each step, in document order, the steps it reads.

    Returns:
        For each knot of steps the shortest cycle through the one that comes first in the
        document, from that step back to it in the direction of the data: ``(a, b, a)`` means
        that ``b`` reads ``a`` and ``a`` reads ``b``.
    """
    cycles = []
    explained: set[str] = set()
    for name in reads:
        if name in explained:
            continue
        cycle = _shortest_cycle(name, reads)
        if cycle:
            cycles.append(tuple(cycle))
            upstream = _closure(name, reads)
            explained |= {other for other in upstream if name in _closure(other, reads)}
    return tuple(cycles)


def descendants(name: str, reads: Mapping[str, Collection[str]]) -> frozenset[str]:
    """All steps that read a step, directly or through others."""
    return frozenset(_closure(name, _readers(reads)))


def arrange(nodes: Sequence[Node]) -> Arrangement:
    """Put steps into an order of execution.

    A step comes after everything it reads; otherwise the order of ``nodes`` is kept. A
    deferrable step that is only read through lazy inputs, or by such steps, is moved behind the
    eager inputs of its readers. Where that would close a circle the step stays where it is and
    is not skippable.

    Args:
        nodes: Steps in document order, without cycles, reading only one another.

    Returns:
        The order, and which steps may be skipped.
    """
    before = {node.name: set(node.reads) for node in nodes}
    by_name = {node.name: node for node in nodes}
    readers = _readers(before)
    waits: dict[str, set[str]] = {}
    for name in reversed(in_order(before)):
        if not by_name[name].deferrable:
            continue
        wanted = _asked_first(name, [by_name[reader] for reader in readers[name]], waits)
        if wanted is not None and _can_wait(name, wanted, before):
            before[name] |= wanted
            waits[name] = wanted
    return Arrangement(tuple(in_order(before)), frozenset(waits))


def _asked_first(
    name: str, readers: Sequence[Node], waits: Mapping[str, set[str]]
) -> set[str] | None:
    """What must have run before all readers can say what they need; None if one cannot say."""
    wanted: set[str] = set()
    for reader in readers:
        if name in reader.lazy:
            wanted |= reader.eager
        elif reader.name not in waits:
            return None
        wanted |= waits.get(reader.name, set())
    return wanted


def _can_wait(name: str, wanted: set[str], before: Mapping[str, set[str]]) -> bool:
    return name not in wanted and all(name not in _closure(step, before) for step in wanted)


def in_order(before: Mapping[str, Collection[str]]) -> list[str]:
    """Sort steps so that each comes after what it reads, else in the order of the mapping.

    Args:
        before: For each step those that come before it.

    Returns:
        Names. Steps on a cycle, and all that wait for them, are left out.
    """
    position = {name: index for index, name in enumerate(before)}
    names = list(before)
    open_reads = {name: len(reads) for name, reads in before.items()}
    readers = _readers(before)
    ready = [position[name] for name, count in open_reads.items() if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for reader in readers[name]:
            open_reads[reader] -= 1
            if open_reads[reader] == 0:
                heapq.heappush(ready, position[reader])
    return order


def _readers(reads: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for name, sources in reads.items():
        for source in sources:
            readers[source].append(name)
    return readers


def _closure(start: str, edges: Mapping[str, Collection[str]]) -> set[str]:
    """Everything reachable from a step; the step itself only if it lies on a cycle."""
    reached: set[str] = set()
    open_steps = list(edges[start])
    while open_steps:
        step = open_steps.pop()
        if step not in reached:
            reached.add(step)
            open_steps += edges[step]
    return reached


def _shortest_cycle(start: str, edges: Mapping[str, Collection[str]]) -> list[str]:
    came_from: dict[str, str] = {}
    open_steps = deque([start])
    while open_steps:
        step = open_steps.popleft()
        for target in sorted(edges[step]):
            if target == start:
                path = [start, step] if step != start else [start]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path if step != start else [start, start]
            if target not in came_from:
                came_from[target] = step
                open_steps.append(target)
    return []
