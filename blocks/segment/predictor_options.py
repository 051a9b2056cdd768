"""What the interactive predictor is made with: checks that say how to make it right."""

from __future__ import annotations

import math
from typing import Any

from trackwire.specs import ModelError

__all__ = ["check_areas", "check_model", "check_model_id", "check_threshold"]

_CODE = "model_option"


def check_model(sam_model: Any) -> None:
    """Refuse what is no model, such as the id of one.

    Raises:
        ModelError: It neither finds masks nor follows objects.
    """
    if not hasattr(sam_model, "segment") and not hasattr(sam_model, "propagate"):
        found = repr(sam_model) if isinstance(sam_model, str) else f"a {type(sam_model).__name__}"
        given = repr(sam_model) if isinstance(sam_model, str) else "'lite'"
        raise ModelError(
            f"sam_model must be a model, found {found}; pass build_tracker({given})", code=_CODE
        )


def check_model_id(model_id: object) -> None:
    """Refuse what is no text.

    Raises:
        ModelError: It is something else.
    """
    if not isinstance(model_id, str):
        raise ModelError(
            f"model_id must be text, such as 'lite' or 'sam2video/tiny', found {model_id!r}; "
            "apply_temporal_disambiguation is given by its name",
            code=_CODE,
        )


def check_threshold(mask_threshold: float) -> None:
    """Refuse a threshold that no logit can be compared with.

    Raises:
        ModelError: It is not finite.
    """
    if not math.isfinite(mask_threshold):
        raise ModelError(
            f"mask_threshold must be a finite logit, 0.0 by default, found {mask_threshold}",
            code=_CODE,
        )


def check_areas(**areas: float) -> None:
    """Refuse areas below 0.

    Args:
        areas: By the names they have for the caller.

    Raises:
        ModelError: One is negative, or not a number.
    """
    for name, area in areas.items():
        if not area >= 0:  # which nan is not either
            raise ModelError(
                f"{name} must be 0, for none, or more low-resolution pixels, found {area}",
                code=_CODE,
            )
