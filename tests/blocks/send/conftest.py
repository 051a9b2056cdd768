"""Blocks that send, opened with the defaults of their manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from trackwire.specs import Batch, Event, Failure, Resources, default_registry


class Opened:
    """An opened block, and what it has told so far."""

    def __init__(self, block_id: str, written: Mapping[str, Any], **resources: Any) -> None:
        self.events: list[Event] = []
        kind = next(
            block for block in default_registry().blocks if block_id in block.manifest.type_ids()
        )
        self.step = kind.manifest.model_validate({"type": block_id, "name": "send", **written})
        self.block: Any = kind.open(self.step, Resources(outbox=self.events.append, **resources))

    def run(self, stream: str = "cam", **values: Any) -> Any:
        """Run one element; gives its values, or the error."""
        return self.run_all((stream,), **{name: (value,) for name, value in values.items()})[0]

    def run_all(self, streams: tuple[str, ...], **columns: Any) -> list[Any]:
        """Run a batch; gives values or errors."""
        written = {
            name: (getattr(self.step, name),) * len(streams)
            for name in type(self.step).model_fields
        }
        outcomes = self.block.run(Batch(streams, {**written, **columns}))
        return [each.error if isinstance(each, Failure) else each for each in outcomes]


@pytest.fixture
def open_block() -> Iterator[Callable[..., Opened]]:
    """Open a block by its id; closed when the test ends."""
    opened: list[Opened] = []

    def make(block_id: str, written: Mapping[str, Any], **resources: Any) -> Opened:
        opened.append(Opened(block_id, written, **resources))
        return opened[-1]

    yield make
    for each in opened:
        each.block.close()
