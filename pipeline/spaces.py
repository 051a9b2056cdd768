"""Spaces: the elements of one level in a tick, and how they lie within those of the level above.

The frames of a tick are one space; each split makes another one, whose elements are the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from trackwire.specs import StreamKey

__all__ = ["Space", "nested_values"]


class Space:
    """The elements of one level. Elements are numbered from 0; parts lie frame by frame.

    Args:
        streams: Stream of each element.
        indices: Which part of its frame each element is; empty for frames.
        parent: The space of the level above, or None for frames.
        parents: Element of the level above that each element is part of; empty for frames.
        roots: The frame of each element.
    """

    __slots__ = ("_children", "everyone", "indices", "parent", "parents", "roots", "streams")

    def __init__(
        self,
        streams: Sequence[StreamKey],
        indices: Sequence[tuple[int, ...]],
        parent: Space | None,
        parents: Sequence[int],
        roots: Sequence[int],
    ) -> None:
        self.streams = streams
        self.indices = indices
        self.parent = parent
        self.parents = parents
        self.roots = roots
        self.everyone: Sequence[int] = range(len(streams))
        self._children: dict[int, range] = {}

    @classmethod
    def of_frames(cls, streams: Sequence[StreamKey]) -> Self:
        """Make the space of the frames of a tick."""
        return cls(streams, (), None, (), range(len(streams)))

    @classmethod
    def split(cls, above: Space, counts: Mapping[int, int]) -> Self:
        """Make the space of the parts of elements.

        Args:
            above: The space that is split.
            counts: Number of parts by element, in order of the elements; one that is left out
                is not split at all, which is something else than no parts.
        """
        parents: list[int] = []
        indices: list[tuple[int, ...]] = []
        children: dict[int, range] = {}
        for element, count in counts.items():
            start = len(parents)
            children[element] = range(start, start + count)
            parents += [element] * count
            stem = above.indices[element] if above.indices else ()
            indices += [(*stem, part) for part in range(count)]
        space = cls(
            tuple(above.streams[element] for element in parents),
            indices,
            above,
            parents,
            [above.roots[element] for element in parents],
        )
        space._children = children
        return space

    def children(self, element: int) -> range | None:
        """The parts of an element of the level above; None if it was not split."""
        return self._children.get(element)

    def ancestor(self, element: int, space: Space) -> int:
        """The element of a space further up that an element lies in; of its own space itself."""
        here: Space | None = self
        while here is not None and here is not space:
            element = here.parents[element]
            here = here.parent
        return element


def nested_values(
    column: Sequence[Any], depth: int
) -> Iterator[tuple[Mapping[int, int], list[Any]]]:
    """Take a column of lists within lists apart, level by level.

    Args:
        column: One value per element: a list of values, or of lists.
        depth: How many levels of lists to take apart.

    Yields:
        For each level the number of parts by element, and the values of the parts.
    """
    for _ in range(depth):
        counts = {element: len(value) for element, value in enumerate(column)}
        column = [part for value in column for part in value]
        yield counts, column
