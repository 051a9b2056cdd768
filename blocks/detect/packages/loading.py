"""Which package runs a detector's id, and what to do where none is installed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final
from weakref import WeakValueDictionary

from trackwire.specs import ModelError

from .packaged_detector import PackagedDetector, PackagedModel
from .rfdetr_package import RFDETR_CLASSES
from .ultralytics_package import YOLO_ID

__all__ = ["is_packaged", "load_packaged_detector"]

_LOADED: Final[WeakValueDictionary[tuple[str, str], PackagedDetector]] = WeakValueDictionary()
_LOADING: Final = threading.Lock()
_EXPORT: Final = "export the detector to ONNX and write onnx:PATH"


def load_packaged_detector(model_id: str, device: str = "auto") -> PackagedDetector | None:
    """Load a detector that a package brings, or share it with whoever holds it in this process.

    Args:
        model_id: Such as ``rfdetr-nano`` or ``yolov8n-640``.
        device: ``auto``, or a device of torch.

    Returns:
        The detector; None where the id is not of such a form and no package may know it.

    Raises:
        ModelError: No package that runs it is installed, or the package cannot load it.
    """
    with _LOADING:
        loaded = _LOADED.get((model_id, device))
        if loaded is not None:
            return loaded
        package = _package(model_id)
        if package is None:
            return None
        loaded = PackagedDetector(_load(package, model_id, device), model_id)
        _LOADED[model_id, device] = loaded
        return loaded


def is_packaged(model_id: str) -> bool:
    """Whether an id has the form of those that packages run, installed or not."""
    return model_id.startswith("rfdetr-") or YOLO_ID.fullmatch(model_id) is not None


def _package(model_id: str) -> str | None:
    """Name of the module that loads it; None where none may know the id."""
    if model_id in RFDETR_CLASSES and find_spec("rfdetr") is not None:
        return "rfdetr"
    if find_spec("inference_models") is not None:
        return "inference_models"
    if YOLO_ID.fullmatch(model_id) is not None:
        if find_spec("ultralytics") is not None:
            return "ultralytics"
        raise _missing(
            model_id,
            f"{_EXPORT}; or pip install inference-models; or pip install ultralytics, whose code "
            "and weights are under the AGPL-3.0 unless you buy another licence: it asks whoever "
            "offers a service with them to publish the source of the whole program; or take "
            "hub:PekingU/rtdetr_v2_r18vd, which is under the Apache-2.0",
        )
    if model_id.startswith("rfdetr-"):
        if model_id not in RFDETR_CLASSES:
            raise ModelError(
                f"there is no detector {model_id!r}; those of the package rfdetr are "
                f"{', '.join(RFDETR_CLASSES)}",
                code="detector_unavailable",
                model_id=model_id,
            )
        raise _missing(
            model_id, f"pip install rfdetr; or pip install inference-models; or {_EXPORT}"
        )
    return None


def _missing(model_id: str, ways_on: str) -> ModelError:
    return ModelError(
        f"the detector {model_id!r} needs a package that is not installed. Ways on: {ways_on}",
        code="detector_unavailable",
        model_id=model_id,
    )


def _load(package: str, model_id: str, device: str) -> PackagedModel:
    try:
        return _maker(package)(model_id, device)
    except ModelError:
        raise
    except Exception as error:  # what packages raise shares no base but Exception
        raise ModelError(
            f"the package {package} cannot load the detector {model_id!r}: "
            f"{type(error).__name__}: {error}; its own documentation says more. Or {_EXPORT}",
            code="detector_package",
            model_id=model_id,
            package=package,
        ) from error


def _maker(package: str) -> Callable[[str, str], PackagedModel]:
    if package == "rfdetr":
        from .rfdetr_package import RfdetrModel

        return RfdetrModel
    if package == "inference_models":
        from .inference_package import InferenceModel

        return InferenceModel
    from .ultralytics_package import UltralyticsModel

    return UltralyticsModel
