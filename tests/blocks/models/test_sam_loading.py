"""Models come from folders or the hub, safetensors only, and failures tell the ways on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trackwire.blocks.models.seam import Prompt
from trackwire.specs import ModelError

FAMILIES = ("sam2video", "edgetam", "sam3trackervideo")


@pytest.fixture(scope="module")
def folders(lab: Any, tmp_path_factory: Any) -> Any:
    """A local folder of random weights per family."""
    root = tmp_path_factory.mktemp("models")
    for name in FAMILIES:
        lab.calm_module(name).save_pretrained(root / name)
    return root


@pytest.fixture
def load(lab: Any) -> Any:
    """The loader."""
    from trackwire.blocks.models.sam_video.loading import load_sam_video

    return load_sam_video


def refused(load: Any, *arguments: Any, **options: Any) -> Any:
    """The error with which a load is refused."""
    with pytest.raises(ModelError) as caught:
        load(*arguments, **options)
    return caught.value


@pytest.mark.parametrize("name", FAMILIES)
def test_a_local_folder_gives_the_model_that_was_saved(
    lab: Any, load: Any, folders: Any, name: str
) -> None:
    """A local folder gives the model that was saved."""
    loaded = load(str(folders / name), device="cpu", dtype="float32")
    direct = lab.wrap(lab.calm_module(name), name)
    masks = []
    for model in (loaded, direct):
        state = model.open((96, 72))
        features = model.encode([lab.frame(0)])
        seen = model.propagate([state], features)
        prompt = Prompt(1, xyxy=(5.0, 5.0, 60.0, 60.0))
        masks.append(model.prompt([state], features, [[prompt]], seen)[0].low_res)
    assert (masks[0] - masks[1]).abs().max() < 1e-4


@pytest.mark.parametrize(("name", "size"), [("sam2video", 192), ("sam3trackervideo", 168)])
def test_a_smaller_picture_is_a_speed_tier(
    lab: Any, load: Any, folders: Any, name: str, size: int
) -> None:
    """A smaller picture is a speed tier."""
    model = load(str(folders / name), image_size=size, device="cpu", dtype="bfloat16")
    assert model.network.image_size == size
    state = model.open((96, 72))
    features = model.encode([lab.frame(0)])
    seen = model.propagate([state], features)
    prompt = Prompt(1, xyxy=(5.0, 5.0, 60.0, 60.0))
    answer = model.prompt([state], features, [[prompt]], seen)[0]
    assert answer.masks([1]).shape == (1, 72, 96)


def test_a_size_that_does_not_fit_names_one_that_does(load: Any, folders: Any) -> None:
    """A size that does not fit names one that does."""
    error = refused(load, str(folders / "sam2video"), image_size=250, device="cpu")
    assert error.code == "model_size"
    assert "did you mean 256" in str(error)


def test_only_safetensors_are_loaded(load: Any, folders: Any, tmp_path: Path) -> None:
    """Only safetensors are loaded."""
    (tmp_path / "config.json").write_text((folders / "sam2video" / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"code could hide here")
    error = refused(load, str(tmp_path))
    assert error.code == "model_not_safetensors"
    assert "pytorch_model.bin" in str(error)


def test_an_empty_folder_is_told_what_belongs_there(load: Any, tmp_path: Path) -> None:
    """An empty folder is told what belongs there."""
    error = refused(load, str(tmp_path))
    assert error.code == "model_folder"
    assert "config.json" in str(error)


def test_another_kind_of_model_is_refused(load: Any, tmp_path: Path) -> None:
    """Another kind of model is refused."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    error = refused(load, str(tmp_path))
    assert error.code == "model_type"
    assert "'bert'" in str(error)
    assert "sam2_video" in str(error)


def test_missing_weights_are_not_replaced_by_random_ones(
    lab: Any, load: Any, folders: Any, tmp_path: Path
) -> None:
    """Missing weights are not replaced by random ones."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folders / "sam2video" / "model.safetensors")
    del weights["no_memory_embedding"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((folders / "sam2video" / "config.json").read_text())
    error = refused(load, str(tmp_path), device="cpu")
    assert error.code == "model_weights"
    assert "no_memory_embedding" in str(error)


def test_the_backbone_of_edgetam_is_explained(load: Any, folders: Any, tmp_path: Path) -> None:
    """The backbone of EdgeTAM is explained."""
    if "timm" in sys.modules:
        pytest.skip("timm is installed")
    config = json.loads((folders / "edgetam" / "config.json").read_text())
    config["vision_config"] = {
        "model_type": "edgetam_vision_model",
        "backbone_config": {"model_type": "timm_wrapper", "architecture": "repvit_m1"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    error = refused(load, str(tmp_path), device="cpu")
    assert error.code == "model_needs"
    assert "timm" in str(error)
    assert "lite" in str(error)


def test_a_missing_folder_and_device_are_told(load: Any, folders: Any) -> None:
    """A missing folder and device are told."""
    assert refused(load, "./nowhere/at/all").code == "model_not_found"
    error = refused(load, str(folders / "sam2video"), device="cuda:93")
    assert error.code == "model_device"
    assert "cpu" in str(error)
    assert refused(load, str(folders / "sam2video"), device="abacus").code == "model_device"
    error = refused(load, str(folders / "sam2video"), device="cpu", dtype="int3")
    assert error.code == "model_dtype"


def test_the_gate_of_sam_3_is_explained(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate of SAM 3 is explained."""
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    def closed(*_args: Any, **_options: Any) -> None:
        error = GatedRepoError.__new__(GatedRepoError)
        OSError.__init__(error, "403")
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", closed)
    error = refused(load, "facebook/sam3")
    assert error.code == "model_gated"
    for way in ("https://huggingface.co/facebook/sam3", "HF_TOKEN", "sam2video/small", "lite"):
        assert way in str(error)


def test_offline_a_missing_model_is_one_clear_error(lab: Any, tmp_path: Path) -> None:
    """Offline a missing model is one clear error."""
    script = (
        "from trackwire.blocks.models.sam_video.loading import load_sam_video\n"
        "from trackwire.specs import ModelError\n"
        "try:\n    load_sam_video('facebook/sam2.1-hiera-tiny')\n"
        "except ModelError as error:\n    print(error.code, error)\n"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    env = os.environ | offline | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert ended.stdout.startswith("model_not_downloaded"), ended.stderr
    for way in ("HF_HUB_OFFLINE", "folder", "lite"):
        assert way in ended.stdout


def test_a_cpu_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU is warned of once."""
    from trackwire.blocks.models.sam_video import placement

    placement.warn_of_slow_cpu.cache_clear()
    with pytest.warns(placement.SlowDeviceWarning, match="@256"):
        placement.warn_of_slow_cpu()
    placement.warn_of_slow_cpu()  # a second warning would be an error here
