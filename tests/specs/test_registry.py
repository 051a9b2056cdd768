"""The registry: a value with its own checks, and the door for blocks of others."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from typing import Annotated, Any, ClassVar, Literal

import pytest

from trackwire.specs import (
    IMAGE,
    Block,
    BlockManifest,
    OutputDefinition,
    Registry,
    RegistryError,
    Selector,
    Traits,
    default_registry,
)
from trackwire.specs import registry as registry_module


def block(like: type[Any], **attributes: Any) -> type[Any]:
    """Make a block like another with a manifest that has other attributes."""
    manifest = type("Manifest", (like.manifest,), {"__module__": __name__, **attributes})
    return type("Other", (like,), {"manifest": manifest})


@pytest.fixture
def detector(registry: Registry) -> type[Block]:
    """The first block of the small world."""
    return registry.blocks[0]


def test_a_block_is_found_under_all_its_ids(registry: Registry, detector: type[Block]) -> None:
    """Aliases lead to the same class, unknown ids to none."""
    assert registry.get("test/detector@v1") is registry.get("Detector") is detector
    assert registry.get("Nobody") is None
    assert "Detector" in registry
    assert "Gate" in registry.type_ids


def test_two_blocks_cannot_claim_one_id(registry: Registry, detector: type[Block]) -> None:
    """Which one a document means would depend on the order of installation."""
    with pytest.raises(RegistryError, match=r"test/detector@v1: claimed by Detector and Other"):
        registry.with_blocks(block(detector))


def test_a_block_given_twice_counts_once(registry: Registry, detector: type[Block]) -> None:
    """The same class may come from two doors."""
    assert len(registry.with_blocks(detector)) == len(registry)


def test_a_registry_is_a_value(registry: Registry, detector: type[Block]) -> None:
    """Adding makes a new one and leaves the old one as it was."""
    small = Registry()
    assert len(small.with_blocks(detector)) == 1
    assert len(small) == 0
    assert list(registry) == list(registry.blocks)


def test_unusable_blocks_are_all_named(detector: type[Block]) -> None:
    """A wrong manifest is told when it is registered, not when a document trips over it."""

    class NoManifest:
        pass

    lazy = block(detector, traits=Traits(pure=True, lazy_inputs=frozenset({"boxen"})))
    twice = OutputDefinition("a", frozenset({IMAGE}))
    doubled = block(detector, outputs=(twice, twice))
    with pytest.raises(RegistryError) as caught:
        Registry([NoManifest, lazy, doubled])  # type: ignore[list-item]
    text = str(caught.value)
    assert "NoManifest: its manifest must be a subclass of BlockManifest" in text
    assert "lazy input 'boxen'" in text
    assert "names of its outputs" in text


def test_a_type_must_be_a_literal() -> None:
    """Without its ids nobody could use the block."""

    class Manifest(BlockManifest):
        traits: ClassVar[Traits] = Traits(pure=True)
        outputs: ClassVar[tuple[OutputDefinition, ...]] = ()
        images: Annotated[str, Selector(IMAGE)]

    class Other:
        manifest = Manifest

    with pytest.raises(RegistryError, match=r"(?s)lacks open.*type must be a Literal"):
        Registry([Other])  # type: ignore[list-item]


def test_the_default_registry_has_the_built_in_blocks() -> None:
    """It is made once, and knows the tracker under both of its ids."""
    registry = default_registry()
    assert registry is default_registry()
    assert "trackwire/video_tracker@v1" in registry
    assert "roboflow_core/segment_anything_2_video@v1" in registry


class PluginManifest(BlockManifest):
    type: Literal["plugin/block@v1"]
    traits: ClassVar[Traits] = Traits(pure=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = ()


def plugin(detector: type[Any]) -> type[Any]:
    """Make a block of another distribution."""
    return type("Plugin", (detector,), {"manifest": PluginManifest})


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace what is installed by entry points of our own."""

    def install(*points: EntryPoint) -> None:
        monkeypatch.setattr(registry_module, "entry_points", lambda group: points if group else ())

    default_registry.cache_clear()
    yield install
    default_registry.cache_clear()


def test_other_distributions_offer_blocks(
    installed: Any, detector: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry point is a class, or a function that returns classes."""
    offered = plugin(detector)
    monkeypatch.setattr(registry_module, "offered", offered, raising=False)
    monkeypatch.setattr(registry_module, "offer", lambda: [offered], raising=False)
    group = registry_module.ENTRY_POINT_GROUP
    installed(
        EntryPoint("one", f"{registry_module.__name__}:offered", group),
        EntryPoint("two", f"{registry_module.__name__}:offer", group),
    )
    assert default_registry().get("plugin/block@v1") is offered


def test_a_broken_distribution_is_named(installed: Any) -> None:
    """It cannot be left out silently: documents that use it would fail without a reason."""
    installed(EntryPoint("broken", "no_such_module:blocks", registry_module.ENTRY_POINT_GROUP))
    with pytest.raises(RegistryError, match=re.escape("entry point 'broken'")) as caught:
        default_registry()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
