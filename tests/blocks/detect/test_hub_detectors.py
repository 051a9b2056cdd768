"""Detectors of the hub say what the library's own processing says of the same weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackwire.blocks.detect.detector import DetectOptions
from trackwire.blocks.detect.hub.families import FAMILIES
from trackwire.blocks.detect.model_id import load_detector
from trackwire.specs import BlockError, ModelError, Resources

CLOSED = ["rt_detr_v2", "d_fine", "rt_detr", "deimv2", "rf_detr", "lw_detr", "detr", "yolos"]
CLOSED += ["conditional_detr", "dab-detr", "deformable_detr", "table-transformer"]
OPEN = ["owlv2", "owlvit", "grounding-dino", "mm-grounding-dino"]
NAMES = ["red car", "person", "traffic"]
ALL = DetectOptions(confidence=0.0, iou_threshold=1.0, max_detections=1000)
SIZES = [(90, 70), (60, 150), (90, 70), (64, 64), (300, 200)]


def load(folder: Path, names: list[str] | None = None) -> Any:
    """The detector of a folder."""
    return load_detector(f"hub:{folder}", Resources(device="cpu"), class_names=names)


def in_frame(answer: dict[str, Any], size_wh: tuple[int, int]) -> tuple[Any, Any, Any]:
    """The library's boxes cut off at the frame, surest first, with scores and their order."""
    boxes = np.clip(answer["boxes"].numpy(), 0, np.array(size_wh * 2))
    scores = answer["scores"].numpy()
    kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return boxes[kept], scores[kept], kept


@pytest.mark.parametrize("kind", CLOSED + OPEN)
def test_a_batch_of_several_sizes_is_what_the_library_says_of_each(
    lab: Any, saved: Callable[[str], Path], kind: str
) -> None:
    """Boxes, scores and classes are the library's, whatever else is in the batch."""
    names = NAMES if kind in OPEN else None
    frames = [lab.frame(*size, seed) for seed, size in enumerate(SIZES)]
    found = load(saved(kind), names).detect(frames, [ALL] * len(frames), "detector")
    answers = lab.answers(kind, saved(kind), frames, names)
    seen = 0
    for frame, ours, answer in zip(frames, found, answers, strict=True):
        boxes, scores, order = in_frame(answer, frame.size_wh)
        assert len(ours) == len(scores)
        np.testing.assert_allclose(ours.confidence, scores, atol=1e-4)
        np.testing.assert_allclose(ours.xyxy, boxes, atol=1e-4)
        if "labels" in answer:
            np.testing.assert_array_equal(ours.class_id, answer["labels"].numpy()[order])
        seen += len(ours)
    assert seen > 20
    assert np.ptp(np.concatenate([ours.xyxy for ours in found]), axis=0).min() > 3


def test_a_phrase_of_grounding_dino_is_the_one_with_the_best_token(
    lab: Any, saved: Callable[[str], Path]
) -> None:
    """The tokens are [CLS] red car . person . traffic . [SEP]; each belongs to one phrase."""
    frames = [lab.frame(90, 70)]
    (ours,) = load(saved("grounding-dino"), NAMES).detect(frames, [ALL], "detector")
    (answer,) = lab.answers("grounding-dino", saved("grounding-dino"), frames, NAMES)
    _, _, order = in_frame(answer, (90, 70))
    tokens = answer["tokens"].numpy()[order]
    best = np.stack([tokens[:, [1, 2]].max(1), tokens[:, 4], tokens[:, 6]], axis=1)
    np.testing.assert_array_equal(ours.class_id, best.argmax(1))
    assert list(ours.data["class_name"]) == [NAMES[number] for number in ours.class_id]
    assert len(set(ours.class_id)) > 1


