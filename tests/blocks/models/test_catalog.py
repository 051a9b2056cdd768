"""Which models there are, and how they are loaded and shared."""

from __future__ import annotations

import gc
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from trackwire.blocks.models.catalog import (
    VIDEO_MODELS,
    ModelEntry,
    find_video_model,
    load_video_model,
)
from trackwire.blocks.models.shared import ModelPool, SharedVideoModel
from trackwire.specs import ModelError, Resources

LACKS_SAM = any(
    find_spec(name) is None for name in ("torch", "transformers", "safetensors", "huggingface_hub")
)


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


@pytest.mark.parametrize("name", ["sam2video/tiny@384", "sam3trackervideo@700", "edgetam@768"])
def test_segment_anything_runs_at_any_size_that_fits(name: str) -> None:
    """Sizes that are not listed are taken where the architecture allows them, and only there."""
    model_id, _, size = name.partition("@")
    assert find_video_model(name)[1] == int(size)
    with pytest.raises(ModelError, match="other multiples of") as caught:
        find_video_model(f"{model_id}@{int(size) + 1}")
    assert caught.value.code == "model_size"


@pytest.mark.parametrize("name", ["tuned", "deep/er/tuned", "./tuned", "tuned@2"])
def test_a_folder_is_found_from_the_base_directory(tmp_path: Path, name: str) -> None:
    """A relative folder starts at the base directory; an absolute one does not need it."""
    folder = tmp_path / name
    folder.mkdir(parents=True)
    for model_id in (name, str(folder)):
        entry, size = find_video_model(model_id, tmp_path)
        assert (entry.model_id, entry.hub_id, size) == (str(folder.resolve()), None, None)
        assert find_video_model(f"{model_id}@256", tmp_path)[1] == 256


def test_an_id_of_the_catalog_comes_before_a_folder(tmp_path: Path) -> None:
    """A folder that happens to be called lite changes no workflow; ./lite means the folder."""
    (tmp_path / "lite").mkdir()
    assert find_video_model("lite", tmp_path)[0] is VIDEO_MODELS[0]
    assert find_video_model("./lite", tmp_path)[0].model_id == str((tmp_path / "lite").resolve())


def test_a_repository_of_the_hub_is_taken_at_its_word() -> None:
    """Any owner/name is a repository, at the size of its own configuration or a given one."""
    for model_id, size in (("someone/sam2.1-tuned", None), ("someone/sam2.1-tuned@256", 256)):
        entry, found = find_video_model(model_id)
        assert (entry.hub_id, entry.needs, found) == ("someone/sam2.1-tuned", "sam", size)


@pytest.mark.parametrize("model_id", ["./nowhere", "/no/where/at/all", "a/b/c@256"])
def test_a_folder_that_is_not_there_is_told_with_its_place(tmp_path: Path, model_id: str) -> None:
    """The error says where it was looked for."""
    with pytest.raises(ModelError, match="looked for at /") as caught:
        find_video_model(model_id, tmp_path)
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("entry", [each for each in VIDEO_MODELS if each.needs == "sam"])
def test_a_model_that_cannot_be_loaded_gives_one_clear_error(
    entry: ModelEntry, no_weights: Path
) -> None:
    """Never another model in its place: the error says what is missing and the ways on."""
    with pytest.raises(ModelError, match="set model_id to 'lite'") as caught:
        load_video_model(entry.model_id, Resources())
    if LACKS_SAM:
        assert caught.value.code == "model_needs"
        for way in ("pip install 'trackwire[sam]'", "CUDA", "download.pytorch.org/whl/cpu"):
            assert way in str(caught.value)
    else:
        assert caught.value.code == "model_not_downloaded"
        for way in (str(entry.hub_id), "HF_HUB_OFFLINE", "folder"):
            assert way in str(caught.value)


def test_whether_weights_are_on_disk_is_only_said_where_it_is_known(no_weights: Path) -> None:
    """A model counts as on disk with its configuration and its weights, not with one of them."""
    tiny = find_video_model("sam2video/tiny")[0]
    assert VIDEO_MODELS[0].is_on_disk() is True
    if find_spec("huggingface_hub") is None:
        assert tiny.is_on_disk() is None
        return
    assert tiny.is_on_disk() is False
    repository = no_weights / "models--facebook--sam2.1-hiera-tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (snapshot := repository / "snapshots" / "abc").mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert tiny.is_on_disk() is False
    (snapshot / "model.safetensors").write_text("")
    assert tiny.is_on_disk() is True


def test_a_model_is_shared_while_somebody_holds_it() -> None:
    """Two engines load a model once; it goes when the last of them goes."""
    pool = ModelPool(SharedVideoModel)
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
