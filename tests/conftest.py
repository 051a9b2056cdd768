"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trackwire.blocks import Frame, VideoMetadata

# No test asks the network for weights. The hub's client reads this once, when it is imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., Frame]:
    """Make frames: ``make_frame(stream="a", number=3, epoch=0, size_wh=(64, 48), image=None)``."""

    def make(
        stream: str = "cam",
        number: int = 0,
        *,
        epoch: int = 0,
        size_wh: tuple[int, int] = (64, 48),
        image: np.ndarray | None = None,
    ) -> Frame:
        if image is None:
            image = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
        video = VideoMetadata(
            video_identifier=stream,
            source_id=0,
            frame_number=number,
            epoch=epoch,
            media_time_s=None,
            frame_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
            received_s=0.0,
        )
        return Frame(image, video)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real clips beside the repository; tests that need it skip where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the evaluation clips (../shared/data) are not on this machine")
    return _SHARED_DATA


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that is empty, whatever was downloaded on this machine; its folder."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))  # for programs that a test starts
    if find_spec("huggingface_hub") is not None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


@pytest.fixture
def write_graph(tmp_path: Path) -> Callable[..., Path]:
    """Write a detector that puts out fixed arrays: ``write_graph({"output0": array})``.

    ``bright`` names outputs to which the mean of the input, 0-1, is added where its array is 1.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(
        outputs: Mapping[str, NDArray[Any]],
        *,
        bright: Mapping[str, NDArray[Any]] | None = None,
        shape: tuple[int | str, ...] = ("batch", 3, 64, 64),
        metadata: Mapping[str, str] | None = None,
        name: str = "detector.onnx",
        elem_type: int = TensorProto.FLOAT,
    ) -> Path:
        nodes = [
            helper.make_node("Cast", ["images"], ["as_float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["as_float"], ["mean4"], axes=[1, 2, 3]),
            helper.make_node("Squeeze", ["mean4", "last"], ["mean3"]),
        ]
        constants = [numpy_helper.from_array(np.array([3], np.int64), "last")]
        declared = []
        for output, array in outputs.items():
            weight = (bright or {}).get(output, np.zeros_like(array))
            for part, value in ((f"{output}_w", weight), (f"{output}_c", array)):
                constants.append(numpy_helper.from_array(value.astype(np.float32)[None], part))
            mean = f"mean{array.ndim + 1}"
            nodes.append(helper.make_node("Mul", [mean, f"{output}_w"], [f"{output}_m"]))
            nodes.append(helper.make_node("Add", [f"{output}_m", f"{output}_c"], [output]))
            declared.append(
                helper.make_tensor_value_info(output, TensorProto.FLOAT, [None] * (array.ndim + 1))
            )
        taken = helper.make_tensor_value_info("images", elem_type, shape)
        graph = helper.make_graph(nodes, "detector", [taken], declared, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(model, dict(metadata or {}))
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write
