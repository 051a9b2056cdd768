"""Ways to run the image encoder: by torch, compiled by torch, or by OpenVINO.

The encoder is the one part whose shapes do not change while a stream runs: its pictures are
always square and of one size. What follows it sees objects come and go and memories fill up, so
it would be compiled again and again, and stays with torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Any, Literal, get_args

from trackwire.specs import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["EncoderName", "accelerate", "check_encoder"]

EncoderName = Literal["torch", "compiled", "openvino"]

Maps = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]
Encode = Callable[["torch.Tensor"], Maps]


def check_encoder(name: str, device: torch.device) -> EncoderName:
    """Refuse an encoder that cannot run here, before weights are read.

    Args:
        name: One of ``EncoderName``.
        device: Where the model runs.

    Returns:
        The name.

    Raises:
        ModelError: The name is unknown, a package or compiler is missing, or the device is wrong.
    """
    known: dict[str, EncoderName] = {each: each for each in get_args(EncoderName)}
    if name not in known:
        raise ModelError(
            f"unknown image encoder {name!r}; allowed: {', '.join(known)}", code="model_option"
        )
    if name == "openvino" and device.type != "cpu":
        raise ModelError(
            f"the OpenVINO image encoder runs on the CPU, and the model is to run on {device}; "
            f"choose device 'cpu', or the encoder 'torch' or 'compiled'",
            code="model_option",
        )
    if name == "openvino" and find_spec("openvino") is None:
        raise ModelError(
            "the image encoder 'openvino' needs a package: pip install 'trackwire[openvino]'",
            code="model_needs",
            missing=("openvino",),
        )
    if name == "compiled" and device.type == "cpu" and not (which("g++") or which("clang++")):
        raise ModelError(
            "compiling for a CPU needs a C++ compiler, and neither g++ nor clang++ was found: "
            "install one (Debian: apt-get install g++), or choose the encoder 'torch'",
            code="model_needs",
            missing=("g++",),
        )
    return known[name]


def accelerate(
    name: EncoderName, encoder: torch.nn.Module, image_size: int, dtype: torch.dtype
) -> Encode:
    """Choose how an image encoder runs.

    Args:
        name: How; see ``check_encoder``.
        encoder: Takes ``(B, 3, S, S)`` normalised RGB and gives three feature maps.
        image_size: S.
        dtype: Type of the encoder's numbers.

    Returns:
        A function that takes and gives what ``encoder`` does.

    Raises:
        ModelError: OpenVINO cannot take the encoder over.
    """
    if name == "torch":
        return encoder
    if name == "openvino":
        return _OpenVinoEncoder(encoder, image_size, dtype)
    import torch

    # A second batch size, as when a stream joins, is compiled for all further ones at once.
    compiled: Encode = torch.compile(encoder)
    return compiled


class _OpenVinoEncoder:
    """The image encoder as OpenVINO runs it on the CPU.

    Args:
        encoder: The encoder as torch has it; its weights are copied.
        image_size: Side of the pictures, pixels.
        dtype: bfloat16 lets OpenVINO compute in it; inputs and outputs are converted.
    """

    def __init__(self, encoder: torch.nn.Module, image_size: int, dtype: torch.dtype) -> None:
        import openvino as ov
        import torch

        self._dtype = dtype
        graph = _translate(encoder, torch.zeros((1, 3, image_size, image_size)))
        precision = "bf16" if dtype is torch.bfloat16 else "f32"
        self._model = ov.Core().compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            },
        )

    def __call__(self, pictures: torch.Tensor) -> Maps:
        """Encode one picture after the other: on a CPU a batch gains nothing."""
        import torch

        rows = [self._one(picture[None]) for picture in pictures]
        finest, finer, top = (torch.cat(level) for level in zip(*rows, strict=True))
        return finest, finer, top

    def _one(self, picture: torch.Tensor) -> Sequence[torch.Tensor]:
        import torch

        # The runtime writes the next result over this one, hence the copy.
        found = self._model(picture.float().numpy(), share_outputs=True)
        maps = [torch.from_numpy(found[index]) for index in range(3)]
        return [level.to(self._dtype, copy=True) for level in maps]


def _translate(encoder: torch.nn.Module, example: torch.Tensor) -> Any:
    """Turn the encoder into a graph of OpenVINO.

    The front end is asked directly: ``openvino.convert_model`` does the same, but reports to its
    makers over the network that it was used.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    try:
        with torch.no_grad(), warnings.catch_warnings():
            # OpenVINO itself still reads traced modules, and is louder about exported ones.
            warnings.simplefilter("ignore")
            trace: Any = torch.jit.trace
            traced = trace(deepcopy(encoder).float(), example, check_trace=False)
            front = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced)  # named: the graph does not keep it alive
            loaded = front.load(decoder)
            return front.convert(loaded)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO cannot take the image encoder over ({error}); choose the encoder 'torch'",
            code="model_option",
        ) from error
