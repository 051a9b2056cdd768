"""However the image encoder runs, it finds the same."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from trackwire.specs import ModelError

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

FAMILIES = ("sam2video", "edgetam", "sam3trackervideo")


@pytest.fixture
def load() -> Any:
    """The loader."""
    from trackwire.blocks.models.sam_video.loading import load_sam_video

    return load_sam_video


def features(lab: Any, model: Any) -> list[Any]:
    """The feature maps of two frames in one batch, level by level, in float32."""
    found = model.encode([lab.frame(0, (96, 72)), lab.frame(5, (80, 60), seed=1)])
    return [level.float() for frame in found for level in (*frame.fine, frame.top)]


def deviation(found: list[Any], expected: list[Any]) -> float:
    """Largest difference, as a share of the largest value of its level."""
    pairs = zip(found, expected, strict=True)
    return max(float((one - two).abs().max() / two.abs().max()) for one, two in pairs)


@pytest.mark.parametrize("name", FAMILIES)
def test_openvino_finds_what_torch_finds(lab: Any, load: Any, tmp_path: Any, name: str) -> None:
    """In float32 to 1e-4 of the largest value; in bfloat16 as far as that type carries."""
    pytest.importorskip("openvino", reason="openvino is not installed (the extra 'openvino')")
    lab.calm_module(name).save_pretrained(tmp_path)
    options = {"device": "cpu", "dtype": "float32"}
    expected = features(lab, load(str(tmp_path), **options))
    taken_over = features(lab, load(str(tmp_path), encoder="openvino", **options))
    assert deviation(taken_over, expected) < 1e-4
    coarse = load(str(tmp_path), device="cpu", dtype="bfloat16", encoder="openvino")
    assert coarse.network.dtype is torch.bfloat16
    assert deviation(features(lab, coarse), expected) < 0.1


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_compiled_encoder_finds_what_torch_finds(lab: Any, load: Any, tmp_path: Any) -> None:
    """To 1e-4 of the largest value, for one picture and then for two at once."""
    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("compiling for a CPU needs a C++ compiler, and none is installed")
    lab.calm_module("sam2video").save_pretrained(tmp_path)
    options = {"device": "cpu", "dtype": "float32"}
    eager = load(str(tmp_path), **options)
    compiled = load(str(tmp_path), encoder="compiled", **options)
    for count in (1, 2):
        images = [lab.frame(number) for number in range(count)]
        for one, two in zip(compiled.encode(images), eager.encode(images), strict=True):
            assert deviation([*one.fine, one.top], [*two.fine, two.top]) < 1e-4


def test_the_environment_chooses_for_a_machine(
    lab: Any, load: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document stays the same on every machine; what suits one is said outside of it."""
    pytest.importorskip("openvino", reason="openvino is not installed (the extra 'openvino')")
    lab.calm_module("sam2video").save_pretrained(tmp_path)
    monkeypatch.setenv("TRACKWIRE_SAM_ENCODER", "openvino")
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "bfloat16")
    model = load(str(tmp_path), device="cpu")
    assert model.network.dtype is torch.bfloat16
    assert not isinstance(model.network.encoder, torch.nn.Module)
    argued = load(str(tmp_path), device="cpu", dtype="float32", encoder="torch")
    assert argued.network.dtype is torch.float32
    assert isinstance(argued.network.encoder, torch.nn.Module)


def test_models_loaded_under_other_options_are_not_shared(
    lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for another number type gets another model."""
    from trackwire.blocks.models.catalog import load_video_model
    from trackwire.specs import Resources

    lab.calm_module("edgetam").save_pretrained(tmp_path)
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "float32")
    one = load_video_model(str(tmp_path), Resources(device="cpu"))
    monkeypatch.setenv("TRACKWIRE_SAM_DTYPE", "bfloat16")
    two: Any = load_video_model(str(tmp_path), Resources(device="cpu"))
    assert one is not two
    assert two.wrapped.network.dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("name", "device", "code"),
    [
        ("onnx", "cpu", "model_option"),  # no such way
        ("openvino", "cuda", "model_option"),  # a way of the CPU only
    ],
)
def test_an_encoder_that_cannot_run_is_refused(name: str, device: str, code: str) -> None:
    """Before weights are read, with what would do."""
    from trackwire.blocks.models.sam_video.encoders import check_encoder

    with pytest.raises(ModelError, match="torch") as caught:
        check_encoder(name, torch.device(device))
    assert caught.value.code == code


def test_compiling_without_a_compiler_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not a trace of the compiler's on the first frame."""
    from trackwire.blocks.models.sam_video.encoders import check_encoder

    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="g\\+\\+") as caught:
        check_encoder("compiled", torch.device("cpu"))
    assert caught.value.code == "model_needs"
