"""Lets torchvision be imported beside a build of torch that its compiled part does not fit.

The wheel of torchvision on the public index is built for torch with CUDA. Beside the CPU build its
operators cannot be loaded, and importing it fails where it registers their shapes. Nothing that is
tested here calls them: it is enough that their names are known. Where torchvision works as it is,
nothing is done.
"""

from __future__ import annotations

import sys
from typing import Any

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_kept: list[Any] = []  # a torch Library forgets its operators when it is collected


def make_torchvision_importable() -> None:
    """Define torchvision's operators, without bodies, if its own cannot be loaded."""
    import torch

    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call,unused-ignore]
        for operator in _OPERATORS:
            library.define(operator)
        _kept.append(library)
        import torchvision  # noqa: F401
