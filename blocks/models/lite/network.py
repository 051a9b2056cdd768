"""The feature network: EfficientNet-Lite0 in onnxruntime, one session per process.

The network (Tan and Le, "EfficientNet", ICML 2019; the Lite variant by the TensorFlow authors,
Apache-2.0) is cut after its last stage of stride 16, which is dilated to stay at stride 8.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CHANNELS", "STRIDE", "features"]

CHANNELS = 256
STRIDE = 8
_WEIGHTS = Path(__file__).with_name("efficientnet_lite0.onnx")


@cache
def _session(threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Idle workers must not spin: they would take the core from the other steps.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(_WEIGHTS), options, providers=["CPUExecutionProvider"])


def features(crop: NDArray[np.uint8], threads: int = 1) -> NDArray[np.float32]:
    """Compute features of a square crop.

    One crop a call: on a CPU, batches of four take as long per crop as single ones (18 against
    15 ms at 320 px), and single calls keep the result of a crop independent of its neighbours.

    Args:
        crop: ``(S, S, 3)`` uint8 BGR, S a multiple of 8.
        threads: Threads of the session that is used; each number has its own session.

    Returns:
        ``(256, S / 8 * S / 8)`` float32, row-major over the cells.
    """
    import cv2

    blob = cv2.dnn.blobFromImage(crop, 1 / 128, mean=(127, 127, 127), swapRB=True)
    result: NDArray[np.float32] = _session(threads).run(None, {"image": blob})[0]
    return result.reshape(CHANNELS, -1)
