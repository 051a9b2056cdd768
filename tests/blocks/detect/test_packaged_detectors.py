"""Detectors of other packages, against small stand-ins that have the packages' public interface.

The packages themselves are not part of any set of requirements of this project.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire.blocks import Frame, VideoMetadata
from trackwire.blocks.detect.detector import DetectOptions
from trackwire.blocks.detect.model_id import load_detector
from trackwire.specs import BlockError, ModelError, Resources

PACKAGES = ("rfdetr", "inference_models", "ultralytics")

RFDETR = """
import numpy as np, supervision as sv
CALLS = []
class RFDETRNano:
    def __init__(self, **options):
        CALLS.append(options)
    @property
    def class_names(self):
        return ["person", "bicycle", "car"]
    def predict(self, images, threshold=0.5, **options):
        CALLS.append((threshold, [image.shape for image in images], images[0][0, 0].tolist()))
        found = sv.Detections(
            xyxy=np.array([[1, 2, 30, 40], [5, 5, 900, 20], [50, 5, 60, 20]], np.float32),
            confidence=np.array([0.6, 0.9, threshold], np.float32),
            class_id=np.array([3, 1, 2]),
            data={"class_name": np.array(["car", "person", "bicycle"])},
        )
        return [found for _ in images]
"""
RFDETR_EARLIER = """
import numpy as np, supervision as sv
class RFDETRNano:
    def __init__(self, **options):
        self.class_names = {1: "person", 3: "car"}
    def predict(self, images, threshold=0.5):
        return sv.Detections(
            xyxy=np.array([[1, 2, 30, 40]], np.float32),
            confidence=np.array([0.6], np.float32),
            class_id=np.array([3]),
        )
"""
INFERENCE = """
CALLS = []
class Array:
    def __init__(self, values): self.values = values
    def cpu(self): return self.values
class Found:
    xyxy = Array([[1, 2, 30, 40], [5, 5, 20, 20]])
    confidence = Array([0.6, 0.9])
    class_id = Array([1, 0])
class ObjectDetectionModel:
    class_names = ["person", "car"]
    def infer(self, images, **options):
        CALLS.append((len(images), images[0][0, 0].tolist(), options))
        return [Found() for _ in images]
class Other: pass
class AutoModel:
    @classmethod
    def from_pretrained(cls, model_id, **options):
        CALLS.append((model_id, options))
        if model_id == "missing-1":
            raise RuntimeError("no such model")
        return Other() if model_id == "depth" else ObjectDetectionModel()
"""
ULTRALYTICS = """
from types import SimpleNamespace
CALLS = []
class Boxes:
    xyxy, conf, cls = [[1, 2, 30, 40]], [0.7], [2.0]
class YOLO:
    def __init__(self, weights):
        CALLS.append(weights)
        self.task = "segment" if "9s" in weights else "detect"
        self.names = {0: "person", 2: "car"}
    def predict(self, source, **options):
        CALLS.append((len(source), source[0][0, 0].tolist(), options))
        if options["imgsz"] == 13:
            raise ValueError("imgsz")
        return [SimpleNamespace(boxes=Boxes()) for _ in source]
