"""Rule 2: which detections are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..identity_options import IdentityOptions

__all__ = ["ignore_reasons"]


def ignore_reasons(
    confidence: NDArray[np.float32],
    xyxy: NDArray[np.float32],
    class_name: NDArray[np.str_],
    options: IdentityOptions,
) -> NDArray[np.str_]:
    """Rule 2: tell why detections are not looked at.

    Args:
        confidence: ``(M,)`` 0-1.
        xyxy: ``(M, 4)`` boxes, pixels.
        class_name: ``(M,)`` names.
        options: ``min_prompt_confidence``, ``prompt_nms_iou``, ``class_agnostic``.

    Returns:
        ``(M,)`` ``low_confidence``, ``suppressed``, or empty for a detection that counts.
    """
    reasons = np.where(confidence >= options.min_prompt_confidence, "", "low_confidence")
    kept = np.flatnonzero(reasons == "")
    if options.prompt_nms_iou is None or len(kept) < 2:
        return reasons
    import supervision as sv

    columns: list[NDArray[Any]] = [xyxy[kept], confidence[kept, None]]
    if not options.class_agnostic:
        columns.append(np.unique(class_name[kept], return_inverse=True)[1].reshape(-1, 1))
    survivors = sv.box_non_max_suppression(np.hstack(columns), options.prompt_nms_iou)
    reasons[kept[~survivors]] = "suppressed"
    return reasons
