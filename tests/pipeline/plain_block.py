"""What the blocks of the engine's tests have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeAlias, cast

from trackwire.blocks import Frame
from trackwire.specs import WILDCARD, Batch, BlockManifest, OutputDefinition, Resources

MakeFrame: TypeAlias = Callable[..., Frame]

VALUE = (OutputDefinition("value", frozenset({WILDCARD})),)


class Plain:
    """Can be found by the name of its step in ``Resources.extras``, and keeps what it was given.

    Subclasses put batches into ``batches``, or elements, as (stream, frame number), into ``seen``.
    """

    def __init__(self, step: Any, resources: Resources) -> None:
        self.step = step
        self.batches: list[Batch] = []
        self.seen: list[Any] = []
        cast("dict[str, Any]", resources.extras).setdefault("blocks", {})[step.name] = self

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        return cls(step, resources)

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        return {}

    def end_stream(self, stream: str) -> None: ...

    def close(self) -> None: ...