"""


def frame(width: int = 80, height: int = 60) -> Frame:
    """A frame that is blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 200
    video = VideoMetadata("gate", 0, 0, 0, None, datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    return Frame(image, video)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put stand-ins of packages in, and take real ones out of sight."""
    from trackwire.blocks.detect.packages import loading

    stand_ins = tmp_path / "packages"
    stand_ins.mkdir()
    monkeypatch.syspath_prepend(stand_ins)
    for name in PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)

    def put(**sources: str) -> None:
        for name, source in sources.items():
            (stand_ins / f"{name}.py").write_text(source)

        def seen(name: str) -> Any:
            return find_spec(name) if name in sources else None

        monkeypatch.setattr(loading, "find_spec", seen)

    yield put
    for name in PACKAGES:
        sys.modules.pop(name, None)


def calls(name: str) -> list[Any]:
    """What the stand-in of a package was asked."""
    found: list[Any] = sys.modules[name].CALLS
    return found


def load(model_id: str, device: str = "auto", **options: Any) -> Any:
    """The detector of an id."""
    return load_detector(model_id, Resources(device=device), **options)


def test_rfdetr_runs_by_its_package(install: Callable[..., None]) -> None:
    """RGB goes in; classes are told by name, since their numbers have gaps; boxes stay inside."""
    install(rfdetr=RFDETR)
    detector = load("rfdetr-nano", "cpu")
    assert detector.class_names == {0: "person", 1: "bicycle", 2: "car"}
    assert detector.provider == "rfdetr (cpu)"
    (found,) = detector.detect([frame()], [DetectOptions(confidence=0.5)], "people")
    assert calls("rfdetr")[0] == {"device": "cpu"}
    assert calls("rfdetr")[1] == (0.5, [(60, 80, 3)], [0, 0, 200])
    assert found.xyxy.tolist() == [[5, 5, 80, 20], [1, 2, 30, 40], [50, 5, 60, 20]]
    assert list(found.data["class_name"]) == ["person", "car", "bicycle"]
    assert found.class_id.tolist() == [0, 2, 1]
    assert found.data["detection_id"][0] == "gate/0/people/0"


def test_earlier_versions_of_rfdetr_have_names_by_number(install: Callable[..., None]) -> None:
    """One picture may also give one result, not a list."""
    install(rfdetr=RFDETR_EARLIER)
    detector = load("rfdetr-nano")
    (found,) = detector.detect([frame()], [DetectOptions()], "people")
    assert found.class_id.tolist() == [3]
    assert list(found.data["class_name"]) == ["car"]


def test_inference_models_run_by_their_package(install: Callable[..., None]) -> None:
    """Options of each picture reach the package, and pictures with the same go together."""
    install(inference_models=INFERENCE)
    detector = load("yolov8n-640", "cuda:1")
    options = [DetectOptions(), DetectOptions(iou_threshold=0.7), DetectOptions()]
    found = detector.detect([frame(), frame(40, 30), frame()], options, "people")
    assert calls("inference_models")[0] == ("yolov8n-640", {"device": "cuda:1"})
    count, corner, asked = calls("inference_models")[1]
    assert (count, corner) == (2, [200, 0, 0])
    assert asked == {
        "input_color_format": "bgr",
        "confidence": 0.4,
        "iou_threshold": 0.3,
        "max_detections": 3000,
        "class_agnostic_nms": False,
    }
    assert calls("inference_models")[2][2]["iou_threshold"] == 0.7
    assert [len(each) for each in found] == [2, 2, 2]
    assert list(found[0].data["class_name"]) == ["person", "car"]
    assert found[1].xyxy.tolist() == [[5, 5, 20, 20], [1, 2, 30, 30]]


def test_ultralytics_runs_what_its_user_installed(install: Callable[..., None]) -> None:
    """The id says weights and size; it comes after inference-models."""
    install(ultralytics=ULTRALYTICS)
    detector = load("yolov8n-640", "cpu")
    (found,) = detector.detect([frame()], [DetectOptions(max_candidates=7)], "people")
    weights, (count, corner, asked) = calls("ultralytics")
    assert (weights, count, corner) == ("yolov8n.pt", 1, [200, 0, 0])
    assert asked == {
        "imgsz": 640,
        "conf": 0.4,
        "iou": 0.3,
        "max_det": 7,
        "agnostic_nms": False,
        "device": "cpu",
        "verbose": False,
    }
    assert list(found.data["class_name"]) == ["car"]
    load("yolov11s-1280")
    assert calls("ultralytics")[-1] == "yolo11s.pt"


def test_inference_models_come_before_ultralytics(install: Callable[..., None]) -> None:
    """Of two packages that know an id the one with the freer licence is taken."""
    install(inference_models=INFERENCE, ultralytics=ULTRALYTICS)
    assert load("yolov8n-640").provider == "inference-models (auto)"
    assert load("rfdetr-nano").provider == "inference-models (auto)"
    assert load("my-project/3").provider == "inference-models (auto)"


@pytest.mark.parametrize(
    ("model_id", "ways"),
    [
        ("yolov8n-640", ("inference-models", "ultralytics", "AGPL-3.0", "onnx:", "hub:")),
        ("rfdetr-nano", ("pip install rfdetr", "inference-models", "onnx:")),
        ("rfdetr-giant", ("there is no detector", "rfdetr-large")),
        ("my-project/3", ("no loader", "onnx:", "hub:")),
        ("", ("no loader",)),
        ("onnx:", ("no loader",)),
        ("hub:", ("no loader",)),
    ],
)
def test_without_a_package_the_ways_on_are_named(
    install: Callable[..., None], model_id: str, ways: tuple[str, ...]
) -> None:
    """Nothing is installed, downloaded or put in its place."""
    install()
    with pytest.raises(ModelError) as caught:
        load(model_id)
    assert caught.value.code == "detector_unavailable"
    for way in ways:
        assert way in str(caught.value)


def test_what_a_package_raises_is_one_error_with_its_words(install: Callable[..., None]) -> None:
    """A package cannot bring a run down in a form that nobody expects."""
    install(inference_models=INFERENCE)
    with pytest.raises(ModelError, match="RuntimeError: no such model") as caught:
        load("missing-1")
    assert caught.value.code == "detector_package"
    with pytest.raises(ModelError, match="Other") as caught:
        load("depth")
    assert caught.value.code == "detector_type"


def test_a_failure_in_a_package_fails_the_step(install: Callable[..., None]) -> None:
    """The error names the detector and what the package said."""
    install(ultralytics=ULTRALYTICS)
    with pytest.raises(ModelError, match="ValueError: imgsz") as caught:
        load("yolov8n-13").detect([frame()], [DetectOptions()], "people")
    assert caught.value.code == "detector_failed"
    with pytest.raises(ModelError, match="segment") as caught:
        load("yolov9s-640")
    assert caught.value.code == "detector_type"


def test_a_detector_is_shared_while_somebody_holds_it(install: Callable[..., None]) -> None:
    """Two steps with one id hold the weights once."""
    install(ultralytics=ULTRALYTICS)
    first = load("yolov10n-640")
    assert load("yolov10n-640") is first
    assert load("yolov10n-640", "cpu") is not first


def test_classes_are_checked_by_name(install: Callable[..., None]) -> None:
    """class_filter and class_names know the names of the package."""
    install(ultralytics=ULTRALYTICS)
    detector = load("yolov8m-640", class_names=["person"])
    assert detector.class_names == {0: "person"}
    assert detector.makes_masks is False
    (found,) = detector.detect([frame()], [DetectOptions()], "people")
    assert len(found) == 0
    with pytest.raises(BlockError, match="class_names"):
        load("yolov8m-640", class_names=["kite"])
