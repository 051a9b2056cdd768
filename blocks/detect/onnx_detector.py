"""Detectors in ONNX files, run by onnxruntime."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from trackwire.specs import ModelError

from ..detections import DEFAULT_CLASS_NAME
from .description import OnnxDescription, names_in_metadata, read_description, read_names
from .detector import Candidates, DetectOptions, wanted_classes
from .found import build_found, cut_to_frame
from .layouts import LAYOUTS, OutputShape, recognise
from .letterbox import Fit, Preparation, prepare
from .masks import draw_masks
from .reading import Heads, Reading
from .suppression import choose

if TYPE_CHECKING:
    import supervision as sv

    from ..frame import Frame

__all__ = ["OnnxDetector", "load_onnx_detector"]

_LARGEST_BATCH: Final = 16  # pictures of one call, so that memory has a bound
_INPUT_TYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
_LOADED: Final[WeakValueDictionary[tuple[object, ...], OnnxDetector]] = WeakValueDictionary()
_LOADING: Final = threading.Lock()


class OnnxDetector:
    """A detector in an ONNX file.

    Args:
        path: The file.
        description: What the file does not tell.
        names: Names of classes that replace all others; None for those of the description or of
            the file's metadata.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises:
        ModelError: There is no such file, it is no graph that takes pictures, its outputs are not
            those of a detector, or the device is not there.
    """

    def __init__(
        self,
        path: Path,
        description: OnnxDescription,
        names: Sequence[str] | None = None,
        device: str = "auto",
    ) -> None:
        self._path = path
        self._session = _open(path, device)
        self._input, self._batch, size_wh = _picture_input(path, self._session, description)
        self._dtype = _INPUT_TYPES[self._input.type]
        metadata = self._session.get_modelmeta().custom_metadata_map
        given, sparse = _given_names(names, description, metadata)
        self._reading = self._recognise(size_wh, description, None if sparse else len(given))
        self._names = _all_names(path, given, self._reading.classes, sparse=sparse)
        settings = {**LAYOUTS[self._reading.layout].preparation, **description.preparation()}
        self._how = Preparation(size_wh, **settings)
        _check_margin(path, self._how)

    @property
    def class_names(self) -> Mapping[int, str]:
        """See :attr:`Detector.class_names`."""
        return self._names

    @property
    def provider(self) -> str:
        """See :attr:`Detector.provider`."""
        return str(self._session.get_providers()[0])

    @property
    def makes_masks(self) -> bool:
        """See :attr:`Detector.makes_masks`."""
        return LAYOUTS[self._reading.layout].masks

    @property
    def layout(self) -> str:
        """How the outputs are read, such as ``yolov8``."""
        return self._reading.layout

    @property
    def preparation(self) -> Preparation:
        """What is done to pictures."""
        return self._how

    @property
    def batch(self) -> int | None:
        """Pictures the graph takes at a time; None for any number."""
        return self._batch

    def detect(
        self, frames: Sequence[Frame], options: Sequence[DetectOptions], producer: str
    ) -> list[sv.Detections]:
        """See :meth:`Detector.detect`."""
        wanted = [wanted_classes(self._names, each.class_filter) for each in options]
        overlapping = LAYOUTS[self._reading.layout].overlapping
        step = self._batch or _LARGEST_BATCH
        results: list[sv.Detections] = []
        for start in range(0, len(frames), step):
            part = frames[start : start + step]
            heads, fits = self._look(part)
            for index, (frame, fit) in enumerate(zip(part, fits, strict=True)):
                asked = options[start + index]
                mine = [head[index] for head in heads]
                found = self._reading.decode(mine, self._how.size_wh, asked.confidence)
                found = choose(found, asked, wanted[start + index], overlapping=overlapping)
                found = cut_to_frame(replace(found, xyxy=fit.to_frame(found.xyxy)), fit.frame_wh)
                mask = None
                if asked.masks and self.makes_masks:
                    found, mask = self._masks(mine, found, fit, asked.mask_detail)
                results.append(build_found(frame, found, self._names, producer, mask))
        return results

    def _look(self, frames: Sequence[Frame]) -> tuple[list[NDArray[np.float32]], list[Fit]]:
        blob, fits = prepare([frame.image for frame in frames], self._how)
        missing = (self._batch or len(blob)) - len(blob)
        if missing:  # the graph takes no fewer
            blob = np.concatenate([blob, np.zeros((missing, *blob.shape[1:]), np.float32)])
        outputs = self._run(blob)
        return [outputs[index] for index in self._reading.outputs], fits

    def _run(self, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            outputs = self._session.run(
                None, {self._input.name: blob.astype(self._dtype, copy=False)}
            )
        except Exception as error:  # its errors share no base but Exception
            raise ModelError(
                f"{self._path}: the network failed on an input of {blob.shape}: {error}; a size "
                "it takes belongs into input_size of the description",
                code="detector_failed",
                path=str(self._path),
            ) from error
        return [np.asarray(each, np.float32) for each in outputs]

    def _recognise(
        self, size_wh: tuple[int, int], description: OnnxDescription, names: int | None
    ) -> Reading:
        width, height = size_wh
        outputs = self._run(np.zeros((self._batch or 1, 3, height, width), np.float32))
        shapes = [
            OutputShape(each.name, output.shape)
            for each, output in zip(self._session.get_outputs(), outputs, strict=True)
        ]
        return recognise(
            shapes, size_wh, where=str(self._path), named=description.layout, classes=names or None
        )

    def _masks(
        self, heads: Heads, found: Candidates, fit: Fit, detail: float
    ) -> tuple[Candidates, sv.CompactMask]:
        """Boxes in pixels of the frame that hold something, and what."""
        logits = self._reading.mask_logits(heads, found)
        masks = draw_masks(logits, found.xyxy, fit, self._how.size_wh, detail)
        there = np.flatnonzero(np.asarray(masks.area, np.int64).reshape(len(found)) > 0)
        return found.pick(there), masks[there]


def load_onnx_detector(
    path: Path,
    *,
    device: str = "auto",
    description_file: Path | None = None,
    names_file: Path | None = None,
) -> OnnxDetector:
    """Load a detector, or share it with whoever holds the same one in this process.

    Args:
        path: The ONNX file.
        device: Where it runs.
        description_file: Its description; None for the file beside it that ends in ``.json``.
        names_file: Names of its classes, one in each line; None for those of the description or
            of the metadata.

    Raises:
        ModelError: One of the files is missing or not what it should be, or the device is not
            there.
    """
    if not path.is_file():
        raise ModelError(
            f"there is no detector at {path.absolute()}; a relative path starts at the folder of "
            "the specification",
            code="model_not_found",
            path=str(path),
        )
    description = read_description(path, description_file)
    names = None if names_file is None else read_names(names_file)
    status = path.stat()
    key = (
        path.resolve(),
        status.st_mtime_ns,
        status.st_size,
        device,
        description.model_dump_json(),
        tuple(names or ()),
    )
    with _LOADING:
        loaded = _LOADED.get(key)
        if loaded is None:
            loaded = _LOADED[key] = OnnxDetector(path, description, names, device)
        return loaded


def _open(path: Path, device: str) -> Any:
    import onnxruntime as ort

    providers = _providers(device, ort.get_available_providers())
    options = ort.SessionOptions()
    options.log_severity_level = 3  # it warns on stderr of weights that are declared as inputs
    # Idle workers must not spin: they would take the core from the other steps.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # its errors share no base but Exception
        raise ModelError(
            f"{path} cannot be loaded as an ONNX model: {error}; export the detector to ONNX anew",
            code="detector_format",
            path=str(path),
        ) from error
    used = session.get_providers()[0]
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if device != "auto" and used != wanted:
        raise ModelError(
            f"onnxruntime cannot use {wanted} for device {device!r} here, it took {used}; check "
            "the driver and its libraries, or choose the device 'cpu' or 'auto'",
            code="model_device",
            device=device,
        )
    return session


def _providers(device: str, available: Sequence[str]) -> list[Any]:
    kind, _, number = device.partition(":")
    names = {
        "cpu": "CPUExecutionProvider",
        "cuda": "CUDAExecutionProvider",
        "mps": "CoreMLExecutionProvider",
    }
    if kind == "auto":
        kind = "cuda" if names["cuda"] in available else "cpu"
    name = names.get(kind)
    if name not in available or (number and not number.isdigit()):
        raise ModelError(
            f"this onnxruntime has no device {device!r}; it offers {', '.join(available)}, and "
            "devices are auto, cpu, cuda, cuda:N and mps; for cuda install onnxruntime-gpu in the "
            "place of onnxruntime",
            code="model_device",
            device=device,
        )
    first = (name, {"device_id": int(number)}) if number and kind == "cuda" else name
    return [first] if kind == "cpu" else [first, names["cpu"]]


def _picture_input(
    path: Path, session: Any, description: OnnxDescription
) -> tuple[Any, int | None, tuple[int, int]]:
    """The input, how many pictures it takes (None for any number), and their width and height."""
    inputs: list[Any] = session.get_inputs()
    found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    if len(inputs) != 1 or not _takes_pictures(inputs[0]):
        raise ModelError(
            f"{path} does not take pictures as detectors do: found the inputs {found}; allowed is "
            f"one of shape (batch, 3, height, width) and of type {' or '.join(_INPUT_TYPES)}",
            code="detector_input",
            path=str(path),
        )
    batch, _, high, wide = (each if isinstance(each, int) else None for each in inputs[0].shape)
    asked = description.input_size or _size_in_metadata(session) or (0, 0)
    size = (wide or asked[0], high or asked[1])
    if not all(size):
        raise ModelError(
            f"{path} takes pictures of any size: found {found}; write input_size, such as "
            f'{{"input_size": [640, 640]}}, into {path.with_suffix(".json")}',
            code="detector_input",
            path=str(path),
        )
    if description.input_size not in (None, size):
        raise ModelError(
            f"{path} takes pictures of {size[0]}x{size[1]} only, and its description asks for "
            f"input_size {list(asked)}; leave it out",
            code="detector_input",
            path=str(path),
        )
    return inputs[0], batch, size


def _takes_pictures(declared: Any) -> bool:
    shape = declared.shape
    channels = shape[1] if len(shape) == 4 else 0
    return declared.type in _INPUT_TYPES and (channels == 3 or isinstance(channels, str | None))


def _size_in_metadata(session: Any) -> tuple[int, int] | None:
    """Width and height that the exporter wrote down, as ``[height, width]``."""
    text = session.get_modelmeta().custom_metadata_map.get("imgsz", "")
    parts = text.strip("[]() ").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        return None
    return int(parts[1]), int(parts[0])


def _given_names(
    names: Sequence[str] | None, description: OnnxDescription, metadata: Mapping[str, str]
) -> tuple[dict[int, str], bool]:
    """Names by id, and whether some may be left out, as in a description that names ids."""
    described = description.class_names
    if names is not None:
        return dict(enumerate(names)), False
    if isinstance(described, dict):
        return described, True
    if described:
        return dict(enumerate(described)), False
    return names_in_metadata(metadata), False


def _all_names(
    path: Path, given: dict[int, str], classes: int | None, *, sparse: bool
) -> dict[int, str]:
    """Names for all classes of a network; empty where neither names nor classes are known."""
    if classes is None:
        return given
    if not given and classes == 1:
        return {0: DEFAULT_CLASS_NAME}
    outside = sorted(set(given) - set(range(classes)))
    if outside or (given and not sparse and len(given) != classes):
        raise ModelError(
            f"{path} tells {classes} classes apart, and {len(given)} names are given, for the ids "
            f"{min(given)} to {max(given)}; give one for each id from 0 to {classes - 1}, in "
            "class_names of the description or in the names file",
            code="detector_description",
            path=str(path),
        )
    return {number: given.get(number, f"class_{number}") for number in range(classes)}


def _check_margin(path: Path, how: Preparation) -> None:
    if how.margin >= min(how.size_wh):
        raise ModelError(
            f"{path}: its description asks for a margin of {how.margin} in an input of "
            f"{how.size_wh[0]}x{how.size_wh[1]}; it must be smaller than both sides",
            code="detector_description",
            path=str(path),
        )
