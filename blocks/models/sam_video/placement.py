"""Where a model runs and in which type of number."""

from __future__ import annotations

import time
import warnings
from functools import cache
from typing import TYPE_CHECKING, Literal

from trackwire.specs import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["DtypeName", "SlowDeviceWarning", "choose_device", "choose_dtype", "warn_of_slow_cpu"]

DtypeName = Literal["auto", "float32", "bfloat16"]

_QUICK_SIZE = 256  # up to this side a CPU follows an object at several frames per second


class SlowDeviceWarning(UserWarning):
    """A model runs where it takes seconds per frame."""


def choose_device(name: str) -> torch.device:
    """Choose where a model runs.

    Args:
        name: ``auto`` for the best there is, or a device of torch such as ``cuda:1`` or ``cpu``.

    Raises:
        ModelError: There is no such device on this machine.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, found in there.items() if found), "cpu"))
    usable = [*(kind for kind, found in there.items() if found), "cpu"]
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise _no_device(name, usable) from error
    past_the_last = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if device.type not in usable or past_the_last:
        raise _no_device(name, usable)
    return device


def _no_device(name: str, usable: list[str]) -> ModelError:
    return ModelError(
        f"there is no device {name!r} on this machine; usable: auto, {', '.join(usable)}",
        code="model_device",
        device=name,
    )


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Choose the type of a model's numbers.

    Args:
        name: One of ``DtypeName``; ``auto`` for what is quick and good enough on the device:
            bfloat16 on CUDA, and on a CPU that multiplies matrices at least a quarter faster
            in it than in float32, which is tried once; float32 elsewhere.
        device: Where the model runs.

    Raises:
        ModelError: The name is unknown.
    """
    import torch

    named = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name in named:
        return named[name]
    if name != "auto":
        raise ModelError(
            f"unknown dtype {name!r}; allowed: auto, {', '.join(named)}", code="model_dtype"
        )
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and _bfloat16_is_quicker():
        return torch.bfloat16
    return torch.float32


@cache
def _bfloat16_is_quicker() -> bool:
    """Try both on this CPU: some compute bfloat16 in hardware, others emulate it slowly."""
    import torch

    def best_s(dtype: torch.dtype) -> float:
        matrix = torch.ones((384, 384), dtype=dtype)
        took = []
        with torch.inference_mode():
            for _ in range(4):  # the first one also warms up
                start = time.perf_counter()
                torch.mm(matrix, matrix)
                took.append(time.perf_counter() - start)
        return min(took)

    return best_s(torch.bfloat16) < 0.8 * best_s(torch.float32)


@cache
def warn_of_slow_cpu() -> None:
    """Say once per process what a large picture costs on a CPU."""
    warnings.warn(
        "Segment Anything runs on the CPU: at 1024 pixels the smallest model takes about 3-8 "
        "seconds per frame and object. A smaller picture is quicker, at the price of detail: "
        "add '@512' (about 0.5 s) or '@256' (about 0.13 s) to the model_id, or use 'lite', or "
        "a GPU.",
        SlowDeviceWarning,
        stacklevel=3,
    )


def is_slow(device: torch.device, image_size: int) -> bool:
    """Whether a model of this size keeps its user waiting on the device."""
    return device.type == "cpu" and image_size > _QUICK_SIZE
