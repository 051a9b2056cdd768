"""``trackwire demo``: the main job, on a small scale."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import av

Call = Callable[..., subprocess.CompletedProcess[str]]


def test_the_demo_tracks_well_and_says_where_the_video_is(trackwire: Call, tmp_path: Path) -> None:
    """A short clip: every object found, masks on the objects, files where it says."""
    done = trackwire("demo", "--frames", "60", "--scene", "pillar", "--output", "out/demo")
    assert done.returncode == 0, done.stderr
    told = done.stdout
    for part in ("frames per second", "tracks", "mean IoU", "identity switches"):
        assert part in told
    mean_iou = float(told.split("mean IoU")[-1].split()[0])
    assert mean_iou > 0.6, told
    video = tmp_path / "out/demo/pillar/annotated.mp4"
    assert "out/demo/pillar/annotated.mp4" in told
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
    assert json.loads((tmp_path / "out/demo/run.json").read_text())["status"] == "done"
    assert (tmp_path / "out/demo/boxes.jsonl").is_file()


def test_an_unknown_scene_is_a_wrong_call(trackwire: Call) -> None:
    """The message names the scenes there are."""
    done = trackwire("demo", "--scene", "nowhere")
    assert done.returncode == 2
    assert "crossing" in done.stderr


def test_a_model_that_cannot_run_fails_the_demo(no_weights: Path, trackwire: Call) -> None:
    """Packages or weights lack: the error is the model's own, with the ways on."""
    done = trackwire("demo", "--model", "sam2video/tiny@256", "--frames", "30")
    assert done.returncode == 1
    assert "lite" in done.stderr
    assert "Traceback" not in done.stderr
