"""The examples run as they stand, without a download."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def _run(script: str, *arguments: str, cwd: Path) -> list[str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_pipeline_script_reports_every_frame(tmp_path: Path) -> None:
    """A script in the known style gets detections and frame numbers on each frame."""
    clip = "synthetic:pillar?frames=40&size=320x180"
    lines = _run("track_video.py", clip, cwd=tmp_path)
    assert [line.partition(":")[0] for line in lines] == [f"frame {n}" for n in range(1, 41)]
    assert any(re.search(r"#\d+ at \d+,\d+ \(\d+ px\)", line) for line in lines)


def test_the_robot_keeps_its_object(tmp_path: Path) -> None:
    """Frames pushed one by one give one track, from the first frame to the last."""
    lines = _run("robot_loop.py", cwd=tmp_path)
    assert len(lines) == 40
    assert all("[1]" in line for line in lines)
    turns = [float(match[1]) for line in lines if (match := re.search(r"turn ([+-]\d\.\d+)", line))]
    assert len(turns) == 40
    assert turns[-1] > turns[0]


def test_points_take_the_trunk_from_the_tree(tmp_path: Path) -> None:
    """The most prominent object is a tree; without its trunk the mask goes on as its crown."""
    lines = _run("segment_picture.py", cwd=tmp_path)
    assert lines[0].startswith("tree.jpg: 640 x 480, kept as ")
    drawn = {name: np.array(Image.open(tmp_path / name)) for name in ("whole.png", "rest.png")}
    with Image.open(ROOT / "examples" / "tree.jpg") as tree:
        plain = np.array(tree.convert("RGB"))
    whole, rest = ((each != plain).any(axis=2) for each in drawn.values())
    crown, trunk = (slice(150, 250), slice(250, 350)), (slice(300, 330), slice(295, 315))
    assert whole[crown].mean() > 0.95
    assert rest[crown].mean() > 0.95
    assert whole[trunk].mean() > 0.9
    assert rest[trunk].mean() < 0.1
    assert whole.mean() < 0.15


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_every_example_is_tested(script: str) -> None:
    """An example without a test would rot."""
    assert f'"{script}"' in Path(__file__).read_text(encoding="utf-8")
