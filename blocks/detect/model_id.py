"""From a ``model_id`` to a loaded detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackwire.specs import ModelError, Resources

if TYPE_CHECKING:
    from .detector import Detector

__all__ = ["HUB", "ONNX", "load_detector"]

ONNX: Final = "onnx:"
"""Start of the id of a detector in an ONNX file."""
HUB: Final = "hub:"
"""Start of the id of a detector of the hub, or of a folder that holds the files of one."""


def load_detector(
    model_id: str,
    resources: Resources,
    *,
    names_file: str | None = None,
    description_file: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Detector:
    """Load a detector by its id, or share it with whoever holds it in this process.

    Args:
        model_id: ``onnx:`` and a path; ``hub:`` and a repository of the hub or a folder; an id
            such as ``rfdetr-nano`` or ``yolov8n-640`` where the package is installed.
        resources: Relative paths start at ``base_directory``; ``device`` says where it runs.
        names_file: Names of the classes of an ONNX file, one in each line.
        description_file: Description of an ONNX file.
        class_names: What an open vocabulary detector shall find; of any other the classes it
            shall find, None for all.

    Raises:
        BlockError: The detector does not know one of ``class_names``, or needs some.
        ModelError: No detector has such an id, or it cannot be loaded.
    """
    from .narrowed import NarrowedDetector

    name = model_id.strip()
    if not name.startswith(ONNX):
        _refuse_files(name, names_file=names_file, description_file=description_file)
    detector = (
        _load_hub(name, resources, class_names)
        if name.startswith(HUB)
        else _load_closed(name, resources, names_file, description_file)
    )
    if class_names is None or _is_open(detector):
        return detector
    return NarrowedDetector(detector, class_names)


def _load_hub(model_id: str, resources: Resources, class_names: Sequence[str] | None) -> Detector:
    from .hub.hub_detector import load_hub_detector

    source = model_id.removeprefix(HUB).strip()
    if not source:
        raise _unknown(model_id)
    return load_hub_detector(
        source,
        base_directory=resources.base_directory,
        device=resources.device,
        class_names=class_names,
    )


def _load_closed(
    model_id: str, resources: Resources, names_file: str | None, description_file: str | None
) -> Detector:
    if model_id.startswith(ONNX) and model_id.removeprefix(ONNX).strip():
        from .onnx_detector import load_onnx_detector

        def place(path: str) -> Path:
            return (resources.base_directory or Path()) / Path(path).expanduser()

        return load_onnx_detector(
            place(model_id.removeprefix(ONNX).strip()),
            device=resources.device,
            names_file=None if names_file is None else place(names_file),
            description_file=None if description_file is None else place(description_file),
        )
    from .packages.loading import load_packaged_detector

    detector = None
    if model_id and not model_id.startswith(ONNX):
        detector = load_packaged_detector(model_id, resources.device)
    if detector is None:
        raise _unknown(model_id)
    return detector


def _is_open(detector: Detector) -> bool:
    return bool(getattr(detector, "open_vocabulary", False))


def _refuse_files(model_id: str, **files: str | None) -> None:
    given = [name for name, path in files.items() if path is not None]
    if given:
        raise ModelError(
            f"{' and '.join(given)} cannot be used with the detector {model_id!r}, which brings "
            f"its own names and description; allowed with {ONNX}PATH only: leave "
            f"{'it' if len(given) == 1 else 'them'} out",
            code="detector_description",
            model_id=model_id,
        )


def _unknown(model_id: str) -> ModelError:
    return ModelError(
        f"no loader for the detector {model_id!r}. A detector's id is onnx:PATH, such as "
        "onnx:models/yolo11n.onnx; or hub:OWNER/NAME or hub:FOLDER of a detector of the Hugging "
        "Face hub, such as hub:PekingU/rtdetr_v2_r18vd; or an id such as rfdetr-nano or "
        "yolov8n-640 where the package that runs it is installed. Ways on: export the model to "
        "ONNX; or put trackwire/motion_detection@v1 in the place of this step to find what moves, "
        "or trackwire/replayed_detections@v1 with path to a file of detections made elsewhere, "
        "and wire its predictions",
        code="detector_unavailable",
        model_id=model_id,
    )
