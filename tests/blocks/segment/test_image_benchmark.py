"""The benchmark of image segmentation runs and compares both pairs of ways."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "image_segmentation.py"


def test_each_pair_of_ways_gets_its_line() -> None:
    """On the model that needs nothing, with as little work as possible."""
    command = [sys.executable, str(SCRIPT), "--model", "lite", "--pictures", "1"]
    command += ["--prompts", "1", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [re.sub(r"[\d.]+ times", "N times", line) for line in lines] == [
        "1 pictures, a box each       batched: N times as fast as one by one",
        "1 prompts on one picture     encoding once: N times as fast as encoding each time",
    ]
