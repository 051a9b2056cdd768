"""``trackwire detect``: what is printed, drawn and refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grey picture of 128 x 64."""
    path = tmp_path / "street.png"
    assert cv2.imwrite(str(path), np.full((64, 128, 3), 90, np.uint8))
    return path


@pytest.fixture
def boxes(write_graph: Callable[..., Path]) -> Path:
    """A detector that sees a dog, and something that may be a cat."""
    columns = np.zeros((6, 84))
    columns[:, 0] = [20, 32, 20, 20, 0, 0.9]
    columns[:, 1] = [50, 32, 10, 10, 0.5, 0]
    return write_graph({"o": columns}, metadata={"names": "['cat', 'dog']"}, name="boxes.onnx")


@pytest.fixture
def masks(write_graph: Callable[..., Path]) -> Path:
    """A detector that sees a dog, whose pixels fill its box."""
    outputs = {
        "dets": np.tile([0.25, 0.5, 0.25, 0.5], (10, 1)),
        "labels": np.where(np.arange(10)[:, None] == 0, 3.0, -6.0),
        "masks": np.ones((10, 16, 16)),
    }
    return write_graph(outputs, metadata={"names": "['dog']"}, name="masks.onnx")


def test_a_table_and_a_picture(trackwire: Call, picture: Path, boxes: Path, tmp_path: Path) -> None:
    """Each object is a line, and drawn; the picture itself stays as it is."""
    before = picture.read_bytes()
    done = trackwire("detect", "street.png", "-m", f"onnx:{boxes.name}", "-o", "out/found.png")
    assert done.returncode == 0, done.stderr
    dog, cat = (line.split() for line in done.stdout.splitlines()[1:])
    assert dog == ["dog", "0.900", "20.0", "12.0", "60.0", "52.0"]
    assert cat[:2] == ["cat", "0.500"]
    assert "2 objects" in done.stderr
    drawn = cv2.imread(str(tmp_path / "out" / "found.png"))
    assert drawn is not None
    assert drawn.shape == (64, 128, 3)
    assert (drawn[12, 40] != 90).any()
    assert (drawn[40, 40] == 90).all()
    assert picture.read_bytes() == before


def test_masks_are_drawn_and_counted(
    trackwire: Call, picture: Path, masks: Path, tmp_path: Path
) -> None:
    """A detector that makes masks shows them; in JSON they are run lengths."""
    done = trackwire("detect", picture.name, "--model", f"onnx:{masks.name}", "-o", "found.jpg")
    assert done.stdout.splitlines()[1].split() == [
        "dog",
        "0.953",
        *("16.0", "16.0", "48.0", "48.0", "1024"),
    ]
    drawn = cv2.imread(str(tmp_path / "found.jpg"))
    assert drawn is not None
    assert np.ptp(drawn[40, 40]) > 20
    done = trackwire("detect", picture.name, "--model", f"onnx:{masks.name}", "--json")
    (found,) = json.loads(done.stdout)["predictions"]
    assert found["rle"]["size"] == [64, 128]


def test_classes_and_confidence_choose(trackwire: Call, picture: Path, boxes: Path) -> None:
    """What is unsure or not wanted is neither printed nor counted."""
    call = ("detect", picture.name, "-m", f"onnx:{boxes.name}", "--json")
    for choice in (("--confidence", "0.6"), ("--class-names", " dog,")):
        found = json.loads(trackwire(*call, *choice).stdout)["predictions"]
        assert [each["class"] for each in found] == ["dog"]
    none = trackwire("detect", picture.name, "-m", f"onnx:{boxes.name}", "--confidence", "0.95")
    assert (none.returncode, none.stdout) == (0, "")
    assert "0 objects" in none.stderr


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("none.png", "-m", "onnx:boxes.onnx"), "there is no picture none.png"),
        (("boxes.onnx", "-m", "onnx:boxes.onnx"), "cannot be read as a picture"),
        (("street.png", "-m", "onnx:none.onnx"), "none.onnx"),
        (("street.png", "-m", "nothing"), "no loader for the detector 'nothing'"),
        (("street.png", "-m", "onnx:boxes.onnx", "--class-names", "dogs"), "did you mean 'dog'"),
        (("street.png", "-m", "onnx:boxes.onnx", "-o", "street.png"), "exists already"),
        (("street.png", "-m", "onnx:boxes.onnx", "-o", "found.txt"), "must end in .png"),
        (("street.png", "-m", "onnx:boxes.onnx", "--device", "tpu"), "CPUExecutionProvider"),
    ],
)
def test_wrong_calls_leave_with_two(
    arguments: tuple[str, ...], match: str, trackwire: Call, picture: Path, boxes: Path
) -> None:
    """Each says what is wrong, and writes nothing."""
    files = sorted(picture.parent.iterdir())
    before = picture.read_bytes()
    done = trackwire("detect", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert match in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(picture.parent.iterdir()) == files
    assert picture.read_bytes() == before


def test_an_output_is_replaced_on_request(trackwire: Call, picture: Path, boxes: Path) -> None:
    """With --overwrite, also where the output is the picture itself."""
    before = picture.read_bytes()
    done = trackwire(
        "detect", picture.name, "-m", f"onnx:{boxes.name}", "-o", picture.name, "--overwrite"
    )
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes() != before