@pytest.mark.parametrize("kind", ["rt_detr", "detr", "deformable_detr", "owlv2", "grounding-dino"])
def test_batched_equals_one_by_one(lab: Any, saved: Callable[[str], Path], kind: str) -> None:
    """What is seen of a picture does not depend on the other streams."""
    detector = load(saved(kind), NAMES if kind in OPEN else None)
    frames = [lab.frame(*size, seed) for seed, size in enumerate(SIZES)]
    together = detector.detect(frames, [ALL] * len(frames), "detector")
    for frame, ours in zip(frames, together, strict=True):
        (alone,) = detector.detect([frame], [ALL], "detector")
        np.testing.assert_allclose(ours.xyxy, alone.xyxy, atol=1e-4)
        np.testing.assert_allclose(ours.confidence, alone.confidence, atol=1e-4)
        np.testing.assert_array_equal(ours.class_id, alone.class_id)


def test_options_of_each_picture_hold_for_it(lab: Any, saved: Callable[[str], Path]) -> None:
    """Confidence, classes and the most detections are those of the picture."""
    detector = load(saved("rt_detr_v2"))
    frames = [lab.frame(90, 70)] * 3
    whole, filtered, few = detector.detect(
        frames,
        [
            ALL,
            DetectOptions(confidence=0.0, class_filter=["car"], max_detections=1000),
            DetectOptions(confidence=0.6, max_detections=2),
        ],
        "detector",
    )
    assert set(filtered.data["class_name"]) == {"car"}
    assert len(filtered) == int((whole.data["class_name"] == "car").sum())
    np.testing.assert_array_equal(few.xyxy, whole.xyxy[:2])
    assert few.confidence.min() >= 0.6


def test_boxes_of_an_owl_are_suppressed_those_of_a_detr_are_not(
    lab: Any, saved: Callable[[str], Path]
) -> None:
    """Patches may see one object twice, queries do not."""
    strict = DetectOptions(confidence=0.0, iou_threshold=0.01, class_agnostic_nms=True)
    frames = [lab.frame(90, 70)]
    for kind, fewer in (("owlvit", True), ("rt_detr", False)):
        detector = load(saved(kind), NAMES if kind in OPEN else None)
        (whole,) = detector.detect(frames, [ALL], "detector")
        (apart,) = detector.detect(frames, [strict], "detector")
        assert (len(apart) < len(whole)) is fewer


def test_all_families_are_tested() -> None:
    """What is said to run is compared with the library."""
    assert sorted([*CLOSED, *OPEN]) == sorted(FAMILIES)


@pytest.mark.parametrize("kind", ["detr", "yolos", "owlv2", "grounding-dino"])
def test_slivers_of_pictures_are_looked_at(
    lab: Any, saved: Callable[[str], Path], kind: str
) -> None:
    """A crop may be a pixel thin, and becomes no input without a pixel."""
    detector = load(saved(kind), NAMES if kind in OPEN else None)
    sizes = [(1, 1), (1, 400), (400, 1), (3, 90)]
    frames = [lab.frame(*size, seed) for seed, size in enumerate(sizes)]
    for frame, found in zip(frames, detector.detect(frames, [ALL] * 4, "detector"), strict=True):
        assert found.xyxy.dtype == np.float32
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= np.array(frame.size_wh * 2)).all()


def test_nothing_found_has_all_fields(lab: Any, saved: Callable[[str], Path]) -> None:
    """Who reads detections need not ask whether there are any."""
    (found,) = load(saved("rt_detr")).detect(
        [lab.frame(90, 70)], [DetectOptions(confidence=1.0)], "detector"
    )
    assert (len(found), found.mask) == (0, None)
    assert found.tracker_id is not None
    assert found.tracker_id.dtype == np.int64
    assert found.data["class_name"].dtype.kind == "U"
    assert found.data["image_dimensions"].shape == (0, 2)


def test_steps_on_several_threads_share_a_network(lab: Any, saved: Callable[[str], Path]) -> None:
    """Each gets the answer to its own phrases and pictures."""
    detectors = [load(saved("owlv2"), [name, "dog"]) for name in NAMES]
    frames = [lab.frame(90, 70, seed) for seed in range(3)]
    alone = [each.detect(frames, [ALL] * 3, "detector") for each in detectors]
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(each.detect, frames, [ALL] * 3, "detector") for each in detectors * 4]
    for index, answer in enumerate(asked):
        for ours, theirs in zip(answer.result(), alone[index % 3], strict=True):
            np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=1e-4)
            np.testing.assert_array_equal(ours.data["class_name"], theirs.data["class_name"])


