"""The registry: which blocks a document may use. A value, not a global."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from .errors import RegistryError
from .manifest import Block, BlockManifest
from .properties import describe

__all__ = ["ENTRY_POINT_GROUP", "Registry", "default_registry"]

ENTRY_POINT_GROUP: Final = "trackwire.blocks"
"""Other distributions offer blocks in this entry point group. An entry point is a block class,
or a function without arguments that returns block classes."""

_BUILT_IN: Final = f"{__name__.partition('.')[0]}.blocks"


class Registry:
    """The blocks that documents may use, by type id. Immutable.

    Args:
        blocks: Block classes; one that is given twice counts once.

    Raises:
        RegistryError: Two blocks claim one type id, or a block cannot be used. All such
            problems are named together.

    Example:
        >>> registry = default_registry().with_blocks(MyBlock)
        >>> workflow = compile_workflow(document, registry=registry)
    """

    __slots__ = ("_blocks", "_by_id")

    def __init__(self, blocks: Iterable[type[Block]] = ()) -> None:
        by_id: dict[str, type[Block]] = {}
        problems: list[str] = []
        self._blocks = tuple(dict.fromkeys(blocks))
        for block in self._blocks:
            found = list(_problems(block))
            problems += found
            if found:
                continue
            for type_id in block.manifest.type_ids():
                holder = by_id.setdefault(type_id, block)
                if holder is not block:
                    problems.append(f"{type_id}: claimed by {_name(holder)} and {_name(block)}")
        if problems:
            raise RegistryError(
                "these blocks cannot be used together:\n"
                + "\n".join(f"- {problem}" for problem in problems)
            )
        self._by_id: Mapping[str, type[Block]] = MappingProxyType(by_id)

    def get(self, type_id: str) -> type[Block] | None:
        """Find the block of a type id, canonical or alias; None if there is none."""
        return self._by_id.get(type_id)

    @property
    def blocks(self) -> tuple[type[Block], ...]:
        """All block classes, in order of registration."""
        return self._blocks

    @property
    def type_ids(self) -> tuple[str, ...]:
        """All type ids, canonical ones and aliases, sorted."""
        return tuple(sorted(self._by_id))

    def with_blocks(self, *blocks: type[Block]) -> Registry:
        """Make a registry that also has these blocks.

        Raises:
            RegistryError: A type id is taken, or a block cannot be used.
        """
        return Registry((*self._blocks, *blocks))

    def __contains__(self, type_id: object) -> bool:
        return type_id in self._by_id

    def __iter__(self) -> Iterator[type[Block]]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    def __repr__(self) -> str:
        return f"Registry({len(self._blocks)} blocks)"


@cache
def default_registry() -> Registry:
    """The built-in blocks and those of the entry point group ``trackwire.blocks``.

    Distributions are looked through once per process.

    Raises:
        RegistryError: An entry point cannot be loaded, or blocks claim the same type id.
    """
    # The language must not import blocks; it only knows under which name they are found.
    blocks: list[type[Block]] = list(import_module(_BUILT_IN).builtin_blocks())
    for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name):
        blocks += _load(entry_point)
    return Registry(blocks)


def _load(entry_point: EntryPoint) -> Iterable[type[Block]]:
    origin = f"entry point {entry_point.name!r} ({entry_point.value})"
    if entry_point.dist is not None:
        origin += f" of {entry_point.dist.name}"
    try:
        offered: Any = entry_point.load()
        return (offered,) if isinstance(offered, type) else tuple(offered())
    except Exception as error:  # code of others: whatever it raises, the name must be told
        raise RegistryError(
            f"{origin} cannot be loaded: {type(error).__name__}: {error}; "
            "repair or uninstall that distribution",
            entry_point=entry_point.name,
        ) from error


def _problems(block: Any) -> Iterator[str]:
    """Say why a class cannot be used as a block, before a document trips over it."""
    manifest = getattr(block, "manifest", None)
    if not (isinstance(manifest, type) and issubclass(manifest, BlockManifest)):
        yield f"{_name(block)}: its manifest must be a subclass of BlockManifest"
        return
    missing = [
        method
        for method in ("open", "demand", "run", "end_stream", "close")
        if not callable(getattr(block, method, None))
    ]
    if missing:
        yield f"{_name(block)}: lacks {', '.join(missing)}"
    type_ids: tuple[object, ...] = manifest.type_ids()
    if not type_ids or not all(isinstance(type_id, str) and type_id for type_id in type_ids):
        yield f"{_name(block)}: type must be a Literal of its type ids"
    for name in ("traits", "outputs"):
        if not hasattr(manifest, name):
            yield f"{_name(block)}: its manifest must declare {name}"
            return
    names = [output.name for output in manifest.outputs]
    if len(set(names)) < len(names):
        yield f"{_name(block)}: the names of its outputs must differ"
    properties = describe(manifest).properties
    for name in sorted(manifest.traits.lazy_inputs):
        if name not in properties or properties[name].whole is None:
            yield f"{_name(block)}: lazy input {name!r} is no property that takes a selector"


def _name(block: Any) -> str:
    return getattr(block, "__qualname__", repr(block))
