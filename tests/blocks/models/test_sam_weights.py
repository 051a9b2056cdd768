"""Published Segment Anything weights on real clips, where both are on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trackwire.blocks import VIDEO_MODELS

ROOT = Path(__file__).resolve().parents[3]
SAM = [entry for entry in VIDEO_MODELS if entry.needs == "sam"]


@pytest.mark.weights
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model_id", [entry.model_id for entry in SAM])
def test_published_weights_follow_the_davis_clips(model_id: str, shared_data: Path) -> None:
    """Prompted once with a box at half size, the mean IoU beats the embedded tracker's goal."""
    (entry,) = [entry for entry in SAM if entry.model_id == model_id]
    if not entry.is_on_disk():
        pytest.skip(f"the weights of {entry.hub_id} are not on this machine")
    model = f"{model_id}@{entry.sizes[1]}"
    command = [sys.executable, str(ROOT / "benchmarks" / "davis.py"), "--data", str(shared_data)]
    done = subprocess.run([*command, "--model", model], capture_output=True, text=True, check=False)
    print(done.stdout)  # noqa: T201 - the table is what one runs this for (-s shows it)
    assert done.returncode == 0, done.stderr
    name, overlap, *_ = done.stdout.splitlines()[-1].split()
    assert name == "mean"
    assert float(overlap) > 0.68