def test_no_pictures_are_no_detections(saved: Callable[[str], Path]) -> None:
    """An empty call is allowed."""
    assert load(saved("rt_detr")).detect([], [], "detector") == []


def test_the_network_is_shared_and_the_phrases_are_not(saved: Callable[[str], Path]) -> None:
    """Two steps with other phrases hold the weights once."""
    first, second = load(saved("owlv2"), ["red car"]), load(saved("owlv2"), ["person"])
    assert first.network is second.network
    assert first.class_names == {0: "red car"}
    assert second.class_names == {0: "person"}


def test_a_folder_is_found_from_the_folder_of_the_specification(
    saved: Callable[[str], Path],
) -> None:
    """Relative folders start where the document lies."""
    folder = saved("rt_detr")
    resources = Resources(device="cpu", base_directory=folder.parent)
    assert load_detector(f"hub:./{folder.name}", resources).class_names[1] == "car"
    assert load_detector(f"hub:{folder.name}", resources).provider == "cpu"


def test_class_names_narrow_a_detector_with_classes_of_its_own(
    lab: Any, saved: Callable[[str], Path]
) -> None:
    """Known names are kept, an unknown one is an error that lists the known."""
    detector = load(saved("rt_detr_v2"), ["car", "dog"])
    assert set(detector.class_names.values()) == {"car", "dog"}
    (found,) = detector.detect([lab.frame(90, 70)], [ALL], "detector")
    assert set(found.data["class_name"]) <= {"car", "dog"}
    with pytest.raises(BlockError) as caught:
        load(saved("rt_detr_v2"), ["cat"])
    assert caught.value.code == "detector_class"
    assert "class_names" in str(caught.value)
    assert "'car'" in str(caught.value) or "car" in str(caught.value)
    with pytest.raises(BlockError, match="class_filter"):
        detector.detect([lab.frame(90, 70)], [DetectOptions(class_filter=["person"])], "detector")


@pytest.mark.parametrize("kind", OPEN)
@pytest.mark.parametrize(
    ("names", "words"), [(None, "none was given"), (["a", " "], "empty"), (["a", "a"], "twice")]
)
def test_an_open_vocabulary_needs_names(
    saved: Callable[[str], Path], kind: str, names: list[str] | None, words: str
) -> None:
    """Without names, or with unclear ones, nobody knows what to look for."""
    with pytest.raises(BlockError, match=words) as caught:
        load(saved(kind), names)
    assert caught.value.code == "detector_class_names"


def test_names_that_cannot_be_read_are_told(saved: Callable[[str], Path]) -> None:
    """Too many tokens, or a full stop inside a name."""
    for kind, names, words in (
        ("grounding-dino", ["car"] * 2 + ["red"], "twice"),
        ("grounding-dino", ["no. 5"], "full stop"),
        ("grounding-dino", [f"red {'car ' * count}".strip() for count in range(9)], "32"),
        ("owlv2", ["a" * 40], "16"),
    ):
        with pytest.raises(BlockError, match=words):
            load(saved(kind), names)


def test_another_kind_of_model_is_told_with_its_type(tmp_path: Path, lab: Any) -> None:
    """The error names the type that was found and those that run."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError) as caught:
        load(tmp_path)
    assert caught.value.code == "detector_type"
    for word in ("'bert'", "rt_detr_v2", "owlv2", "grounding-dino"):
        assert word in str(caught.value)


def test_other_weight_files_are_never_opened(saved: Callable[[str], Path], tmp_path: Path) -> None:
    """Safetensors only."""
    shutil.copy(saved("rt_detr") / "config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"code could hide here")
    with pytest.raises(ModelError) as caught:
        load(tmp_path)
    assert caught.value.code == "model_not_safetensors"


def test_missing_weights_are_not_replaced_by_random_ones(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    """A file that lacks weights is refused."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(saved("rt_detr"), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if "decoder" in each)
    del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.code == "model_weights"


