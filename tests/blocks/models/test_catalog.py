"""Which models there are, and how they are loaded and shared."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from trackwire.blocks.models.catalog import (
    VIDEO_MODELS,
    ModelEntry,
    find_video_model,
    load_video_model,
)
from trackwire.blocks.models.shared import ModelPool
from trackwire.specs import ModelError, Resources


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [
        ("lite", ("lite", 320)),
        ("lite@256", ("lite", 256)),
        ("sam2video/small", ("sam2video/small", 1024)),
        ("sam2video/base-plus@512", ("sam2video/base-plus", 512)),
        ("facebook/sam2.1-hiera-tiny", ("sam2video/tiny", 1024)),
        ("sam3trackervideo", ("sam3trackervideo", 1008)),
    ],
)
def test_ids_hub_ids_and_sizes_are_found(model_id: str, expected: tuple[str, int]) -> None:
    """A model goes by its id or its hub id, with an optional input size."""
    entry, size = find_video_model(model_id)
    assert (entry.model_id, size) == expected


@pytest.mark.parametrize("model_id", ["sam2video/smal", "Lite", "sam2video/small@"])
def test_an_unknown_id_names_the_near_ones(model_id: str) -> None:
    """A slip of the pen is answered with what may have been meant."""
    with pytest.raises(ModelError, match=r"did you mean '(sam2video/small|lite)'"):
        find_video_model(model_id.rstrip("@") + ("x" if model_id.endswith("@") else ""))


def test_an_unknown_id_lists_what_there_is() -> None:
    """Where nothing is near, all ids are listed."""
    with pytest.raises(ModelError, match="Known are: lite, sam2video/tiny") as caught:
        find_video_model("@512")
    assert caught.value.code == "model_unknown"


def test_a_size_that_is_not_offered_is_refused() -> None:
    """The error lists the sizes of the model."""
    with pytest.raises(ModelError, match="it has @192, @256, @320"):
        find_video_model("lite@1024")


@pytest.mark.parametrize("entry", [each for each in VIDEO_MODELS if not each.available])
def test_models_of_later_versions_give_one_clear_error(entry: ModelEntry) -> None:
    """Never another model in its place: the error names the weights and the ways on."""
    with pytest.raises(ModelError, match="set model_id to 'lite'") as caught:
        load_video_model(entry.model_id, Resources())
    assert caught.value.code == "model_not_available"
    assert str(entry.hub_id) in str(caught.value)


def test_a_model_is_shared_while_somebody_holds_it() -> None:
    """Two engines load a model once; it goes when the last of them goes."""
    pool = ModelPool()
    loads: list[int] = []

    def load() -> Any:
        loads.append(1)
        return object()

    first, second = pool.get("key", load), pool.get("key", load)
    assert first is second
    del first, second
    gc.collect()
    assert len(pool) == 0
    pool.get("key", load)
    assert len(loads) == 2


def test_a_loader_replaces_the_catalog_and_is_wrapped_once() -> None:
    """Engines that are given one instance share its lock."""
    model = object()
    resources = Resources(model_loader=lambda _id: model)
    first = load_video_model("anything", resources)
    assert first is load_video_model("else", resources)
    assert first.wrapped is model


def test_the_embedded_model_loads_and_its_entry_says_it_needs_nothing() -> None:
    """The first entry always runs: no extra, no download."""
    assert (VIDEO_MODELS[0].needs, VIDEO_MODELS[0].hub_id) == (None, None)
    state = (model := load_video_model("lite@192", Resources())).open((64, 48))
    assert model.nbytes(state) >= 0
    model.close(state)
