"""The detections among a workflow's outputs, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import supervision as sv

__all__ = ["find_detections"]


def find_detections(outputs: Mapping[str, Any]) -> Iterator[tuple[str, sv.Detections]]:
    """Go through the outputs that are detections.

    Args:
        outputs: Outputs by name.

    Yields:
        Name and detections; those within a wildcard output are named ``output.inner``, those of
        the crops of a frame ``output[0]`` and so on.
    """
    for name, value in outputs.items():
        yield from _find(str(name), value)


def _find(name: str, value: Any) -> Iterator[tuple[str, sv.Detections]]:
    import supervision as sv

    if isinstance(value, sv.Detections):
        yield name, value
    elif isinstance(value, Mapping):
        for inner, each in value.items():
            yield from _find(f"{name}.{inner}", each)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _find(f"{name}[{index}]", each)