def test_a_model_must_say_how_its_pictures_are_prepared(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    """Guessed preprocessing would lower accuracy in silence."""
    folder = shutil.copytree(saved("rt_detr"), tmp_path / "model")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match="preprocessor_config") as caught:
        load(folder)
    assert caught.value.code == "model_folder"


def test_a_missing_tokenizer_is_told(saved: Callable[[str], Path], tmp_path: Path) -> None:
    """An open vocabulary cannot be read without one."""
    folder = shutil.copytree(saved("owlv2"), tmp_path / "model")
    for path in (*folder.glob("*token*"), *folder.glob("vocab*"), *folder.glob("merges*")):
        path.unlink()
    with pytest.raises(ModelError, match="tokenizer") as caught:
        load(folder, ["car"])
    assert caught.value.code == "model_folder"


def test_a_file_of_names_belongs_to_onnx(saved: Callable[[str], Path]) -> None:
    """An option that would not be used is refused."""
    with pytest.raises(ModelError, match="names_file"):
        load_detector(f"hub:{saved('rt_detr')}", Resources(), names_file="coco.names")


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("hub:./nowhere", "./nowhere"),
        ("hub:/no/where", "/no/where"),
        ("hub:a/b/c", "owner/name"),
        ("hub:owner/..", "cannot have that name"),
        ("hub:owner/the name", "cannot have that name"),
        ("hub:owner/name@../../secret", "../../secret"),
        ("hub:owner/name@", "branch, tag or commit"),
    ],
)
def test_what_is_no_folder_and_no_repository_is_told(lab: Any, model_id: str, words: str) -> None:
    """Such a name is not asked for on the network, and leads to no file elsewhere."""
    with pytest.raises(ModelError) as caught:
        load_detector(model_id, Resources(device="cpu"))
    assert caught.value.code == "model_not_found"
    assert words in str(caught.value)


def test_a_folder_may_have_an_at_in_its_name_but_no_revisions(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    """A folder is one before it is a repository of that name."""
    shutil.copytree(saved("rt_detr"), tmp_path / "mine@2")
    shutil.copytree(saved("rt_detr"), tmp_path / "plain")
    resources = Resources(base_directory=tmp_path, device="cpu")
    assert load_detector("hub:mine@2", resources).class_names[1] == "car"
    with pytest.raises(ModelError, match="no revisions") as caught:
        load_detector("hub:plain@main", resources)
    assert caught.value.code == "model_not_found"


def test_a_gate_is_explained(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where to accept the licence, and what runs without."""
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    asked: list[Any] = []

    def closed(*names: Any, **options: Any) -> None:
        asked.append((names, options["revision"]))
        error = GatedRepoError.__new__(GatedRepoError)
        OSError.__init__(error, "403")
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", closed)
    with pytest.raises(ModelError) as caught:
        load_detector("hub:owner/secret@v2", Resources(device="cpu"))
    assert asked == [(("owner/secret",), "v2")]
    assert caught.value.code == "model_gated"
    for way in ("https://huggingface.co/owner/secret", "HF_TOKEN", "onnx:"):
        assert way in str(caught.value)


def test_offline_a_missing_model_is_one_clear_error(lab: Any, tmp_path: Path) -> None:
    """HF_HUB_OFFLINE is respected and named."""
    script = (
        "from trackwire.blocks.detect.model_id import load_detector\n"
        "from trackwire.specs import ModelError, Resources\n"
        "try:\n    load_detector('hub:PekingU/rtdetr_v2_r18vd', Resources(device='cpu'))\n"
        "except ModelError as error:\n    print(error.code, error)\n"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    env = os.environ | offline | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert ended.stdout.startswith("model_not_downloaded"), ended.stderr
    assert "HF_HUB_OFFLINE" in ended.stdout


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra to install."""
    monkeypatch.setattr("trackwire.blocks.models.hub_folder.find_spec", lambda _name: None)
    with pytest.raises(ModelError) as caught:
        load_detector("hub:PekingU/rtdetr_v2_r18vd", Resources(device="cpu"))
    assert caught.value.code == "model_needs"
    assert "trackwire[hub]" in str(caught.value)
