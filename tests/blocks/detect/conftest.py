"""Hand-made graphs: what they put out is known to the pixel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """Small random detectors of the hub and the library's own way of running them."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason=f"{library} is not installed (the extra 'hub')")
    spec = spec_from_file_location("hub_lab", Path(__file__).with_name("hub_lab.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["hub_lab"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def saved(lab: Any, tmp_path_factory: Any) -> Callable[[str], Path]:
    """The folder of a small detector of a family, saved once: ``saved("rt_detr")``."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = lab.save(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return folder


@pytest.fixture
def write_graph(tmp_path: Path) -> Callable[..., Path]:
    """Write a graph that puts out fixed arrays: ``write_graph({"output0": array})``.

    ``bright`` names outputs to which the mean of the input, 0-1, is added where its array is 1.
    """

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
