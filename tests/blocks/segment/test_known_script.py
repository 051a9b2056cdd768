"""Scripts written for the known ``SegmentAnything2`` run with nothing but their imports changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from trackwire import Sam2PromptSet, SegmentAnything2, masks2poly

pytestmark = pytest.mark.filterwarnings("ignore:Segment Anything runs on the CPU")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def hub(no_weights: Path, weights: Path) -> None:
    """A hub cache that holds small random weights under the name of the large model."""
    repository = no_weights / "models--facebook--sam2.1-hiera-large"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(weights, repository / "snapshots" / "abc")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a picture where the script has its own."""
    place = tmp_path / "examples" / "sam2"
    place.mkdir(parents=True)
    with Image.open(ROOT / "examples" / "tree.jpg") as tree:
        tree.resize((900, 1000)).save(place / "hand.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("hub")
def test_the_known_example_runs(folder: Path) -> None:
    """Embed, ask for the most prominent object, take a part away, draw both: as documented."""
    path = "./examples/sam2/hand.png"
    m = SegmentAnything2(model_id="sam2/hiera_large")

    embedding, img_shape, id_ = m.embed_image(path)
    assert embedding.ndim == 4
    assert img_shape == (1000, 900)
    assert isinstance(id_, str)

    raw, logits = m.segment_image(path)
    whole = raw >= m.predictor.mask_threshold
    assert whole.shape == (1000, 900)
    assert whole.dtype == np.bool_
    assert logits.shape == m._model.low_res_hw
    assert [polygon.shape[1] for polygon in masks2poly(whole)] == [2]

    at = [250, 800]
    prompt = Sam2PromptSet(prompts=[{"points": [{"x": at[0], "y": at[1], "positive": False}]}])
    raw, logits = m.segment_image(path, prompts=prompt)
    rest = raw >= m.predictor.mask_threshold
    assert rest.shape == (1, 1000, 900)
    assert logits.shape == (1, *m._model.low_res_hw)

    picture = np.array(Image.open(path).convert("RGB"))
    for name, mask in (("whole.png", whole), ("rest.png", rest[0])):
        found = sv.Detections(xyxy=np.array([[0, 0, 100, 100]]), mask=np.array([mask]))
        found.class_id = np.arange(len(found))
        drawn = sv.MaskAnnotator().annotate(picture.copy(), found)
        dot = sv.Detections(
            xyxy=np.array([[at[0] - 1, at[1] - 1, at[0] + 1, at[1] + 1]]), class_id=np.array([1])
        )
        Image.fromarray(sv.DotAnnotator().annotate(drawn, dot)).save(folder / name)
        assert (np.array(Image.open(folder / name)) != picture).any()


@pytest.mark.usefixtures("hub")
def test_the_second_call_starts_from_the_first_ones_mask(folder: Path) -> None:
    """As the example says: what the point takes away, it takes away from the mask found before."""
    path = folder / "examples" / "sam2" / "hand.png"
    m = SegmentAnything2(model_id="sam2/hiera_large")
    prompt = {"points": [{"x": 250, "y": 800, "positive": False}]}
    _, logits = m.segment_image(path)
    found, _ = m.segment_image(path, prompts=prompt)
    expected, _ = m.segment_image(path, prompts=prompt, mask_input=logits)
    fresh, _ = m.segment_image(path, prompts=prompt, load_logits_from_cache=False)
    np.testing.assert_array_equal(found, expected)
    assert (found != fresh).any()
