"""The benchmark of the Segment Anything trackers runs, and refuses what it cannot time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'sam')")

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "sam_video.py"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user does."""
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_case_gets_its_line() -> None:
    """The way of the GPU table, on a CPU and a network that is small."""
    done = bench(
        *("--device", "cpu", "--models", "micro", "--sizes", "128", "--frames", "1"),
        *("--warmup", "1", "--streams", "1", "2", "--objects", "1", "2"),
    )
    assert done.returncode == 0, done.stderr
    cases = [line.split()[:5] for line in done.stdout.splitlines()[1:]]
    assert cases == [
        ["micro", "128", "torch", streams, objects] for streams in "12" for objects in "12"
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_gpu_table_needs_a_gpu() -> None:
    """One line says so, and nothing else is timed in its place."""
    done = bench("--gpu")
    assert done.returncode == 2
    assert "needs a CUDA GPU" in done.stderr
    assert not done.stdout
